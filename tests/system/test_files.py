"""Sums of files that grow."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from kubric_gen.system.files import GrowingSum, file_sum


def test_a_file_is_summed_while_it_is_written(tmp_path: Path) -> None:
  rng, whole = np.random.default_rng(0), hashlib.sha256()
  file = tmp_path / "file"
  growing = GrowingSum(file)  # it is not there yet
  with file.open("wb") as stream:
    for size in (0, 1, 3 << 20, 17, 1 << 20):
      data = rng.bytes(size)
      whole.update(data)
      stream.write(data)
      stream.flush()
  found = growing.finish()
  assert found == file_sum(file) and found.sha256 == whole.hexdigest() and found.size == (4 << 20) + 18


def test_a_file_that_was_cut_is_read_again(tmp_path: Path) -> None:
  file = tmp_path / "file"
  file.write_bytes(bytes(100))
  growing = GrowingSum(file)
  while growing._size < 100:
    growing.join(0.001)
  file.write_bytes(b"other")
  assert growing.finish() == file_sum(file)


def test_a_file_that_never_comes_is_told_and_nobody_waits(tmp_path: Path) -> None:
  with pytest.raises(OSError, match="file"):
    GrowingSum(tmp_path / "file").finish()
  growing = GrowingSum(tmp_path / "file")
  growing.stop()
  assert not growing.is_alive()
