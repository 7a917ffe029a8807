"""Directories that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kubric_gen.errors import KubricGenError
from kubric_gen.interrupts import register, unregister

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


@contextlib.contextmanager
def staged_directory(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
  """A temporary sibling of `path` that takes its place when the block ends well, and vanishes otherwise.

  Raises:
    KubricGenError: `path` exists (unless `overwrite`) or its parent cannot be written to.
  """
  target = Path(path)
  if os.path.lexists(target):
    if not overwrite:
      raise KubricGenError(f"{target} already exists: choose another --output_dir or pass --overwrite")
    if not target.is_dir() or target.is_symlink():
      raise KubricGenError(f"{target} is no directory and will not be replaced: choose another --output_dir")
  try:
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
  except OSError as error:
    raise KubricGenError(f"cannot write to {target.parent} ({error.strerror}): choose another --output_dir") from None
  register(staging)
  try:
    staging.chmod(0o777 & ~_umask())
    yield staging
    if os.path.lexists(target):
      old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
      os.rename(target, old / target.name)
      os.rename(staging, target)
      shutil.rmtree(old, ignore_errors=True)
    else:
      os.rename(staging, target)
  except OSError as error:
    if error.errno not in UNWRITABLE:
      raise
    raise KubricGenError(f"cannot write {target} ({error.strerror}): free some space or choose another --output_dir"
                         ) from error
  finally:
    shutil.rmtree(staging, ignore_errors=True)
    unregister(staging)


def _umask() -> int:
  mask = os.umask(0)
  os.umask(mask)
  return mask
