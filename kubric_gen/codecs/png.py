"""PNG files as bytes: the same array always gives the same bytes, and reading treats them as hostile.

Encoding is ours (zlib and a few headers), so that no library's timestamp, version or colour profile gets into a
file. At 256x256, one row filter (Up) and zlib's level 1 took half of OpenCV's time at the same size for the 16-bit
layers.
"""

from __future__ import annotations

import struct
import zlib
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.checks import MAX_PIXELS, Size, check_image, size_problem
from kubric_gen.codecs.palette import PALETTE
from kubric_gen.errors import KubricGenError

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_COLOUR_TYPE = {1: _GREY, 3: _RGB, 4: _RGBA}
_ZLIB_LEVEL = 1
_MAX_DEFLATE_RATIO = 1040  # the format's own limit is 1032


def _chunk(kind: bytes, body: bytes) -> bytes:
  return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _header(width: int, height: int, depth: int, colour_type: int, interlace: int = 0) -> bytes:
  return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlace))


def _png(rows: NDArray[np.uint8], header: bytes, palette: bytes = b"") -> bytes:
  """A PNG of (height, bytes per row) big-endian samples."""
  filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
  filtered[:, 0] = 2  # Up: each row is stored as its difference from the row above
  filtered[0, 1:] = rows[0]
  np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
  return b"".join((_PNG_SIGNATURE, header, palette, _chunk(b"IDAT", zlib.compress(filtered.data, _ZLIB_LEVEL)),
                   _chunk(b"IEND", b"")))


def encode_png(array: NDArray) -> bytes:
  """A PNG of a (height, width, 1, 3 or 4) uint8 or uint16 image: grey, RGB or RGBA, 8 or 16 bits a sample.

  Raises:
    KubricGenError: another shape or dtype.
  """
  check_image(array, ("uint8", "uint16"), tuple(_COLOUR_TYPE), "a PNG")
  height, width, channels = array.shape
  rows = np.ascontiguousarray(array, array.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
  return _png(rows, _header(width, height, 8 * array.dtype.itemsize, _COLOUR_TYPE[channels]))


def encode_palette_png(labels: NDArray) -> bytes:
  """An 8-bit palette PNG of (height, width, 1) integer ids in 0..255, shown in the colours of `PALETTE`.

  Raises:
    KubricGenError: another shape or dtype, or an id that the palette has no room for.
  """
  integers = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
  check_image(labels, integers, (1,), "a palette PNG")
  least, most = int(labels.min()), int(labels.max())
  if least < 0 or most > 255:
    raise KubricGenError(f"the segmentation has id {least if least < 0 else most}, and a palette PNG holds 0 to 255: "
                         "use at most 255 objects in the scene, or leave the segmentation layer out")
  rows = np.ascontiguousarray(labels[..., 0], np.uint8)
  height, width = rows.shape
  return _png(rows, _header(width, height, 8, _PALETTE), _chunk(b"PLTE", PALETTE.tobytes()))


def _essential_png(data: bytes, name: str, size: Size | None) -> tuple[bytes, int, int]:
  """The file reduced to header, pixels and end, all checked; its bit depth and colour type.

  A palette image comes back as a grey one, whose samples are the indices. Without the optional chunks no colour
  profile, transparent key, animation or compressed text reaches the decoder.
  """

  def fail(reason: str) -> NoReturn:
    raise KubricGenError(f"{name} cannot be read ({reason}): write it again")

  if not data.startswith(_PNG_SIGNATURE):
    fail("it is not a PNG file" if data else "it is empty")
  view, position, header, pixels = memoryview(data), len(_PNG_SIGNATURE), b"", []
  while True:
    if position + 12 > len(data):
      fail("it is cut short")
    length, kind = struct.unpack_from(">I4s", data, position)
    end = position + 12 + length
    if end > len(data):
      fail("it is cut short")
    if zlib.crc32(view[position + 4:end - 4]) != int.from_bytes(view[end - 4:end], "big"):
      fail("a checksum does not match")
    if (kind == b"IHDR") != (not header) or (kind == b"IHDR" and length != 13):
      fail("its header is broken")
    if kind == b"IHDR":
      header = bytes(view[position + 8:end - 4])
    elif kind == b"IDAT":
      pixels.append(view[position:end])
    elif kind == b"IEND":
      break
    position = end
  width, height, depth, colour_type, _, _, interlace = struct.unpack(">IIBBBBB", header)
  if colour_type not in _SAMPLES or depth not in (1, 2, 4, 8, 16) or not width or not height:
    fail("its header is broken")
  if width * height > MAX_PIXELS:
    fail(f"it claims {height}x{width} pixels, more than the limit of {MAX_PIXELS}")
  problem = size_problem((height, width), size)
  if problem:
    fail(problem)
  if width * height * depth * _SAMPLES[colour_type] // 8 > _MAX_DEFLATE_RATIO * sum(map(len, pixels)):
    fail("it holds fewer pixels than it claims")
  plain = _header(width, height, depth, _GREY if colour_type == _PALETTE else colour_type, interlace)
  return b"".join((_PNG_SIGNATURE, plain, *pixels, _chunk(b"IEND", b""))), depth, colour_type


def decode_png(data: bytes, name: str = "the PNG", size: Size | None = None) -> NDArray:
  """The samples of a PNG as stored: (height, width, channels) uint8 or uint16, in the order grey, RGB(A).

  A palette image gives its indices as one channel. Samples of fewer than 8 bits keep their values; transparent keys
  and colour profiles are ignored. `name` is what an error calls the file, `size` the (height, width) that it has to have.

  Raises:
    KubricGenError: the bytes are no PNG, damaged or cut short, of another size, or claim more than `MAX_PIXELS`.
  """
  plain, depth, colour_type = _essential_png(data, name, size)
  import cv2  # reading needs it, writing does not: it would count against the memory of a render
  try:
    image = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
  except (cv2.error, MemoryError):
    image = None
  if image is None:
    raise KubricGenError(f"{name} cannot be read (its pixels are damaged or cut short): write it again")
  if image.ndim == 2:
    return (image // (255 // ((1 << depth) - 1)) if depth < 8 else image)[..., None]
  if colour_type == _GREY_ALPHA:  # OpenCV repeats the grey
    return np.ascontiguousarray(image[..., 2:])
  return cv2.cvtColor(image, cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
