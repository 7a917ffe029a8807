"""Worlds: distributions over scenes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic

import numpy as np

from kubric_gen.scene.scene import Scene
from kubric_gen.world.config import Config
from kubric_gen.world.splits import DatasetSpec


@dataclass(frozen=True)
class World(Generic[Config]):
  """A distribution over scenes.

  Attributes:
    name: of the world and of its script.
    config: its dataclass; every field becomes a flag.
    build: draws one scene; all randomness comes from the given generator.
    dataset: what records and splits of a dataset of it look like.
    inputs: the SHA-256 of each file that a field of the config names, by field: what counts is what is in it, not where it
      is. Raises a `KubricGenError` if one cannot be used.
  """

  name: str
  config: type[Config]
  build: Callable[[Config, np.random.Generator], Scene]
  dataset: Callable[[Config], DatasetSpec] | None = None
  inputs: Callable[[Config], Mapping[str, str]] | None = None

  def digests(self, config: Config) -> Mapping[str, str]:
    """`inputs`, of which there are none if the world says nothing."""
    return {} if self.inputs is None else self.inputs(config)

  def generator(self, seed: int) -> np.random.Generator:
    """The one source of randomness of the scene with this seed: PCG64 keyed by the world's name and the seed."""
    key = hashlib.sha256(self.name.encode()).digest()[:8]
    return np.random.default_rng(np.random.SeedSequence([int.from_bytes(key, "big"), seed]))

  def scene(self, config: Config, seed: int) -> Scene:
    """The scene of a seed: the same on every machine."""
    return self.build(config, self.generator(seed))
