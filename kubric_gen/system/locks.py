"""Locks between the processes of a machine. They end with the process that holds them, however it ends: what nobody holds was
left behind by a process that was killed outright.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path


def _lock(descriptor: int) -> bool:
  """Takes the lock of an open file or folder; whether it did, which file systems without locks refuse.

  Raises:
    BlockingIOError: somebody else holds it.
  """
  try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True
  except BlockingIOError:
    raise
  except OSError:
    return False


def lock_folder(folder: str | os.PathLike[str]) -> int | None:
  """Shows others that a folder is in use.

  Returns:
    A descriptor that holds the lock as long as it is open; None on file systems without locks.

  Raises:
    BlockingIOError: somebody else uses it.
    OSError: it is gone, or no folder, or somebody else's.
  """
  descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
  locked = False
  try:
    locked = _lock(descriptor)
    return descriptor if locked else None
  finally:
    if not locked:
      os.close(descriptor)


def make_locked_folder(prefix: str, parent: str | os.PathLike[str]) -> tuple[Path, int | None]:
  """A new folder and its lock, as of `lock_folder`.

  Raises:
    OSError: it cannot be made.
  """
  while True:
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    with contextlib.suppress(BlockingIOError, FileNotFoundError):  # taken for an abandoned one before it was locked
      held = lock_folder(folder)
      if folder.exists():
        return folder, held
      if held is not None:
        os.close(held)


def remove_unlocked(folders: Iterable[str | os.PathLike[str]]) -> None:
  """Removes those of the folders that nobody on this machine uses."""
  for folder in folders:
    with contextlib.suppress(OSError):
      held = lock_folder(folder)
      if held is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _open_locked(path: str | os.PathLike[str]) -> int:
  """A descriptor of the file that stands at the path while it is locked."""
  while True:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    locked = False
    try:
      _lock(descriptor)
      locked = os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
      if locked:
        return descriptor
    except FileNotFoundError:  # the one before has removed it, and others may have made it anew
      pass
    finally:
      if not locked:
        os.close(descriptor)


@contextlib.contextmanager
def locked_file(path: str | os.PathLike[str]) -> Iterator[None]:
  """Holds a lock by means of an empty file, which is there as long as somebody holds it. Nothing is written to what is there
  already, and no symbolic link is followed.

  Raises:
    BlockingIOError: somebody else holds it.
    OSError: the file cannot be made, or something else is in its place.
  """
  descriptor = _open_locked(path)
  try:
    yield
  finally:
    with contextlib.suppress(OSError):
      if not os.fstat(descriptor).st_size:
        os.unlink(path)
    os.close(descriptor)
