"""Image files as bytes: the same array always gives the same bytes, and reading treats them as hostile.

Encoding is ours (zlib and a few headers), so that no library's timestamp, version or colour profile gets into a
file. At 256x256, one row filter (Up) and zlib's level 1 took half of OpenCV's time at the same size for the 16-bit
layers. Float layers are not compressed: deflate took 7 ms a frame to save a quarter of a depth map.
"""

from __future__ import annotations

import colorsys
import struct
import zlib
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError

MAX_PIXELS = 1 << 28

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_COLOUR_TYPE = {1: _GREY, 3: _RGB, 4: _RGBA}
_ZLIB_LEVEL = 1
_MAX_DEFLATE_RATIO = 1040  # the format's own limit is 1032

_TIFF_TYPES = {1: "B", 3: "H", 4: "I"}
(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIP_OFFSETS, _SAMPLES_PER_PIXEL, _ROWS_PER_STRIP, _STRIP_SIZES,
 _PLANAR, _PREDICTOR, _TILE_WIDTH, _EXTRA_SAMPLES, _SAMPLE_FORMAT) = (
     256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 338, 339)


def _make_palette() -> NDArray[np.uint8]:
  """Black, then 255 colours: golden-ratio steps around the hue circle, each in another of six tones.

  Hues come close again after 3, 5, 8, 13, 21, ... steps. Six divides none of these below 144, so that such
  neighbours differ in tone. Offset and tones were searched for: any two of the first 26 are 19 apart in CIELAB.
  """
  tones = ((0.6, 0.85), (0.8, 1.0), (0.7, 0.85), (0.7, 0.55), (0.5, 0.75), (0.3, 1.0))  # saturation, value
  colours = [(0.0, 0.0, 0.0)]
  for k in range(255):
    colours.append(colorsys.hsv_to_rgb((0.1 + k * 0.618033988749895) % 1.0, *tones[k % len(tones)]))
  return np.rint(np.array(colours) * 255).astype(np.uint8)


PALETTE: NDArray[np.uint8] = _make_palette()
"""(256, 3) RGB of the label ids 0..255; 0 is black."""
PALETTE.flags.writeable = False


