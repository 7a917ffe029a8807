"""What a world says of the datasets that are made from it: their name, their splits, and what it adds to the records."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.features import Feature


@dataclass(frozen=True)
class Split:
  """A part of a dataset.

  Attributes:
    name: as in `tfds.load(split=name)`.
    fraction: of all seeds that belong to it.
    overrides: config fields that differ in it, which is what makes a held-out split.
    description: one line for the dataset card.
  """

  name: str
  fraction: float
  overrides: Mapping[str, Any] = field(default_factory=dict)
  description: str = ""


@dataclass(frozen=True)
class DatasetSpec:
  """A dataset of a world.

  Attributes:
    name: in lower case with underscores; the TFDS name.
    description: for the dataset card.
    splits: their fractions add up to one.
    instances, scene, metadata: features beyond MOVi's common ones: of each instance, of the record, of its metadata.
      A feature takes its value from the instance's labels, or from the scene's.
  """

  name: str
  description: str
  splits: tuple[Split, ...]
  instances: Mapping[str, Feature] = field(default_factory=dict)
  scene: Mapping[str, Feature] = field(default_factory=dict)
  metadata: Mapping[str, Feature] = field(default_factory=dict)

  def __post_init__(self) -> None:
    fractions = [split.fraction for split in self.splits]
    if not abs(sum(fractions) - 1) <= 1e-9 or min(fractions) <= 0:
      raise KubricGenError(f"{self.name}: the fractions of the splits must be positive and add up to 1")
    names = [split.name for split in self.splits]
    if len(set(names)) < len(names) or not all(re.fullmatch(r"\w+", name, re.ASCII) for name in (self.name, *names)):
      raise KubricGenError(f"{self.name}: dataset and splits need names of letters, digits and underscores, each its own")

  def split(self, name: str) -> Split:
    """The split of this name.

    Raises:
      KubricGenError: there is none.
    """
    for split in self.splits:
      if split.name == name:
        return split
    raise KubricGenError(f"{self.name} has no split {name!r}: choose from {', '.join(split.name for split in self.splits)}")

  def split_of(self, seed: int) -> Split:
    """The split that a seed belongs to, decided by its hash: the same for ever, whatever other seeds are made."""
    digest = hashlib.sha256(f"{self.name}:split:{seed}".encode()).digest()
    place, edge = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for split in self.splits:
      edge += split.fraction
      if place < edge:
        return split
    return self.splits[-1]
