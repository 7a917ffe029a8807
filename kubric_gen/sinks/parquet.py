"""Parquet files with one binary column, as TFDS reads them.

TFDS has such a writer too, which (4.9.10) skips records after the first hundred of an iterator.
"""

from __future__ import annotations

from typing import Any

from kubric_gen.sinks.record_file import RecordFile
from kubric_gen.sinks.sink import add_sink

FIELD = "data"
GROUP_BYTES = 16 << 20
"""Records that one row group holds, and a reader has in memory."""


class _Writer:

  def __init__(self, path: str) -> None:
    import pyarrow
    import pyarrow.parquet
    self._arrow = pyarrow
    self._schema = pyarrow.schema([pyarrow.field(FIELD, pyarrow.binary())])
    # Records are compressed already, and no two are alike
    self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="none", use_dictionary=False)
    self._group: list[bytes] = []

  def write(self, record: bytes) -> None:
    self._group.append(record)
    if sum(map(len, self._group)) >= GROUP_BYTES:
      self._flush()

  def _flush(self) -> None:
    if self._group:
      self._writer.write_batch(self._arrow.RecordBatch.from_arrays(
          [self._arrow.array(self._group, self._arrow.binary())], schema=self._schema))
      self._group = []

  def close(self) -> None:
    self._flush()
    self._writer.close()


@add_sink
class Parquet(RecordFile):
  """A Parquet file."""

  name = "parquet"
  tfds = True
  appends = True

  def open_writer(self, path: str) -> Any:
    return _Writer(path)
