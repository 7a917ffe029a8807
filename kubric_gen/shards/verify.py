"""Finds damage in finished datasets: every file of one has its SHA-256 in the card, and so has the card itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kubric_gen.errors import shown
from kubric_gen.shards.card_file import CARD, CardError, read_card
from kubric_gen.shards.default_config import damaged_default
from kubric_gen.system.files import FileSum, check_regular, file_sum, in_one_line
from kubric_gen.system.paths import file_size
from kubric_gen.system.resources import cpu_count

UNREADABLE = "cannot be read"
"""What is said of a file of which nobody can tell whether it is damaged."""
_SHA256 = re.compile("[0-9a-f]{64}")


def listed_files(card: Mapping[str, Any]) -> dict[str, FileSum]:
  """The files of a dataset as its card lists them; without checksums where an earlier version made it.

  Raises:
    ValueError: it has no such list, or one of files outside the folder.
  """
  listed = card.get("files")
  if not isinstance(listed, dict) or not listed:
    raise ValueError("it lists no files")
  found = {}
  for name, said in listed.items():
    size, digest = (said.get("size"), said.get("sha256")) if isinstance(said, dict) else (said, "")
    if (not name.isprintable() or name in ("", ".", "..") or "/" in name or "\\" in name or len(name) > 255
        or type(size) is not int or size < 0 or not isinstance(digest, str)
        or not _SHA256.fullmatch(digest) and isinstance(said, dict)):
      raise ValueError(f"the file {shown(name)} has no name, size and SHA-256")
    found[name] = FileSum(size, digest)
  return found


def _damage(file: Any, said: FileSum) -> str | None:
  """What is wrong with a file; its size is looked at first."""
  try:
    check_regular(file)
    size = file_size(file)
    if size != said.size:
      return f"has {size} bytes, not {said.size}"
    if not said.sha256:
      return None
    return None if file_sum(file) == said else "has another SHA-256 than the card says: its content was changed"
  except FileNotFoundError:
    return "is gone"
  except Exception as error:  # of any object store
    return f"{UNREADABLE} ({in_one_line(error)})"


def damaged_files(folder: Any, card: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
  """The damaged files of a dataset, each with what is wrong with it. All are read, as many at a time as there are processors
  (Python's lock is free meanwhile). Of a card of earlier versions, which has sizes alone, these are compared.

  Raises:
    ValueError: the card lists no files, or some outside the folder.
  """
  files = listed_files(card)
  threads = ThreadPoolExecutor(cpu_count())
  try:
    for name, wrong in zip(files, threads.map(lambda item: _damage(folder / item[0], item[1]), files.items())):
      if wrong:
        yield folder / name, wrong
  finally:
    threads.shutdown(cancel_futures=True)  # whoever has seen enough does not wait for the others


def verify_dataset(folder: str | os.PathLike[str]) -> list[str]:
  """Reads every file of a finished dataset, in the file system or an object store.

  Args:
    folder: such as `DIR/movi_a/128x128/1.0.0`.

  Returns:
    Its damages, a line each; none where it is sound. Files that the card does not list are none of its own.
  """
  from etils import epath
  place = epath.Path(folder)
  try:
    card = read_card(place)
  except FileNotFoundError:
    return [f"{place} is no finished dataset: it has no {CARD}"]
  except CardError as error:
    return [error.damage]
  except Exception as error:
    return [f"{place} cannot be read ({in_one_line(error)})"]
  try:
    damages = [f"{file} {wrong}" for file, wrong in damaged_files(place, card)]
    if not all(said.sha256 for said in listed_files(card).values()):
      return [*damages, f"{place / CARD} has no checksums, as those of earlier versions: only sizes were compared"]
  except ValueError as error:
    return [f"{place / CARD} cannot be used ({error})"]
  default = damaged_default(place.parent.parent)
  return [*damages, default] if default else damages
