"""What a worker process is asked to do for a seed: look into the store, make the scene, store it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kubric_gen.shards.recipe import Recipe
from kubric_gen.shards.store import CorruptSceneError, SceneStore


@dataclass(frozen=True)
class SceneSummary:
  """What became of a seed.

  Attributes:
    made: it was made now, rather than found in the store.
    sizes: bytes of its records by resolution. seconds: by stage, where it was made.
  """

  seed: int
  split: str
  made: bool
  sizes: dict[str, int]
  seconds: dict[str, float] = field(default_factory=dict)


def stored_summary(store: SceneStore, seed: int) -> SceneSummary | None:
  """Of a sound stored scene; None where there is none."""
  with contextlib.suppress(CorruptSceneError):  # it is made again
    found = store.verified(seed)
    if found is not None:
      return SceneSummary(seed, found.info["split"], False, dict(found.sizes))
  return None


def make_stored_scene(report: Callable[[str], None], recipe: Recipe, store_root: str, seed: int) -> SceneSummary:
  """Makes the scene of a seed and stores it, unless the store has it."""
  report("look up")
  store = SceneStore(store_root, recipe)
  found = stored_summary(store, seed)
  if found is not None:
    return found
  from kubric_gen.shards.scene import make_scene
  scene = make_scene(recipe, seed, report)
  report("store")
  started = time.perf_counter()
  store.write(scene)
  seconds = {**scene.info["seconds"], "store": time.perf_counter() - started}
  return SceneSummary(seed, scene.info["split"], True, {name: len(data) for name, data in scene.records.items()}, seconds)


def check_device(report: Callable[[str], None], device: str) -> None:
  """Raises DeviceError where a render device is not there."""
  report("look for the device")
  from kubric_gen.render import devices
  devices.check_device(device)


def make_record(report: Callable[[str], None], recipe: Recipe, seed: int) -> dict[str, bytes]:
  """Makes the scene of a seed and returns its records by resolution."""
  from kubric_gen.shards.scene import make_scene
  return dict(make_scene(recipe, seed, report).records)
