"""Directories that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kubric_gen.errors import KubricGenError
from kubric_gen.system.interrupts import register, unregister

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


def check_target(path: str | os.PathLike[str], overwrite: bool, mark: str = "metadata.json", what: str = "scene directory",
                 flag: str = "--output_dir") -> None:
  """Refuses a directory that must not be (re)placed: one that exists, or with `overwrite` one that is no scene.

  Args:
    path: of the directory. overwrite: whether it may exist. mark: the file by which a directory of this kind is known.
    what, flag: what such a directory is called, and the flag that names it.

  Raises:
    KubricGenError: it does, or its place cannot be looked at.
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
def staged_directory(path: str | os.PathLike[str], overwrite: bool = False, mark: str = "metadata.json",
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
      _take_place(staging, target)
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
  staging, held = _make_staging(target)
  register(staging)
  try:
    yield staging
  finally:
    shutil.rmtree(staging, ignore_errors=True)
    unregister(staging)
    if held is not None:
      os.close(held)


def _lock(folder: Path) -> int | None:
  """Shows others that a directory is being written, for as long as the descriptor is open; None where somebody else's is,
  and on file systems without locks."""
  try:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
  except OSError:
    return None
  try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor
  except OSError:
    os.close(descriptor)
    return None


def _make_staging(target: Path) -> tuple[Path, int | None]:
  """A new directory beside the target and its lock."""
  while True:
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-{platform.node()}-", dir=target.parent))
    held = _lock(staging)
    if staging.exists():  # else somebody has taken it for an abandoned one, before it was locked
      return staging, held
    if held is not None:
      os.close(held)


def remove_abandoned(parent: Path, name: str | None = None) -> None:
  """Removes the unfinished directories of runs on this machine that were killed outright, by the kernel say.

  Args:
    parent: of the scene directories. name: of one of them; None for all.
  """
  for folder in parent.glob(f".{'*' if name is None else glob.escape(name)}.partial-{glob.escape(platform.node())}-*"):
    held = _lock(folder)
    if held is not None:
      shutil.rmtree(folder, ignore_errors=True)
      os.close(held)


def _take_place(staging: Path, target: Path) -> None:
  """Renames, with whatever was there before put back if that fails."""
  if not os.path.lexists(target):
    os.rename(staging, target)
    return
  old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
  try:
    os.rename(target, old / target.name)
    os.rename(staging, target)
  except BaseException:
    if (old / target.name).exists() and not target.exists():
      os.rename(old / target.name, target)
    raise
  finally:
    if target.exists():
      register(old)
      shutil.rmtree(old, ignore_errors=True)
      unregister(old)


def _umask() -> int:
  mask = os.umask(0)
  os.umask(mask)
  return mask
