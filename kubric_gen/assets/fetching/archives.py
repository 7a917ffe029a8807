"""Archives, treated as hostile input: only plain files and folders, only below the folder they go to, only so much."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from kubric_gen.assets.fetching.files import MAX_BYTES
from kubric_gen.assets.fetching.remote import CHUNK
from kubric_gen.errors import AssetError, shown
from kubric_gen.system.paths import relative_file

MAX_MEMBERS = 10_000
NAME_ERRORS = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP}
"""What goes wrong in writing where the names in an archive are to blame."""


@contextlib.contextmanager
def _blame_reading() -> Iterator[None]:
  """Tells failures of reading from those of writing."""
  try:
    yield
  except OSError as error:
    raise ValueError(f"it cannot be read: {error.strerror or error}") from None


class _Limited:
  """A stream of which no more than so many bytes are ever read, and never many at once: headers ask for what they like."""

  def __init__(self, stream: IO[bytes], limit: int) -> None:
    self._stream, self._limit = stream, limit

  def read(self, size: int) -> bytes:
    if not 0 <= size <= CHUNK:
      raise ValueError("a header is too large")
    with _blame_reading():
      data = self._stream.read(size)
    self._check()
    return data

  def seek(self, place: int) -> None:
    if place > self._limit:
      raise ValueError("its headers promise more than it may hold")
    with _blame_reading():
      self._stream.seek(place)
    self._check()

  def tell(self) -> int:
    return self._stream.tell()

  def _check(self) -> None:
    if self._stream.tell() > self._limit:
      raise ValueError(f"it holds more than {self._limit >> 20} MiB")


def _copy(source: IO[bytes], target: Path, size: int) -> None:
  with open(target, "xb") as file:
    while block := source.read(CHUNK):
      file.write(block)
    if file.tell() != size:
      raise ValueError("it is truncated")


def _members(archive: tarfile.TarFile) -> Iterable[tarfile.TarInfo]:
  """The files and folders, each checked before the next header is read."""
  count = 0
  while (member := archive.next()) is not None:
    count += 1
    if count > MAX_MEMBERS:
      raise ValueError(f"it holds more than {MAX_MEMBERS} files")
    if member.isdir() and member.name.strip("./") == "":
      continue
    if not (member.isreg() or member.isdir()) or member.issparse():
      raise ValueError(f"{shown(member.name)} is neither a file nor a folder")
    yield member


def unpack(archive: Path, folder: Path) -> None:
  """Unpacks a tar file, gzip-compressed or not, into an empty folder. Owners, permissions and times are not taken over.

  Raises:
    AssetError: it is truncated or no tar file; holds links, devices or names that leave the folder; holds more than
      `MAX_MEMBERS` files or `MAX_BYTES` bytes; or the disk is full.
  """
  try:
    with contextlib.ExitStack() as opened:
      with _blame_reading():
        file = opened.enter_context(open(archive, "rb"))
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
      stream = opened.enter_context(gzip.GzipFile(fileobj=file)) if compressed else file
      limited = _Limited(stream, MAX_BYTES)  # type: ignore[arg-type]
      tar = opened.enter_context(tarfile.open(fileobj=limited, mode="r:"))  # type: ignore[call-overload]
      found = 0
      for member in _members(tar):
        target = folder / relative_file(member.name)
        if member.isdir():
          target.mkdir(parents=True, exist_ok=True)
          continue
        target.parent.mkdir(parents=True, exist_ok=True)
        data = tar.extractfile(member)
        assert data is not None  # it is a plain file
        _copy(data, target, member.size)
        found += 1
      while limited.read(CHUNK):  # to the end, where gzip's checksum is
        pass
      if not found:
        raise ValueError("it holds no files")
  except OSError as error:
    if error.errno not in NAME_ERRORS:
      raise AssetError(f"{archive} cannot be unpacked into {folder.parent} ({error.strerror}): free some space or point "
                       "KUBRIC_GEN_CACHE elsewhere") from None
    _raise_unusable(archive, f"{error.strerror or error}")
  except (tarfile.TarError, ValueError, EOFError, zlib.error, RecursionError) as error:
    _raise_unusable(archive, str(error))


def _raise_unusable(archive: Path, reason: str) -> None:
  raise AssetError(f"archive {archive} cannot be used ({' '.join(reason.split())[:300]}): fetch it again, or pack it again as "
                   "a tar.gz of plain files") from None


def pack(files: dict[str, bytes]) -> bytes:
  """A tar.gz of files by name whose bytes depend on nothing else."""
  buffer = io.BytesIO()
  with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as stream:
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
      for name, data in sorted(files.items()):
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o644
        tar.addfile(member, io.BytesIO(data))
  return buffer.getvalue()
