"""Packs stored scenes into shards; runs in a process of its own, because some formats need TensorFlow."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.system.interrupts import register, unregister
from kubric_gen.system.paths import is_local
from kubric_gen.shards.recipe import Recipe
from kubric_gen.shards.layout import Shard, dataset_dir, partial_dir
from kubric_gen.shards.store import SceneStore

READ_AHEAD = 4
"""Records that are read while others are written."""


@dataclass(frozen=True)
class PackedShard:
  """What a shard has come to hold.

  Attributes:
    num_bytes: of its records. statistics: of its features, see `Statistics.plain`. licenses: of the assets in it.
  """

  shard: Shard
  num_bytes: int
  statistics: dict[str, Any]
  licenses: dict[str, str] = field(default_factory=dict)


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
  from etils import epath

  from kubric_gen.schema.statistics import Statistics
  from kubric_gen.shards.writers import Writers
  report("pack")
  store, dataset = SceneStore(store_root, recipe), recipe.dataset.name
  statistics, num_bytes = Statistics(), 0
  licenses: dict[str, str] = {}

  def load(seed: int) -> tuple[dict[str, Any], bytes]:
    try:
      with store.read(seed) as scene:
        return scene.info, scene.record(shard.resolution)
    except FileNotFoundError:
      raise KubricGenError(f"{store.path(seed)} is gone: run again to have it made again") from None

  targets = {name: partial_dir(dataset_dir(root, dataset, shard.resolution)) / shard.file_name(dataset, name)
             for name, root in roots.items()}
  mark = uuid.uuid4().hex[:12]
  drafts: dict[str, str] = {}
  for name, target in targets.items():
    if is_local(target):
      drafts[name] = os.fspath(target.parent / f".{target.name}.{mark}")
    else:
      drafts[name] = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"{mark}.{name}")
  try:
    for target in targets.values():
      target.parent.mkdir(parents=True, exist_ok=True)
    for draft in drafts.values():
      register(draft)
    with Writers(drafts) as writers:
      for info, record in read_ahead(load, shard.seeds):
        writers.write(record)
        num_bytes += len(record)
        statistics.merge(Statistics.from_plain(info["statistics"][shard.resolution]))
        licenses |= info["licenses"]
        report("pack")
    for name, target in targets.items():
      if is_local(target):
        os.replace(drafts[name], target)
      else:
        epath.Path(drafts[name]).copy(target, overwrite=True)
  except (KubricGenError, KeyError, TypeError, ValueError) as error:
    if isinstance(error, KubricGenError):
      raise
    raise KubricGenError(f"the stored scenes of {dataset} cannot be packed ({error}): remove the store and run again") from error
  except Exception as error:  # TensorFlow has its own classes for what is an OSError elsewhere
    raise KubricGenError(f"cannot write {next(iter(targets.values()))} ({error}): free some space, then run again") from error
  finally:
    for draft in drafts.values():
      with contextlib.suppress(OSError):
        os.unlink(draft)
      unregister(draft)
  return PackedShard(shard, num_bytes, statistics.plain(), licenses)
