"""Seals: the SHA-256 of what is in the cache, kept beside it.

Disks fill up, machines are switched off, and people open files. What in the cache has no seal that fits it counts as not there,
and is made anew: so damage of any kind costs the time of making, and nothing else. The seal of a file is `<name>.sha256`; that of
a folder is its own file of checksums.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from kubric_gen.errors import KubricGenError
from kubric_gen.system.checksums import HashedFolder, check_plain, read_checksums, read_plain, sha256_of
from kubric_gen.system.whole import whole_file

SUFFIX = ".sha256"
MAX_BYTES = 1 << 30
"""Of a file that is read as a whole."""


def _seal(path: Path) -> Path:
  return path.with_name(path.name + SUFFIX)


def _read_seal(path: Path) -> str:
  return read_plain(_seal(path), 100).decode("ascii", "replace").strip()


@functools.lru_cache(maxsize=1 << 14)
def _digest(path: str, stamp: tuple[int, ...]) -> str:
  return sha256_of(path)


def _has_digest(path: Path, digest: str) -> bool:
  """Whether a file has this SHA-256; it is read once, as long as it stays the same.

  Raises:
    OSError: it cannot be read.
  """
  status = check_plain(path)
  return _digest(os.fspath(path), (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)) == digest


def seal_file(path: Path, digest: str) -> None:
  """Seals the file that is put at a path.

  Raises:
    OSError: the seal cannot be written.
  """
  with whole_file(_seal(path)) as draft:
    draft.write_text(f"{digest}\n")


def is_sound_file(path: Path) -> bool:
  """Whether a file is there as it was sealed."""
  try:
    return _has_digest(path, _read_seal(path))
  except OSError:
    return False


def read_sound(path: Path) -> bytes | None:
  """The bytes of a file as they were sealed; None where they are not there."""
  try:
    data = read_plain(path, MAX_BYTES)
    return data if hashlib.sha256(data).hexdigest() == _read_seal(path) else None
  except OSError:
    return None


def seal_folder(path: Path) -> None:
  """Seals a folder and all files in it.

  Raises:
    OSError: a file cannot be read, or the seal not be written.
  """
  HashedFolder(path).finish()


def is_sound_folder(path: Path) -> bool:
  """Whether a folder is there with all files as they were sealed."""
  try:
    return all(_has_digest(path / name, digest) for name, digest in read_checksums(path).items())
  except (OSError, KubricGenError):
    return False
