"""The launcher's command line, as far as it needs no engine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kubric_gen.docker.__main__ import parse_bytes
from kubric_gen.docker.engine import sockets
from kubric_gen.errors import KubricGenError
from tests.docker.local_engine import ROOT


def launch(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, "-m", "kubric_gen.docker", *arguments], cwd=ROOT, capture_output=True, text=True,
                        timeout=100, env={**os.environ, **variables})


@pytest.mark.parametrize(("text", "size"), [
    ("2g", 2 << 30), ("500m", 500 << 20), ("1.5G", 3 << 29), ("4096", 4096), ("64kb", 65536)])
def test_sizes(text: str, size: int) -> None:
  assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "g", "2x", "-1g", "nan", "inf", "0", "1e30", "two"])
def test_bad_sizes(text: str) -> None:
  with pytest.raises(KubricGenError, match="memory"):
    parse_bytes(text)


@pytest.mark.parametrize(("arguments", "word"), [
    (("--jobs=0", "worlds/movi.py"), "jobs"), (("--cpus=-1", "worlds/movi.py"), "cpus"),
    (("--no_such=1", "worlds/movi.py"), "no_such"),
    (("--max_attempts=0", "worlds/movi.py"), "max_attempts"), (("worlds/movi.py",), "/no/engine"),
    (("--engine=nonsense", "worlds/movi.py"), "nonsense")])
def test_bad_input_is_one_line_and_status_2(arguments: tuple[str, ...], word: str) -> None:
  result = launch(*arguments, DOCKER_HOST="unix:///no/engine")
  lines = result.stderr.strip().splitlines()
  assert result.returncode == 2 and len(lines) == 1 and lines[0].startswith("error: ") and word in lines[0], result.stderr


def test_the_environment_names_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2375")
  assert list(sockets()) == ["tcp://elsewhere:2375"]


def test_rootless_engines_and_podman_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.delenv("DOCKER_HOST", raising=False)
  monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
  (tmp_path / "docker.sock").touch()  # no socket
  (tmp_path / "podman").mkdir()
  with socket.socket(socket.AF_UNIX) as listening:
    monkeypatch.chdir(tmp_path / "podman")  # the path of a socket has to be short
    listening.bind("podman.sock")
    assert f"unix://{tmp_path}/podman/podman.sock" in list(sockets()) and f"unix://{tmp_path}/docker.sock" not in list(sockets())


def test_without_the_client_library(tmp_path: Path) -> None:
  """Also beside a folder of its name, as in a checkout."""
  code = "import sys; sys.modules['docker.client'] = None; sys.argv = ['x', 'worlds/movi.py']; import runpy; " \
         "runpy.run_module('kubric_gen.docker', run_name='__main__')"
  for folder in (ROOT, tmp_path):
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=100,
                            env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert result.returncode == 2 and "kubric-gen[docker]" in result.stderr and "Traceback" not in result.stderr, result.stderr


def test_starting_it_is_cheap() -> None:
  code = "import sys, kubric_gen.docker.__main__ as m; print(*{name.partition('.')[0] for name in sys.modules})"
  loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
  assert not {"numpy", "scipy", "bpy", "pybullet", "tensorflow", "apache_beam"} & set(loaded)
