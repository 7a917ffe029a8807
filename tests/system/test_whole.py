"""What runs that were killed outright leave behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kubric_gen.system.whole import staged_directory
from kubric_gen.system.whole import remove_abandoned

HOLD = """
import sys, time
from kubric_gen.system.whole import staged_directory
with staged_directory(sys.argv[1]) as staging:
  (staging / "half").touch()
  print(staging, flush=True)
  time.sleep(100)
"""


@pytest.fixture
def unfinished(tmp_path: Path) -> tuple[subprocess.Popen[str], Path]:
  """A process in the middle of a scene, and its directory."""
  process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "3")], stdout=subprocess.PIPE, text=True)
  assert process.stdout is not None
  return process, Path(process.stdout.readline().strip())


def test_the_next_run_removes_what_a_killed_one_has_left(unfinished: tuple[subprocess.Popen[str], Path], tmp_path: Path) -> None:
  process, staging = unfinished
  assert (staging / "half").exists()
  process.kill()
  process.wait()
  assert staging.exists()
  with staged_directory(tmp_path / "4"):
    assert staging.exists()  # of another scene
  with staged_directory(tmp_path / "3"):
    assert not staging.exists()
  assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "4"]


def test_what_is_being_written_stays(unfinished: tuple[subprocess.Popen[str], Path], tmp_path: Path) -> None:
  process, staging = unfinished
  try:
    remove_abandoned(tmp_path)
    with staged_directory(tmp_path / "4"):
      pass
    assert (staging / "half").exists()
  finally:
    process.kill()
    process.wait()
  remove_abandoned(tmp_path)
  assert [path.name for path in tmp_path.iterdir()] == ["4"]


def test_names_are_not_patterns(tmp_path: Path) -> None:
  (tmp_path / ".33.partial-x").mkdir()
  with staged_directory(tmp_path / "[3]3"):
    pass
  assert (tmp_path / ".33.partial-x").exists()
