"""Image files: what is written is what other programs read, byte for byte the same each time; bad bytes are refused."""

import io
import struct
import zlib

import cv2
import imageio.v3 as iio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from kubric_gen.codecs.checks import MAX_PIXELS
from kubric_gen.codecs.palette import PALETTE
from kubric_gen.codecs.png import decode_png, encode_palette_png, encode_png
from kubric_gen.codecs.tiff import decode_tiff, encode_tiff
from kubric_gen.errors import KubricGenError


def noise(shape, dtype, seed=0):
  rng = np.random.default_rng(seed)
  if np.dtype(dtype).kind == "f":
    return rng.normal(scale=100, size=shape).astype(dtype)
  return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def chunk(kind, body):
  return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour_type, raw, extra=b""):
  """A PNG made without the code under test, from filtered rows."""
  return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
          + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def pillow(data):
  return np.asarray(Image.open(io.BytesIO(data)))


def opencv(data):
  return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(st.sampled_from([np.uint8, np.uint16]),
                  st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4]))))
def test_png_round_trip(array):
  decoded = decode_png(encode_png(array))
  assert decoded.dtype == array.dtype
  np.testing.assert_array_equal(decoded, array)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_8_bit_png_in_pillow_and_imageio(channels):
  array = noise((17, 31, channels), np.uint8)
  data = encode_png(array)
  np.testing.assert_array_equal(pillow(data).reshape(array.shape), array)
  np.testing.assert_array_equal(iio.imread(data, extension=".png").reshape(array.shape), array)


@pytest.mark.parametrize("channels, order", [(1, [0]), (3, [2, 1, 0]), (4, [2, 1, 0, 3])])
def test_16_bit_png_keeps_16_bits_in_opencv(channels, order):
  array = noise((17, 31, channels), np.uint16)
  read = opencv(encode_png(array)).reshape(array.shape)
  assert read.dtype == np.uint16
  np.testing.assert_array_equal(read[..., order], array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_reads_png_of_opencv(dtype, channels):
  array = noise((9, 14, channels), dtype)
  order = [2, 1, 0, 3][:channels]
  np.testing.assert_array_equal(decode_png(cv2.imencode(".png", array)[1].tobytes()), array[..., order])


def test_views_and_foreign_byte_order_encode_like_copies():
  array = noise((12, 10, 3), np.uint16)
  view = array[::-2, :, ::-1]
  assert encode_png(view) == encode_png(view.copy())
  assert encode_png(array.astype(">u2")) == encode_png(array)
  depth = noise((12, 10, 1), np.float32)
  assert encode_tiff(depth[::2].astype(">f4")) == encode_tiff(depth[::2].copy())


def test_files_hold_nothing_but_the_image():
  kinds, data, at = [], encode_png(noise((4, 4, 3), np.uint16)), 8
  while at < len(data):
    length, kind = struct.unpack_from(">I4s", data, at)
    kinds.append(kind)
    at += 12 + length
  assert kinds == [b"IHDR", b"IDAT", b"IEND"]
  tags = Image.open(io.BytesIO(encode_tiff(noise((4, 4, 1), np.float32)))).tag_v2
  assert not {305, 306, 315, 316} & set(tags)  # software, date, artist, host


def test_bytes_are_the_same_in_another_process(tmp_path):
  import os
  import subprocess
  import sys
  code = ("import hashlib, numpy as np; from kubric_gen.codecs.png import *; "
          "from kubric_gen.codecs.tiff import *; "
          "x = np.arange(2700).reshape(30, 30, 3); "
          "print(hashlib.sha256(encode_png(x.astype(np.uint16)) + encode_palette_png(x[..., :1] % 256) "
          "+ encode_tiff(x.astype(np.float32))).hexdigest())")
  outputs = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
                            env={**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path),
                                 "PYTHONHASHSEED": seed, "TZ": zone}).stdout
             for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))}
  assert len(outputs) == 1


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_tiff_has_the_same_bytes_at_any_time_and_names_neither_date_nor_program(channels, monkeypatch):
  import datetime
  import tifffile
  array = noise((17, 31, channels), np.float32)
  first = encode_tiff(array)

  class Later(datetime.datetime):

    @classmethod
    def now(cls, tz=None):
      return cls(2031, 2, 3, 4, 5, 6, tzinfo=tz)

  monkeypatch.setattr(tifffile.tifffile, "DateTime", Later)
  monkeypatch.setattr(tifffile.tifffile, "__version__", "9.9.9")
  assert encode_tiff(array) == first
  text = first[:len(first) - array.nbytes]
  assert array.astype("<f4").tobytes() == first[len(text):]  # one strip, at the end, not compressed
  for word in (b"tifffile", b"python", b"numpy", b"shape", b"20", tifffile.__version__.encode()):
    assert word not in text.lower()


