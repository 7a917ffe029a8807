"""Frames of layers as files: each kind gives back what it was given, and refuses everything else in one line."""

from __future__ import annotations

import ast
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kubric_gen.codecs import storage
from kubric_gen.codecs.npz import encode_npz
from kubric_gen.codecs.png import decode_png, encode_png
from kubric_gen.codecs.storage import FRAME_CODECS, MAX_MASK_PIXELS
from kubric_gen.codecs.tiff import encode_tiff
from kubric_gen.errors import KubricGenError
from kubric_gen.scene.layers import Storage

STEP = 1 / 65535
KINDS = [(kind, dtype, channels) for kind, codec in FRAME_CODECS.items() for dtype in codec.dtypes
         for channels in codec.channels or (0, 1, 3)]


def frames(dtype: str, channels: int, low: float, high: float) -> st.SearchStrategy:
  shape = st.tuples(st.integers(1, 6), st.integers(1, 9), st.just(channels))
  if np.dtype(dtype).kind == "f":
    wide = np.dtype(dtype).itemsize * 8
    return hnp.arrays(dtype, shape, elements=st.floats(low, high, width=wide))
  if dtype == "bool":
    return hnp.arrays(dtype, shape)
  return hnp.arrays(dtype, shape, elements=st.integers(0, 255))


def test_there_is_a_codec_for_every_kind_that_has_frames() -> None:
  assert set(FRAME_CODECS) == {str(kind) for kind in Storage} - {"arrays"}
  for kind, codec in FRAME_CODECS.items():
    assert codec.kind == kind and codec.suffix in ("png", "tiff", "npz") and codec.needs_range == (kind == "range")


@pytest.mark.parametrize("kind, dtype, channels", KINDS)
def test_round_trip(kind: str, dtype: str, channels: int) -> None:
  codec = FRAME_CODECS[kind]
  low, high = {"unit": (0, 1), "signed": (-1, 1)}.get(kind, (-50, 50))
  step = {"unit": STEP, "signed": 2 * STEP, "range": 100 * STEP}.get(kind, 0)
  rounding = np.finfo(dtype if dtype == "float16" else "float32").eps * high if step else 0

  @settings(max_examples=15, deadline=None)
  @given(frames(dtype, channels, low, high))
  def check(frame):
    limits = (-50.0, 50.0) if codec.needs_range else None
    before = frame.copy()
    data = codec.encode(frame, limits)
    assert data == codec.encode(np.asfortranarray(frame), limits)
    found = codec.decode(data, dtype, channels, limits)
    assert found.dtype == dtype and found.shape == frame.shape
    assert np.abs(found.astype(np.float64) - frame).max(initial=0) <= step / 2 + rounding
    np.testing.assert_array_equal(frame, before)

  check()


@pytest.mark.parametrize("kind", ["image", "unit", "signed", "range"])
def test_two_channels_are_stored_as_three_of_which_the_last_is_0(kind: str) -> None:
  codec = FRAME_CODECS[kind]
  frame = np.random.default_rng(0).uniform(0.1, 1, (4, 5, 2)).astype(codec.dtypes[-1])
  stored = decode_png(codec.encode(frame, (-1.0, 1.0)))
  assert stored.shape == (4, 5, 3) and not stored[..., 2].any()


def test_masks_are_bits() -> None:
  masks = np.random.default_rng(0).integers(0, 2, (7, 9, 3)).astype(bool)
  data = FRAME_CODECS["masks"].encode(masks)
  assert data == encode_npz({"masks": np.packbits(np.moveaxis(masks, -1, 0).reshape(3, 63), axis=1), "shape": (3, 7, 9)})
  np.testing.assert_array_equal(FRAME_CODECS["masks"].decode(data, "bool", None), masks)


@pytest.mark.parametrize("kind", FRAME_CODECS)
@pytest.mark.parametrize("frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 5), np.complex64), np.zeros((0, 4, 1), np.uint8),
                                   np.zeros((4, 4, 1), np.int8), np.zeros((4, 4, 1), object), None])
def test_other_frames_are_refused(kind: str, frame) -> None:
  with pytest.raises(KubricGenError) as caught:
    FRAME_CODECS[kind].encode(frame, (0.0, 1.0))
  assert "\n" not in str(caught.value)


def test_a_range_is_needed() -> None:
  for limits in (None, (1.0, 0.0), (0.0, float("nan"))):
    with pytest.raises(KubricGenError, match="range"):
      FRAME_CODECS["range"].encode(np.zeros((2, 2, 1), np.float32), limits)
    with pytest.raises(KubricGenError, match="range"):
      FRAME_CODECS["range"].decode(encode_png(np.zeros((2, 2, 1), np.uint16)), "float32", 1, limits)


GREY8, GREY16, RGB16 = (encode_png(np.zeros(shape, dtype)) for shape, dtype in (
    ((2, 2, 1), np.uint8), ((2, 2, 1), np.uint16), ((2, 2, 3), np.uint16)))
DEPTH, MASKS = encode_tiff(np.zeros((2, 2, 1), np.float32)), FRAME_CODECS["masks"].encode(np.zeros((2, 2, 3), bool))


