"""Files of records, read back by the libraries that their formats are of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kubric_gen.shards.layout import FORMATS
from kubric_gen.shards.writers import PARQUET_FIELD, PARQUET_GROUP_BYTES, Writers, open_writer

RNG = np.random.default_rng(0)
RECORDS = [RNG.bytes(int(size)) for size in RNG.integers(0, 400, 700)]


def _tfrecord(path: str) -> list[bytes]:
  import tensorflow as tf
  return [item.numpy() for item in tf.data.TFRecordDataset(path)]


def _array_record(path: str) -> list[bytes]:
  from array_record.python.array_record_data_source import ArrayRecordDataSource
  with ArrayRecordDataSource(path) as source:
    return [source[i] for i in range(len(source))]


def _parquet(path: str) -> list[bytes]:
  import pyarrow.parquet
  table = pyarrow.parquet.read_table(path)
  assert table.column_names == [PARQUET_FIELD]
  return table[PARQUET_FIELD].to_pylist()


READERS: dict[str, Callable[[str], list[bytes]]] = {"tfrecord": _tfrecord, "array_record": _array_record, "parquet": _parquet}


def test_one_pass_writes_all_formats(tmp_path: Path) -> None:
  paths = {name: str(tmp_path / name) for name in FORMATS}
  with Writers(paths) as writers:
    for record in RECORDS:
      writers.write(record)
  for name, path in paths.items():
    assert READERS[name](path) == RECORDS, name


@pytest.mark.parametrize(("file_format", "count"), [
    *((name, count) for name in FORMATS for count in (1, 101, 250)), ("tfrecord", 0), ("parquet", 0)])
def test_any_number_of_records(tmp_path: Path, file_format: str, count: int) -> None:
  writer = open_writer(tmp_path / "file", file_format)
  for record in RECORDS[:count]:
    writer.write(record)
  writer.close()
  assert READERS[file_format](str(tmp_path / "file")) == RECORDS[:count]


def test_any_array_record_can_be_read_alone(tmp_path: Path) -> None:
  from array_record.python.array_record_module import ArrayRecordReader
  with Writers({"array_record": str(tmp_path / "file")}) as writers:
    for record in RECORDS:
      writers.write(record)
  reader = ArrayRecordReader(str(tmp_path / "file"))
  assert "group_size:1," in reader.writer_options_string() and reader.read([600, 3]) == [RECORDS[600], RECORDS[3]]
  reader.close()


def test_parquet_files_are_not_held_in_memory_whole(tmp_path: Path) -> None:
  import pyarrow.parquet
  record = bytes(PARQUET_GROUP_BYTES // 4 + 1)
  with Writers({"parquet": str(tmp_path / "file")}) as writers:
    for _ in range(10):
      writers.write(record)
  file = pyarrow.parquet.ParquetFile(tmp_path / "file")
  assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 4, 2]
  assert {file.metadata.row_group(0).column(0).compression} == {"UNCOMPRESSED"}


def test_every_file_is_closed_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
  from kubric_gen.shards import writers
  closed: list[str] = []

  class Fake:
    def __init__(self, path: str, file_format: str) -> None:
      if path == "unopened":
        raise OSError("no such place")
      self.path = path

    def write(self, record: bytes) -> None:
      if self.path == "unwritten":
        raise OSError("no room")

    def close(self) -> None:
      closed.append(self.path)
      if self.path == "unclosed":
        raise OSError("no room at the end")

  monkeypatch.setattr(writers, "open_writer", Fake)
  for path, reason in (("unopened", "no such place"), ("unwritten", "no room"), ("unclosed", "no room at the end")):
    closed.clear()
    with pytest.raises(OSError, match=reason), Writers({"a": "one", "b": path, "c": "two"}) as opened:
      opened.write(b"record")
    assert sorted(closed) == (["one"] if path == "unopened" else ["one", "two", path])


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, file_format: str) -> None:
  with pytest.raises(Exception, match="nowhere"), Writers({file_format: str(tmp_path / "nowhere" / "file")}) as writers:
    writers.write(b"record")
