"""Worlds: distributions over scenes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np

from kubric_gen.errors import KubricGenError
from kubric_gen.scene.randomness import Key, generator
from kubric_gen.scene.scene import Scene
from kubric_gen.world.config import Config
from kubric_gen.world.splits import DatasetSpec, Split


@dataclass(frozen=True)
class World(Generic[Config]):
  """A distribution over scenes.

  Attributes:
    name: of the world and of its script.
    config: its dataclass; every field becomes a flag.
    build: draws one scene; all randomness comes from the given generator.
    dataset: what splits and records of a dataset of it look like.
    inputs: the SHA-256 of each file that a field of the config names, by field: what counts is what is in it, not where it
      is. Raises a `KubricGenError` if one cannot be used.
    variants: config fields of each of its datasets that `tfds.load` knows.
  """

  name: str
  config: type[Config]
  build: Callable[[Config, np.random.Generator], Scene]
  dataset: Callable[[Config], DatasetSpec] | None = None
  inputs: Callable[[Config], Mapping[str, str]] | None = None
  variants: tuple[Mapping[str, Any], ...] = ({},)

  def digests(self, config: Config) -> Mapping[str, str]:
    """`inputs`, of which there are none if the world says nothing."""
    return {} if self.inputs is None else self.inputs(config)

  def dataset_of(self, config: Config) -> DatasetSpec:
    """What the world says of the dataset of a config.

    Raises:
      KubricGenError: it declares none.
    """
    if self.dataset is None:
      raise KubricGenError(f"the world {self.name} declares no dataset: give its WORLD a dataset function")
    spec = self.dataset(config)
    if not isinstance(spec, DatasetSpec):
      raise KubricGenError(f"the dataset function of the world {self.name} must give a DatasetSpec, got {str(spec)[:80]}")
    return spec

  def config_of(self, config: Config, split: Split | None, dataset: DatasetSpec | None = None) -> Config:
    """The config of a split's scenes.

    Args:
      dataset: what `dataset_of` gives, if it is at hand.

    Raises:
      KubricGenError: the split overrides a field that there is not, or with a value that it cannot have.
    """
    if split is None:
      return config
    try:
      return dataclasses.replace(config, **(dataset or self.dataset_of(config)).overrides(split))
    except (KubricGenError, TypeError) as error:
      raise KubricGenError(f"the split {split.name} of the world {self.name} overrides its config wrongly: {error}") from None

  def random_key(self, config: Config, seed: int, split: Split | None = None) -> Key:
    """What all randomness of a scene follows from: world and seed, and of explicit splits the one that has the seeds."""
    return (self.name, *((seed,) if split is None else self.dataset_of(config).random_key(split, seed)))

  def generator(self, seed: int) -> np.random.Generator:
    """The one source of randomness of the scene with this seed: PCG64 keyed by the world's name and the seed."""
    key = hashlib.sha256(self.name.encode()).digest()[:8]
    return np.random.default_rng(np.random.SeedSequence([int.from_bytes(key, "big"), seed]))

  def scene(self, config: Config, seed: int, split: Split | None = None) -> Scene:
    """The scene of a seed, the same on every machine.

    Args:
      config: of the dataset. seed: which scene. split: of the dataset, whose overrides count and, if it is explicit, whose seeds.
    """
    key = self.random_key(config, seed, split)
    by_seed = key == (self.name, seed)  # else the split has seeds of its own
    return self.build(self.config_of(config, split), self.generator(seed) if by_seed else generator(*key))
