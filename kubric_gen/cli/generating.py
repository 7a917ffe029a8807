"""From a world and a seed to an example, and to a scene directory."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubric_gen.cli.task import Task
from kubric_gen.example.example import Example
from kubric_gen.example.making import Progress, make_example
from kubric_gen.sinks.scene_directory import SceneDirectories
from kubric_gen.scene.scene import Scene
from kubric_gen.system.resources import cpu_count
from kubric_gen.world.config import Config
from kubric_gen.world.identity import config_hash, scene_names
from kubric_gen.world.world import World


def make_seed(task: Task, seed: int, progress: Progress | None = None, check: Callable[[Scene], None] | None = None) -> Example:
  """Makes the example of a seed of a task's world.

  Args:
    progress: told of each finished frame. check: refuses a scene before it is simulated and rendered.

  Raises:
    KubricGenError: bad input.
  """
  started = time.perf_counter()
  split = task.split_of(seed)
  scene = task.world.scene(task.config, seed, split)
  if check is not None:
    check(scene)
  built = time.perf_counter()
  flags = task.flags(seed)
  metadata = {**scene_names(task.world, task.dataset, split, seed), "config_hash": config_hash(flags)}
  example = make_example(scene, layers=task.layers, settings=task.settings, metadata=metadata, flags=flags,
                         key=task.world.random_key(task.config, seed, split), progress=progress, save_state=task.save_state)
  example.info["seconds"] = {"build": built - started, **example.info["seconds"]}
  example.info |= {
      "threads": task.settings.threads or cpu_count(), "quality": task.settings.quality, "machine": platform.machine(),
      "python": platform.python_version(), "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
      "total_seconds": time.perf_counter() - started}
  return example


def generate(world: World[Config], config: Config, seed: int, output_dir: str | Path, *, preview: bool = True,
             progress: Progress | None = None, **options: Any) -> Path:
  """Makes the scene directory of a world's seed, `<output_dir>/<seed>/` or `<output_dir>/<split>/<seed>/`, whole or not at all.

  Args:
    world, config: the distribution. seed: which of its scenes. output_dir: where the directory appears.
    preview: also make `preview.mp4` and `contact_sheet.png`. progress: told of each finished frame.
    options: `split` of the world's dataset, `layers` (by default what its schema needs), `settings` (how to render),
      `save_state` (also write `scene.blend` and `scene.bullet`), `overwrite` (replace an existing directory).

  Raises:
    KubricGenError: bad input or an output that exists or cannot be written.
  """
  task = Task.of(world, config, (seed,), output_dir, **options)
  with SceneDirectories(task.output_dir, overwrite=task.overwrite, preview=preview) as sink:
    with sink.reserve(task.key(seed)), make_seed(task, seed, progress) as example:
      sink.add(task.key(seed), example)
    sink.finish()
  return task.output_dir / task.key(seed)
