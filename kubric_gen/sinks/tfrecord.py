"""TFRecord files, which TFDS reads with TensorFlow."""

from __future__ import annotations

from typing import Any

from kubric_gen.sinks.record_file import RecordFile
from kubric_gen.sinks.sink import add_sink


@add_sink
class TfRecord(RecordFile):
  """A TFRecord file; writing it loads TensorFlow."""

  name = "tfrecord"
  tfds = True
  appends = True

  def open_writer(self, path: str) -> Any:
    import tensorflow
    return tensorflow.io.TFRecordWriter(path)
