"""Packs stored scenes into shards; runs in a process of its own, because some formats need TensorFlow."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.schema import Record
from kubric_gen.schema.statistics import Statistics
from kubric_gen.system.files import FileSum, in_one_line
from kubric_gen.shards.layout import Shard, dataset_dir, partial_dir
from kubric_gen.shards.recipe import Recipe, SceneKey
from kubric_gen.shards.store import SceneStore
from kubric_gen.sinks.record_file import RecordFile
from kubric_gen.sinks.sink import record_sink

READ_AHEAD = 4
"""Scenes that are read while others are written."""


@dataclass(frozen=True)
class PackedShard:
  """What a shard has come to hold.

  Attributes:
    num_records: records in it. num_bytes: of these. statistics: of its features, see `Statistics.plain`.
    licenses: of the assets in it. files: size and checksum of its file in each format.
  """

  shard: Shard
  num_records: int
  num_bytes: int
  statistics: dict[str, Any]
  licenses: dict[str, str] = field(default_factory=dict)
  files: dict[str, FileSum] = field(default_factory=dict)


def read_ahead(load: Callable[[int], Any], items: Sequence[int]) -> Iterator[Any]:
  """`load(item)` for each, done by another thread while the caller works on the one before."""
  results: queue.Queue[Any] = queue.Queue(READ_AHEAD)
  stop = threading.Event()

  def put(value: Any) -> bool:
    while not stop.is_set():
      with contextlib.suppress(queue.Full):
        results.put(value, timeout=0.1)
        return True
    return False

  def work() -> None:
    try:
      for item in items:
        if not put((load(item), None)):
          return
    except BaseException as error:
      put((None, error))

  thread = threading.Thread(target=work, name="read ahead", daemon=True)
  thread.start()
  try:
    for _ in items:
      value, error = results.get()
      if error is not None:
        raise error
      yield value
  finally:
    stop.set()
    thread.join()


def pack_shard(report: Callable[[str], None], recipe: Recipe, store_root: str, roots: dict[str, str],
               shard: Shard) -> PackedShard:
  """Writes a shard in every format, each file whole or not at all.

  Args:
    roots: TFDS's data_dir of each format.

  Raises:
    KubricGenError: a file cannot be written, or a stored scene is gone or damaged.
  """
  report("pack")
  store, dataset = SceneStore(store_root, recipe), recipe.dataset.name
  features = recipe.features(shard.size)
  statistics, num_bytes, num_records = Statistics(), 0, 0
  licenses: dict[str, str] = {}

  def load(seed: int) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    key = SceneKey(recipe.dataset.scene_split(shard.split).name, seed)
    try:
      with store.read(key) as scene:
        return scene.info, list(scene.records(shard.resolution, shard.split))
    except FileNotFoundError:
      raise KubricGenError(f"{store.path(key)} is gone: run again to have it made again") from None

  targets = {name: partial_dir(dataset_dir(root, dataset, shard.resolution)) / shard.file_name(dataset, name)
             for name, root in roots.items()}
  try:
    with contextlib.ExitStack() as stack:
      sinks = []
      for name, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        sinks.append(stack.enter_context(record_sink(name)(target)))
      for info, records in read_ahead(load, shard.seeds):
        for key, data in records:
          for sink in sinks:
            sink.add(key, Record(features, data))
          num_bytes, num_records = num_bytes + len(data), num_records + 1
        counted, used = _told(info, shard, store)
        statistics.merge(counted)
        licenses |= used
        report("pack")
      for sink in sinks:
        sink.finish()
  except OSError as error:
    raise KubricGenError(f"cannot write {next(iter(targets.values()))} ({error}): free some space, then run again") from error
  files = {name: sink.sum for name, sink in zip(targets, sinks) if isinstance(sink, RecordFile) and sink.sum}
  return PackedShard(shard, num_records, num_bytes, statistics.plain(), licenses, files)


def _told(info: dict[str, Any], shard: Shard, store: SceneStore) -> tuple[Statistics, dict[str, str]]:
  """The statistics of its records in a shard, and the licences, that a stored scene tells of."""
  try:
    licenses = {str(name): str(text) for name, text in info["licenses"].items()}
    return Statistics.from_plain(info["statistics"][shard.resolution][shard.split]), licenses
  except (KeyError, TypeError, ValueError, AttributeError) as error:  # its checksums hold: this is what was stored
    raise KubricGenError(f"{store.path(SceneKey(info['split'], info['seed']))} tells statistics or licences that this version "
                         f"does not read ({type(error).__name__}: {in_one_line(error)}): pack it with the version that has "
                         "stored it, or choose another --store_dir") from None
