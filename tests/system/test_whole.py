"""Files and directories that appear whole, and what runs that were killed outright leave behind."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.system.interrupts import remove_unfinished
from kubric_gen.system.whole import remove_abandoned, replace_directory, whole_directory, whole_file, write_whole

HOLD = """
import sys, time
from kubric_gen.system.whole import whole_directory
with whole_directory(sys.argv[1]) as staging:
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
  with whole_directory(tmp_path / "4"):
    assert staging.exists()  # of another scene
  with whole_directory(tmp_path / "3"):
    assert not staging.exists()
  assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "4"]


def test_the_next_one_to_write_a_file_removes_what_a_killed_one_has_left(tmp_path: Path) -> None:
  code = HOLD.replace("whole_directory", "whole_file").replace('(staging / "half")', "staging")
  process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "3")], stdout=subprocess.PIPE, text=True)
  assert process.stdout is not None
  draft = Path(process.stdout.readline().strip())
  write_whole(tmp_path / "3", b"meanwhile")
  assert draft.exists()
  process.kill()
  process.wait()
  write_whole(tmp_path / "4", b"another")
  assert draft.exists()
  write_whole(tmp_path / "3", b"afterwards")
  assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"3": b"afterwards", "4": b"another"}


def test_what_is_being_written_stays(unfinished: tuple[subprocess.Popen[str], Path], tmp_path: Path) -> None:
  process, staging = unfinished
  try:
    remove_abandoned(tmp_path)
    with whole_directory(tmp_path / "4"):
      pass
    assert (staging / "half").exists()
  finally:
    process.kill()
    process.wait()
  remove_abandoned(tmp_path)
  assert [path.name for path in tmp_path.iterdir()] == ["4"]


def test_names_are_not_patterns(tmp_path: Path) -> None:
  (tmp_path / ".33.partial-x").mkdir()
  with whole_directory(tmp_path / "[3]3"):
    pass
  assert (tmp_path / ".33.partial-x").exists()


def test_a_file_appears_in_the_end(tmp_path: Path) -> None:
  target = tmp_path / "x.txt"
  with whole_file(target) as draft:
    draft.write_text("one")
    assert draft.parent.parent == target.parent and not target.exists()
  assert target.read_text() == "one"
  with whole_file(str(target)) as draft:
    draft.write_text("two")
    assert target.read_text() == "one"
  assert target.read_text() == "two" and list(target.parent.iterdir()) == [target]


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
  (tmp_path / "x").write_text("before")
  with pytest.raises(RuntimeError), whole_file(tmp_path / "x") as draft:
    draft.write_text("half")
    raise RuntimeError
  assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]
  with pytest.raises(FileNotFoundError), whole_file(tmp_path / "y"):
    pass  # nothing was written
  assert not (tmp_path / "y").exists()


def test_an_interruption_removes_what_is_not_finished(tmp_path: Path) -> None:
  with contextlib.suppress(FileNotFoundError), whole_file(tmp_path / "a") as one, whole_file(tmp_path / "b") as other:
    for draft in (one, other):
      draft.write_text("half")
    remove_unfinished()
    assert not list(tmp_path.iterdir())
  assert not list(tmp_path.iterdir())


def test_a_file_appears_whole(tmp_path: Path) -> None:
  target = tmp_path / "a.x"
  with whole_file(target) as draft:
    draft.write_text("first")
    assert not target.exists()
  with pytest.raises(RuntimeError), whole_file(target) as draft:
    draft.write_text("half")
    raise RuntimeError
  (tmp_path / "b.x").mkdir()
  with pytest.raises(IsADirectoryError), whole_file(tmp_path / "b.x") as draft:
    draft.write_text("half")
  assert target.read_text() == "first" and sorted(path.name for path in tmp_path.rglob("*")) == ["a.x", "b.x"]


def test_files_of_object_stores_are_uploaded_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  epath = pytest.importorskip("etils.epath")
  uploaded: dict[str, bytes] = {}
  monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
  monkeypatch.setattr(type(epath.Path("/")), "copy",
                      lambda path, target, overwrite: uploaded.update({os.fspath(target): path.read_bytes()}))
  with whole_file(tmp_path / "a") as here, whole_file(epath.Path("gs://bucket/folder/a")) as there:
    here.write_text("here")
    there.write_text("there")
    assert there.parent.parent == tmp_path and not uploaded
  assert uploaded == {"gs://bucket/folder/a": b"there"} and (tmp_path / "a").read_text() == "here"
  assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(("number", "way_out"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "choose another place")])
def test_writing_fails_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, way_out: str) -> None:
  write_whole(tmp_path / "a" / "x", b"1")

  def fail(*_: object) -> None:
    raise OSError(number, os.strerror(number))

  monkeypatch.setattr(os, "replace", fail)
  with pytest.raises(KubricGenError, match=f"cannot write {tmp_path}/a/x .*: {way_out}"):
    write_whole(tmp_path / "a" / "x", b"2")
  assert [path.read_bytes() for path in (tmp_path / "a").iterdir()] == [b"1"]


def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
  before = os.umask(0o027)
  try:
    with whole_directory(tmp_path / "d") as staging:
      write_whole(staging / "x", b"")
  finally:
    os.umask(before)
  assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("d", "d/x")] == [0o750, 0o640]


def _folder(path: Path, content: str) -> Path:
  path.mkdir()
  (path / "x").write_text(content)
  return path


def test_a_directory_is_replaced(tmp_path: Path) -> None:
  replace_directory(_folder(tmp_path / "draft", "one"), tmp_path / "d")
  assert (tmp_path / "d" / "x").read_text() == "one"
  (tmp_path / f".d.old-{platform.node()}-killed").mkdir()
  replace_directory(_folder(tmp_path / "draft", "two"), tmp_path / "d")
  assert (tmp_path / "d" / "x").read_text() == "two" and [path.name for path in tmp_path.iterdir()] == ["d"]


def test_a_directory_that_cannot_be_replaced_is_put_back(tmp_path: Path) -> None:
  _folder(tmp_path / "d", "one")
  with pytest.raises(FileNotFoundError):
    replace_directory(tmp_path / "none", tmp_path / "d")
  assert (tmp_path / "d" / "x").read_text() == "one" and [path.name for path in tmp_path.iterdir()] == ["d"]
