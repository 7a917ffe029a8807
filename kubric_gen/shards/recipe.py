"""From what the scenes of a dataset are made: everything that decides their content, as data that travels to workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubric_gen.world.splits import DatasetSpec, Split
from kubric_gen.errors import KubricGenError
from kubric_gen.schema.features import Features
from kubric_gen.world.loading import load_world
from kubric_gen.world.identity import config_hash, scene_flags
from kubric_gen.scene.layers import MOVI_LAYERS
from kubric_gen.schema.movi import movi_features
from kubric_gen.render.settings import RenderSettings
from kubric_gen.world import WorldConfig


@dataclass(frozen=True)
class Recipe:
  """What the scenes of a dataset are made from.

  Attributes:
    world: its name, for `load_world`.
    config: the world's config, with the largest resolution.
    resolutions: (height, width) of each dataset made from the same scenes, largest first.
    settings: how to render.
  """

  world: str
  config: WorldConfig
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
    for split in self.dataset.splits:
      self.config_of(split)  # refuses what does not fit together

  @property
  def dataset(self) -> DatasetSpec:
    """What the world says of the dataset."""
    spec = load_world(self.world).dataset
    if spec is None:
      raise KubricGenError(f"the world {self.world} declares no dataset: give its WORLD a dataset function")
    return spec(self.config)

  def config_of(self, split: Split) -> WorldConfig:
    """The config of a split's scenes."""
    return dataclasses.replace(self.config, **split.overrides)

  def flags(self, split: Split) -> dict[str, Any]:
    """All that decides the content of the records of a split's seeds, but the seed."""
    flags = scene_flags(load_world(self.world), self.config_of(split), 0, MOVI_LAYERS, self.settings)
    del flags["seed"]
    return {**flags, "dataset": self.dataset.name, "resolutions": ["x".join(map(str, size)) for size in self.resolutions]}

  def hash(self, split: Split) -> str:
    """The config hash of a split, in hexadecimal."""
    return config_hash(self.flags(split))

  def features(self, resolution: tuple[int, int]) -> Features:
    """What the records of a resolution hold."""
    return movi_features(self.dataset, resolution, self.config.num_frames)

  def plain(self) -> Mapping[str, Any]:
    """The flags of each split, for the card and the store."""
    return {split.name: self.flags(split) for split in self.dataset.splits}


def resolution_name(resolution: tuple[int, int]) -> str:
  """The name of a resolution, and of its TFDS config: HEIGHTxWIDTH."""
  return "x".join(map(str, resolution))
