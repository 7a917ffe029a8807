"""Files and folders that several processes want at the same time: made once, whole or not at all, never changed unless they are
damaged."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from kubric_gen.assets.fetching.cache import raise_unwritable, retry_when_deleted
from kubric_gen.assets.fetching.seals import is_sound_file, is_sound_folder, seal_file, seal_folder
from kubric_gen.errors import KubricGenError
from kubric_gen.system.checksums import sha256_of
from kubric_gen.system.whole import partial_folder, replace_directory


def _lock(file: Path) -> int | None:
  """A descriptor that holds a lock, once all others have given it up; None on file systems without locks."""
  while True:
    try:
      descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:  # whoever makes what the lock is for will tell why
      return None
    held = False
    try:
      fcntl.flock(descriptor, fcntl.LOCK_EX)
      held = os.path.samestat(os.fstat(descriptor), os.stat(file))
      if held:
        return descriptor
    except FileNotFoundError:  # the one before has removed it, and others may have made it anew
      pass
    except OSError:
      return None
    finally:
      if not held:
        os.close(descriptor)


@contextlib.contextmanager
def take_turns(path: Path) -> Iterator[None]:
  """Lets one process or thread after another make a file or folder; all at once on file systems without locks.

  The lock is a file beside the path, which vanishes in the end.
  """
  lock = path.parent / f".{path.name}.lock"
  held = _lock(lock)
  try:
    yield
  finally:
    if held is not None:
      with contextlib.suppress(OSError):
        os.unlink(lock)
      os.close(held)


def _place_folder(staging: Path, path: Path) -> None:
  """Seals a folder and puts it where none is, or a damaged one."""
  seal_folder(staging)
  if path.is_dir() and not is_sound_folder(path):
    replace_directory(staging, path)
  else:
    os.rename(staging, path)


def _place_file(staging: Path, path: Path) -> None:
  """Seals a file of a folder and puts it where none is, or a damaged one."""
  seal_file(path, sha256_of(staging / "file"))
  os.rename(staging / "file", path)


def _share(path: Path, fill: Callable[[Path], None], sound: Callable[[Path], bool], place: Callable[[Path, Path], None]) -> Path:
  """What lies at a path of the cache; `fill` makes it in a folder, from where `place` moves it."""
  def attempt() -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with take_turns(path):
      if sound(path):  # somebody else was faster
        return
      with partial_folder(path) as staging:
        try:
          fill(staging)
          place(staging, path)
        except (OSError, KubricGenError):
          if not staging.exists():
            raise FileNotFoundError(errno.ENOENT, "it is deleted again and again", str(path)) from None
          raise

  if sound(path):
    return path
  try:
    retry_when_deleted(attempt)
  except OSError as error:
    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):  # else it is there, or in the way
      raise_unwritable(path.parent, error)
  if not sound(path):
    raise KubricGenError(f"{path} is in the way of the cache: move it away, or set KUBRIC_GEN_CACHE to another folder")
  return path


def shared_folder(path: Path, fill: Callable[[Path], None]) -> Path:
  """A folder that is made once and then shared, also with other processes that want it at the same time. It is made anew where
  one of its files is damaged or gone.

  Args:
    path: of the folder. fill: writes what is to be in it into an empty folder that is then renamed.

  Raises:
    KubricGenError: `fill` raised it, or the cache cannot be written to.
  """
  return _share(path, fill, is_sound_folder, _place_folder)


def shared_file(path: Path, fill: Callable[[Path], None]) -> Path:
  """The same for a single file; `fill` gets the path that it is to write."""
  return _share(path, lambda folder: fill(folder / "file"), is_sound_file, _place_file)