def _check_image(array: NDArray, dtypes: tuple[str, ...], channels: tuple[int, ...], kind: str) -> None:
  allowed = ", ".join(map(str, channels))
  if not isinstance(array, np.ndarray) or array.ndim != 3 or array.shape[2] not in channels or not array.size:
    raise KubricGenError(f"{kind} needs an array of shape (height, width, {allowed}), got shape {np.shape(array)}")
  if array.dtype.name not in dtypes:
    raise KubricGenError(f"{kind} needs values of type {' or '.join(dtypes)}, got {array.dtype}: convert them first")
  if array.shape[0] * array.shape[1] > MAX_PIXELS:
    raise KubricGenError(f"{kind} of {array.shape[0]}x{array.shape[1]} pixels is more than the limit of {MAX_PIXELS}")


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
  _check_image(array, ("uint8", "uint16"), tuple(_COLOUR_TYPE), "a PNG")
  height, width, channels = array.shape
  rows = np.ascontiguousarray(array, array.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
  return _png(rows, _header(width, height, 8 * array.dtype.itemsize, _COLOUR_TYPE[channels]))


def encode_palette_png(labels: NDArray) -> bytes:
  """An 8-bit palette PNG of (height, width, 1) integer ids in 0..255, shown in the colours of `PALETTE`.

  Raises:
    KubricGenError: another shape or dtype, or an id that the palette has no room for.
  """
  integers = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
  _check_image(labels, integers, (1,), "a palette PNG")
  least, most = int(labels.min()), int(labels.max())
  if least < 0 or most > 255:
    raise KubricGenError(f"the segmentation has id {least if least < 0 else most}, and a palette PNG holds 0 to 255: "
                         "use at most 255 objects in the scene, or leave the segmentation layer out")
  rows = np.ascontiguousarray(labels[..., 0], np.uint8)
  height, width = rows.shape
  return _png(rows, _header(width, height, 8, _PALETTE), _chunk(b"PLTE", PALETTE.tobytes()))


def _essential_png(data: bytes, name: str) -> tuple[bytes, int, int]:
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
  if width * height * depth * _SAMPLES[colour_type] // 8 > _MAX_DEFLATE_RATIO * sum(map(len, pixels)):
    fail("it holds fewer pixels than it claims")
  plain = _header(width, height, depth, _GREY if colour_type == _PALETTE else colour_type, interlace)
  return b"".join((_PNG_SIGNATURE, plain, *pixels, _chunk(b"IEND", b""))), depth, colour_type


def decode_png(data: bytes, name: str = "the PNG") -> NDArray:
  """The samples of a PNG as stored: (height, width, channels) uint8 or uint16, in the order grey, RGB(A).

  A palette image gives its indices as one channel. Samples of fewer than 8 bits keep their values; transparent keys
  and colour profiles are ignored. `name` is what an error calls the file.

  Raises:
    KubricGenError: the bytes are no PNG, damaged or cut short, or claim more than `MAX_PIXELS`.
  """
  plain, depth, colour_type = _essential_png(data, name)
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


def encode_tiff(array: NDArray) -> bytes:
  """An uncompressed TIFF of a (height, width, 1, 2 or 3) float32 image.

  Raises:
    KubricGenError: another shape or dtype.
  """
  _check_image(array, ("float32",), (1, 2, 3), "a TIFF")
  height, width, channels = array.shape
  tags: dict[int, tuple[str, list[int]]] = {
      _WIDTH: ("I", [width]), _HEIGHT: ("I", [height]), _BITS: ("H", [32] * channels), _COMPRESSION: ("H", [1]),
      _PHOTOMETRIC: ("H", [2 if channels == 3 else 1]), _STRIP_OFFSETS: ("I", [0]),
      _SAMPLES_PER_PIXEL: ("H", [channels]), _ROWS_PER_STRIP: ("I", [height]),
      _STRIP_SIZES: ("I", [array.size * 4]), _PLANAR: ("H", [1]), _SAMPLE_FORMAT: ("H", [3] * channels)}
  if channels == 2:  # grey and one sample more of no stated meaning
    tags[_EXTRA_SAMPLES] = ("H", [0])
  codes = {letter: code for code, letter in _TIFF_TYPES.items()}
  overflow_at = 8 + 2 + 12 * len(tags) + 4
  overflow_size = sum(8 for letter, values in tags.values() if struct.calcsize(letter) * len(values) > 4)
  tags[_STRIP_OFFSETS] = ("I", [overflow_at + overflow_size])
  entries, overflow = b"", b""
  for tag, (letter, values) in sorted(tags.items()):
    packed = struct.pack(f"<{len(values)}{letter}", *values)
    if len(packed) > 4:  # does not fit the entry, which then says where it is
      where = struct.pack("<I", overflow_at + len(overflow))
      overflow, packed = overflow + packed.ljust(8, b"\0"), where
    entries += struct.pack("<HHI", tag, codes[letter], len(values)) + packed.ljust(4, b"\0")
  return b"".join((b"II*\0", struct.pack("<IH", 8, len(tags)), entries, b"\0\0\0\0", overflow,
                   np.ascontiguousarray(array, "<f4").tobytes()))


def _tiff_tags(data: bytes, order: str) -> dict[int, tuple[int, ...]]:
  """The whole-number tags of the only image of the file."""
  (start,) = struct.unpack_from(order + "I", data, 4)
  (count,) = struct.unpack_from(order + "H", data, start)
  tags = {}
  for i in range(count):
    at = start + 2 + 12 * i
    tag, code, length = struct.unpack_from(order + "HHI", data, at)
    if code in _TIFF_TYPES:
      size = struct.calcsize(_TIFF_TYPES[code]) * length
      where = at + 8 if size <= 4 else struct.unpack_from(order + "I", data, at + 8)[0]
      if where + size > len(data):
        raise ValueError
      tags[tag] = struct.unpack_from(f"{order}{length}{_TIFF_TYPES[code]}", data, where)
  if any(struct.unpack_from("4s", data, start + 2 + 12 * count)[0]):
    raise ValueError  # a second image follows: a stack of planes, say
  return tags


def decode_tiff(data: bytes, name: str = "the TIFF") -> NDArray[np.float32]:
  """The (height, width, channels) float32 values of an uncompressed TIFF of one image with 1 to 4 channels.

  That is what `encode_tiff`, Kubric, imageio, tifffile and Pillow write unless told otherwise. `name` is what an
  error calls the file.

  Raises:
    KubricGenError: the bytes are no such TIFF, damaged or cut short, or claim more than `MAX_PIXELS`.
  """

  def fail(reason: str) -> NoReturn:
    raise KubricGenError(f"{name} cannot be read ({reason}): write it again as an uncompressed float32 TIFF")

  order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[:4]))
  if order is None:
    fail("it is not a TIFF file" if data else "it is empty")
  try:
    tags = _tiff_tags(data, order)
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    offsets, sizes = tags[_STRIP_OFFSETS], tags[_STRIP_SIZES]
    channels, planar = tags.get(_SAMPLES_PER_PIXEL, (1,))[0], tags.get(_PLANAR, (1,))[0]
    compression, predictor = tags.get(_COMPRESSION, (1,))[0], tags.get(_PREDICTOR, (1,))[0]
    bits, formats = set(tags[_BITS]), set(tags.get(_SAMPLE_FORMAT, (1,)))
  except (struct.error, KeyError, IndexError, ValueError):
    fail("it is damaged, cut short, stored in tiles or a stack of images")
  if compression != 1 or predictor != 1 or (planar != 1 and channels != 1):
    fail("its pixels are compressed or stored in planes")
  if bits != {32} or formats != {3} or not 1 <= channels <= 4:
    fail("it does not hold float32 values of 1 to 4 channels")
  if not width or not height or width * height > MAX_PIXELS:
    fail(f"it claims {height}x{width} pixels, which is none or more than the limit of {MAX_PIXELS}")
  expected, total, strips, view = width * height * channels * 4, 0, [], memoryview(data)
  for offset, size in zip(offsets, sizes):
    strips.append(view[offset:offset + min(size, expected - total)])
    total += len(strips[-1])
  if total != expected:
    fail("it holds fewer pixels than it claims")
  return np.frombuffer(b"".join(strips), order + "f4").reshape(height, width, channels).astype(np.float32)