def test_the_library_for_tiff_is_loaded_when_needed_and_brings_little_with_it():
  import subprocess
  import sys
  code = ("import sys; import kubric_gen.codecs.storage; assert 'tifffile' not in sys.modules; import numpy as np; "
          "from kubric_gen.codecs.tiff import *; decode_tiff(encode_tiff(np.zeros((4, 4, 3), np.float32))); "
          "print(*sorted({name.split('.')[0] for name in sys.modules}))")
  loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
  assert "tifffile" in loaded
  assert not {"matplotlib", "imagecodecs", "xarray", "zarr", "scipy", "PIL", "cv2", "imageio"} & set(loaded)


@pytest.mark.parametrize("shape, dtype", [((4, 4), np.uint8), ((4, 4, 2), np.uint8), ((0, 4, 3), np.uint8),
                                          ((4, 4, 3), np.float32), ((4, 4, 3), np.int32)])
def test_png_refuses_other_arrays(shape, dtype):
  with pytest.raises(KubricGenError, match="a PNG needs"):
    encode_png(np.zeros(shape, dtype))


# palette


def test_palette_png_round_trip_and_colours():
  labels = np.arange(256, dtype=np.uint16).reshape(16, 16, 1)
  data = encode_palette_png(labels)
  image = Image.open(io.BytesIO(data))
  assert image.mode == "P"
  np.testing.assert_array_equal(np.asarray(image), labels[..., 0])
  np.testing.assert_array_equal(np.asarray(image.convert("RGB")).reshape(256, 3), PALETTE)
  decoded = decode_png(data)
  assert decoded.dtype == np.uint8
  np.testing.assert_array_equal(decoded, labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_palette_png_bytes_do_not_depend_on_the_integer_type(dtype):
  labels = noise((20, 30, 1), np.uint8) // 2
  assert encode_palette_png(labels.astype(dtype)) == encode_palette_png(labels)


def test_palette_is_distinct():
  assert PALETTE.shape == (256, 3) and not PALETTE[0].any()
  assert len(np.unique(PALETTE, axis=0)) == 256
  lab = cv2.cvtColor(PALETTE[None, :26].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
  distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[~np.eye(26, dtype=bool)]
  assert distance.min() > 15  # black and MOVi's 25 ids; 2.3 is what one can just see


@pytest.mark.parametrize("value, dtype", [(256, np.uint16), (70000, np.uint32), (-1, np.int16)])
def test_palette_png_refuses_ids_it_cannot_hold(value, dtype):
  labels = np.zeros((4, 4, 1), dtype)
  labels[1, 2] = value
  with pytest.raises(KubricGenError, match=f"id {value}, .*at most 255 objects") as caught:
    encode_palette_png(labels)
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize("labels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 1))])
def test_palette_png_refuses_other_arrays(labels):
  with pytest.raises(KubricGenError, match="a palette PNG needs"):
    encode_palette_png(labels)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("colour_type", [0, 3])
def test_small_samples_keep_their_values(bits, colour_type):
  values = np.arange(8) % (1 << bits)
  row = np.packbits(((values[:, None] >> np.arange(bits)[::-1]) & 1).astype(np.uint8)).tobytes()
  data = png(8, 1, bits, colour_type, b"\0" + row, chunk(b"PLTE", bytes(48)) if colour_type else b"")
  np.testing.assert_array_equal(decode_png(data)[0, :, 0], values)


def test_grey_with_alpha_is_two_channels():
  array = noise((5, 6, 2), np.uint8)
  out = io.BytesIO()
  Image.fromarray(array).save(out, "PNG")
  np.testing.assert_array_equal(decode_png(out.getvalue()), array)


def test_optional_chunks_do_not_change_the_samples():
  raw = b"".join(b"\0" + bytes(range(24 * r, 24 * r + 24)) for r in range(4))
  plain = decode_png(png(4, 4, 16, 2, raw))
  extra = (chunk(b"gAMA", struct.pack(">I", 10000)) + chunk(b"tRNS", struct.pack(">HHH", 1, 515, 1029))
           + chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**6))))
  np.testing.assert_array_equal(decode_png(png(4, 4, 16, 2, raw, extra)), plain)
  assert plain[0, 0].tolist() == [1, 515, 1029]


