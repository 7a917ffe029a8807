"""From what the scenes of a dataset are made: everything that decides their content, as data that travels to workers."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.layers import check_layers
from kubric_gen.schema.description import features_to_plain
from kubric_gen.schema.features import Features, check_features
from kubric_gen.world.config import StaticWorldConfig
from kubric_gen.world.identity import config_hash, scene_flags
from kubric_gen.world.loading import load_world
from kubric_gen.world.splits import DatasetSpec, Split
from kubric_gen.world.world import World


@dataclass(frozen=True, order=True)
class SceneKey:
  """A scene of a dataset."""

  split: str
  seed: int

  def __str__(self) -> str:
    return f"{self.split}/{self.seed}"


@dataclass(frozen=True)
class Recipe:
  """What the scenes of a dataset are made from.

  Attributes:
    world_name: for `load_world`.
    config: the world's config, with the largest resolution.
    resolutions: (height, width) of each dataset made from the same scenes, largest first.
    settings: how to render.
  """

  world_name: str
  config: StaticWorldConfig
  resolutions: tuple[tuple[int, int], ...]
  settings: RenderSettings = field(default_factory=RenderSettings)

  def __post_init__(self) -> None:
    ordered = tuple(sorted(set(self.resolutions), reverse=True))
    if not ordered or len(ordered) != len(self.resolutions):
      raise KubricGenError("resolution must name each image size once")
    object.__setattr__(self, "resolutions", ordered)
    height, width = ordered[0]
    for low, wide in ordered:
      if min(low, wide) < 1 or height % low or height * wide != width * low:
        raise KubricGenError(f"resolution {low}x{wide} is no whole fraction of {height}x{width}: the smaller images are "
                             "box-averaged from the largest")
    object.__setattr__(self, "config", dataclasses.replace(self.config, resolution=ordered[0]))
    features = self.features(ordered[0])
    check_features(features, self.dataset.name)
    for split in self.dataset.scene_splits:  # refuses what does not fit together
      if self.dataset.schema.features(self.config_of(split), ordered[0]) != features:
        raise KubricGenError(f"{self.dataset.name}: the split {split.name} changes what records hold ("
                             f"{', '.join(self.dataset.overrides(split))}): change that in the config, for all splits alike")

  def __getstate__(self) -> dict[str, Any]:
    """What travels: what follows from the world is made anew."""
    return {name: getattr(self, name) for name in (field.name for field in dataclasses.fields(self))}

  @cached_property
  def world(self) -> World[Any]:
    return load_world(self.world_name)

  @cached_property
  def dataset(self) -> DatasetSpec:
    """What the world says of the dataset."""
    return self.world.dataset_of(self.config)

  @property
  def layers(self) -> tuple[str, ...]:
    """What the schema needs."""
    return check_layers(self.dataset.schema.layers)

  def key(self, seed: int, split: str = "") -> SceneKey:
    """The key of a seed.

    Args:
      split: that has it, which must be named where splits are explicit.

    Raises:
      KubricGenError: there is no such split, or the seed belongs to another.
    """
    if self.dataset.explicit:
      return SceneKey(self.dataset.split(split).name, seed)
    found = self.dataset.split_of(seed).name
    if split and self.dataset.split(split).name != found:
      raise KubricGenError(f"the seed {seed} of {self.dataset.name} belongs to the split {found}, not {split}")
    return SceneKey(found, seed)

  def config_of(self, split: Split) -> StaticWorldConfig:
    """The config of a split's scenes."""
    return self.world.config_of(self.config, split, self.dataset)

  def flags(self, split: Split) -> dict[str, Any]:
    """All that decides the content of the records of a split's seeds, but the seed."""
    flags = scene_flags(self.world, self.config_of(split), 0, self.layers, self.settings, self.dataset.seeds_of(split))
    del flags["seed"]
    return {**flags, "dataset": self.dataset.name, "record_features": self._features_digest,
            "resolutions": ["x".join(map(str, size)) for size in self.resolutions]}

  @cached_property
  def _features_digest(self) -> str:
    """Changes when records come to hold something else."""
    text = json.dumps(features_to_plain(self.features(self.resolutions[0])), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

  def hash(self, split: Split) -> str:
    """The config hash of a split, in hexadecimal."""
    return config_hash(self.flags(split))

  def features(self, resolution: tuple[int, int]) -> Features:
    """What the records of a resolution hold."""
    return self.dataset.schema.features(self.config, resolution)

  def plain(self) -> Mapping[str, Any]:
    """The flags of each split, for the card and the store."""
    return {split.name: self.flags(split) for split in self.dataset.scene_splits}


def resolution_name(resolution: tuple[int, int]) -> str:
  """The name of a resolution, and of its TFDS config: HEIGHTxWIDTH."""
  return "x".join(map(str, resolution))
