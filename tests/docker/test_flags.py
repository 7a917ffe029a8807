"""The launcher's command line, as far as it needs no engine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import kubric_gen.docker.__main__ as command
from kubric_gen.docker.__main__ import parse_bytes
from kubric_gen.docker.engine import Engine, sockets
from kubric_gen.docker.launcher import gpu_count
from kubric_gen.errors import KubricGenError
from kubric_gen.limits import MAX_MESSAGE
from kubric_gen.world.seeds import Seeds
from tests.docker.local_engine import ROOT


ENGINE = Engine("unix:///engine", podman=False, rootless=False, remapped=False, cpus=8, memory=16 << 30, limits=True)


def flag_values(**fields: object) -> SimpleNamespace:
  """Flags as they are by default, but for these."""
  usual = {"image": "image", "seed": "0", "output_dir": "out", "memory": "", "gpus": "", "network": "none", "jobs": None,
           "cpus": None, "max_attempts": 3, "timeout": 0.0}
  return SimpleNamespace(**{**usual, **fields})


def launch(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, "-m", "kubric_gen.docker", *arguments], cwd=ROOT, capture_output=True, text=True,
                        timeout=100, env={**os.environ, **variables})


@pytest.mark.parametrize(("text", "size"), [
    ("2g", 2 << 30), ("500m", 500 << 20), ("1.5G", 3 << 29), ("4096", 4096), ("64kb", 65536)])
def test_sizes(text: str, size: int) -> None:
  assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "g", "2x", "-1g", "nan", "inf", "0", "1e30", "two", "1_0g", "\u0662g", "2²", "9" * 100_000,
                                  "9" * 20 + "t", "2g" * 50_000])
def test_bad_sizes(text: str) -> None:
  with pytest.raises(KubricGenError, match="memory") as caught:
    parse_bytes(text)
  assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("text", "count"), [("", None), ("0", 0), ("2", 2), ("all", None), ("0,1", None), ("²", None),
                                             ("\u0662", None), ("9" * 1000, 999_999_999)])
def test_counts_of_gpus(text: str, count: int | None) -> None:
  assert gpu_count(text) == count


@pytest.mark.parametrize(("arguments", "word"), [
    (("--jobs=0", "worlds/movi.py"), "jobs"), (("--cpus=-1", "worlds/movi.py"), "cpus"),
    (("--no_such=1", "worlds/movi.py"), "no_such"),
    (("--max_attempts=0", "worlds/movi.py"), "max_attempts"), (("worlds/movi.py",), "/no/engine"),
    (("--engine=nonsense", "worlds/movi.py"), "nonsense"), (("--cpus=nan", "worlds/movi.py"), "cpus=nan"),
    (("--cpus=inf", "worlds/movi.py"), "cpus=inf"), (("--cpus=1e308", "worlds/movi.py"), "cpus"),
    (("--jobs=" + "9" * 400, "worlds/movi.py"), "jobs"), (("--jobs=1_0", "worlds/movi.py"), "jobs"),
    (("--max_attempts=" + "9" * 50_000, "worlds/movi.py"), "max_attempts"), (("--timeout=nan", "worlds/movi.py"), "timeout=nan"),
    (("--timeout=1e308", "worlds/movi.py"), "timeout"), (("--engine=" + "x" * 100_000, "worlds/movi.py"), "xxx"),
    (("--" + "x" * 100_000, "worlds/movi.py"), "so long a name")], ids=range(16))
def test_bad_input_is_one_line_and_status_2(arguments: tuple[str, ...], word: str) -> None:
  result = launch(*arguments, DOCKER_HOST="unix:///no/engine")
  lines = result.stderr.strip().splitlines()
  assert result.returncode == 2 and len(lines) == 1 and lines[0].startswith("error: ") and word in lines[0], result.stderr
  assert len(lines[0]) < MAX_MESSAGE


@pytest.mark.parametrize(("fields", "word"), [
    ({"seed": "1_0"}, "seed must be"), ({"seed": "0..9999999,10000000"}, "at a time"), ({"seed": "9" * 100_000}, "seed must be"),
    ({"memory": "x" * 100_000}, "memory must be"), ({"cpus": 9.0}, "has 8 processors"), ({"gpus": "0"}, "--gpus"),
    ({"gpus": "9" * 400}, "--gpus must be all, how many")])
def test_flags_beyond_reason_are_refused_before_any_container(fields: dict[str, object], word: str,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.setattr(command.flags, "FLAGS", flag_values(**fields))
  with pytest.raises(KubricGenError, match=word) as caught:
    command.job_from_flags(ENGINE, ["worlds/movi.py"])
  assert len(str(caught.value)) < 300


def test_ten_million_seeds_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.setattr(command.flags, "FLAGS", flag_values(seed="0..9999999"))
  job = command.job_from_flags(ENGINE, ["worlds/movi.py"])
  assert len(job.seeds) == 10_000_000 and job.jobs == 8 and job.seeds[-1] == 9_999_999 and isinstance(job.seeds, Seeds)


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
