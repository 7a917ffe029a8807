"""How a frame of a layer becomes a file and comes back, one class per storage kind.

A kind is known by its plain name, that of `kubric_gen.scene.layers.Storage`. What is read is exactly what was asked for
(number of channels, dtype) or refused in one line; bytes are treated as hostile.

PNG knows no images of two channels: these are stored as three, the last one 0. All PNG kinds share that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.checks import Size, size_problem
from kubric_gen.codecs.npz import decode_npz, encode_npz
from kubric_gen.codecs.png import decode_png, encode_palette_png, encode_png
from kubric_gen.codecs.quantization import (dequantize_normal, dequantize_range, dequantize_unit, quantize_normal, quantize_range,
                                           quantize_unit)
from kubric_gen.codecs.tiff import decode_tiff, encode_tiff
from kubric_gen.errors import KubricGenError, shown

Frame = NDArray[Any]
Limits = tuple[float, float]

MAX_MASK_PIXELS = 1 << 30
"""Pixels of all masks of a frame: in memory, each takes a byte."""
_MASK_HEADERS = 1 << 12
"""Bytes of what an archive of masks holds beside their bits."""

_FLOATS = ("float16", "float32", "float64")
_INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int16", "int32", "int64")


class FrameCodec(ABC):
  """A storage kind.

  Attributes:
    kind: its name.
    suffix: of its files, without the dot.
    needs_range: whether encoding and decoding need the least and greatest value of the clip.
    dtypes: of frames in memory.
    channels: that a frame may have; empty for any number.
  """

  kind: ClassVar[str]
  suffix: ClassVar[str] = "png"
  needs_range: ClassVar[bool] = False
  dtypes: ClassVar[tuple[str, ...]]
  channels: ClassVar[tuple[int, ...]] = (1, 2, 3)

  def encode(self, frame: Frame, limits: Limits | None = None) -> bytes:
    """The file of a frame (H, W, C).

    Args:
      frame: of one of the `dtypes`. limits: least and greatest value of the clip, where the kind needs its range.

    Raises:
      KubricGenError: another shape or dtype, or values that cannot be stored.
    """
    counts = ", ".join(map(str, self.channels)) or "any number"
    if not isinstance(frame, np.ndarray) or frame.ndim != 3 or (self.channels and frame.shape[2] not in self.channels):
      raise KubricGenError(f"a frame stored as {shown(self.kind)} has the shape (height, width, {counts}), got "
                           f"{np.shape(frame)}: correct the layer's channels or its storage")
    self._check_dtype(frame.dtype.name)
    self._check_limits(limits)
    return self._encode(frame, limits)

  def decode(self, data: bytes, dtype: str, channels: int | None, limits: Limits | None = None,
             size: Size | None = None) -> Frame:
    """The frame (H, W, channels) of a file, of exactly this dtype.

    Args:
      data: the file. dtype: NumPy's name of one of the `dtypes`.
      channels: of the frame; None takes what the file has.
      limits: those that it was encoded with.
      size: (height, width) of the frame, where it is known: any other is refused before its pixels are decoded.

    Raises:
      KubricGenError: the bytes are no such file, or hold another number of channels or pixels.
    """
    self._check_dtype(dtype)
    self._check_limits(limits)
    frame = self._decode(data, channels, limits, size)
    if channels is not None and frame.shape[2] != channels:
      raise KubricGenError(f"the file has {frame.shape[2]} channels where {channels} are wanted: write it again")
    return frame.astype(dtype, copy=False)

  @abstractmethod
  def _encode(self, frame: Frame, limits: Limits | None) -> bytes:
    """The file of a frame that has been checked."""

  @abstractmethod
  def _decode(self, data: bytes, channels: int | None, limits: Limits | None, size: Size | None) -> Frame:
    """The frame in any dtype that has room for its values; its channels are checked afterwards."""

  def _check_dtype(self, dtype: str) -> None:
    if dtype not in self.dtypes:
      raise KubricGenError(f"a frame stored as {shown(self.kind)} is of type {' or '.join(self.dtypes)}, got {dtype}: convert it "
                           "first or choose another storage")

  def _check_limits(self, limits: Limits | None) -> None:
    if self.needs_range and limits is None:
      raise KubricGenError(f"a frame stored as {shown(self.kind)} needs the range of the clip: give its least and greatest value")


def _padded(stored: Frame) -> Frame:
  """Two channels as three, the last one 0."""
  return np.concatenate([stored, np.zeros_like(stored[..., :1])], axis=-1) if stored.shape[2] == 2 else stored


def _samples(data: bytes, dtype: type[np.generic], channels: int | None, size: Size | None) -> Frame:
  """The samples of a PNG that has to be of this dtype; where two channels are wanted, the third is left out."""
  stored = decode_png(data, "the file", size)
  if stored.dtype != dtype:
    raise KubricGenError(f"the file has samples of type {stored.dtype} where {np.dtype(dtype)} are wanted: write it again")
  return stored[..., :2] if channels == 2 and stored.shape[2] == 3 else stored


class _Image(FrameCodec):
  kind, dtypes, channels = "image", ("uint8",), (1, 2, 3, 4)

  def _encode(self, frame: Frame, limits: Limits | None) -> bytes:
    return encode_png(_padded(frame))

  def _decode(self, data: bytes, channels: int | None, limits: Limits | None, size: Size | None) -> Frame:
    return _samples(data, np.uint8, channels, size)


class _Palette(FrameCodec):
  kind, dtypes, channels = "palette", _INTEGERS, (1,)

  def _encode(self, frame: Frame, limits: Limits | None) -> bytes:
    return encode_palette_png(frame)

  def _decode(self, data: bytes, channels: int | None, limits: Limits | None, size: Size | None) -> Frame:
    return _samples(data, np.uint8, channels, size)


class _Unit(FrameCodec):
  kind, dtypes = "unit", _FLOATS

  def _encode(self, frame: Frame, limits: Limits | None) -> bytes:
    return encode_png(_padded(quantize_unit(frame)))

  def _decode(self, data: bytes, channels: int | None, limits: Limits | None, size: Size | None) -> Frame:
    return dequantize_unit(_samples(data, np.uint16, channels, size))


class _Signed(FrameCodec):
  kind, dtypes = "signed", _FLOATS

  def _encode(self, frame: Frame, limits: Limits | None) -> bytes:
    return encode_png(_padded(quantize_normal(frame)))

  def _decode(self, data: bytes, channels: int | None, limits: Limits | None, size: Size | None) -> Frame:
    return dequantize_normal(_samples(data, np.uint16, channels, size))


class _Range(FrameCodec):
  kind, dtypes, needs_range = "range", _FLOATS, True

  def _encode(self, frame: Frame, limits: Limits | None) -> bytes:
    assert limits is not None
    return encode_png(_padded(quantize_range(frame, *limits)))

  def _decode(self, data: bytes, channels: int | None, limits: Limits | None, size: Size | None) -> Frame:
    assert limits is not None
    return dequantize_range(_samples(data, np.uint16, channels, size), *limits)


class _Float(FrameCodec):
  kind, suffix, dtypes = "float", "tiff", ("float32",)

  def _encode(self, frame: Frame, limits: Limits | None) -> bytes:
    return encode_tiff(frame)

  def _decode(self, data: bytes, channels: int | None, limits: Limits | None, size: Size | None) -> Frame:
    return decode_tiff(data, "the file", size)


class _Masks(FrameCodec):
  """One mask per channel: `masks` has a row of bits for each, `shape` is (number, height, width)."""

  kind, suffix, dtypes, channels = "masks", "npz", ("bool",), ()

  def _encode(self, frame: Frame, limits: Limits | None) -> bytes:
    if not frame.shape[0] * frame.shape[1] or frame.size > MAX_MASK_PIXELS:
      raise KubricGenError(f"masks of shape {frame.shape} have no pixels or more than the limit of {MAX_MASK_PIXELS}: use fewer "
                           "objects or a lower resolution, or leave this layer out")
    masks = np.moveaxis(np.ascontiguousarray(frame), -1, 0)  # the layout in memory shows in the file: always the same one
    flat = masks.reshape(len(masks), masks.shape[1] * masks.shape[2])
    return encode_npz({"masks": np.packbits(flat, axis=1), "shape": masks.shape})

  def _decode(self, data: bytes, channels: int | None, limits: Limits | None, size: Size | None) -> Frame:
    # bits: an eighth of the pixels, and a byte more for each mask at most, whose pixels are few then
    most = MAX_MASK_PIXELS
    if size is not None and channels is not None:
      most = min(most, channels * -(-size[0] * size[1] // 8) + _MASK_HEADERS)
    stored = decode_npz(data, "the file", max_bytes=most)
    shape, bits = stored.get("shape"), stored.get("masks")
    if shape is None or bits is None or shape.shape != (3,) or shape.dtype.kind not in "iu" or bits.dtype != np.uint8:
      raise KubricGenError("the file cannot be read (it holds no bit masks): write it again")
    count, height, width = (int(length) for length in shape)
    if count < 0 or height < 1 or width < 1 or max(count, 1) * height * width > MAX_MASK_PIXELS:
      raise KubricGenError(f"the file cannot be read (it claims {count} masks of {height}x{width} pixels, which are none or more "
                           f"than the limit of {MAX_MASK_PIXELS}): write it again")
    problem = size_problem((height, width), size)
    if problem:
      raise KubricGenError(f"the file cannot be read ({problem}): write it again")
    if bits.shape != (count, -(-height * width // 8)):
      raise KubricGenError("the file cannot be read (its bits do not fit the shape that it claims): write it again")
    flat = np.unpackbits(bits, axis=1, count=height * width)
    return np.moveaxis(flat.reshape(count, height, width).view(bool), 0, -1)


FRAME_CODECS: dict[str, FrameCodec] = {
    codec.kind: codec for codec in (_Image(), _Palette(), _Unit(), _Signed(), _Range(), _Float(), _Masks())}
"""The codec of each kind that has frames, by its name; `kubric_gen.codecs.npz` is that of the kind "arrays"."""