def test_interlaced_png():
  array = noise((11, 13, 3), np.uint8)
  rows = b"".join(b"\0" + array[y0::dy, x0::dx][i].tobytes()
                  for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                                         (1, 0, 2, 2), (0, 1, 1, 2))
                  for i in range(len(array[y0::dy])))
  header = chunk(b"IHDR", struct.pack(">IIBBBBB", 13, 11, 8, 2, 0, 0, 1))
  data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
  np.testing.assert_array_equal(decode_png(data), array)


# TIFF


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3)),
                  elements=st.floats(width=32)))
def test_tiff_round_trip_is_bit_exact(array):
  decoded = decode_tiff(encode_tiff(array))
  assert decoded.dtype == np.float32 and decoded.shape == array.shape
  np.testing.assert_array_equal(decoded.view(np.uint32), array.view(np.uint32))


def test_depth_tiff_in_other_readers():
  array = noise((17, 31, 1), np.float32)
  array[0, 0] = 1000
  data = encode_tiff(array)
  for read in (pillow, opencv, lambda d: iio.imread(d, plugin="pillow")):
    value = read(data)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, array[..., 0])


def test_three_channel_tiff_in_opencv():
  array = noise((17, 31, 3), np.float32)
  np.testing.assert_array_equal(opencv(encode_tiff(array))[..., ::-1], array)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_tiff_in_tifffile(channels):
  tifffile = pytest.importorskip("tifffile")
  array = noise((17, 31, channels), np.float32)
  np.testing.assert_array_equal(tifffile.imread(io.BytesIO(encode_tiff(array))).reshape(array.shape), array)


def test_reads_tiff_of_pillow():
  array = noise((17, 31), np.float32)
  out = io.BytesIO()
  Image.fromarray(array).save(out, "TIFF")
  np.testing.assert_array_equal(decode_tiff(out.getvalue())[..., 0], array)


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"rowsperstrip": 4}, {"software": "x" * 50}])
@pytest.mark.parametrize("shape, photometric", [((17, 31, 1), "minisblack"), ((17, 31, 3), "rgb")])
def test_reads_tiff_of_tifffile(shape, photometric, options):
  tifffile = pytest.importorskip("tifffile")
  array = noise(shape, np.float32)
  out = io.BytesIO()
  tifffile.imwrite(out, array, photometric=photometric, **options)
  np.testing.assert_array_equal(decode_tiff(out.getvalue()), array)


def test_reads_tiff_written_as_kubric_does():
  pytest.importorskip("tifffile")
  import imageio.v2
  array = noise((17, 31, 1), np.float32)
  np.testing.assert_array_equal(decode_tiff(imageio.v2.imwrite("<bytes>", array, format="tiff")), array)


@pytest.mark.parametrize("options, reason", [
    ({"compression": "zlib"}, "compressed"), ({"dtype": np.uint16}, "float32"), ({"dtype": np.float64}, "float32"),
    ({"tile": (16, 16)}, "tiles"), ({"bigtiff": True}, "not a TIFF"),
    ({"shape": (3, 16, 16), "photometric": "minisblack"}, "stack"),
    ({"shape": (3, 16, 16), "planarconfig": "separate", "photometric": "rgb"}, "planes")])
def test_refuses_other_kinds_of_tiff(options, reason):
  tifffile = pytest.importorskip("tifffile")
  options = dict(options)
  array = np.zeros(options.pop("shape", (32, 32)), options.pop("dtype", np.float32))
  out = io.BytesIO()
  tifffile.imwrite(out, array, **options)
  with pytest.raises(KubricGenError, match=reason):
    decode_tiff(out.getvalue())


@pytest.mark.parametrize("shape, dtype", [((4, 4), np.float32), ((4, 4, 4), np.float32), ((4, 4, 1), np.float64)])
def test_tiff_refuses_other_arrays(shape, dtype):
  with pytest.raises(KubricGenError, match="a TIFF needs"):
    encode_tiff(np.zeros(shape, dtype))


# hostile bytes


RGB_PNG = encode_png(noise((8, 8, 3), np.uint16))
DEPTH_TIFF = encode_tiff(noise((8, 8, 1), np.float32))


@pytest.mark.parametrize("decode, data", [(decode_png, RGB_PNG), (decode_tiff, DEPTH_TIFF)])
def test_every_truncation_is_refused_in_one_line(decode, data):
  for length in range(len(data)):
    with pytest.raises(KubricGenError, match="frame_7 cannot be read") as caught:
      decode(data[:length], "frame_7")
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(RGB_PNG) - 1), st.integers(1, 255))
def test_a_changed_byte_of_a_png_is_noticed(at, change):
  damaged = bytearray(RGB_PNG)
  damaged[at] ^= change
  with pytest.raises(KubricGenError):
    decode_png(bytes(damaged))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", RGB_PNG[:33]]))
