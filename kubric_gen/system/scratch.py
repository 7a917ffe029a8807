"""Folders for temporary files that outlive nobody.

Each is removed by whoever made it, at the latest at the end of the process or by an interruption. It is locked until then, so
that those of processes that were killed outright are told apart: whoever makes another folder removes them. A command line has
all its temporary files in one such folder, those of libraries among them, and so has a worker process.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from kubric_gen.errors import KubricGenError
from kubric_gen.system.interrupts import register, unregister
from kubric_gen.system.locks import make_locked_folder, remove_unlocked

MEMORY = Path("/dev/shm")
"""A place in memory, where the system has one."""
PREFIX = "kubric_gen_"


def _is_scratch(name: str) -> bool:
  """Whether a folder of this name was made here, on this machine."""
  return name.startswith(PREFIX) and name.partition("-")[2].rpartition("-")[0] == platform.node()


def remove_abandoned_scratch(*places: str | os.PathLike[str]) -> None:
  """Removes the folders of processes on this machine that were killed outright; by default those for temporary files, on disk
  and in memory."""
  for place in places or (outer_tempdir(), MEMORY):
    with contextlib.suppress(OSError):
      remove_unlocked([entry.path for entry in os.scandir(place) if _is_scratch(entry.name)])


def outer_tempdir() -> Path:
  """The folder for temporary files outside of `private_tempdir` and of worker processes."""
  place = Path(tempfile.gettempdir())
  for folder in (place, *place.parents):
    if _is_scratch(folder.name):
      place = folder.parent
  return place


def _remove(path: str, held: int | None, owner: int) -> None:
  if os.getpid() != owner:  # in the end of a process that was forked
    return
  for _ in range(5):  # a thread may still be writing
    shutil.rmtree(path, ignore_errors=True)
    if not os.path.lexists(path):
      break
  unregister(path)
  if held is not None:
    os.close(held)


class Scratch:
  """A new folder for temporary files. Use as a context manager, or close it; at the latest it vanishes with the process.

  Args:
    purpose: a word for its name. place: the folder that it is made in; by default that for temporary files.

  Attributes:
    path: of the folder.

  Raises:
    KubricGenError: it cannot be made.
  """

  def __init__(self, purpose: str, place: str | os.PathLike[str] | None = None) -> None:
    try:
      place = tempfile.gettempdir() if place is None else place
      remove_abandoned_scratch(place)
      self.path, held = make_locked_folder(f"{PREFIX}{purpose}-{platform.node()}-", place)
    except OSError as error:
      raise KubricGenError(f"cannot make a folder for temporary files in {place or 'TMPDIR'} ({error.strerror}): free some "
                           "space, or point TMPDIR elsewhere") from None
    register(self.path)
    self._close = weakref.finalize(self, _remove, str(self.path), held, os.getpid())

  def close(self) -> None:
    """Removes the folder."""
    self._close()

  def __enter__(self) -> Path:
    return self.path

  def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    self.close()


@contextlib.contextmanager
def private_tempdir() -> Iterator[None]:
  """Has all temporary files of this process and of those that it starts in one folder.

  Raises:
    KubricGenError: it cannot be made.
  """
  before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
  remove_abandoned_scratch(MEMORY)
  with Scratch("run") as folder:
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
      yield
    finally:
      tempfile.tempdir = before
      if variable is None:
        del os.environ["TMPDIR"]
      else:
        os.environ["TMPDIR"] = variable
