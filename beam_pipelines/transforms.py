"""The steps of the pipeline: seeds → scenes in the store → a plan of shards → shards → a finished dataset."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from beam_pipelines.job import Job, SeedRange
from kubric_gen.system.whole import write_whole
from kubric_gen.shards.recipe import SceneKey, resolution_name
from kubric_gen.shards.card import Finished
from kubric_gen.shards.layout import Shard, plan_shards
from kubric_gen.shards.packing import PackedShard
from kubric_gen.shards.store import SceneStore
from kubric_gen.workers import WorkerError, WorkerPool

SEEDS_PER_CHUNK = 1000
RETRY_PAUSE = 1.0
"""Seconds before the second attempt; doubled for each further one."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneRow:
  """What became of a scene; small, because a driver holds one for each scene.

  Attributes:
    sizes: bytes of its records, in the order of the recipe's resolutions; empty where it failed.
    seconds: that its successful attempt took. peak_mb: the most memory its worker has had by then.
    failure: stage, message and traceback of the last attempt, where all have failed.
  """

  key: SceneKey
  made: bool = False
  sizes: tuple[int, ...] = ()
  seconds: float = 0.0
  peak_mb: float = 0.0
  attempts: int = 1
  failure: tuple[str, str, str] | None = None


class _SharedPools:
  """One pool of workers for all bundles of a Beam worker that want the same kind."""

  def __init__(self) -> None:
    self._lock = threading.Lock()
    self._pools: dict[Any, tuple[WorkerPool, int]] = {}

  def take(self, key: tuple[Any, ...]) -> WorkerPool:
    with self._lock:
      kind, size, memory, stall = key
      pool, users = self._pools.get(key) or (WorkerPool(size, memory, stall), 0)
      self._pools[key] = (pool, users + 1)
      return pool

  def give_back(self, key: tuple[Any, ...]) -> None:
    with self._lock:
      pool, users = self._pools[key]
      if users > 1:
        self._pools[key] = (pool, users - 1)
        return
      del self._pools[key]
    pool.close()


_POOLS = _SharedPools()


class _Closed(Exception):
  """The workers were ended, so that trying again makes no sense."""


def _attempts(job: Job) -> Retrying:
  """As many attempts as the job says; worker errors count, and the last one is raised."""
  return Retrying(stop=stop_after_attempt(job.max_attempts), wait=wait_exponential(RETRY_PAUSE),
                  retry=retry_if_exception_type(WorkerError), reraise=True)


class _InWorkers(beam.DoFn):
  """Works on the elements of a bundle in worker processes, as many at a time as the job says, in any order."""

  def __init__(self, job: Job, kind: str, max_memory_mb: float) -> None:
    self._job = job
    self._key = (kind, job.processes, max_memory_mb, job.stall_seconds)

  def setup(self) -> None:
    self._pool = _POOLS.take(self._key)
    self._threads = ThreadPoolExecutor(self._job.processes)

  def teardown(self) -> None:
    self._threads.shutdown(wait=False, cancel_futures=True)
    _POOLS.give_back(self._key)

  def start_bundle(self) -> None:
    self._pending: set[Future[Any]] = set()

  def work(self, element: Any) -> Any:
    """The result for an element; called in a thread."""
    raise NotImplementedError

  def process(self, element: Any) -> Iterator[Any]:
    self._pending.add(self._threads.submit(self.work, element))
    yield from self._finished(4 * self._job.processes)

  def finish_bundle(self) -> Iterator[WindowedValue]:
    for result in self._finished(0):
      yield WindowedValue(result, MIN_TIMESTAMP, (GlobalWindow(),))

  def _finished(self, allowed: int) -> Iterator[Any]:
    """Results that are there, and enough of the others that no more than `allowed` remain."""
    while self._pending:
      done, self._pending = wait(self._pending, 0 if len(self._pending) <= allowed else None, FIRST_COMPLETED)
      for future in done:
        yield future.result()
      if not done:
        return


class MakeScenes(_InWorkers):
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
      for attempt in _attempts(job):
        with attempt:
          number = attempt.retry_state.attempt_number
          started = time.perf_counter()
          try:
            outcome = self._pool.call("kubric_gen.shards.tasks:make_stored_scene", job.recipe, job.store_root, element)
          except WorkerError as error:
            if self._pool.closed:
              raise _Closed from error
            _log.warning("seed %d (%s): attempt %d of %d failed: %s: %s", element.seed, element.split, number, job.max_attempts,
                         error.stage, error.message)
            raise
    except _Closed as closed:
      raise closed.__cause__ or closed from None
    except WorkerError as error:
      return SceneRow(element, attempts=job.max_attempts, failure=(error.stage, error.message, error.details))
    seconds = time.perf_counter() - started
    sizes = tuple(outcome.value.sizes[resolution_name(size)] for size in job.recipe.resolutions)
    _log.info("seed %d (%s): %s", element.seed, element.split, f"{seconds:.1f} s" if outcome.value.made else "in the store",
              extra={"finished": True})
    return SceneRow(element, outcome.value.made, sizes, seconds, outcome.peak_mb, number)


