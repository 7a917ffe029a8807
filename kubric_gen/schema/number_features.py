"""Features that are numbers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.schema.feature import BYTES, FLOAT, INT, NUMBERS, OTHER, Feature, checked_array, fits

ZLIB_LEVEL = 1
MAX_DEFLATE_RATIO = 1040
"""Bytes that one compressed byte can stand for, at most; the format's own limit is 1032."""


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
      raise KubricGenError(f"a tensor feature has one of the types {', '.join(NUMBERS)}, not {shown(self.dtype)}")
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
    array = checked_array(name, value if self.coding is None else self.coding.encode(value, record), self.dtype, self.shape)
    if self.zlib:
      return [zlib.compress(array.astype(array.dtype.newbyteorder("<")).tobytes(), ZLIB_LEVEL)]
    flat: list[Any] = (array if self.dtype == "float32" else array.astype(np.int64)).ravel().tolist()
    return flat

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    shape = (*(() if count is None else (count,)), *self.shape)
    if self.zlib:
      little = np.dtype(self.dtype).newbyteorder("<")
      size = int(np.prod(self.shape)) * little.itemsize
      # No more than it should be, and one; nor is anything begun that cannot be
      parts = [zlib.decompressobj().decompress(item, size + 1) if size <= MAX_DEFLATE_RATIO * len(item) else b""
               for item in items]
      if any(len(part) != size for part in parts):
        raise KubricGenError(f"the record has too few or too many bytes of {name}: it is damaged, or {OTHER}")
      return np.frombuffer(b"".join(parts), little).reshape(shape).astype(self.dtype)
    array = np.array(items, np.float64 if self.dtype == "float32" else np.int64).reshape(shape)
    if not fits(array, self.dtype):
      raise KubricGenError(f"the record has values of {name} that are no {self.dtype}: {OTHER}")
    return array.astype(self.dtype)

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.Tensor(shape=self.shape, dtype=np.dtype(self.dtype), encoding="zlib" if self.zlib else "none")


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
    box: list[Any] = checked_array(name, value, "float32", (4,)).tolist()
    return box

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    return np.array(items, np.float32).reshape((*(() if count is None else (count,)), 4))

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.BBoxFeature()
