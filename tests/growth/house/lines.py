"""Sinks: text files with a line for each record, and for each example."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from kubric_gen.sinks import ExampleSink, add_sink
from kubric_gen.sinks.record_file import RecordFile
from kubric_gen.system.whole import write_whole


class _Lines:

  def __init__(self, path: str) -> None:
    self._file = open(path, "wb")  # noqa: SIM115  close() closes it

  def write(self, line: bytes) -> None:
    self._file.write(line + b"\n")

  def close(self) -> None:
    self._file.close()


def _mean(value: Any) -> Any:
  return float(np.mean(value)) if isinstance(value, np.ndarray) else value


@add_sink
class RecordLines(RecordFile):
  """The key of each record, its texts, and the mean of its numbers."""

  name = "record_lines"

  def open_writer(self, path: str) -> Any:
    return _Lines(path)

  def add(self, key: str, item: Any) -> None:
    assert self._writer is not None
    values = {name: _mean(value) for name, value in item.values(in_units=True).items()}
    self._writer.write(json.dumps({"key": key, **values}, sort_keys=True).encode())


@add_sink
class ExampleLines(ExampleSink):
  """A file `examples.txt` that names each scene and its views."""

  name = "example_lines"

  def __init__(self, target: Any, **options: Any) -> None:
    super().__init__(target, **options)
    self._lines: list[str] = []

  def add(self, key: str, item: Any) -> None:
    self._lines.append(f"{key} {','.join(view.name for view in item.views)} {len(item.instances)}")

  def finish(self) -> None:
    write_whole(self.target / "examples.txt", ("\n".join(self._lines) + "\n").encode())
