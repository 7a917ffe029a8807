"""The launcher, on a real engine and with the real image."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.docker.local_engine import ROOT, LocalEngine
from tests.docker.test_image import SMALL, check_error, check_scene, owners

pytestmark = [pytest.mark.image, pytest.mark.timeout(3000)]

FLAGS = SMALL[1:]
SCRIPT = Path(__file__).parent / "scripts" / "unlucky.py"


def command(*arguments: str | Path) -> list[str]:
  return [sys.executable, "-m", "kubric_gen.docker", *map(str, arguments)]


def launch(engine: LocalEngine, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
  return subprocess.run(command(*arguments), cwd=ROOT, env=engine.environment, capture_output=True, text=True, timeout=280)


def containers(engine: LocalEngine) -> list[str]:
  return engine.docker("ps", "--all", "--quiet", "--filter=label=kubric-gen.seed").stdout.split()


def test_four_seeds_of_which_one_fails_once_and_one_always(engine: LocalEngine, image: str, output: Path) -> None:
  result = launch(engine, "--seed=0..3", "--jobs=2", "--max_attempts=2", f"--output_dir={output}", SCRIPT, *FLAGS)
  assert result.returncode == 2, result.stderr
  assert "4 scenes asked, 3 made, 0 already there, 1 failed, 2 retries" in result.stdout
  assert "seed 2: failed after 2 attempts" in result.stderr and "error: seed 2 failed" in result.stderr
  for seed in (0, 1, 3):
    check_scene(output / str(seed))
    assert owners(output / str(seed)) == {(os.getuid(), os.getgid())}
  assert sorted(path.name for path in output.iterdir()) == ["0", "1", "3", "logs", "tried"]
  logs = {path.stem: path.read_text() for path in (output / "logs").iterdir()}
  assert logs.keys() == {"0", "1", "2", "3"} and all("--- attempt 1 of 2" in text for text in logs.values())
  assert "attempt 2 of 2" in logs["1"] and "/output/1: " in logs["1"] and containers(engine) == []

  again = launch(engine, "--seed=0,1,3,4", f"--output_dir={output}", SCRIPT, *FLAGS)
  assert again.returncode == 0, again.stderr
  assert "4 scenes asked, 1 made, 3 already there, 0 failed" in again.stdout


def test_scenes_of_other_flags_are_not_taken_for_these(engine: LocalEngine, image: str, output: Path) -> None:
  assert launch(engine, "--seed=5", f"--output_dir={output}", "worlds/movi.py", *FLAGS).returncode == 0
  other = launch(engine, "--seed=5", f"--output_dir={output}", "worlds/movi.py", *FLAGS, "--max_speed=1")
  assert other.returncode == 2 and "already exists" in other.stderr
  replaced = launch(engine, "--seed=5", f"--output_dir={output}", "worlds/movi.py", *FLAGS, "--max_speed=1", "--overwrite")
  assert replaced.returncode == 0 and "1 made" in replaced.stdout


def test_a_refused_flag_is_told_once(engine: LocalEngine, image: str, output: Path) -> None:
  for flag, word in (("--no_such_flag=1", "no_such_flag"), ("--variant=z", "variant"), ("--device=cuda", "cuda")):
    check_error(launch(engine, "--seed=0..999", "--jobs=2", f"--output_dir={output}", "worlds/movi.py", flag), word)
  assert [path.name for path in output.rglob("*")] == ["logs"]


def test_an_engine_that_goes_away_and_comes_back(engine: LocalEngine, image: str, output: Path, tmp_path: Path) -> None:
  """Between the launcher and the engine stands a proxy that drops the first connections for containers."""
  import socket
  import threading
  short = Path(tempfile.mkdtemp(prefix="proxy_"))
  target = engine.host.removeprefix("unix://") or "/var/run/docker.sock"
  dropped = []

  def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
      while data := source.recv(1 << 16):
        if b"/containers/create" in data and b"--seed=" in data and len(dropped) < 2:
          dropped.append(data)
          break
        sink.sendall(data)
    for end in (source, sink):
      with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)

  with socket.socket(socket.AF_UNIX) as listening:
    listening.bind(str(short / "socket"))
    listening.listen()

    def accept() -> None:
      with contextlib.suppress(OSError):
        while True:
          near, far = listening.accept()[0], socket.socket(socket.AF_UNIX)
          far.connect(target)
          for pair in ((near, far), (far, near)):
            threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    result = launch(engine, f"--engine=unix://{short}/socket", "--seed=0..2", "--jobs=1", f"--output_dir={output}",
                    "worlds/movi.py", *FLAGS)
  shutil.rmtree(short)
  assert result.returncode == 0 and len(dropped) == 2, result.stderr
  assert "3 scenes asked, 3 made" in result.stdout and "2 retries" in result.stdout


def test_what_is_not_made_is_not_believed(engine: LocalEngine, image: str, output: Path, tmp_path: Path) -> None:
  (tmp_path / "idle.py").write_text("print('done')\n")
  result = launch(engine, "--seed=0", "--max_attempts=1", f"--output_dir={output}", tmp_path / "idle.py")
  assert result.returncode == 2 and "is not here" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_colons_in_names_and_folders_of_others(engine: LocalEngine, image: str, output: Path) -> None:
  folder = output / "2026-01-01T12:00"
  folder.mkdir()
  os.chown(folder, 2345, 3456)
  assert launch(engine, "--seed=0", f"--output_dir={folder}", "worlds/movi.py", *FLAGS).returncode == 0
  assert owners(folder / "0") == {(2345, 3456)}


def test_limits_and_time(engine: LocalEngine, image: str, output: Path) -> None:
  memory = launch(engine, "--seed=0", "--memory=240m", f"--output_dir={output}", "worlds/movi.py", "--resolution=512")
  assert memory.returncode == 2 and "out of memory" in memory.stderr and "after 1 attempt:" in memory.stderr
  late = launch(engine, "--seed=0", "--timeout=3", "--max_attempts=2", f"--output_dir={output}", "worlds/movi.py",
                "--resolution=512")
  assert late.returncode == 2 and "not finished after 3 s" in late.stderr and "after 2 attempts" in late.stderr
  assert [path.name for path in output.iterdir()] == ["logs"] and containers(engine) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_container(engine: LocalEngine, image: str, output: Path, number: int) -> None:
  process = subprocess.Popen(command("--seed=0..9", "--jobs=2", f"--output_dir={output}", "worlds/movi.py", "--resolution=256"),
                             cwd=ROOT, env=engine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
  while process.poll() is None and len(list(output.glob(".*partial*"))) < 2:
    time.sleep(0.1)
  process.send_signal(number)
  _, errors = process.communicate(timeout=60)
  assert process.returncode == 130 and errors.strip().splitlines()[-1].startswith("interrupted: ")
  assert containers(engine) == [] and [path.name for path in output.iterdir()] == ["logs"]


def test_bad_input(engine: LocalEngine, image: str, output: Path) -> None:
  where = f"--output_dir={output}"
  check_error(launch(engine, where, "--image=no-such-image", "worlds/movi.py"), "no-such-image", "make image")
  check_error(launch(engine, where, "--engine=unix:///nowhere", "worlds/movi.py"), "/nowhere", "--engine")
  check_error(launch(engine, where, "./no_such_world.py"), "./no_such_world.py")
  check_error(launch(engine, where), "worlds/movi.py")
  check_error(launch(engine, where, "worlds/movi.py", "--seed=3"), "--seed")
  check_error(launch(engine, where, "--memory=lots", "worlds/movi.py"), "memory")
  check_error(launch(engine, "--output_dir=/proc/no", "worlds/movi.py"), "/proc/no")
  check_error(launch(engine, where, "--gpus=0", "worlds/movi.py"), "--gpus")
  check_error(launch(engine, where, "--cpus=1000", "worlds/movi.py"), "--cpus")
  check_error(launch(engine, where, "worlds/no_such_world.py"), "worlds/no_such_world.py")
  if not Path("/dev/nvidia0").exists():
    check_error(launch(engine, where, "--gpus=all", "worlds/movi.py"), "--gpus", "NVIDIA Container Toolkit")


def test_podmans_socket(engine: LocalEngine, image: str, output: Path, tmp_path: Path) -> None:
  podman = shutil.which("podman")
  if podman is None:
    pytest.skip("there is no podman here")
  short = Path(tempfile.mkdtemp(prefix="podman_"))  # which podman insists on
  settings = tmp_path / "containers.conf"
  settings.write_text('[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n')
  store = ["--root", str(tmp_path / "root"), "--runroot", str(short / "run")]
  environment = {**engine.environment, "CONTAINERS_CONF": str(settings)}
  archive = tmp_path / "render.tar"
  assert engine.docker("save", "--output", archive, "kubric-gen:render").returncode == 0
  loaded = subprocess.run([podman, *store, "load", "--input", str(archive)], env=environment, capture_output=True, text=True,
                          timeout=280)
  archive.unlink()
  if loaded.returncode:
    pytest.skip(f"podman does not work here: {loaded.stderr.strip()[-200:]}")
  address = f"unix://{short}/socket"
  service = subprocess.Popen([podman, *store, "system", "service", "--time=0", address], env=environment,
                             stderr=subprocess.DEVNULL)
  try:
    end = time.monotonic() + 60
    while not (short / "socket").exists() and service.poll() is None and time.monotonic() < end:
      time.sleep(0.1)
    result = launch(engine, f"--engine={address}", "--image=kubric-gen:render", "--seed=0..1", f"--output_dir={output}",
                    "worlds/movi.py", *FLAGS)
    assert result.returncode == 0, result.stderr
    assert "2 scenes asked, 2 made" in result.stdout
    check_scene(output / "1")
    assert owners(output / "1") == {(os.getuid(), os.getgid())}
    check_error(launch(engine, f"--engine={address}", "--gpus=all", f"--output_dir={output}", "worlds/movi.py"), "podman")
  finally:
    service.terminate()
    service.wait(30)
    subprocess.run([podman, *store, "system", "reset", "--force"], env=environment, capture_output=True, timeout=100)
    shutil.rmtree(short, ignore_errors=True)