@pytest.mark.parametrize("kind, data, dtype, channels, reason", [
    ("image", GREY16, "uint8", 1, "type uint16"), ("image", GREY8, "uint8", 3, "1 channels where 3"),
    ("image", GREY8, "uint16", 1, "type uint8"), ("image", DEPTH, "uint8", 1, "not a PNG"),
    ("palette", RGB16, "uint16", 1, "type uint16"), ("palette", GREY8, "float32", 1, "of type uint8"),
    ("unit", GREY8, "float32", 1, "type uint8"), ("unit", GREY16, "float32", 3, "1 channels where 3"),
    ("signed", RGB16, "float32", 1, "3 channels where 1"), ("range", GREY16, "float32", 2, "1 channels where 2"),
    ("range", RGB16, "uint16", 3, "of type float16"), ("float", DEPTH, "float64", 1, "of type float32"),
    ("float", DEPTH, "float32", 3, "1 channels where 3"), ("float", GREY16, "float32", 1, "not a TIFF"),
    ("masks", MASKS, "bool", 4, "3 channels where 4"), ("masks", MASKS, "uint8", 3, "of type bool"),
    ("masks", GREY8, "bool", None, "no archive")])
def test_files_of_another_make_are_refused(kind, data, dtype, channels, reason) -> None:
  with pytest.raises(KubricGenError, match=reason) as caught:
    FRAME_CODECS[kind].decode(data, dtype, channels, (0.0, 1.0))
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind, data, dtype, channels", [
    ("image", GREY8, "uint8", 1), ("range", RGB16, "float32", 3), ("float", DEPTH, "float32", 1), ("masks", MASKS, "bool", 3)])
def test_frames_of_another_size_are_refused_where_it_is_known(kind, data, dtype, channels) -> None:
  decode = FRAME_CODECS[kind].decode
  assert decode(data, dtype, channels, (0.0, 1.0), (2, 2)).shape == (2, 2, channels)
  for size in ((2, 3), (1, 4), (1 << 20, 1 << 20)):
    with pytest.raises(KubricGenError, match=f"2x2 pixels where {size[0]}x{size[1]} are wanted"):
      decode(data, dtype, channels, (0.0, 1.0), size)


BITS = np.zeros((3, 8), np.uint8)


@pytest.mark.parametrize("arrays, reason", [
    ({"shape": (3, 8, 8)}, "no bit masks"), ({"masks": BITS}, "no bit masks"),
    ({"masks": BITS, "shape": (3, 64)}, "no bit masks"),
    ({"masks": BITS, "shape": (3.0, 8.0, 8.0)}, "no bit masks"), ({"masks": BITS > 0, "shape": (3, 8, 8)}, "no bit masks"),
    ({"masks": BITS, "shape": (3, 8, 9)}, "do not fit"), ({"masks": BITS, "shape": (4, 8, 8)}, "do not fit"),
    ({"masks": BITS.ravel(), "shape": (3, 8, 8)}, "do not fit"), ({"masks": BITS, "shape": (3, -8, -8)}, "more than the limit"),
    ({"masks": BITS, "shape": (3, 0, 8)}, "none or more"), ({"masks": BITS, "shape": (1 << 20,) * 3}, "more than the limit"),
    ({"masks": BITS[:0], "shape": (0, 1 << 31, 1 << 31)}, "more than the limit")])
def test_masks_that_claim_what_they_do_not_hold(arrays, reason) -> None:
  data = encode_npz(arrays)
  tracemalloc.start()
  try:
    with pytest.raises(KubricGenError, match=reason) as caught:
      FRAME_CODECS["masks"].decode(data, "bool", None)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
  finally:
    tracemalloc.stop()
  assert "\n" not in str(caught.value)


def test_too_many_masks_are_refused_before_they_are_written() -> None:
  frame = np.broadcast_to(np.zeros((1, 1, 1), bool), (1 << 10, 1 << 10, MAX_MASK_PIXELS // (1 << 20) + 1))
  with pytest.raises(KubricGenError, match="more than the limit"):
    FRAME_CODECS["masks"].encode(frame)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([("image", GREY8), ("range", RGB16), ("float", DEPTH), ("masks", MASKS)]), st.data())
def test_damaged_files_give_a_frame_or_the_error(kind, data) -> None:
  kind, file = kind
  damaged = bytearray(file)
  for _ in range(data.draw(st.integers(1, 3))):
    damaged[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
  codec = FRAME_CODECS[kind]
  try:
    found = codec.decode(bytes(damaged), codec.dtypes[0], None, (0.0, 1.0))
  except KubricGenError as error:
    assert "\n" not in str(error)
  else:
    assert found.ndim == 3 and found.dtype == codec.dtypes[0]


def test_codecs_know_of_errors_and_themselves_alone() -> None:
  for file in Path(storage.__file__).parent.glob("*.py"):
    for node in ast.walk(ast.parse(file.read_text())):
      if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kubric_gen"):
        assert node.module == "kubric_gen.errors" or str(node.module).startswith("kubric_gen.codecs"), (file, node.module)
