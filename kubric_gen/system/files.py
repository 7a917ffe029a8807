"""Files of datasets, in the file system or an object store: JSON is read as hostile, and every file has a checksum."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from typing import Any, NoReturn

from kubric_gen.errors import KubricGenError
from kubric_gen.limits import MAX_REASON
from kubric_gen.system.checksums import check_plain
from kubric_gen.system.paths import file_size, is_local

MAX_JSON = 1 << 24
"""Bytes of a JSON file that describes a dataset: a million class names, or shards, need fewer."""
MAX_CARD = 1 << 26
"""Bytes of a card, which has a line for each file: 100 TB of shards need fewer."""
CHUNK = 1 << 20


def in_one_line(reason: object) -> str:
  """What an error says, in one line and not too long, whatever it quotes."""
  text = "".join(character if character.isprintable() else " " for character in str(reason)[:20 * MAX_REASON])
  return " ".join(text.split())[:MAX_REASON] or type(reason).__name__


def utf8_path(path: Any) -> str:
  """A local path as libraries in C++ want it, which take every text for UTF-8, whatever the locale says.

  Raises:
    ValueError: it is none.
  """
  try:
    return os.fsencode(path).decode()
  except UnicodeDecodeError:
    raise ValueError("its path is no UTF-8, and the libraries of file formats take no other") from None


def check_regular(file: Any) -> None:
  """Refuses what is no file on disk: reading a pipe would wait, and a device has no end.

  Raises:
    OSError: it is none, or is gone.
  """
  if is_local(file):
    check_plain(file)


def read_limited(file: Any, limit: int) -> bytes:
  """The content of a small file.

  Raises:
    OSError: it cannot be read.
    ValueError: it is larger than the limit.
  """
  check_regular(file)
  size = file_size(file)
  if size > limit:
    raise ValueError(f"it has {size} bytes, more than the limit of {limit}")
  with file.open("rb") as stream:
    data: bytes = stream.read(size + 1)
  return data


def _no_number(name: str) -> NoReturn:
  raise ValueError(f"it has the value {name}")


def read_json(file: Any, limit: int = MAX_JSON, *, way_out: str = "") -> Any:
  """The value of a JSON file, of finite numbers.

  Args:
    file: a path of `etils.epath`, or of the file system.
    limit: of its bytes.
    way_out: what mends it, for the error; "" where the caller tells.

  Raises:
    FileNotFoundError: it is not there.
    KubricGenError: it cannot be read.
  """
  try:
    return json.loads(read_limited(file, limit), parse_constant=_no_number)
  except FileNotFoundError:
    raise
  except (OSError, ValueError, RecursionError, MemoryError) as error:
    raise KubricGenError(f"{file} cannot be read ({in_one_line(error)}){': ' * bool(way_out)}{way_out}") from None


@dataclass(frozen=True)
class FileSum:
  """A file's size in bytes and its SHA-256 in hexadecimal."""

  size: int
  sha256: str

  def plain(self) -> dict[str, Any]:
    """As JSON knows it."""
    return {"size": self.size, "sha256": self.sha256}


class GrowingSum(threading.Thread):
  """The sum of a local file that another thread writes from its beginning to its end: what is there is read meanwhile, so that
  the file is not read once more when it is finished."""

  WAIT = 0.005
  """Seconds between two looks at a file that has not grown."""

  def __init__(self, file: Any) -> None:
    super().__init__(name="checksum", daemon=True)
    self._file, self._finished = file, threading.Event()
    self._failure: OSError | None = None
    self._digest, self._size = hashlib.sha256(), 0
    self.start()

  def run(self) -> None:
    try:
      while not self._finished.is_set() and not os.path.exists(self._file):
        self._finished.wait(self.WAIT)
      with open(self._file, "rb") as stream:
        while True:
          last = self._finished.is_set()  # asked before reading: what is then read is all there is
          grown = self._read(stream)
          if last and not grown:
            return
          if not grown:
            self._finished.wait(self.WAIT)
    except OSError as error:
      self._failure = error

  def _read(self, stream: Any) -> bool:
    chunk = stream.read(CHUNK)
    self._digest.update(chunk)
    self._size += len(chunk)
    return bool(chunk)

  def finish(self) -> FileSum:
    """The sum of the file, which nobody writes any more.

    Raises:
      OSError: it cannot be read.
    """
    self.stop()
    if self._failure is not None:
      raise self._failure
    if self._size != os.path.getsize(self._file):  # its writer has gone back in it
      return file_sum(self._file)
    return FileSum(self._size, self._digest.hexdigest())

  def stop(self) -> None:
    """Ends the reading."""
    self._finished.set()
    self.join()


def file_sum(file: Any) -> FileSum:
  """Reads a file through, in chunks.

  Raises:
    OSError: it cannot be read.
  """
  check_regular(file)
  digest, size = hashlib.sha256(), 0
  with file.open("rb") as stream:
    while chunk := stream.read(CHUNK):
      digest.update(chunk)
      size += len(chunk)
  return FileSum(size, digest.hexdigest())
