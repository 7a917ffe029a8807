"""Workers that crash, hang or are killed, drivers that are killed, disks that are full: nothing is lost, nothing is doubled."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.beam_pipelines.runs import (FAULTY, ROOT, SCENES, assert_same_records, command, environment, generate, start, stored,
                                       wait_until, workers_of)


def dead_letters(data_dir: Path) -> list[dict[str, object]]:
  return [json.loads(line) for line in (data_dir / "scenes" / "movi_a" / "dead_letter.jsonl").read_text().splitlines()]


def test_a_worker_killed_in_the_middle_of_a_scene(tmp_path: Path, undisturbed: Path, running: list) -> None:
  driver = start(tmp_path, "--processes=1")
  running.append(driver)
  wait_until(lambda: len(stored(tmp_path)) >= 2)
  os.kill(workers_of(driver.pid)[0], signal.SIGKILL)
  out, err = driver.communicate(timeout=200)
  assert driver.returncode == 0, err
  assert "SIGKILL" in err and "1 retries" in out and "8 made" in out
  assert_same_records(tmp_path, undisturbed)


def test_seeds_that_crash_or_fail_every_time_end_as_dead_letters(tmp_path: Path, undisturbed: Path) -> None:
  result = generate(tmp_path, *FAULTY, "--max_attempts=2", "--max_failed_fraction=0.5", KUBRIC_FAULTS="segfault=3,raise=6")
  assert result.returncode == 0, result.stderr
  assert "8 scenes asked, 6 made, 0 reused, 2 failed" in result.stdout
  crash, refusal = dead_letters(tmp_path)
  assert crash["seed"] == 3 and "SIGSEGV" in crash["message"] and crash["attempts"] == 2 and crash["stage"] == "build"
  assert "world.py" in crash["traceback"]  # where it was when it crashed
  assert refusal["seed"] == 6 and refusal["message"] == "this seed is cursed" and "KubricGenError" in refusal["traceback"]
  assert_same_records(tmp_path, undisturbed, without={"movi_a_3", "movi_a_6"})
  card = json.loads((tmp_path / "movi_a" / "32x32" / "1.0.0" / "card.json").read_text())
  assert card["failed_seeds"] == [3, 6]


def test_too_many_failures_are_an_error_and_the_next_run_goes_on(tmp_path: Path, undisturbed: Path) -> None:
  result = generate(tmp_path, *FAULTY, "--max_attempts=1", KUBRIC_FAULTS="raise=2")
  assert result.returncode == 2 and result.stderr.strip().splitlines()[-1].startswith("error: 1 of 8 scenes failed")
  assert not (tmp_path / "movi_a" / "32x32" / "1.0.0").exists()
  again = generate(tmp_path, *FAULTY)
  assert again.returncode == 0 and "1 made, 7 reused, 0 failed" in again.stdout
  assert not (tmp_path / "scenes" / "movi_a" / "dead_letter.jsonl").exists()
  assert_same_records(tmp_path, undisturbed)


def test_a_hang_is_noticed_and_the_scene_made_by_another_worker(tmp_path: Path, undisturbed: Path) -> None:
  result = generate(tmp_path, *FAULTY, "--stall_timeout=12", KUBRIC_FAULTS=f"hang={tmp_path}@4")
  assert result.returncode == 0, result.stderr
  assert "no sign of life for 12 s" in result.stderr and "8 made" in result.stdout and "1 retries" in result.stdout
  assert_same_records(tmp_path, undisturbed)


def test_a_driver_killed_goes_on_where_it_was(tmp_path: Path, undisturbed: Path, running: list) -> None:
  driver = start(tmp_path)
  running.append(driver)
  wait_until(lambda: len(stored(tmp_path)) >= 3)
  workers = workers_of(driver.pid)
  assert workers
  driver.kill()
  driver.wait()
  wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 20)  # nobody renders for nobody
  kept = len(stored(tmp_path))
  assert 3 <= kept < SCENES
  again = generate(tmp_path)
  assert again.returncode == 0, again.stderr
  assert f"{SCENES - kept} made, {kept} reused, 0 failed" in again.stdout
  assert_same_records(tmp_path, undisturbed)
  assert not list(tmp_path.rglob("*partial*"))
  assert [path.name for path in tmp_path.rglob(".*")] == [".config"]


def test_a_damaged_stored_scene_is_made_again(tmp_path: Path, undisturbed: Path) -> None:
  shutil.copytree(undisturbed / "scenes", tmp_path / "scenes")
  path = next(tmp_path.glob("scenes/*/*/*/5.zip"))
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 0x10
  path.write_bytes(data)
  again = generate(tmp_path)
  assert again.returncode == 0 and "1 made, 7 reused" in again.stdout
  assert_same_records(tmp_path, undisturbed)


def can_mount() -> bool:
  return subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="needs user namespaces to mount a small disk")
def test_a_full_disk_loses_nothing_that_was_stored(tmp_path: Path, undisturbed: Path) -> None:
  """On a disk with room for about five scenes; then it grows."""
  size = sum(path.stat().st_size for path in undisturbed.glob("scenes/*/*/*/*.zip")) * 5 // SCENES
  tries = shlex.join(command(tmp_path / "disk", "--max_attempts=1"))
  script = (f"mkdir -p {tmp_path}/disk && mount -t tmpfs -o size={size} tmpfs {tmp_path}/disk && ({tries}; echo status $?;"
            f"mount -o remount,size=64m {tmp_path}/disk; {tries}; echo status $?; cp -r {tmp_path}/disk {tmp_path}/saved)")
  result = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=ROOT, env=environment(), capture_output=True, text=True,
                          timeout=280)
  assert "status 2" in result.stdout and "status 0" in result.stdout, result.stdout + result.stderr
  assert "No space left" in result.stderr and "Traceback" not in result.stderr
  second = result.stdout.partition("status 2")[2]
  reused = int(second.partition(" made, ")[2].split()[0])
  assert 3 <= reused < SCENES
  assert_same_records(tmp_path / "saved", undisturbed)
