"""What the records of a dataset hold: names, shapes, types, units and how values are coded, as plain data without TensorFlow.

The kinds are those of TensorFlow Datasets (TFDS) that datasets here use. What a feature is in memory, in a record and in TFDS
stands together in its class; the encoder of records, statistics, dataset cards, TFDS builders and readers ask it.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.png import decode_png, encode_png
from kubric_gen.errors import KubricGenError
from kubric_gen.schema.coding import Coding

NUMBERS = ("float32", "int32", "int64", "uint8", "uint16", "bool")
BYTES, FLOAT, INT = "bytes_list", "float_list", "int64_list"
"""The lists of a `tf.train.Feature`."""
ZLIB_LEVEL = 1
OTHER = "it was made with other features"


def _check_images(kind: str, shape: tuple[int, ...], rank: int, dtype: str) -> None:
  if len(shape) != rank or shape[-1] not in (1, 3, 4) or dtype not in ("uint8", "uint16"):
    raise KubricGenError(f"a feature of {kind} has {rank} dimensions, the last of 1, 3 or 4 channels, and the type uint8 or "
                         f"uint16, not {shape} and {dtype!r}: PNG stores no others")


def fits(array: NDArray[Any], dtype: str) -> bool:
  """Whether the type can hold every value of an array of numbers."""
  if dtype == "float32":
    return array.dtype.kind in "iub" or array.dtype.kind == "f" and not np.any(
        np.isfinite(array) & (np.abs(array) > np.finfo(np.float32).max))
  low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
  return not array.size or array.dtype.kind in "iub" and bool(array.min() >= low and array.max() <= high)


@dataclass(frozen=True, kw_only=True)
class Feature(ABC):
  """What all features share.

  Attributes:
    key: where a record's values have it, if not under the feature's own name.
    unit: of its values, such as m or px; "" where they have none. meaning: one line for people.
    coding: how floats become the integers that are stored; None where values are stored as they are.
  """

  key: str = ""
  unit: str = ""
  meaning: str = ""
  coding: Coding | None = None

  LIST: ClassVar[str] = BYTES

  def __post_init__(self) -> None:
    if self.coding is not None and getattr(self, "dtype", None) != "uint16":
      raise KubricGenError("what has a coding is stored as 16-bit integers: give the coding to a feature of the type uint16")

  @property
  def list_kind(self) -> str:
    """The list that the values are stored in, even if there are none."""
    return self.LIST

  @property
  def width(self) -> int:
    """Stored items of one value."""
    return 1

  @property
  def dimensions(self) -> tuple[int | str, ...]:
    """Of one value."""
    return ()

  @property
  @abstractmethod
  def kind(self) -> str:
    """What it is, for people."""

  @abstractmethod
  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    """The stored items of one value.

    Args:
      name: of the feature, for errors. value: as in memory, floats where there is a coding. record: the whole record.
    """

  @abstractmethod
  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    """`count` values stacked, from their stored items; one value, not stacked, where the count is None."""

  @abstractmethod
  def tfds(self) -> Any:
    """The same feature of TFDS."""

  def numbers(self, value: Any) -> Iterator[Any]:
    """What statistics count of one value, array by array."""
    yield value


def _array(name: str, value: Any, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
  try:
    array = np.asarray(value)
  except ValueError:  # rows of several lengths
    raise KubricGenError(f"record: {name} holds values that are no {dtype} of shape {shape}") from None
  if array.shape != shape:
    raise KubricGenError(f"record: {name} has shape {array.shape}, not {shape}")
  if not fits(array, dtype):
    raise KubricGenError(f"record: {name} holds values that are no {dtype}")
  return array.astype(dtype)


@dataclass(frozen=True)
class Tensor(Feature):
  """Numbers of a fixed shape.

  Attributes:
    dtype: as stored, out of `NUMBERS`. shape: of the array; () for a scalar.
    zlib: stored compressed, for large arrays that are no image.
  """

  dtype: str
  shape: tuple[int, ...] = ()
  zlib: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.dtype not in NUMBERS:
      raise KubricGenError(f"a tensor feature has one of the types {', '.join(NUMBERS)}, not {self.dtype!r}")
    object.__setattr__(self, "shape", tuple(self.shape))

  @property
  def list_kind(self) -> str:
    return BYTES if self.zlib else FLOAT if self.dtype == "float32" else INT

  @property
  def width(self) -> int:
    return 1 if self.zlib else int(np.prod(self.shape))

  @property
  def dimensions(self) -> tuple[int | str, ...]:
    return self.shape

  @property
  def kind(self) -> str:
    return self.dtype

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    array = _array(name, value if self.coding is None else self.coding.encode(value, record), self.dtype, self.shape)
    if self.zlib:
      return [zlib.compress(array.astype(array.dtype.newbyteorder("<")).tobytes(), ZLIB_LEVEL)]
    flat: list[Any] = (array if self.dtype == "float32" else array.astype(np.int64)).ravel().tolist()
    return flat

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    shape = (*(() if count is None else (count,)), *self.shape)
    if self.zlib:
      little = np.dtype(self.dtype).newbyteorder("<")
      size = int(np.prod(self.shape)) * little.itemsize
      data = b"".join(zlib.decompressobj().decompress(item, size + 1) for item in items)  # no more than it should be, and one
      return np.frombuffer(data, little).reshape(shape).astype(self.dtype)
    array = np.array(items, np.float64 if self.dtype == "float32" else np.int64).reshape(shape)
    if not fits(array, self.dtype):
      raise KubricGenError(f"the record has values of {name} that are no {self.dtype}: {OTHER}")
    return array.astype(self.dtype)

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.Tensor(shape=self.shape, dtype=np.dtype(self.dtype), encoding="zlib" if self.zlib else "none")


@dataclass(frozen=True)
class Text(Feature):
  """A string."""

  @property
  def kind(self) -> str:
    return "text"

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    try:
      return [value.encode()]
    except (AttributeError, UnicodeEncodeError):
      raise KubricGenError(f"record: {name} is {value!r}, which is no text") from None

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    return items[0].decode() if count is None else [item.decode() for item in items]

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.Text()

  def numbers(self, value: Any) -> Iterator[Any]:
    return iter(())


@dataclass(frozen=True)
class Label(Feature):
  """One out of some names, stored as its index."""

  names: tuple[str, ...]
  LIST: ClassVar[str] = INT

  def __post_init__(self) -> None:
    super().__post_init__()
    object.__setattr__(self, "names", tuple(self.names))

  @property
  def kind(self) -> str:
    return f"one of {', '.join(self.names)}"

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    if not isinstance(value, str) or value not in self.names:
      raise KubricGenError(f"record: {name} is {value!r}, which is none of {', '.join(self.names)}")
    return [self.names.index(value)]

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    array = np.array(items, np.int64).reshape(() if count is None else (count,))
    if np.any((array < 0) | (array >= len(self.names))):
      raise KubricGenError(f"the record has a label {name} beyond its {len(self.names)} names: {OTHER}")
    return array

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.ClassLabel(names=list(self.names))


@dataclass(frozen=True)
class Box(Feature):
  """A 2-D box [ymin, xmin, ymax, xmax] in [0, 1]."""

  LIST: ClassVar[str] = FLOAT

  @property
  def width(self) -> int:
    return 4

  @property
  def dimensions(self) -> tuple[int | str, ...]:
    return (4,)

  @property
  def kind(self) -> str:
    return "box"

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    box: list[Any] = _array(name, value, "float32", (4,)).tolist()
    return box

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    return np.array(items, np.float32).reshape((*(() if count is None else (count,)), 4))

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.BBoxFeature()


def _image(name: str, data: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
  image = decode_png(data, name)
  if image.shape != shape or image.dtype != dtype:
    raise KubricGenError(f"the record has {name} as {image.dtype} images of {image.shape}, not {dtype} of {shape}: {OTHER}")
  return image


@dataclass(frozen=True)
class Image(Feature):
  """One image (H, W, C), stored as PNG."""

  shape: tuple[int, int, int]
  dtype: str = "uint8"

  def __post_init__(self) -> None:
    super().__post_init__()
    object.__setattr__(self, "shape", tuple(self.shape))
    _check_images("images", self.shape, 3, self.dtype)

  @property
  def dimensions(self) -> tuple[int | str, ...]:
    return self.shape

  @property
  def kind(self) -> str:
    return f"image, {self.dtype}"

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    if isinstance(value, bytes):  # a finished PNG
      return [value]
    return [encode_png(_array(name, value if self.coding is None else self.coding.encode(value, record), self.dtype, self.shape))]

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    images = [_image(name, item, self.dtype, self.shape) for item in items]
    if count is None:
      return images[0]
    return np.stack(images) if images else np.zeros((0, *self.shape), self.dtype)

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.Image(shape=self.shape, dtype=np.dtype(self.dtype), encoding_format="png")


@dataclass(frozen=True)
class Video(Feature):
  """Images of one clip (T, H, W, C), stored as PNGs."""

  shape: tuple[int, int, int, int]
  dtype: str = "uint8"

  def __post_init__(self) -> None:
    super().__post_init__()
    object.__setattr__(self, "shape", tuple(self.shape))
    _check_images("videos", self.shape, 4, self.dtype)

  @property
  def width(self) -> int:
    return self.shape[0]

  @property
  def dimensions(self) -> tuple[int | str, ...]:
    return self.shape

  @property
  def kind(self) -> str:
    return f"video, {self.dtype}"

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    frame_feature = Image(self.shape[1:], self.dtype, coding=self.coding)
    frames = [item for frame in value for item in frame_feature.encode(name, frame, record)]
    if len(frames) != self.shape[0]:
      raise KubricGenError(f"record: {name} has {len(frames)} frames, not {self.shape[0]}")
    return frames

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    if not items:
      return np.zeros(self.shape, self.dtype)
    return np.stack([_image(name, item, self.dtype, self.shape[1:]) for item in items])

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.Video(shape=self.shape, dtype=np.dtype(self.dtype))

  def numbers(self, value: Any) -> Iterator[Any]:
    yield from value


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

  def numbers(self, value: Any) -> Iterator[Any]:
    if isinstance(self.feature, Box) or (isinstance(self.feature, Tensor) and not self.feature.shape):
      yield value
    elif not isinstance(self.feature, Mapping):
      for item in value:
        yield from self.feature.numbers(item)


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
