"""What a run comes to: a row for each scene, a plan of shards, and the finished dataset with its summary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import apache_beam as beam

from beam_pipelines.job import Job
from kubric_gen.shards.finish import Finished
from kubric_gen.shards.layout import Shard, plan_shards
from kubric_gen.shards.packing import PackedShard
from kubric_gen.shards.recipe import SceneKey, resolution_name
from kubric_gen.shards.store import SceneStore
from kubric_gen.system.whole import write_whole
from kubric_gen.workers import WorkerError, WorkerPool


@dataclass(frozen=True)
class SceneRow:
  """What became of a scene; small, because a driver holds one for each scene.

  Attributes:
    sizes: bytes of its records, for each of the recipe's resolutions of each split that they may belong to; empty where it
      failed.
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
    parts = job.recipe.dataset.record_splits(row.key.split)
    for number, split in enumerate(parts):
      sizes = row.sizes[number::len(parts)]
      if sizes and all(sizes):  # a schema may give no records of a scene
        splits[split][row.key.seed] = dict(zip(names, sizes))
  return plan_shards({name: seeds for name, seeds in splits.items() if seeds}, names)


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
    dataset, resolution = job.recipe.dataset, resolution_name(job.recipe.resolutions[0])
    scenes = {row.key.split for row in collected.rows if not row.failure}
    records = {split.name: sum(item.num_records for item in packed
                               if (item.shard.split, item.shard.resolution) == (split.name, resolution))
               for split in dataset.splits if dataset.scene_split(split.name).name in scenes}
    omitted = tuple(split.name for split in dataset.splits if job.asked(split.name)
                    and not (records[split.name] if dataset.of_records and scenes else split.name in records))
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
