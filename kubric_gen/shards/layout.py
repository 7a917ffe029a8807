"""Where the files of a dataset lie, and which records go into which of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubric_gen.errors import KubricGenError

if TYPE_CHECKING:
  from etils import epath

VERSION = "1.0.0"
FORMATS = ("tfrecord", "array_record", "parquet")
MAX_SHARD_BYTES = 200_000_000
PARTIAL = ".partial"


def check_formats(names: Iterable[str]) -> tuple[str, ...]:
  """The names of file formats, without repetition.

  Raises:
    KubricGenError: an unknown one, or none.
  """
  chosen = tuple(dict.fromkeys(names))
  for name in chosen:
    if name not in FORMATS:
      raise KubricGenError(f"unknown file format {name!r}: choose from {', '.join(FORMATS)}")
  if not chosen:
    raise KubricGenError(f"no file format: choose from {', '.join(FORMATS)}")
  return chosen


def format_roots(data_dir: str, formats: Sequence[str]) -> dict[str, str]:
  """The folder that stands for TFDS's data_dir of each format: the first has `data_dir`, the others are its siblings."""
  plain = data_dir.rstrip("/") or data_dir
  return {name: plain if number == 0 else f"{plain}_{name}" for number, name in enumerate(formats)}


def dataset_dir(root: str | os.PathLike[str], dataset: str, resolution: str) -> epath.Path:
  """`<root>/<dataset>/<H>x<W>/<version>`."""
  from etils import epath
  return epath.Path(root) / dataset / resolution / VERSION


def partial_dir(folder: epath.Path) -> epath.Path:
  """Where a dataset is written until it is complete. In an object store, which cannot rename a folder, in its own place:
  TFDS sees it when `dataset_info.json` appears, last."""
  return folder.with_name(folder.name + PARTIAL) if "://" not in os.fspath(folder) else folder


@dataclass(frozen=True)
class Shard:
  """One file of records, in every format.

  Attributes:
    index, total: which of the split's shards it is. seeds: of its records, in order.
  """

  split: str
  resolution: str
  index: int
  total: int
  seeds: tuple[int, ...]

  def file_name(self, dataset: str, file_format: str) -> str:
    """As TFDS names it."""
    return f"{dataset}-{self.split}.{file_format}-{self.index:05d}-of-{self.total:05d}"


def shuffled(seeds: Iterable[int]) -> list[int]:
  """Seeds in the order of their hashes: a shuffle that is the same whatever was made when, and by whom."""
  return sorted(seeds, key=lambda seed: hashlib.sha256(f"order:{seed}".encode()).digest())


def _cuts(count: int, parts: int) -> list[range]:
  edges = [count * part // parts for part in range(parts + 1)]
  return [range(low, high) for low, high in zip(edges, edges[1:])]


def plan_shards(splits: Mapping[str, Mapping[int, Mapping[str, int]]], resolutions: Sequence[str],
                max_bytes: int = MAX_SHARD_BYTES) -> list[Shard]:
  """Distributes records over shards of at most `max_bytes` (unless one record alone is larger).

  Args:
    splits: per split and seed the size of the record of each resolution.
    resolutions: their names.
  """
  shards = []
  for split, seeds in splits.items():
    order = shuffled(seeds)
    for resolution in resolutions:
      sizes = [seeds[seed][resolution] for seed in order]
      parts = min(max(1, -(-sum(sizes) // max_bytes)), len(order))
      while parts < len(order) and max(sum(sizes[i] for i in cut) for cut in _cuts(len(order), parts)) > max_bytes:
        parts += 1
      shards += [Shard(split, resolution, index, parts, tuple(order[i] for i in cut))
                 for index, cut in enumerate(_cuts(len(order), parts))]
  return shards
