"""Folders for temporary files, and what is left of them by processes that were killed outright."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.system import scratch
from kubric_gen.system.interrupts import remove_unfinished
from kubric_gen.system.scratch import Scratch, outer_tempdir, private_tempdir, remove_abandoned_scratch

HOLD = """
import sys, time
from kubric_gen.system.scratch import Scratch
made = [Scratch("one"), Scratch("two")]
print(*(item.path for item in made), flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
  """The folder for temporary files."""
  folder = tmp_path / "temporary"
  folder.mkdir()
  monkeypatch.setenv("TMPDIR", str(folder))
  monkeypatch.setattr(tempfile, "tempdir", None)
  return folder


def holder(seconds: float) -> tuple[subprocess.Popen[str], list[Path]]:
  """A process with two folders."""
  process = subprocess.Popen([sys.executable, "-c", HOLD, str(seconds)], stdout=subprocess.PIPE, text=True)
  assert process.stdout is not None
  return process, list(map(Path, process.stdout.readline().split()))


def test_a_folder_vanishes_when_it_is_closed_or_forgotten_or_interrupted(place: Path) -> None:
  with Scratch("one") as folder:
    (folder / "x").touch()
    assert folder.parent == place and folder.stat().st_mode & 0o777 == 0o700
  assert not folder.exists()
  forgotten = Scratch("two")
  path = forgotten.path
  del forgotten
  gc.collect()
  assert not path.exists()
  last = Scratch("three")
  remove_unfinished()
  assert not last.path.exists()
  last.close()
  last.close()


def test_it_vanishes_with_the_process(place: Path) -> None:
  process, folders = holder(0.0)
  assert process.wait(60) == 0 and len(folders) == 2 and not list(place.iterdir())


def test_what_a_killed_process_has_left_is_removed_by_the_next_one(place: Path) -> None:
  process, folders = holder(100.0)
  with Scratch("other"):
    assert all(folder.exists() for folder in folders)  # in use
  process.kill()
  process.wait()
  assert all(folder.exists() for folder in folders)
  with Scratch("other") as mine:
    assert list(place.iterdir()) == [mine]


def test_nothing_else_is_removed(place: Path) -> None:
  node = platform.node()
  names = [f"kubric_gen_cache_{os.getuid()}", "kubric_gen_worker_abc", f"other-{node}-x", f"kubric_gen_worker-{node}x-abc"]
  for name in names:
    (place / name).mkdir()
  remove_abandoned_scratch(place)
  remove_abandoned_scratch(place / "gone")
  assert sorted(path.name for path in place.iterdir()) == sorted(names)
  (place / f"kubric_gen_worker-{node}-abc").mkdir()
  remove_abandoned_scratch()
  assert sorted(path.name for path in place.iterdir()) == sorted(names)


def test_all_temporary_files_of_a_command_are_in_one_folder(place: Path) -> None:
  for _ in range(2):  # the second time inside of the first
    with private_tempdir():
      assert outer_tempdir() == place
      inner = Path(tempfile.mkdtemp())
      assert inner.parent.parent == place and os.environ["TMPDIR"] == str(inner.parent)
      child = subprocess.run([sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"], capture_output=True, text=True)
      assert Path(child.stdout.strip()).parent == inner.parent
      with private_tempdir():
        assert outer_tempdir() == place and Path(tempfile.gettempdir()).parent == inner.parent
    assert not list(place.iterdir()) and tempfile.gettempdir() == os.environ["TMPDIR"] == str(place)


def test_a_variable_that_was_not_set_is_not_set_afterwards(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.delenv("TMPDIR")
  monkeypatch.setattr(tempfile, "tempdir", str(place))
  with private_tempdir():
    pass
  assert "TMPDIR" not in os.environ and tempfile.tempdir == str(place)


def test_a_child_that_was_forked_leaves_the_folder_alone(place: Path) -> None:
  code = ("import os, sys\nfrom kubric_gen.system.scratch import Scratch\nmade = Scratch('x')\n"
          "child = os.fork()\nif not child:\n  sys.exit(0)\n"
          "os.waitpid(child, 0)\nprint(made.path.exists())")
  found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
  assert found.stdout.strip() == "True" and not list(place.iterdir())


def test_no_place_for_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  with pytest.raises(KubricGenError, match=r"gone \(No such file or directory\): free some space, or point TMPDIR elsewhere"):
    Scratch("x", tmp_path / "gone")
  def none() -> str:
    raise FileNotFoundError(2, "No usable temporary directory found")
  monkeypatch.setattr(scratch.tempfile, "gettempdir", none)
  with pytest.raises(KubricGenError, match="in TMPDIR"):
    Scratch("x")