@dataclass
class Collected:
  """All rows of a run, ordered by seed."""

  rows: list[SceneRow] = field(default_factory=list)

  @property
  def failures(self) -> list[SceneRow]:
    return [row for row in self.rows if row.failure]

  def enough(self, job: Job) -> bool:
    """Whether so few scenes failed that a dataset is to be made of the others."""
    return len(self.failures) < len(self.rows) and len(self.failures) <= job.max_failed_fraction * len(self.rows)


class Collect(beam.CombineFn):
  """Gathers rows."""

  def create_accumulator(self) -> list[SceneRow]:
    return []

  def add_input(self, accumulator: list[SceneRow], element: SceneRow) -> list[SceneRow]:
    accumulator.append(element)
    return accumulator

  def merge_accumulators(self, accumulators: Iterable[list[SceneRow]]) -> list[SceneRow]:
    return [row for accumulator in accumulators for row in accumulator]

  def extract_output(self, accumulator: list[SceneRow]) -> Collected:
    return Collected(sorted(accumulator, key=lambda row: (row.key.seed, row.key.split)))


def plan(collected: Collected, job: Job) -> list[Shard]:
  """The shards of the scenes that were made, none if too many have failed."""
  if not collected.enough(job):
    return []
  names = [resolution_name(size) for size in job.recipe.resolutions]
  splits: dict[str, dict[int, dict[str, int]]] = {split.name: {} for split in job.recipe.dataset.splits}
  for row in collected.rows:
    if not row.failure:
      splits[row.key.split][row.key.seed] = dict(zip(names, row.sizes))
  return plan_shards({name: seeds for name, seeds in splits.items() if seeds}, names)


class PackShards(_InWorkers):
  """Writes each shard; yields a `PackedShard`."""

  def __init__(self, job: Job) -> None:
    super().__init__(job, "shards", 4000.0)  # TensorFlow alone has 800

  def work(self, element: Shard) -> PackedShard:
    job = self._job
    try:
      packed: PackedShard = _attempts(job)(
          self._pool.call, "kubric_gen.shards.packing:pack_shard", job.recipe, job.store_root, job.roots, element).value
      return packed
    except WorkerError as error:
      raise RuntimeError(f"shard {element.index} of {element.split} {element.resolution}: {error.message}\n{error.details}"
                         ) from error


@dataclass(frozen=True)
class Summary:
  """What a run has come to; a file beside the store tells it to the driver, wherever the workers are."""

  asked: int
  made: int
  reused: int
  failed: int
  retried: int
  seconds_per_scene: float
  peak_mb: float
  complete: bool
  records: dict[str, int] = field(default_factory=dict)
  omitted_splits: tuple[str, ...] = ()


def summary_file(job: Job) -> Any:
  """Where the summary of the last run is."""
  return SceneStore(job.store_root, job.recipe).folder / "summary.json"


def dead_letter_file(job: Job) -> Any:
  """Where the scenes that failed in the last run are told of, one JSON object a line."""
  return SceneStore(job.store_root, job.recipe).folder / "dead_letter.jsonl"


class Finish(beam.DoFn):
  """Completes the dataset, and writes dead letters and the summary."""

  def __init__(self, job: Job) -> None:
    self._job = job

  def process(self, collected: Collected, packed: list[PackedShard]) -> Iterator[Summary]:
    job = self._job
    letters = [json.dumps({"seed": row.key.seed, "split": row.key.split, "attempts": row.attempts, "stage": row.failure[0],
                           "message": row.failure[1], "traceback": row.failure[2]}) + "\n"
               for row in collected.failures if row.failure]
    if letters:
      write_whole(dead_letter_file(job), "".join(letters).encode())
    else:
      dead_letter_file(job).unlink(missing_ok=True)
    scenes: dict[str, int] = {}
    for row in collected.rows:
      if not row.failure:
        scenes[row.key.split] = scenes.get(row.key.split, 0) + 1
    resolution = resolution_name(job.recipe.resolutions[0])
    records = {name: sum(item.num_records for item in packed if (item.shard.split, item.shard.resolution) == (name, resolution))
               for name in scenes}
    omitted = tuple(split.name for split in job.recipe.dataset.splits
                    if split.name not in scenes and (not job.splits or split.name in job.splits))
    complete = collected.enough(job)
    if complete:
      finished = Finished(job.request, tuple(row.key for row in collected.failures), omitted)
      with WorkerPool(1, 4000.0, job.stall_seconds) as pool:
        try:
          pool.call("kubric_gen.shards.finish:finish_dataset", job.recipe, job.store_root, job.roots, packed, finished)
        except WorkerError as error:
          raise RuntimeError(f"{error.message}\n{error.details}") from error
    made = [row for row in collected.rows if row.made]
    summary = Summary(
        asked=len(collected.rows), made=len(made), failed=len(collected.failures),
        reused=len(collected.rows) - len(made) - len(collected.failures), retried=sum(row.attempts - 1 for row in collected.rows),
        seconds_per_scene=sum(row.seconds for row in made) / max(1, len(made)),
        peak_mb=max((row.peak_mb for row in made), default=0.0), complete=complete, records=records, omitted_splits=omitted)
    write_whole(summary_file(job), (json.dumps(asdict(summary), indent=1) + "\n").encode())
    yield summary


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
