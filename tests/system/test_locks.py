"""Locks that end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from kubric_gen.system import locks
from kubric_gen.system.locks import lock_folder, locked_file, make_locked_folder, remove_unlocked


def test_a_folder_is_locked_as_long_as_its_descriptor_is_open(tmp_path: Path) -> None:
  folder, held = make_locked_folder("x-", tmp_path)
  assert held is not None
  with pytest.raises(BlockingIOError):
    lock_folder(folder)
  remove_unlocked([folder, tmp_path / "gone"])
  assert folder.is_dir()
  os.close(held)
  remove_unlocked([folder])
  assert not folder.exists()


def test_links_are_not_followed(tmp_path: Path) -> None:
  (tmp_path / "target").mkdir()
  (tmp_path / "target" / "x").touch()
  (tmp_path / "link").symlink_to(tmp_path / "target")
  with pytest.raises(OSError):
    lock_folder(tmp_path / "link")
  remove_unlocked([tmp_path / "link"])
  assert (tmp_path / "target" / "x").exists()


def test_a_new_folder_that_somebody_takes_for_an_abandoned_one_is_made_again(tmp_path: Path,
                                                                             monkeypatch: pytest.MonkeyPatch) -> None:
  found: list[Path] = []

  def disturbed(folder: Path) -> int | None:
    found.append(folder)
    if len(found) == 1:
      raise BlockingIOError
    if len(found) == 2:
      folder.rmdir()
    return lock_folder(folder)

  monkeypatch.setattr(locks, "lock_folder", disturbed)
  folder, held = make_locked_folder("x-", tmp_path)
  assert folder == found[2] and folder.is_dir() and held is not None
  os.close(held)


def test_a_lock_file_is_there_while_it_is_held(tmp_path: Path) -> None:
  path = tmp_path / ".lock"
  with locked_file(path):
    assert path.exists()
    with pytest.raises(BlockingIOError), locked_file(path):
      pass
    assert path.exists()
  assert not path.exists()
  with pytest.raises(RuntimeError), locked_file(path):
    raise RuntimeError
  assert not path.exists()


def test_what_is_in_the_place_of_a_lock_file_stays_as_it_is(tmp_path: Path) -> None:
  target, path = tmp_path / "precious", tmp_path / ".lock"
  target.write_text("precious")
  path.symlink_to(target)
  with pytest.raises(OSError), locked_file(path):
    pass
  assert target.read_text() == "precious" and path.is_symlink()
  path.unlink()
  os.link(target, path)
  with locked_file(path):
    pass
  assert target.read_text() == path.read_text() == "precious"
  path.unlink()
  path.mkdir()
  with pytest.raises(OSError), locked_file(path):
    pass


def test_a_lock_file_that_is_made_anew_is_locked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  path, calls = tmp_path / ".lock", []
  take = fcntl.flock

  def late(descriptor: int, operation: int) -> None:
    if not calls:
      path.unlink()  # by the one before, who has held it until now
    calls.append(descriptor)
    take(descriptor, operation)

  monkeypatch.setattr(fcntl, "flock", late)
  with locked_file(path):
    assert path.exists() and len(calls) == 2


def test_file_systems_without_locks_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  def unsupported(descriptor: int, operation: int) -> None:
    raise OSError("no locks")

  monkeypatch.setattr(fcntl, "flock", unsupported)
  folder, held = make_locked_folder("x-", tmp_path)
  assert held is None
  remove_unlocked([folder])
  assert folder.is_dir()
  with locked_file(tmp_path / ".lock"):
    pass
