"""Paths of the file system and of object stores, told apart."""

from __future__ import annotations

import os
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kubric_gen.errors import shown

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
    raise ValueError(f"the file name {shown(name)} does not stay in its folder")
  return str(path)


def file_size(path: epath.Path) -> int:
  """Bytes of a file. Of a local one without `epath`, which asks for its owner's name, and fails where the owner has none."""
  return os.path.getsize(path) if is_local(path) else int(path.stat().length)
