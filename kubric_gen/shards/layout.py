"""Where the files of a dataset lie, and the records of which scenes go into which of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.sinks.sink import sinks
from kubric_gen.system.paths import is_local

if TYPE_CHECKING:
  from etils import epath

VERSION = "1.0.0"
MAX_SHARD_BYTES = 200_000_000
PARTIAL = ".partial"


def check_formats(names: Iterable[str]) -> tuple[str, ...]:
  """The names of file formats, which are those of sinks for records, without repetition.

  Raises:
    KubricGenError: an unknown one, or none.
  """
  chosen, known = tuple(dict.fromkeys(names)), tuple(sinks("records"))
  for name in chosen:
    if name not in known:
      raise KubricGenError(f"unknown file format {shown(name)}: choose from {', '.join(known)}")
  if not chosen:
    raise KubricGenError(f"no file format: choose from {', '.join(known)}")
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
  return folder.with_name(folder.name + PARTIAL) if is_local(folder) else folder


@dataclass(frozen=True)
class Shard:
  """One file of records, in every format.

  Attributes:
    index, total: which of the split's shards it is. seeds: of its scenes, whose records of the split follow one another.
  """

  split: str
  resolution: str
  index: int
  total: int
  seeds: tuple[int, ...]

  @property
  def size(self) -> tuple[int, int]:
    """(height, width) of its images."""
    height, _, width = self.resolution.partition("x")
    return int(height), int(width)

  def file_name(self, dataset: str, file_format: str) -> str:
    """As TFDS names it."""
    digits = max(5, len(str(self.total)))
    return f"{dataset}-{self.split}.{file_format}-{self.index:0{digits}d}-of-{self.total:0{digits}d}"


def shuffled(seeds: Iterable[int]) -> list[int]:
  """Seeds in the order of their hashes: a shuffle that is the same whatever was made when, and by whom."""
  return sorted(seeds, key=lambda seed: hashlib.sha256(f"order:{seed}".encode()).digest())


def _cuts(sizes: Sequence[int], max_bytes: int) -> list[range]:
  """Runs of scenes for the shards: of equal length where that needs at most twice as many as there must be, else as full as they
  may be, which a few scenes much larger than the others make necessary."""
  count, ends = len(sizes), [0, *accumulate(sizes)]
  fewest = min(max(1, -(-ends[-1] // max_bytes)), count)
  for parts in range(fewest, min(2 * fewest, count) + 1, max(1, fewest // 50)):
    edges = [count * part // parts for part in range(parts + 1)]
    if all(ends[high] - ends[low] <= max_bytes for low, high in pairwise(edges)):
      break
  else:
    edges = [0]
    for i in range(1, count):
      if ends[i + 1] - ends[edges[-1]] > max_bytes:
        edges.append(i)
    edges.append(count)
  return [range(low, high) for low, high in pairwise(edges)]


def plan_shards(splits: Mapping[str, Mapping[int, Mapping[str, int]]], resolutions: Sequence[str],
                max_bytes: int = MAX_SHARD_BYTES) -> list[Shard]:
  """Distributes scenes over shards of at most `max_bytes` (or of one scene that is larger). Splits without any have none.

  Args:
    splits: per split and seed the size of the records of each resolution.
    resolutions: their names.
  """
  shards = []
  for split, seeds in splits.items():
    order = shuffled(seeds)
    for resolution in resolutions:
      cuts = _cuts([seeds[seed][resolution] for seed in order], max_bytes) if order else []
      shards += [Shard(split, resolution, index, len(cuts), tuple(order[i] for i in cut)) for index, cut in enumerate(cuts)]
  return shards
