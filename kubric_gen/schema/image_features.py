"""Features that are images, stored as PNG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.png import decode_png, encode_png
from kubric_gen.errors import KubricGenError, shown
from kubric_gen.schema.feature import OTHER, Feature, checked_array


def _check_images(kind: str, shape: tuple[int, ...], rank: int, dtype: str) -> None:
  if len(shape) != rank or shape[-1] not in (1, 3, 4) or dtype not in ("uint8", "uint16"):
    raise KubricGenError(f"a feature of {kind} has {rank} dimensions, the last of 1, 3 or 4 channels, and the type uint8 or "
                         f"uint16, not {shape} and {shown(dtype)}: PNG stores no others")


def _image(name: str, data: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
  size = tuple(int.from_bytes(data[at:at + 4], "big") for at in (20, 16))  # as the header says, before anything is decoded
  if size != shape[:2] and len(data) >= 24:
    raise KubricGenError(f"the record has {name} as images of {size[0]}x{size[1]}, not {shape[0]}x{shape[1]}: {OTHER}")
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
    stored = value if self.coding is None else self.coding.encode(value, record)
    return [encode_png(checked_array(name, stored, self.dtype, self.shape))]

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    images = [_image(name, item, self.dtype, self.shape) for item in items]
    if count is None:
      return images[0]
    return np.stack(images) if images else np.zeros((0, *self.shape), self.dtype)

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.Image(shape=self.shape, dtype=np.dtype(self.dtype), encoding_format="png")

  def counted(self, value: Any) -> Iterator[Any]:
    yield decode_png(value) if isinstance(value, bytes) else value


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

  def counted(self, value: Any) -> Iterator[Any]:
    for frame in value:
      yield decode_png(frame) if isinstance(frame, bytes) else frame
