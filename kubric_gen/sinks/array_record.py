"""ArrayRecord files: random access to each record, with neither TensorFlow nor TFDS."""

from __future__ import annotations

from typing import Any

from kubric_gen.sinks.record_file import RecordFile
from kubric_gen.sinks.sink import add_sink


@add_sink
class ArrayRecord(RecordFile):
  """An ArrayRecord file."""

  name = "array_record"
  tfds = True
  appends = True

  def open_writer(self, path: str) -> Any:
    from array_record.python.array_record_module import ArrayRecordWriter
    return ArrayRecordWriter(path, "group_size:1")  # random access to each record, as TFDS does it
