"""What the records of a dataset hold: names, shapes and types, as plain data that needs no TensorFlow.

The kinds are those of TensorFlow Datasets that MOVi uses. A world declares what it adds in these words; the encoder of
records, the TFDS builders, the reader without TensorFlow and the dataset card all go by the same description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from kubric_gen.errors import KubricGenError

NUMBERS = ("float32", "int32", "int64", "uint8", "uint16", "bool")


@dataclass(frozen=True)
class Tensor:
  """Numbers of a fixed shape.

  Attributes:
    dtype: out of `NUMBERS`. shape: of the array; () for a scalar.
    zlib: stored compressed, for large arrays that are no image.
    key: where a world's records have it, if not under the feature's own name.
  """

  dtype: str
  shape: tuple[int, ...] = ()
  zlib: bool = False
  key: str = ""

  def __post_init__(self) -> None:
    if self.dtype not in NUMBERS:
      raise KubricGenError(f"a tensor feature has one of the types {', '.join(NUMBERS)}, not {self.dtype!r}")


@dataclass(frozen=True)
class Text:
  """A string."""

  key: str = ""


@dataclass(frozen=True)
class Label:
  """One out of some names, stored as its index."""

  names: tuple[str, ...]
  key: str = ""


@dataclass(frozen=True)
class Box:
  """A 2-D box [ymin, xmin, ymax, xmax] in [0, 1]."""

  key: str = ""


@dataclass(frozen=True)
class Image:
  """One image (H, W, C), stored as PNG."""

  shape: tuple[int, int, int]
  dtype: str = "uint8"
  key: str = ""


@dataclass(frozen=True)
class Video:
  """Images of one clip (T, H, W, C), stored as PNGs."""

  shape: tuple[int, int, int, int]
  dtype: str = "uint8"
  key: str = ""


@dataclass(frozen=True)
class Sequence:
  """A feature, or a group of features, repeated: as often as `length` says, or any number of times."""

  feature: Feature | Mapping[str, Feature]
  length: int | None = None
  key: str = ""


Feature = Tensor | Text | Label | Box | Image | Video | Sequence
Features = Mapping[str, Feature | Mapping[str, Feature]]
"""What a record holds: features, and groups of features."""


def leaves(features: Features, prefix: str = "") -> Iterator[tuple[str, Feature]]:
  """All features of a group with their full names, such as `instances/mass`; of sequences their elements too."""
  for name, feature in features.items():
    if isinstance(feature, Mapping):
      yield from leaves(feature, f"{prefix}{name}/")
    elif isinstance(feature, Sequence) and isinstance(feature.feature, Mapping):
      yield from leaves(feature.feature, f"{prefix}{name}/")
    else:
      yield f"{prefix}{name}", feature
