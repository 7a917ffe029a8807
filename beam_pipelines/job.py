"""What a run of the pipeline is asked for: plain data that travels to every worker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.scene.serialization import to_plain
from kubric_gen.shards.layout import dataset_dir, format_roots
from kubric_gen.shards.recipe import Recipe, SceneKey, resolution_name
from kubric_gen.world.seeds import exact_text


@dataclass(frozen=True)
class SeedRange:
  """Seeds first … last, both included.

  Attributes:
    split: that has them, where splits are explicit; "" where each seed's hash decides.
  """

  first: int
  last: int
  split: str = ""


@dataclass(frozen=True)
class Job:
  """A dataset to be made.

  Attributes:
    recipe: what its scenes are made from.
    seeds: ranges of its scenes. splits: only those of these splits; () for all.
    data_dir: TFDS's data_dir, for the first format. formats: of the files. store_dir: of the scene store.
    max_attempts: how often a scene is tried. max_failed_fraction: of the scenes that may fail.
    processes: worker processes at a time in each Beam worker. max_memory_mb: above which one is replaced.
    stall_seconds: without a finished frame, after which one counts as hung.
    overwrite: replace a different dataset in `data_dir`.
  """

  recipe: Recipe
  seeds: tuple[SeedRange, ...]
  data_dir: str
  formats: tuple[str, ...] = ("tfrecord",)
  splits: tuple[str, ...] = ()
  store_dir: str = ""
  max_attempts: int = 3
  max_failed_fraction: float = 0.0
  processes: int = 1
  max_memory_mb: float = 550.0
  stall_seconds: float = 600.0
  overwrite: bool = False

  @property
  def store_root(self) -> str:
    return self.store_dir or os.path.join(self.data_dir, "scenes")

  @property
  def roots(self) -> dict[str, str]:
    """TFDS's data_dir of each format."""
    return format_roots(self.data_dir, self.formats)

  @property
  def request(self) -> dict[str, Any]:
    """What decides the content of the dataset, as its card quotes it."""
    return json.loads(json.dumps(to_plain({
        "seeds": self.seeds_text, "asked_splits": list(self.splits),
        "recipe": _without_resolutions(self.recipe.plain())})))

  @property
  def seeds_text(self) -> str:
    """All seeds, as the card quotes them."""
    splits = list(dict.fromkeys(part.split for part in self.seeds))
    texts = {split: exact_text((part.first, part.last) for part in self.seeds if part.split == split) for split in splits}
    return "; ".join(f"{split} {text}".strip() for split, text in texts.items())

  def asked(self, split: str) -> bool:
    """Whether scenes of a split were asked for."""
    return (not self.splits or split in self.splits) and any(part.split in ("", split) for part in self.seeds)

  def keys(self, part: SeedRange) -> Iterator[SceneKey]:
    """The scenes of a range that belong to a split that was asked for."""
    for seed in range(part.first, part.last + 1):
      key = self.recipe.key(seed, part.split)
      if not self.splits or key.split in self.splits:
        yield key

  @property
  def num_scenes(self) -> int:
    """Scenes of the splits that were asked for."""
    if self.splits:
      return sum(1 for part in self.seeds for _ in self.keys(part))
    return sum(part.last - part.first + 1 for part in self.seeds)

  def folders(self) -> dict[Any, str]:
    """Of all datasets that the job makes, with the format of their files."""
    return {dataset_dir(root, self.recipe.dataset.name, resolution_name(resolution)): file_format
            for file_format, root in self.roots.items() for resolution in self.recipe.resolutions}

  def check_splits(self) -> None:
    """Makes sure that every split asked for by name has a seed.

    Raises:
      KubricGenError: one is unknown, or stays empty.
    """
    missing = set(self.splits)
    for name in self.splits:
      self.recipe.dataset.split(name)
    if missing and self.recipe.dataset.of_records:
      raise KubricGenError(f"--splits chooses scenes, and every scene of {self.recipe.dataset.name} has records of all splits: "
                           "leave it out")
    for part in self.seeds:
      for seed in range(part.first, part.last + 1):
        if not missing:
          return
        missing.discard(self.recipe.key(seed, part.split).split)
    if missing:
      if self.recipe.dataset.explicit:
        raise KubricGenError(f"--splits names {sorted(missing)[0]}, for which no scenes are asked: name it in --split_scenes")
      raise KubricGenError(f"none of the seeds {self.request['seeds']} falls into the split {sorted(missing)[0]}: ask for "
                           "more scenes, or leave the split out")


def _without_resolutions(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
  """The flags of each split but the smaller resolutions made beside it, which do not change this one."""
  return {split: {name: value for name, value in flags.items() if name != "resolutions"} for split, flags in plain.items()}
