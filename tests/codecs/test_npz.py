"""Archives of arrays."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kubric_gen.codecs.npz import decode_npz, encode_npz
from kubric_gen.errors import KubricGenError


def test_numpy_reads_it_back() -> None:
  arrays = {"a": np.arange(6.0).reshape(2, 3), "empty": np.zeros((0, 4), np.uint8), "flag": np.array(True), "shape": (3, 4)}
  with np.load(io.BytesIO(encode_npz(arrays)), allow_pickle=False) as found:
    assert found.files == list(arrays)
    for name, array in arrays.items():
      assert found[name].dtype == np.asarray(array).dtype
      np.testing.assert_array_equal(found[name], array)


def test_headers_say_nothing_of_time_or_size_of_size() -> None:
  archive = zipfile.ZipFile(io.BytesIO(encode_npz({"a": np.zeros(1000)})))
  entry = archive.getinfo("a.npy")
  assert entry.date_time == (1980, 1, 1, 0, 0, 0) and entry.extract_version == 20 and not entry.extra
  assert entry.compress_size < 300


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abc_", min_size=1), hnp.arrays(
    st.sampled_from(["bool", "uint8", "int64", "float32", "<U3"]), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))))
def test_round_trip(arrays):
  found = decode_npz(encode_npz(arrays))
  assert list(found) == list(arrays)
  for name, array in arrays.items():
    assert found[name].dtype == array.dtype and found[name].flags.writeable
    np.testing.assert_array_equal(found[name], array)


def test_reads_what_numpy_writes() -> None:
  arrays = {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.zeros((1000, 1000), ">i4")}
  for save in (np.savez, np.savez_compressed):
    out = io.BytesIO()
    save(out, **arrays)
    found = decode_npz(out.getvalue())
    assert found["a"].tolist() == arrays["a"].tolist() and found["b"].shape == (1000, 1000)


def npy(header: str, content: bytes = b"", version: int = 1) -> bytes:
  return b"\x93NUMPY" + bytes([version, 0]) + len(header).to_bytes(2, "little") + header.encode() + content


def zipped(content: bytes, name: str = "a.npy", method: int = zipfile.ZIP_DEFLATED) -> bytes:
  out = io.BytesIO()
  with zipfile.ZipFile(out, "w", method) as archive:
    archive.writestr(name, content)
  return out.getvalue()


def objects() -> bytes:
  out = io.BytesIO()
  np.savez(out, a=np.array([{}, []], object))
  return out.getvalue()


def bomb() -> bytes:
  data = bytearray(zipped(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4,)}", bytes(4))))
  at = data.rindex(b"PK\x01\x02")
  data[at + 24:at + 28] = (1 << 31).to_bytes(4, "little")  # the size that the directory claims
  return bytes(data)


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"


@pytest.mark.parametrize("data, reason", [
    (lambda: b"", "no archive"), (lambda: b"PK\x03\x04 no", "no archive"), (objects, "Python objects"),
    (bomb, "less than it claims"),
    (lambda: zipped(npy(HUGE, bytes(8))), "another size"), (lambda: zipped(b"text", "a.txt"), "something else"),
    (lambda: zipped(bytes(9), method=zipfile.ZIP_LZMA), "something else"), (lambda: zipped(bytes(100)), "no archive"),
    (lambda: zipped(npy(HUGE.replace("(1000000000000,)", "(-1, -1)"), bytes(8))), "no archive"),
    (lambda: zipped(npy(HUGE.replace("(1000000000000,)", "(1, __import__('os'))"), bytes(8))), "no archive"),
    (lambda: zipped(npy(HUGE, bytes(8), version=7)), "no archive")])
def test_hostile_archives_are_refused_in_one_line(data, reason) -> None:
  with pytest.raises(KubricGenError, match=f"tracks.npz cannot be read .*{reason}") as caught:
    decode_npz(data(), "tracks.npz")
  assert "\n" not in str(caught.value)


def test_an_archive_that_grows_too_large_is_not_unpacked() -> None:
  data = encode_npz({"a": np.zeros(1 << 20, np.uint8)})
  assert len(data) < 2000 and decode_npz(data)["a"].size == 1 << 20
  with pytest.raises(KubricGenError, match="more than the limit of 1000000 bytes"):
    decode_npz(data, max_bytes=1_000_000)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_archive_gives_arrays_or_the_error(data) -> None:
  damaged = bytearray(encode_npz({"masks": np.arange(40, dtype=np.uint8), "shape": (1, 5, 64)}))
  for _ in range(data.draw(st.integers(1, 4))):
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
  try:
    decode_npz(bytes(damaged[:data.draw(st.integers(0, len(damaged)))]))
  except KubricGenError as error:
    assert "\n" not in str(error)
