"""SHA-256 of the files of a folder, in one file beside them, by which damage is found."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.system.paths import relative_file

CHECKSUMS = "checksums.json"
MAX_BYTES = 1 << 28
"""Of the file of checksums: enough for two million files."""
_CHUNK = 1 << 20
_SHA256 = re.compile("[0-9a-f]{64}")
_NOT_THE_FILE = {errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETIMEDOUT}
"""Errors of reading that say nothing of what is in a file."""


class UnreadableError(KubricGenError):
  """A file that cannot be read now, so that nobody can tell whether it is damaged."""


def _refuse_unreadable(path: Path, error: OSError) -> None:
  if error.errno in _NOT_THE_FILE:
    raise UnreadableError(f"{path} cannot be read ({error.strerror})") from None


def check_plain(path: str | os.PathLike[str]) -> os.stat_result:
  """What the file system says of a file on disk. Reading a pipe would wait, and a device has no end.

  Raises:
    OSError: it is something else, or not there.
  """
  status = os.stat(path)
  if not stat.S_ISREG(status.st_mode):
    raise OSError(errno.EINVAL, "it is no file", os.fspath(path))
  return status


def read_plain(path: str | os.PathLike[str], limit: int) -> bytes:
  """The bytes of a file on disk.

  Raises:
    OSError: it cannot be read, or has more than `limit` bytes.
  """
  size = check_plain(path).st_size
  if size > limit:
    raise OSError(errno.EFBIG, f"it has {size} bytes, more than such a file can have", os.fspath(path))
  with open(path, "rb") as file:
    return file.read(size + 1)  # Python makes room for as many, and not for as many as are there


def sha256_of(path: str | os.PathLike[str]) -> str:
  """SHA-256 of a file on disk, in hexadecimal.

  Raises:
    OSError: it cannot be read.
  """
  check_plain(path)
  with open(path, "rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()


class HashedFolder:
  """A folder whose files are hashed as they are written, so that none has to be read again. Threads may share it."""

  def __init__(self, path: Path) -> None:
    self.path = path
    self._digests: dict[str, str] = {}

  def write(self, name: str, data: bytes) -> None:
    """Writes a file of this name, relative to the folder.

    Raises:
      OSError: it cannot be written.
    """
    (self.path / name).write_bytes(data)
    self._digests[name] = hashlib.sha256(data).hexdigest()

  def copy(self, name: str, source: Path) -> None:
    """Copies a file of any size.

    Raises:
      OSError: it cannot be read or written.
    """
    digest = hashlib.sha256()
    with open(source, "rb") as read, open(self.path / name, "wb") as written:
      while chunk := read.read(_CHUNK):
        written.write(chunk)
        digest.update(chunk)
    self._digests[name] = digest.hexdigest()

  def finish(self) -> None:
    """Writes the checksums of all files, one a line, in the order of their names. Files that others have written are read.

    Raises:
      OSError: one cannot be read, or the checksums not be written.
    """
    for name in _names(self.path):
      if name not in self._digests:
        self._digests[name] = sha256_of(self.path / name)
    (self.path / CHECKSUMS).write_bytes(_encode(self._digests))


def _encode(sums: dict[str, str]) -> bytes:
  return (json.dumps(sums, indent=1, sort_keys=True) + "\n").encode()


def _names(folder: Path) -> Iterator[str]:
  """The relative names of all files of a folder but the one of its checksums."""
  for place, _, files in os.walk(folder):
    for file in files:
      name = os.path.relpath(os.path.join(place, file), folder)
      if name != CHECKSUMS:
        yield name


def _checked(name: str, digest: object) -> tuple[str, str]:
  if relative_file(name) != name or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
    raise ValueError(f"{shown(name)} is no file with a SHA-256")
  return name, digest


def read_checksums(folder: Path) -> dict[str, str]:
  """The SHA-256 of each file that was written, by relative names.

  Raises:
    KubricGenError: there are none, or they are damaged. The message names no way out, which depends on what the folder is.
    UnreadableError: they cannot be read.
  """
  path = folder / CHECKSUMS
  try:
    data = read_plain(path, MAX_BYTES)
    found = json.loads(data)
    if not isinstance(found, dict) or not found:
      raise ValueError("it lists no files")
    sums = dict(_checked(*item) for item in found.items())
    if data != _encode(sums):
      raise ValueError("it does not hold what was written")
    return sums
  except FileNotFoundError:
    raise KubricGenError(f"{folder} cannot be verified (it has no {CHECKSUMS}, or is of an earlier version)") from None
  except (OSError, ValueError, RecursionError, MemoryError) as error:
    if isinstance(error, OSError):
      _refuse_unreadable(path, error)
    reason = getattr(error, "strerror", None) or " ".join(str(error)[:200].split())
    raise KubricGenError(f"{path} is damaged ({reason or type(error).__name__})") from None


def find_damage(folder: Path, belongs: Callable[[str], bool]) -> Iterator[str]:
  """What is wrong with a folder, one line each that names a file and no way out. Other people's files in it are nothing wrong.

  Args:
    belongs: whether a file of this relative name would be taken for one of the folder's own, so that it must have a checksum.

  Raises:
    UnreadableError: a file cannot be read, which is no damage.
  """
  try:
    sums = read_checksums(folder)
  except UnreadableError:
    raise
  except KubricGenError as error:
    yield str(error)
    return
  for name in sorted(sums):
    try:
      if sha256_of(folder / name) != sums[name]:
        yield f"{folder / name} is damaged (its SHA-256 is not that in {CHECKSUMS})"
    except (FileNotFoundError, NotADirectoryError):
      yield f"{folder / name} is missing"
    except OSError as error:
      _refuse_unreadable(folder / name, error)
      yield f"{folder / name} is damaged ({error.strerror or error})"
  for name in sorted(strangers(folder, sums)):
    if belongs(name):
      yield f"{folder / name} is not one of the files that were written there"


def strangers(folder: Path, sums: dict[str, str]) -> list[str]:
  """The relative names of files that have no checksum."""
  return [name for name in _names(folder) if name not in sums]
