"""What a world says of the datasets that are made from it: their name, their splits, and their schema.

A scene is (world, config, split, seed). Splits are either fractions of all seeds, decided by the hash of each seed, or explicit:
then each has seeds of its own, or is *paired* with another split, whose seeds it shares and from which it differs in some config
fields alone. Or they are splits of records, such as the views of a scene: then every scene has records of all of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.scene.randomness import Key
from kubric_gen.schema.schema import Schema


@dataclass(frozen=True)
class Split:
  """A part of a dataset.

  Attributes:
    name: as in `tfds.load(split=name)`.
    fraction: of all seeds that belong to it; None for an explicit split.
    overrides: config fields that differ in it, which is what makes a held-out or paired split.
    description: one line for the dataset card.
    paired_with: the explicit split whose seeds it shares: scene for scene the same draws, but for the overrides.
    of_records: every scene has records of it, those whose value `split` is its name.
  """

  name: str
  fraction: float | None = None
  overrides: Mapping[str, Any] = field(default_factory=dict)
  description: str = ""
  paired_with: str = ""
  of_records: bool = False


WHOLE = Split("all", 1.0)
"""The one split of scenes of a dataset whose splits are of records."""


@dataclass(frozen=True)
class DatasetSpec:
  """A dataset of a world.

  Attributes:
    name: in lower case with underscores; the TFDS name.
    description: for the dataset card.
    splits: all of them with fractions, which add up to one, all explicit, or all of records.
    schema: what its records hold.
    resolutions: sides in pixels of the square images of its TFDS configs.
  """

  name: str
  description: str
  splits: tuple[Split, ...]
  schema: Schema
  resolutions: tuple[int, ...] = (256, 128)

  def __post_init__(self) -> None:
    if not all(isinstance(split, Split) for split in self.splits):
      raise KubricGenError(f"{self.name}: splits must be Splits, got {str(self.splits)[:80]}")
    if not isinstance(self.schema, Schema):
      raise KubricGenError(f"{self.name}: schema must be a schema such as Stills(), got {str(self.schema)[:80]}")
    names = [split.name for split in self.splits]
    if "all" in names:
      raise KubricGenError(f"{self.name}: no split can have the name all, which for TFDS stands for all of them")
    if not names or len(set(names)) < len(names) or not all(
        re.fullmatch(r"[a-z]\w*", name, re.ASCII) for name in (self.name, *names)):
      raise KubricGenError(f"{self.name}: dataset and splits need names of small letters, digits and underscores, each its own, "
                           "and there must be a split")
    fractions = [split.fraction for split in self.splits if split.fraction is not None]
    if not all(isinstance(fraction, (int, float)) for fraction in fractions):
      raise KubricGenError(f"{self.name}: the fractions of the splits must be numbers, got {str(fractions)[:80]}")
    for split in self.splits:
      if self.of_records and (not split.of_records or fractions or split.overrides or split.paired_with):
        raise KubricGenError(f"{self.name}: where a split is of records, all are, and none has a fraction, overrides or a pair")
    if fractions and (len(fractions) < len(names) or not abs(sum(fractions) - 1) <= 1e-9 or min(fractions) <= 0):
      raise KubricGenError(f"{self.name}: the fractions of the splits must be positive and add up to 1, or all be left out")
    for split in self.splits:
      if split.paired_with:
        self._check_pair(split)
    self.schema.check()

  def _check_pair(self, split: Split) -> None:
    if not self.explicit:
      raise KubricGenError(f"{self.name}: the split {split.name} is paired, so no split has a fraction")
    seen = [split.name]
    while split.paired_with:
      split = self.split(split.paired_with)
      if split.name in seen:
        raise KubricGenError(f"{self.name}: the split {seen[0]} is paired with itself ({' → '.join([*seen, split.name])})")
      seen.append(split.name)

  @property
  def explicit(self) -> bool:
    """Whether splits have seeds of their own, rather than fractions of all seeds."""
    return self.scene_splits[0].fraction is None

  @property
  def of_records(self) -> bool:
    """Whether the splits are of records, so that every scene has records of all of them."""
    return any(split.of_records for split in self.splits)

  @property
  def scene_splits(self) -> tuple[Split, ...]:
    """The splits of scenes: `splits`, or where these are of records one for all scenes."""
    return (WHOLE,) if self.of_records else self.splits

  def scene_split(self, name: str) -> Split:
    """The split of the scenes that have records of a split.

    Raises:
      KubricGenError: there is no split of this name.
    """
    return WHOLE if self.of_records else self.split(name)

  def record_splits(self, scene_split: str) -> tuple[str, ...]:
    """The names of the splits that records of a scene of this split may belong to."""
    return tuple(split.name for split in self.splits) if self.of_records else (scene_split,)

  def split_of_record(self, scene_split: str, record: Mapping[str, Any]) -> str:
    """The name of the split that a record belongs to: its scene's, or what its value `split` says.

    Raises:
      KubricGenError: there is no such split.
    """
    if not self.of_records:
      return scene_split
    name = str(record.get("split"))
    if name not in self.record_splits(scene_split):
      raise KubricGenError(f"a record of {self.name} says that it belongs to the split {shown(name)}, which there is not: choose "
                           f"from {', '.join(self.record_splits(scene_split))}")
    return name

  def split(self, name: str) -> Split:
    """The split of this name.

    Raises:
      KubricGenError: there is none.
    """
    for split in (*self.splits, *self.scene_splits):
      if split.name == name:
        return split
    raise KubricGenError(f"{self.name} has no split {shown(name)}: choose from {', '.join(split.name for split in self.splits)}")

  def chain(self, split: Split) -> list[Split]:
    """The split, the one that it is paired with, and so on; the last one has seeds of its own."""
    found = [split]
    while found[-1].paired_with:
      found.append(self.split(found[-1].paired_with))
    return found

  def base(self, split: Split) -> Split:
    """The split whose seeds a paired split shares in the end; the split itself if it is not paired."""
    return self.chain(split)[-1]

  def overrides(self, split: Split) -> dict[str, Any]:
    """Config fields that differ in a split from the dataset's config: a paired one adds its own to those of its pair."""
    return {name: value for part in reversed(self.chain(split)) for name, value in part.overrides.items()}

  def seeds_of(self, split: Split | None) -> str:
    """The explicit split that has the seeds of a split; "" where the hash of a seed decides."""
    return self.base(split).name if split is not None and self.explicit else ""

  def split_of(self, seed: int) -> Split:
    """The split that a seed belongs to, decided by its hash: the same for ever, whatever other seeds are made.

    Raises:
      KubricGenError: splits are explicit, so that a seed alone belongs to none.
    """
    if self.explicit:
      raise KubricGenError(f"{self.name} has explicit splits: say which, out of {', '.join(split.name for split in self.splits)}")
    if self.of_records:
      return WHOLE
    digest = hashlib.sha256(f"{self.name}:split:{seed}".encode()).digest()
    place, edge = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for split in self.splits:
      edge += split.fraction or 0.0
      if place < edge:
        return split
    return self.splits[-1]

  def scene_id(self, split: Split, seed: int) -> str:
    """Names a scene of the dataset, and its record where it has but one."""
    return f"{split.name}/{seed}" if self.explicit else f"{self.name}_{seed}"

  def pair_id(self, split: Split, seed: int) -> str:
    """Names what a scene shares with those of paired splits."""
    return self.scene_id(self.base(split), seed)

  def random_key(self, split: Split, seed: int) -> Key:
    """What the randomness of a scene follows from, beside its world: the same for paired scenes."""
    return (self.base(split).name, seed) if self.explicit else (seed,)
