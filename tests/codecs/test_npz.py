"""Archives of arrays."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from kubric_gen.codecs.npz import encode_npz


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