def test_garbage_is_refused_as_png(garbage, start):
  with pytest.raises(KubricGenError):
    decode_png(start + garbage)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 160), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_tiff_gives_an_image_or_the_error(changes):
  damaged = bytearray(DEPTH_TIFF)
  for at, value in changes:
    damaged[at] = value
  try:
    result = decode_tiff(bytes(damaged))
  except KubricGenError:
    return
  assert result.dtype == np.float32 and result.ndim == 3 and result.nbytes <= len(DEPTH_TIFF)


@pytest.mark.parametrize("raw", [b"\0" + bytes(10), b"\x09" + bytes(24)])
def test_png_with_valid_checksums_but_broken_pixels(raw):
  with pytest.raises(KubricGenError, match="damaged or cut short"):
    decode_png(png(4, 1, 16, 2, raw))


@pytest.mark.parametrize("width, height, reason", [(1 << 15, 1 << 14, "more than the limit"),
                                                   (1 << 31, 1 << 31, "more than the limit"), (0, 5, "header"),
                                                   (1 << 14, 1 << 14, "fewer pixels")])
def test_png_that_claims_too_much(width, height, reason):
  with pytest.raises(KubricGenError, match=reason):
    decode_png(png(width, height, 16, 2, bytes(100)))


def test_png_with_two_headers():
  header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 15, 1 << 15, 8, 0, 0, 0, 0))
  with pytest.raises(KubricGenError, match="header"):
    decode_png(png(4, 1, 8, 0, bytes(5), header))


@pytest.mark.parametrize("height", [1 << 27, 1 << 31])
def test_tiff_that_claims_too_much(height):
  data = bytearray(DEPTH_TIFF)
  assert struct.unpack_from("<HHII", data, 22) == (257, 4, 1, 8)
  struct.pack_into("<I", data, 30, height)
  assert 8 * height > MAX_PIXELS
  with pytest.raises(KubricGenError, match="more than the limit"):
    decode_tiff(bytes(data))


def test_tiff_whose_strips_overlap():
  tifffile = pytest.importorskip("tifffile")
  out = io.BytesIO()
  tifffile.imwrite(out, np.zeros((64, 64), np.float32), rowsperstrip=1, metadata=None)
  data = bytearray(out.getvalue())
  with tifffile.TiffFile(io.BytesIO(data)) as file:
    tags = file.pages[0].tags
    offsets, sizes, height = tags["StripOffsets"], tags["StripByteCounts"], tags["ImageLength"]
    for i in range(64):
      data[offsets.valueoffset + 4 * i:offsets.valueoffset + 4 * i + 4] = bytes(4)
      width = sizes.valuebytecount // 64
      data[sizes.valueoffset + width * i:sizes.valueoffset + width * (i + 1)] = (1 << 14).to_bytes(width, "little")
    data[height.valueoffset:height.valueoffset + 2] = (4096).to_bytes(2, "little")
  assert 64 << 14 == 4096 * 64 * 4
  with pytest.raises(KubricGenError, match="fewer pixels"):
    decode_tiff(bytes(data))


def test_what_the_library_says_of_a_damaged_tiff_stays_off_the_terminal(caplog):
  damaged = bytearray(DEPTH_TIFF)
  struct.pack_into("<I", damaged, 10 + 12 * 9 + 8, 1 << 30)  # where a tag's value is
  decode_tiff(bytes(damaged))
  assert not caplog.records


def test_geometry_layers_of_a_frame_are_quick_to_write():
  import time
  y, x = np.mgrid[0:256, 0:256].astype(np.float64) / 256
  smooth = np.stack([np.sin(3 * x + y), x * y, np.hypot(x - 0.5, y - 0.5)], axis=-1)
  layer = (smooth * 30000 + 30000).astype(np.uint16)
  labels, depth = (layer[..., :1] >> 12), smooth[..., 2:].astype(np.float32)

  def write():
    start = time.process_time()
    size = sum(len(encode_png(layer)) for _ in range(4)) + len(encode_palette_png(labels)) + len(encode_tiff(depth))
    assert size < 1_500_000
    return time.process_time() - start

  assert min(write() for _ in range(3)) < 0.1  # about 0.03 s on one core; slack for a busy machine
