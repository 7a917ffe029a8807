"""The command line as a user meets it: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ("--resolution=16", "--num_frames=1", "--samples_per_pixel=1", "--device=cpu")


def run(*flags: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, "worlds/movi.py", *flags], cwd=ROOT, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize(("flags", "word"), [
    (("--variant=z",), "variant"), (("--layers=rgba,smell",), "smell"), (("--layers=",), "layers"),
    (("--resolution=0",), "resolution"), (("--resolution=64x",), "resolution"), (("--resolution=abc",), "resolution"),
    (("--step_rate=100",), "step_rate"), (("--frame_rate=0",), "frame_rate"), (("--num_frames=-1",), "num_frames"),
    (("--seed=0..99999999999999999999",), "seed"), (("--samples_per_pixel=99999999999",), "samples_per_pixel"),
    (("--max_speed=inf",), "max_speed"), (("--output_dir=/" + "a" * 300,), "output_dir"),
    (("--seed=-1",), "seed"), (("--seed=x",), "seed"), (("--seed=5..2",), "seed"), (("--quality=best",), "quality"),
    (("--samples_per_pixel=0",), "samples_per_pixel"), (("--device=tpu",), "device"),
    (("--denoiser=magic",), "denoiser"), (("--adaptive_threshold=2",), "adaptive"), (("--threads=-1",), "threads"),
    (("--no_such_flag=1",), "no_such_flag"), (("stray",), "stray"), (("--output_dir=/dev/null/out",), "/dev/null"),
    (("--num_frames=many",), "num_frames"), (("--spawn_min=1,2",), "spawn_min"), (("--seed=1,1",), "seed")])
def test_bad_input_is_one_line_and_status_2(flags: tuple[str, ...], word: str, tmp_path: Path) -> None:
  output = () if any(flag.startswith("--output_dir") for flag in flags) else (f"--output_dir={tmp_path / 'out'}",)
  result = run(*SMALL[2:], *flags, *output)
  assert result.returncode == 2, result.stderr
  lines = result.stderr.strip().splitlines()
  assert len(lines) == 1 and word in lines[0] and lines[0].startswith("error: "), result.stderr
  assert result.stdout == "" and not (tmp_path / "out").exists()


def test_missing_gpu(tmp_path: Path) -> None:
  result = run(*SMALL, "--device=hip", f"--output_dir={tmp_path / 'out'}")
  assert result.returncode == 2 and "hip" in result.stderr and len(result.stderr.strip().splitlines()) == 1
  assert list((tmp_path / "out").iterdir()) == []


def test_seed_range_zero_included_then_refused_then_overwritten(tmp_path: Path) -> None:
  first = run(*SMALL, "--seed=0..1", f"--output_dir={tmp_path}")
  assert first.returncode == 0, first.stderr
  assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]
  assert str(tmp_path / "1") in first.stdout.splitlines()[-1]
  again = run(*SMALL, "--seed=1,2", f"--output_dir={tmp_path}")
  assert again.returncode == 2 and "--overwrite" in again.stderr and not (tmp_path / "2").exists()
  assert run(*SMALL, "--seed=1", "--layers=depth", "--overwrite", f"--output_dir={tmp_path}").returncode == 0
  assert not list((tmp_path / "1").glob("rgba*"))


def test_resume_takes_what_is_there_and_nothing_else(tmp_path: Path) -> None:
  output = f"--output_dir={tmp_path}"
  assert run(*SMALL, "--seed=0", output).returncode == 0
  stamp = (tmp_path / "0" / "run.json").stat().st_mtime_ns
  again = run(*SMALL, "--seed=0..1", "--resume", output)
  assert again.returncode == 0 and "0: already there" in again.stdout, again.stderr
  assert (tmp_path / "0" / "run.json").stat().st_mtime_ns == stamp and (tmp_path / "1").is_dir()
  other = run(*SMALL, "--seed=0..2", "--resume", "--max_speed=1", output)
  assert other.returncode == 2 and "already exists" in other.stderr and not (tmp_path / "2").exists()
  both = run(*SMALL, "--seed=0..1", "--resume", "--overwrite", "--max_speed=1", output)
  assert both.returncode == 0 and "already there" not in both.stdout
  (tmp_path / "1" / "metadata.json").write_text("{")
  assert run(*SMALL, "--seed=1", "--resume", "--max_speed=1", output).returncode == 2
  assert run(*SMALL, "--seed=1", "--resume", "--max_speed=1", "--overwrite", output).returncode == 0


def test_files_that_flags_name_are_looked_at_first(tmp_path: Path) -> None:
  for more in (("--dry_run",), ()):
    result = run(*SMALL, "--variant=c", f"--gso_assets={tmp_path}/GSO.json", *more, f"--output_dir={tmp_path}/out")
    assert result.returncode == 2 and "GSO.json" in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_environment_names_the_output(tmp_path: Path) -> None:
  result = subprocess.run([sys.executable, "worlds/movi.py", *SMALL, "--seed=4"], cwd=ROOT, capture_output=True, text=True,
                          timeout=200, env={**os.environ, "KUBRIC_GEN_OUTPUT_DIR": str(tmp_path)})
  assert result.returncode == 0 and (tmp_path / "4" / "metadata.json").exists()


def test_help_documents_every_number() -> None:
  result = run("--helpfull")
  for flag in ("variant", "seed", "resolution", "num_frames", "frame_rate", "step_rate", "quality", "samples_per_pixel",
               "layers", "device", "threads", "output_dir", "save_state", "overwrite", "metal_density", "spawn_min"):
    assert f"--{flag}" in result.stdout or f"--[no]{flag}" in result.stdout, flag


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_no_partial_scene(number: signal.Signals, tmp_path: Path) -> None:
  output = tmp_path / "out"
  process = subprocess.Popen(
      [sys.executable, "worlds/movi.py", "--resolution=256", "--num_frames=50", "--samples_per_pixel=64",
       f"--output_dir={output}"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
      env={**os.environ, "TMPDIR": str(tmp_path)})
  deadline = time.monotonic() + 120
  while not list(tmp_path.glob("kubric_gen_run-*/kubric_gen_frames-*/0/depth_00049.raw")):  # rendering is about to begin
    assert process.poll() is None and time.monotonic() < deadline
    time.sleep(0.1)
  time.sleep(3)  # in the midst of it
  process.send_signal(number)
  try:
    _, errors = process.communicate(timeout=30)
  finally:
    process.kill()
  assert process.returncode == 130 and "interrupted" in errors and len(errors.strip().splitlines()) == 1
  assert list(output.iterdir()) == [] and not list(tmp_path.glob("kubric_gen_*"))
