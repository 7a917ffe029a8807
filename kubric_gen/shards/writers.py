"""Files of serialised records, one writer per format, all used alike: open, write record by record, close.

TFDS has such writers too, but they pull from one iterator each, so that several formats cannot be written from one pass
over the records; and its parquet writer (4.9.10) skips records after the first hundred of an iterator.
"""

from __future__ import annotations

import contextlib
import os
from types import TracebackType
from typing import Protocol

PARQUET_FIELD = "data"
PARQUET_GROUP_BYTES = 16 << 20
"""Records that one row group of a parquet file holds, and a reader has in memory."""


class RecordWriter(Protocol):
  """Writes one file."""

  def write(self, record: bytes) -> None: ...
  def close(self) -> None: ...


class _Parquet:
  """One binary column `data`, as TFDS reads it."""

  def __init__(self, path: str) -> None:
    import pyarrow
    import pyarrow.parquet
    self._arrow = pyarrow
    self._schema = pyarrow.schema([pyarrow.field(PARQUET_FIELD, pyarrow.binary())])
    # Records are compressed already, and no two are alike
    self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="none", use_dictionary=False)
    self._group: list[bytes] = []

  def write(self, record: bytes) -> None:
    self._group.append(record)
    if sum(map(len, self._group)) >= PARQUET_GROUP_BYTES:
      self._flush()

  def _flush(self) -> None:
    if self._group:
      self._writer.write_batch(self._arrow.RecordBatch.from_arrays(
          [self._arrow.array(self._group, self._arrow.binary())], schema=self._schema))
      self._group = []

  def close(self) -> None:
    self._flush()
    self._writer.close()


def open_writer(path: str | os.PathLike[str], file_format: str) -> RecordWriter:
  """A writer of a local file in one of the formats of `layout.FORMATS`."""
  name = os.fspath(path)
  if file_format == "tfrecord":
    import tensorflow
    return tensorflow.io.TFRecordWriter(name)
  if file_format == "array_record":
    from array_record.python.array_record_module import ArrayRecordWriter
    return ArrayRecordWriter(name, "group_size:1")  # random access to each record, as TFDS does it
  return _Parquet(name)


class Writers:
  """Writes the same records to several files, and closes all of them whatever fails. Use as a context manager."""

  def __init__(self, paths: dict[str, str]) -> None:
    with contextlib.ExitStack() as stack:
      self._writers: list[RecordWriter] = [stack.enter_context(contextlib.closing(open_writer(path, file_format)))
                                           for file_format, path in paths.items()]
      self._stack = stack.pop_all()

  def write(self, record: bytes) -> None:
    for writer in self._writers:
      writer.write(record)

  def __enter__(self) -> Writers:
    return self

  def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    self._stack.__exit__(kind, error, trace)
