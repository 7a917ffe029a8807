"""A small pipeline for the tests of the cluster: job.py DIRECTORY [pipeline options].

Forty numbers take half a second each and leave a file in DIRECTORY/done that names the worker; the sum of all results
and the workers that made them end up in DIRECTORY/result.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

COUNT = 40
SECONDS = 0.5


class Square(beam.DoFn):
  """A number and its square, slowly."""

  def __init__(self, done: Path) -> None:
    self._done = done

  def process(self, number: int) -> Iterator[tuple[int, int, int]]:
    time.sleep(SECONDS)
    (self._done / f"{number}-{os.getpid()}-{time.time_ns()}").touch()
    yield number, number ** 2, os.getpid()


def main(directory: Path, options: list[str]) -> None:
  done = directory / "done"
  done.mkdir(exist_ok=True)
  with beam.Pipeline(options=PipelineOptions(options)) as pipeline:
    _ = (pipeline
         | beam.Create(range(COUNT))
         | beam.Reshuffle()
         | beam.ParDo(Square(done))
         | beam.combiners.ToList()
         | beam.Map(lambda rows: json.dumps(sorted(rows)))
         | beam.io.WriteToText(str(directory / "result"), num_shards=1, shard_name_template=""))


if __name__ == "__main__":
  main(Path(sys.argv[1]), sys.argv[2:])
