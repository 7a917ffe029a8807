"""What a worker process is asked to do for a scene: look into the store, make the scene, store it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kubric_gen.shards.recipe import Recipe, SceneKey
from kubric_gen.shards.store import CorruptSceneError, SceneStore


@dataclass(frozen=True)
class SceneSummary:
  """What became of a scene.

  Attributes:
    made: it was made now, rather than found in the store.
    sizes: bytes of its records by resolution and split. seconds: by stage, where it was made.
  """

  key: SceneKey
  made: bool
  sizes: dict[str, dict[str, int]]
  seconds: dict[str, float] = field(default_factory=dict)


def stored_summary(store: SceneStore, key: SceneKey) -> SceneSummary | None:
  """Of a sound stored scene; None where there is none."""
  with contextlib.suppress(CorruptSceneError):  # it is made again
    found = store.verified(key)
    if found is not None:
      return SceneSummary(key, False, {name: dict(sizes) for name, sizes in found.sizes.items()})
  return None


def make_stored_scene(report: Callable[[str], None], recipe: Recipe, store_root: str, key: SceneKey) -> SceneSummary:
  """Makes a scene and stores it, unless the store has it."""
  report("look up")
  store = SceneStore(store_root, recipe)
  found = stored_summary(store, key)
  if found is not None:
    return found
  from kubric_gen.shards.scene import make_scene
  scene = make_scene(recipe, key, report)
  report("store")
  started = time.perf_counter()
  store.write(scene)
  seconds = {**scene.info["seconds"], "store": time.perf_counter() - started}
  return SceneSummary(key, True, scene.sizes, seconds)


def check_device(report: Callable[[str], None], device: str) -> None:
  """Raises DeviceError where a render device is not there."""
  report("look for the device")
  from kubric_gen.render import devices
  devices.check_device(device)
