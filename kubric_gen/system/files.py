"""Files of datasets, in the file system or an object store: JSON is read as hostile, and every file has a checksum."""

from __future__ import annotations

import hashlib
import json
import os
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
