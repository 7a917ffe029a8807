"""The user's cache: where it is, and what happens where it fails."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.assets.collections import BulletObjects
from kubric_gen.assets.fetching import cache
from kubric_gen.assets.fetching.cache import cache_folder, cached_file, read_cached, write_cached
from kubric_gen.assets.solids import pieces
from kubric_gen.assets.solids.modelling import box
from kubric_gen.errors import AssetError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
  """A user without a cache."""
  monkeypatch.setenv("HOME", str(tmp_path / "home"))
  monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
  monkeypatch.delenv("KUBRIC_GEN_CACHE", raising=False)
  cache._choose_root.cache_clear()
  return tmp_path / "home"


def full(*_: Any, **__: Any) -> None:
  raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_places(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  assert cache_folder("a", "b") == home / ".cache" / "kubric-gen" / "a" / "b"
  assert (home / ".cache" / "kubric-gen").stat().st_mode & 0o777 == 0o700
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
  assert cache_folder("a") == tmp_path / "xdg" / "kubric-gen" / "a"
  monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the standard says to ignore
  monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
  assert cache_folder() == tmp_path / f"kubric_gen_cache_{os.getuid()}"
  monkeypatch.setenv("KUBRIC_GEN_CACHE", "~/mine")
  assert cache_folder() == home / "mine"


def test_a_relative_place_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.setenv("KUBRIC_GEN_CACHE", "relative")
  monkeypatch.chdir(tmp_path)
  assert cache_folder("x") == tmp_path / "relative" / "x"
  (tmp_path / "elsewhere").mkdir()
  monkeypatch.chdir(tmp_path / "elsewhere")
  assert cache_folder("x") == tmp_path / "relative" / "x"


@pytest.mark.parametrize("problem", ["/proc/nope", "/dev/null", "/dev/null/x", "another's", "read-only", "a\0b"])
def test_a_place_that_was_asked_for_is_used_or_refused(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch,
                                                       problem: str) -> None:
  named = problem if problem.startswith("/") else str(tmp_path / problem)
  if problem == "another's":
    os.mkdir(named)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    if os.stat(named).st_uid == 0:
      os.chown(named, 54321, -1)
  elif problem == "read-only":
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: os.fspath(path) != named and access(path, mode))
  if "\0" in named:
    monkeypatch.setattr(os.environ, "get", lambda key, default=None: named if key == "KUBRIC_GEN_CACHE" else default)
  else:
    monkeypatch.setenv("KUBRIC_GEN_CACHE", named)
  for use in (cache_folder, lambda: cached_file("a/b", lambda: b"x"), lambda: read_cached("a/b"), lambda: write_cached("a", b""),
              lambda: pieces.cached_pieces(box((1, 1, 1)), 0.02, 32)):
    with pytest.raises(AssetError, match="KUBRIC_GEN_CACHE=.* cannot be used .*: name a folder of yours") as error:
      use()
    assert "\n" not in str(error.value)
  assert not (home / ".cache").exists()


def test_files(tmp_path: Path, home: Path) -> None:
  made: list[int] = []

  def make() -> bytes:
    made.append(1)
    return b"content"

  path = cached_file("a/b/c.txt", make)
  assert path == home / ".cache/kubric-gen/a/b/c.txt" and path.read_bytes() == b"content" == read_cached("a/b/c.txt")
  assert cached_file("a/b/c.txt", make) == path and made == [1]
  assert sorted(file.name for file in path.parent.iterdir()) == ["c.txt", "c.txt.sha256"]
  write_cached("a/b/c.txt", b"other")
  assert read_cached("a/b/c.txt") == b"other" and read_cached("a/none") is None is read_cached("a")


@pytest.mark.parametrize("where", ["mkdir", "write_bytes", "replace"])
def test_a_full_disk(home: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
  cache_folder()
  monkeypatch.setattr({"mkdir": Path, "write_bytes": Path, "replace": os}[where], where, full)
  write_cached("a/b", b"x")
  assert read_cached("a/b") is None
  with pytest.raises(AssetError, match="cannot write to the cache.*No space left.*free some space"):
    cached_file("a/b", lambda: b"x")
  assert len(pieces.cached_pieces(box((1, 1, 1)), 0.02, 32)) == 1
  with pytest.raises(AssetError, match="cannot write to the cache"):
    BulletObjects().create("lego", "x")
  monkeypatch.undo()
  assert not [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["pieces", "collisions"])
def test_something_in_the_way(home: Path, name: str) -> None:
  (cache_folder() / name).touch()
  assert len(pieces.cached_pieces(box((1, 1, 1)), 0.02, 32)) == 1
  if name == "collisions":
    with pytest.raises(AssetError, match=r"cannot write to the cache \S+/collisions.*remove what is in its way"):
      BulletObjects().create("lego", "x")


def test_a_cache_that_is_deleted_is_made_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  """Between two uses, and in the middle of one."""
  source = BulletObjects()
  before = Path(source.create("lego", "x").shape.collision).read_bytes()
  shutil.rmtree(home)
  assert Path(source.create("lego", "x").shape.collision).read_bytes() == before
  shutil.rmtree(home)
  make, deleted = cache._folder, []

  def spoiled(*parts: str) -> Path:
    folder = make(*parts)
    if any(parts) and len(deleted) < 3:
      deleted.append(folder)
      shutil.rmtree(home)
    return folder

  monkeypatch.setattr(cache, "_folder", spoiled)
  shape = source.create("lego", "x").shape
  assert len(deleted) == 3 and Path(shape.collision).read_bytes() == before


def test_pieces_of_another_version_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
  first = pieces.cached_pieces(box((1, 1, 1)), 0.02, 32)
  files = set(cache_folder("pieces").rglob("*.npz"))
  assert len(files) == 1
  monkeypatch.setattr(pieces, "_cutter", lambda: "0.0.0")
  np.testing.assert_array_equal(pieces.cached_pieces(box((1, 1, 1)), 0.02, 32)[0], first[0])
  assert len(set(cache_folder("pieces").rglob("*.npz")) - files) == 1
