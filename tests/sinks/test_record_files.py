"""Files of records, read back by the libraries that their formats are of."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.schema import Record
from kubric_gen.sinks.parquet import FIELD, GROUP_BYTES
from kubric_gen.sinks.record_file import RecordFile
from kubric_gen.sinks.sink import record_sink

FORMATS = ("tfrecord", "array_record", "parquet")
RNG = np.random.default_rng(0)
RECORDS = [RNG.bytes(int(size)) for size in RNG.integers(0, 400, 700)]


def _write(file_format: str, path: Path, records: Iterable[bytes]) -> None:
  with record_sink(file_format)(path) as sink:
    for number, data in enumerate(records):
      sink.add(str(number), Record({}, data))
    sink.finish()


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
  assert table.column_names == [FIELD]
  return table[FIELD].to_pylist()


READERS: dict[str, Callable[[str], list[bytes]]] = {"tfrecord": _tfrecord, "array_record": _array_record, "parquet": _parquet}


def test_one_pass_writes_all_formats(tmp_path: Path) -> None:
  with contextlib.ExitStack() as stack:
    sinks = [stack.enter_context(record_sink(name)(tmp_path / name)) for name in FORMATS]
    for number, data in enumerate(RECORDS):
      for sink in sinks:
        sink.add(str(number), Record({}, data))
    for sink in sinks:
      sink.finish()
  for name in FORMATS:
    assert READERS[name](str(tmp_path / name)) == RECORDS, name
  assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FORMATS)


@pytest.mark.parametrize(("file_format", "count"), [
    *((name, count) for name in FORMATS for count in (1, 101, 250)), ("tfrecord", 0), ("parquet", 0)])
def test_any_number_of_records(tmp_path: Path, file_format: str, count: int) -> None:
  _write(file_format, tmp_path / "file", RECORDS[:count])
  assert READERS[file_format](str(tmp_path / "file")) == RECORDS[:count]


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_records_give_the_same_bytes(tmp_path: Path, file_format: str) -> None:
  for name in ("one", "two"):
    _write(file_format, tmp_path / name, RECORDS[:50])
  assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_any_array_record_can_be_read_alone(tmp_path: Path) -> None:
  from array_record.python.array_record_module import ArrayRecordReader
  _write("array_record", tmp_path / "file", RECORDS)
  reader = ArrayRecordReader(str(tmp_path / "file"))
  assert "group_size:1," in reader.writer_options_string() and reader.read([600, 3]) == [RECORDS[600], RECORDS[3]]
  reader.close()


def test_parquet_files_are_not_held_in_memory_whole(tmp_path: Path) -> None:
  import pyarrow.parquet
  _write("parquet", tmp_path / "file", [bytes(GROUP_BYTES // 4 + 1)] * 10)
  file = pyarrow.parquet.ParquetFile(tmp_path / "file")
  assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 4, 2]
  assert {file.metadata.row_group(0).column(0).compression} == {"UNCOMPRESSED"}


# --- whole or not at all ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("before", [None, b"what was there before"])
def test_what_is_not_finished_leaves_no_trace(tmp_path: Path, file_format: str, before: bytes | None) -> None:
  target = tmp_path / "file"
  if before is not None:
    target.write_bytes(before)
  with record_sink(file_format)(target) as sink:
    sink.add("0", Record({}, RECORDS[1]))
    assert target.exists() == (before is not None)  # it appears when it is finished
  with pytest.raises(ZeroDivisionError), record_sink(file_format)(target) as sink:
    sink.add("0", Record({}, RECORDS[1]))
    raise ZeroDivisionError
  assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == ([] if before is None else [("file", before)])
  _write(file_format, target, RECORDS[:3])
  assert READERS[file_format](str(target)) == RECORDS[:3]


class _Writer:
  """Writes one file, and fails where the path says so."""

  closed: list[str] = []

  def __init__(self, path: str, name: str) -> None:
    if name == "unopened":
      raise OSError("no such place")
    self.path, self.name = Path(path), name
    self.path.write_bytes(b"")

  def write(self, record: bytes) -> None:
    self.path.write_bytes(record)
    if self.name == "unwritten":
      raise OSError("no room")

  def close(self) -> None:
    self.closed.append(self.name)
    if self.name == "unclosed":
      raise OSError("no room at the end")


class _File(RecordFile):
  name = "file made here"

  def open_writer(self, path: str) -> Any:
    return _Writer(path, self.target.name)


@pytest.mark.parametrize(("name", "reason"), [
    ("unopened", "no such place"), ("unwritten", "no room"), ("unclosed", "no room at the end")])
def test_every_file_is_closed_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str) -> None:
  monkeypatch.setattr(_Writer, "closed", [])
  with pytest.raises(KubricGenError, match=reason), contextlib.ExitStack() as stack:
    sinks = [stack.enter_context(_File(tmp_path / part)) for part in ("one", name, "two")]
    for sink in sinks:
      sink.add("key", Record({}, b"record"))
    for sink in reversed(sinks):
      sink.finish()
  assert sorted(_Writer.closed) == (["one"] if name == "unopened" else ["one", "two", name])
  # What was finished before the error stands; nothing else does, and nothing half-written
  assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == ([("two", b"record")] if name == "unclosed" else [])


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, file_format: str) -> None:
  with pytest.raises(Exception, match="nowhere"):
    _write(file_format, tmp_path / "nowhere" / "file", [b"record"])
  assert not list(tmp_path.iterdir())
