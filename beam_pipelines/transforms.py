"""The steps of the pipeline: seeds → scenes in the store → a plan of shards → shards → a finished dataset."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.windowed_value import WindowedValue

from beam_pipelines.in_workers import Closed, InWorkers, attempts
from beam_pipelines.job import Job, SeedRange
from beam_pipelines.results import Collect, Collected, Finish, SceneRow, plan
from kubric_gen.shards.layout import Shard
from kubric_gen.shards.packing import PackedShard
from kubric_gen.shards.recipe import SceneKey, resolution_name
from kubric_gen.workers import WorkerError

SEEDS_PER_CHUNK = 1000

_log = logging.getLogger(__name__)


class MakeScenes(InWorkers):
  """Makes each scene, unless the store has it; yields a `SceneRow`, whatever happens."""

  def __init__(self, job: Job) -> None:
    super().__init__(job, "scenes", job.max_memory_mb)
    self._counters = {name: Metrics.counter("kubric_gen", name) for name in ("made", "reused", "failed", "retried")}

  def process(self, element: SceneKey) -> Iterator[SceneRow]:
    for row in super().process(element):
      yield self._counted(row)

  def finish_bundle(self) -> Iterator[WindowedValue]:
    for value in super().finish_bundle():
      self._counted(value.value)
      yield value

  def _counted(self, row: SceneRow) -> SceneRow:
    self._counters["failed" if row.failure else "made" if row.made else "reused"].inc()
    self._counters["retried"].inc(row.attempts - 1)
    return row

  def work(self, element: SceneKey) -> SceneRow:
    job = self._job
    try:
      for attempt in attempts(job):
        with attempt:
          number = attempt.retry_state.attempt_number
          started = time.perf_counter()
          try:
            outcome = self._pool.call("kubric_gen.shards.tasks:make_stored_scene", job.recipe, job.store_root, element)
          except WorkerError as error:
            if self._pool.closed:
              raise Closed from error
            _log.warning("seed %d (%s): attempt %d of %d failed: %s: %s", element.seed, element.split, number, job.max_attempts,
                         error.stage, error.message)
            raise
    except Closed as closed:
      raise closed.__cause__ or closed from None
    except WorkerError as error:
      return SceneRow(element, attempts=job.max_attempts, failure=(error.stage, error.message, error.details))
    seconds = time.perf_counter() - started
    sizes = tuple(outcome.value.sizes[resolution_name(size)].get(split, 0) for size in job.recipe.resolutions
                  for split in job.recipe.dataset.record_splits(element.split))
    _log.info("seed %d (%s): %s", element.seed, element.split, f"{seconds:.1f} s" if outcome.value.made else "in the store",
              extra={"finished": True})
    return SceneRow(element, outcome.value.made, sizes, seconds, outcome.peak_mb, number)


class PackShards(InWorkers):
  """Writes each shard; yields a `PackedShard`."""

  def __init__(self, job: Job) -> None:
    super().__init__(job, "shards", 4000.0)  # TensorFlow alone has 800

  def work(self, element: Shard) -> PackedShard:
    job = self._job
    try:
      packed: PackedShard = attempts(job)(
          self._pool.call, "kubric_gen.shards.packing:pack_shard", job.recipe, job.store_root, job.roots, element).value
      return packed
    except WorkerError as error:
      raise RuntimeError(f"shard {element.index} of {element.split} {element.resolution}: {error.message}\n{error.details}"
                         ) from error


def _expand(chunk: SeedRange, job: Job) -> Iterator[SceneKey]:
  return job.keys(chunk)


def build(pipeline: beam.Pipeline, job: Job) -> None:
  """Adds the whole pipeline."""
  chunks = [SeedRange(low, min(low + SEEDS_PER_CHUNK - 1, part.last), part.split) for part in job.seeds
            for low in range(part.first, part.last + 1, SEEDS_PER_CHUNK)]
  collected = (
      pipeline
      | "Ranges" >> beam.Create(chunks, reshuffle=False)
      | "Seeds" >> beam.FlatMap(_expand, job).with_output_types(SceneKey)
      | "Spread seeds" >> beam.Reshuffle()
      | "Make scenes" >> beam.ParDo(MakeScenes(job)).with_output_types(SceneRow)
      | "Collect" >> beam.CombineGlobally(Collect()).with_output_types(Collected))
  packed = (
      collected
      | "Plan shards" >> beam.FlatMap(plan, job).with_output_types(Shard)
      | "Spread shards" >> beam.Reshuffle()
      | "Pack shards" >> beam.ParDo(PackShards(job)).with_output_types(PackedShard))
  _ = collected | "Finish" >> beam.ParDo(Finish(job), beam.pvalue.AsList(packed))
