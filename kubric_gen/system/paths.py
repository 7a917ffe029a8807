"""Paths of the file system and of object stores, told apart; files that appear whole."""

from __future__ import annotations

import contextlib
import errno
import os
import unicodedata
import uuid
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kubric_gen.errors import KubricGenError
from kubric_gen.system.interrupts import register, unregister

if TYPE_CHECKING:
  from etils import epath


def is_local(path: str | os.PathLike[str]) -> bool:
  """Whether a path lies in the file system, rather than in an object store."""
  return "://" not in os.fspath(path)


def absolute(path: str) -> str:
  """The same path for processes that may have another working directory; '' stays ''."""
  return os.path.abspath(os.path.expanduser(path)) if path and is_local(path) else path


def relative_file(name: str) -> str:
  """A file name that stays below its folder, normalised.

  Raises:
    ValueError: it does not, or is none, or holds control characters or line breaks.
  """
  path = PurePosixPath(name.strip())
  if (not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or "://" in name or len(name) > 1024
      or any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name)):
    raise ValueError(f"the file name {name[:100]!r} does not stay in its folder")
  return str(path)


def file_size(path: epath.Path) -> int:
  """Bytes of a file. Of a local one without `epath`, which asks for its owner's name, and fails where the owner has none."""
  return os.path.getsize(path) if is_local(path) else int(path.stat().length)


def write_whole(path: epath.Path, data: bytes) -> None:
  """Writes a file that appears whole or not at all.

  Raises:
    KubricGenError: it cannot be written.
  """
  temporary = path.parent / f".{path.name}.{uuid.uuid4().hex[:12]}"
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not is_local(path):  # an object store shows nothing before the upload is complete
      path.write_bytes(data)
      return
    register(temporary)
    temporary.write_bytes(data)
    temporary.replace(path)
  except OSError as error:
    way_out = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "choose another place"
    raise KubricGenError(f"cannot write {path} ({error.strerror or error}): {way_out}") from error
  finally:
    if is_local(path):
      with contextlib.suppress(OSError):
        os.unlink(temporary)
      unregister(temporary)
