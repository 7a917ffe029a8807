"""Nothing is left behind in the folder for temporary files, whatever happens: at once, or after the next run where a process was
killed outright."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubric_gen.assets.importing.conversion import to_glb
from kubric_gen.errors import AssetError
from tests.beam_pipelines.runs import FAULTY, ROOT, generate, start, stored, wait_until, workers_of

SCRIPT = ("--variant=a", "--resolution=32", "--num_frames=2", "--samples_per_pixel=2", "--device=cpu")
SLOW = ("--num_frames=8", "--resolution=64")
MAKE_BLEND = "import bpy, sys; bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])"
FAIL = """
import sys
from kubric_gen.{module} import {name}
from worlds import movi

def fail(*_, **__):
  raise {error}

{name}.{function} = fail
movi.main(movi.WORLD)
"""


def script(output: Path, *flags: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, "-m", "worlds.movi", f"--output_dir={output}", *SCRIPT, *flags], cwd=ROOT,
                        capture_output=True, text=True, timeout=200)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
  """Processes that are killed when the test ends."""
  processes: list[subprocess.Popen[str]] = []
  yield processes
  for process in processes:
    process.kill()
    process.communicate()


def start_script(output: Path) -> subprocess.Popen[str]:
  return subprocess.Popen([sys.executable, "-m", "worlds.movi", f"--output_dir={output}", *SCRIPT, *SLOW, "--num_frames=60"],
                          cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def in_the_middle_of_a_scene(temporary: Path) -> bool:
  return any(temporary.rglob("kubric_gen_frames-*/0/*_00001.raw"))


def test_a_driver_killed_in_the_middle_of_a_scene(tmp_path: Path, temporary: Path, started: list) -> None:
  driver = start(tmp_path / "data", *SLOW, "--processes=1", num_scenes=2)
  started.append(driver)
  wait_until(lambda: in_the_middle_of_a_scene(temporary))
  workers = workers_of(driver.pid)
  driver.kill()
  driver.wait()
  wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 20)
  (left,) = temporary.iterdir()
  assert left.name.startswith("kubric_gen_run-") and not list(left.glob("kubric_gen_worker-*/*"))  # workers tidy up themselves
  assert "unknown world" in generate(tmp_path / "data", "--world=nope").stderr
  assert left.exists()  # refused at once
  result = generate(tmp_path / "data", *SLOW, num_scenes=2)
  assert result.returncode == 0, result.stderr


def test_a_worker_killed_in_the_middle_of_a_scene(tmp_path: Path, temporary: Path, started: list) -> None:
  driver = start(tmp_path / "data", *SLOW, "--processes=1", "--max_attempts=1", num_scenes=1)
  started.append(driver)
  wait_until(lambda: in_the_middle_of_a_scene(temporary))
  os.kill(workers_of(driver.pid)[0], signal.SIGKILL)
  _, err = driver.communicate(timeout=200)
  assert driver.returncode == 2 and "SIGKILL" in err, err


def test_a_pipeline_interrupted(tmp_path: Path, temporary: Path, started: list) -> None:
  driver = start(tmp_path / "data", *SLOW, "--processes=1", num_scenes=2)
  started.append(driver)
  wait_until(lambda: in_the_middle_of_a_scene(temporary))
  driver.send_signal(signal.SIGINT)
  driver.communicate(timeout=60)
  assert driver.returncode == 130


def test_seeds_that_crash_and_fail(tmp_path: Path, temporary: Path) -> None:
  result = generate(tmp_path / "data", *FAULTY, "--max_attempts=1", num_scenes=3, KUBRIC_FAULTS="segfault=0,raise=1")
  assert result.returncode == 2 and "2 failed" in result.stdout, result.stderr


@pytest.mark.parametrize("flags", [["--runner=Nonsense"], ["--num_frames=0"], ["--runner=DataflowRunner"],
                                   ["--data_dir=/proc/x"]])
def test_a_pipeline_refused(tmp_path: Path, temporary: Path, flags: list[str]) -> None:
  assert generate(tmp_path / "data", *flags).returncode == 2


def test_a_dry_run(tmp_path: Path, temporary: Path) -> None:
  result = generate(tmp_path, "--runner=DataflowRunner", "--project=p", "--region=r", "--temp_location=gs://b/t", "--dry_run",
                    "--sdk_container_image=i", "--data_dir=gs://b/d")
  assert result.returncode == 0, result.stderr


def test_a_pipeline_refused_because_another_one_runs(tmp_path: Path, temporary: Path, started: list) -> None:
  """And the other one does not notice."""
  driver = start(tmp_path / "data", "--processes=1", num_scenes=3)
  started.append(driver)
  wait_until(lambda: stored(tmp_path / "data"))
  summary = tmp_path / "data" / "scenes" / "movi_a" / "summary.json"
  summary.write_text("of the first")
  result = generate(tmp_path / "data", num_scenes=3)
  assert result.returncode == 2 and "another run is writing" in result.stderr
  assert summary.exists()
  out, err = driver.communicate(timeout=200)
  assert driver.returncode == 0 and "3 scenes asked, 3 made" in out, err
  assert "3 scenes asked" not in summary.read_text() and '"asked": 3' in summary.read_text()


def test_a_lock_that_is_a_link_is_refused_and_its_target_kept(tmp_path: Path, temporary: Path) -> None:
  target = tmp_path / "precious"
  target.write_text("precious")
  (tmp_path / "data" / "movi_a").mkdir(parents=True)
  (tmp_path / "data" / "movi_a" / ".lock").symlink_to(target)
  result = generate(tmp_path / "data", num_scenes=1)
  (line,) = result.stderr.strip().splitlines()
  assert result.returncode == 2 and f"cannot use {tmp_path / 'data' / 'movi_a' / '.lock'} as the lock" in line
  assert target.read_text() == "precious"


def test_a_script_killed_in_the_middle_of_a_scene(tmp_path: Path, temporary: Path, started: list) -> None:
  process = start_script(tmp_path / "scenes")
  started.append(process)
  wait_until(lambda: in_the_middle_of_a_scene(temporary))
  process.kill()
  process.wait()
  (left,) = temporary.iterdir()
  assert any(left.rglob("*.raw"))
  assert script(tmp_path / "scenes").returncode == 0


def test_a_script_interrupted(tmp_path: Path, temporary: Path, started: list) -> None:
  process = start_script(tmp_path / "scenes")
  started.append(process)
  wait_until(lambda: in_the_middle_of_a_scene(temporary))
  process.send_signal(signal.SIGTERM)
  _, err = process.communicate(timeout=60)
  assert process.returncode == 130 and "interrupted" in err


@pytest.mark.parametrize("flags", [["--num_frames=0"], ["--layers=nope"], ["--sinks=nope"], ["--variant=z"], ["--dry_run"],
                                   ["--device=metal"]])
def test_a_script_refused(tmp_path: Path, temporary: Path, flags: list[str]) -> None:
  assert script(tmp_path / "scenes", *flags).returncode in (0, 2)


@pytest.mark.parametrize(("module", "name", "function"), [
    ("example", "making", "simulate"), ("example", "making", "instances_of"), ("render", "cycles", "_read_rgba"),
    ("sinks", "scene_directory", "_write_view")])
@pytest.mark.parametrize("error", ["ZeroDivisionError", "OSError(28, 'No space left on device')"])
def test_an_exception_in_a_stage(tmp_path: Path, temporary: Path, module: str, name: str, function: str, error: str) -> None:
  code = FAIL.format(module=module, name=name, function=function, error=error)
  result = subprocess.run([sys.executable, "-c", code, f"--output_dir={tmp_path / 'scenes'}", *SCRIPT], cwd=ROOT, timeout=200,
                          capture_output=True, text=True)
  assert result.returncode != 0
  assert not (tmp_path / "scenes").exists() or not list((tmp_path / "scenes").iterdir())


def test_conversions(tmp_path: Path, temporary: Path) -> None:
  good, bad = tmp_path / "good.blend", tmp_path / "bad.blend"
  subprocess.run([sys.executable, "-c", MAKE_BLEND, str(good)], check=True, capture_output=True)
  bad.write_bytes(b"garbage")
  to_glb(good, tmp_path / "good.glb")
  assert (tmp_path / "good.glb").is_file()
  with pytest.raises(AssetError, match="cannot be converted"):
    to_glb(bad, tmp_path / "bad.glb")


def test_an_example_that_is_forgotten(temporary: Path) -> None:
  code = ("import kubric_gen as kg\n"
          "scene = kg.Scene([kg.Object('ball', kg.Sphere(), static=True)], [], [kg.PerspectiveCamera(position=(0, -5, 0))],"
          " resolution=(8, 8), num_frames=2)\n"
          "example = kg.make_example(scene, settings=kg.RenderSettings(samples_per_pixel=1, device='cpu'))\n"
          "example.stack('rgba')")
  subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=100)
