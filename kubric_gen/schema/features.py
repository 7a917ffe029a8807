"""What the records of a dataset hold: names, shapes, types, units and how values are coded, as plain data without TensorFlow.

The kinds are those of TensorFlow Datasets that datasets here use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.schema.feature import Feature
from kubric_gen.schema.image_features import Image, Video
from kubric_gen.schema.number_features import Box, Tensor
from kubric_gen.schema.text_features import Label, Text

__all__ = ["Box", "Feature", "Features", "Image", "Label", "Sequence", "Tensor", "Text", "Video", "check_features", "element",
           "key_of", "leaves", "tfds_features"]


@dataclass(frozen=True)
class Sequence(Feature):
  """A feature, or a group of features, repeated: as often as `length` says, or any number of times."""

  feature: Feature | Mapping[str, Feature]
  length: int | None = None

  def __post_init__(self) -> None:
    super().__post_init__()
    if isinstance(self.feature, Mapping) and any(isinstance(part, Mapping) for part in self.feature.values()):
      raise KubricGenError("a sequence repeats a feature, or a group of features without groups in it: TFDS stacks no others")

  @property
  def kind(self) -> str:
    return "group" if isinstance(self.feature, Mapping) else self.feature.kind

  @property
  def dimensions(self) -> tuple[int | str, ...]:
    inner = () if isinstance(self.feature, Mapping) else self.feature.dimensions
    return ("any" if self.length is None else self.length, *inner)

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    raise KubricGenError(f"record: {name}: a sequence cannot stand here")

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    raise KubricGenError(f"record: {name}: a sequence cannot stand here")

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    inner = ({name: part.tfds() for name, part in self.feature.items()} if isinstance(self.feature, Mapping)
             else self.feature.tfds())
    return features.Sequence(inner, length=self.length)

  def counted(self, value: Any) -> Iterator[Any]:
    if isinstance(self.feature, Box) or (isinstance(self.feature, Tensor) and not self.feature.shape):
      yield value
    elif not isinstance(self.feature, Mapping):
      for item in value:
        yield from self.feature.counted(item)


Features = Mapping[str, Feature | Mapping[str, Feature]]
"""What a record holds: features, and groups of features."""


def key_of(name: str, feature: Feature | Mapping[str, Any]) -> str:
  """Where a record's values have a feature."""
  return name if isinstance(feature, Mapping) else feature.key or name


def leaves(features: Features, prefix: str = "") -> Iterator[tuple[str, Feature]]:
  """All features of a group with their full names, such as `instances/mass`; of sequences of groups their elements."""
  for name, feature in features.items():
    if isinstance(feature, Mapping):
      yield from leaves(feature, f"{prefix}{name}/")
    elif isinstance(feature, Sequence) and isinstance(feature.feature, Mapping):
      yield from leaves(feature.feature, f"{prefix}{name}/")
    else:
      yield f"{prefix}{name}", feature


def check_features(features: Features, what: str) -> None:
  """Makes sure that features have names that TFDS takes, each its own.

  Args:
    what: they are of, for errors.

  Raises:
    KubricGenError: there are none, or one has another name.
  """
  if not isinstance(features, Mapping) or not features:
    raise KubricGenError(f"{what}: a record must hold something: the schema gives no features")
  for name, feature in features.items():
    inner = feature.feature if isinstance(feature, Sequence) else feature
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
      raise KubricGenError(f"{what}: a feature needs a name of letters, digits and underscores, got {shown(name)}")
    if isinstance(inner, Mapping):
      check_features(inner, f"{what}, {name}")
    elif not isinstance(inner, Feature):
      raise KubricGenError(f"{what}: {name} must be a feature such as Tensor(\"float32\"), got {shown(inner)}")


def tfds_features(features: Features) -> Any:
  """A `tfds.features.FeaturesDict` of the same names, shapes and types. Loads TensorFlow, which TFDS needs for videos."""
  from tensorflow_datasets.core import features as tfds

  def convert(feature: Any) -> Any:
    return {name: convert(part) for name, part in feature.items()} if isinstance(feature, Mapping) else feature.tfds()

  return tfds.FeaturesDict(convert(features))


def element(feature: Feature) -> Feature:
  """What a sequence repeats, in the end; the feature itself where it is none, or repeats a group."""
  while isinstance(feature, Sequence) and not isinstance(feature.feature, Mapping):
    feature = feature.feature
  return feature
