"""Files and directories that appear whole or not at all: the one place where this is done.

What is being written has a temporary directory beside its target, so that renaming it takes no copying. That is registered for
interruptions, and locked as long as somebody writes into it (see `locks`): who writes the same target next tells by that what
was left behind by a process that was killed outright. Nothing waits for the disk: this guards against processes that end, not
against power cuts.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from kubric_gen.errors import KubricGenError
from kubric_gen.system.interrupts import register, unregister
from kubric_gen.system.locks import make_locked_folder, remove_unlocked
from kubric_gen.system.paths import is_local
from kubric_gen.system.scratch import Scratch

_NAME = "file"
UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG}


@contextlib.contextmanager
def whole_file(target: str | os.PathLike[str]) -> Iterator[Path]:
  """A path to write a file to, which takes the target's place when the block ends well, and vanishes otherwise.

  Args:
    target: of the file, in a folder that is there. A file of an object store is written to disk first, and uploaded in the end.

  Raises:
    OSError: the file cannot be moved, or was not written.
  """
  if not is_local(target):
    from etils import epath
    with Scratch("upload") as folder:
      yield folder / _NAME
      epath.Path(folder / _NAME).copy(target, overwrite=True)
    return
  with partial_folder(Path(target)) as folder:
    yield folder / _NAME
    os.replace(folder / _NAME, target)


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
  """Writes a file that appears whole or not at all, and makes its folder.

  Raises:
    KubricGenError: it cannot be written.
  """
  try:
    if is_local(path):
      Path(path).parent.mkdir(parents=True, exist_ok=True)
      with whole_file(path) as draft:
        draft.write_bytes(data)
    else:  # an object store shows nothing before the upload is complete
      from etils import epath
      epath.Path(path).write_bytes(data)
  except OSError as error:
    way_out = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "choose another place"
    raise KubricGenError(f"cannot write {os.fspath(path)} ({error.strerror or error}): {way_out}") from error


def check_target(path: str | os.PathLike[str], overwrite: bool, mark: str = "metadata.json", what: str = "scene directory",
                 flag: str = "--output_dir") -> None:
  """Refuses a directory that must not be (re)placed: one that exists, or with `overwrite` one that is no scene.

  Args:
    path: of the directory.
    overwrite: whether it may exist.
    mark: the file by which a directory of this kind is known.
    what: a directory of this kind is called.
    flag: that names the directory.

  Raises:
    KubricGenError: it must not, or its place cannot be looked at.
  """
  target = Path(path)
  try:
    exists = os.path.lexists(target)
    if exists and not overwrite:
      raise KubricGenError(f"{target} already exists: choose another {flag} or pass --overwrite")
    if exists and not (target.is_dir() and not target.is_symlink()
                       and ((target / mark).is_file() or not any(target.iterdir()))):
      raise KubricGenError(f"{target} is no {what} and will not be replaced: choose another {flag}")
  except OSError as error:
    raise KubricGenError(f"cannot use {target} ({error.strerror}): choose another {flag}") from None


@contextlib.contextmanager
def whole_directory(path: str | os.PathLike[str], overwrite: bool = False, mark: str = "metadata.json",
                    what: str = "scene directory", flag: str = "--output_dir") -> Iterator[Path]:
  """A temporary sibling of `path` that takes its place when the block ends well, and vanishes otherwise.

  Args: see `check_target`.

  Raises:
    KubricGenError: `path` exists (with `overwrite`: and is neither empty nor a scene directory), or its parent cannot
      be written to.
  """
  target = Path(path)
  check_target(target, overwrite, mark, what, flag)
  with contextlib.ExitStack() as made:
    try:
      target.parent.mkdir(parents=True, exist_ok=True)
      staging = made.enter_context(partial_folder(target))
    except OSError as error:
      raise KubricGenError(f"cannot write to {target.parent} ({error.strerror}): choose another {flag}") from None
    try:
      staging.chmod(0o777 & ~_umask())
      yield staging
      replace_directory(staging, target)
    except OSError as error:
      if error.errno not in UNWRITABLE:
        raise
      raise KubricGenError(f"cannot write {target} ({error.strerror}): free some space or choose another {flag}") from error


@contextlib.contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
  """A new directory beside the target, to be renamed; it vanishes in the end if it was not. So do those that were left
  behind beside this target.

  Raises:
    OSError: there is no place for it.
  """
  remove_abandoned(target.parent, target.name)
  staging, held = _make_sibling(target, "partial")
  register(staging)
  try:
    yield staging
  finally:
    shutil.rmtree(staging, ignore_errors=True)
    unregister(staging)
    if held is not None:
      os.close(held)


def replace_directory(draft: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
  """Renames a finished directory to its final name, on the same disk. What was there before goes only when the new one is in
  place, and is put back if that fails.

  Raises:
    OSError: it cannot be renamed.
  """
  target = Path(target)
  if not os.path.lexists(target):
    os.rename(draft, target)
  else:
    old, held = _make_sibling(target, "old")
    try:
      os.rename(target, old / target.name)
      os.rename(draft, target)
    except BaseException:
      if (old / target.name).exists() and not target.exists():
        os.rename(old / target.name, target)
      raise
    finally:
      if target.exists():
        register(old)
        shutil.rmtree(old, ignore_errors=True)
        unregister(old)
      if held is not None:
        os.close(held)
  _remove_siblings(target.parent, target.name, "old")  # of runs that were killed in between


def remove_abandoned(parent: Path, name: str | None = None) -> None:
  """Removes the unfinished directories of runs on this machine that were killed outright, by the kernel say.

  Args:
    parent: of the finished directories.
    name: of one of them; None for all.
  """
  _remove_siblings(parent, name, "partial")


def _remove_siblings(parent: Path, name: str | None, kind: str) -> None:
  """Removes the temporary siblings of a directory, or of all, that nobody on this machine writes into."""
  names = f".{'*' if name is None else glob.escape(name)}.{kind}-{glob.escape(platform.node())}-*"
  remove_unlocked(parent.glob(names))


def _make_sibling(target: Path, kind: str) -> tuple[Path, int | None]:
  """A new directory beside the target and its lock."""
  return make_locked_folder(f".{target.name}.{kind}-{platform.node()}-", target.parent)


def _umask() -> int:
  mask = os.umask(0)
  os.umask(mask)
  return mask
