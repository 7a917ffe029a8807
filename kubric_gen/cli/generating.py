"""From a world and a seed to an example, and to a scene directory."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kubric_gen.cli.task import default_layers, default_split, scene_key
from kubric_gen.example.example import Example
from kubric_gen.example.making import Progress, make_example
from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.layers import check_layers
from kubric_gen.sinks.scene_directory import SceneDirectories
from kubric_gen.system.resources import cpu_count
from kubric_gen.versions import versions
from kubric_gen.world.config import Config
from kubric_gen.world.identity import config_hash, scene_flags, scene_names
from kubric_gen.world.splits import Split
from kubric_gen.world.world import World


def _flags(world: World[Config], config: Config, seed: int, split: Split | None, layers: Iterable[str],
           settings: RenderSettings) -> dict[str, Any]:
  """What decides the content of a scene."""
  dataset = world.dataset(config) if world.dataset is not None else None
  seeds_of = dataset.base(split).name if dataset is not None and split is not None and dataset.explicit else ""
  return scene_flags(world, world.config_of(config, split), seed, layers, settings, seeds_of)


def is_made(world: World[Config], config: Config, seed: int, output_dir: str | Path, *, split: Split | None = None,
            layers: Iterable[str] | None = None, settings: RenderSettings | None = None, save_state: bool = False) -> bool:
  """Whether the scene directory of a world's seed is there, made from just this by just these versions of the engines."""
  dataset = world.dataset(config) if world.dataset is not None else None
  split = split or default_split(dataset)
  folder = Path(output_dir) / scene_key(dataset, split, seed)
  if save_state and not (folder / "scene.blend").exists():
    return False
  try:
    found = json.loads((folder / "metadata.json").read_text())["metadata"]
  except (OSError, ValueError, KeyError, TypeError, RecursionError):
    return False
  names = default_layers(dataset) if layers is None else check_layers(layers)
  flags = _flags(world, config, seed, split, names, settings or RenderSettings())
  wanted = {"config_hash": config_hash(flags), "versions": versions()}
  return isinstance(found, dict) and {name: found.get(name) for name in wanted} == wanted


def make_world_example(world: World[Config], config: Config, seed: int, *, split: Split | None = None,
                       layers: Iterable[str] | None = None, settings: RenderSettings | None = None, save_state: bool = False,
                       progress: Progress | None = None) -> Example:
  """Makes the example of a world's seed.

  Args:
    world, config: the distribution.
    seed: which of its scenes. split: of the world's dataset; where its splits are explicit, the first one by default.
    layers, settings: what to make of it, and how to render; by default what the world's schema needs.
    save_state: attach `scene.blend` and `scene.bullet`.
    progress: told of each finished frame.

  Raises:
    KubricGenError: bad input.
  """
  started = time.perf_counter()
  dataset = world.dataset(config) if world.dataset is not None else None
  split, settings = split or default_split(dataset), settings or RenderSettings()
  names = default_layers(dataset) if layers is None else check_layers(layers)
  scene = world.scene(config, seed, split)
  built = time.perf_counter()
  flags = _flags(world, config, seed, split, names, settings)
  metadata = {**scene_names(world, dataset, split, seed), "config_hash": config_hash(flags)}
  example = make_example(scene, layers=names, settings=settings, metadata=metadata, flags=flags,
                         key=world.random_key(config, seed, split), progress=progress, save_state=save_state)
  example.info["seconds"] = {"build": built - started, **example.info["seconds"]}
  example.info |= {
      "threads": settings.threads or cpu_count(), "quality": settings.quality, "host": platform.node(),
      "machine": platform.machine(), "python": platform.python_version(),
      "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "total_seconds": time.perf_counter() - started}
  return example


def generate(world: World[Config], config: Config, seed: int, output_dir: str | Path, *, split: Split | None = None,
             layers: Iterable[str] | None = None, settings: RenderSettings | None = None, save_state: bool = False,
             overwrite: bool = False, preview: bool = True, progress: Progress | None = None) -> Path:
  """Makes the scene directory of a world's seed, `<output_dir>/<seed>/` or `<output_dir>/<split>/<seed>/`, whole or not at all.

  Args:
    output_dir: where the directory appears. overwrite: replace an existing one.
    preview: also make `preview.mp4` and `contact_sheet.png`. The others are those of `make_world_example`.

  Raises:
    KubricGenError: bad input or an output that exists or cannot be written.
  """
  dataset = world.dataset(config) if world.dataset is not None else None
  split = split or default_split(dataset)
  key = scene_key(dataset, split, seed)
  with SceneDirectories(Path(output_dir), overwrite=overwrite, preview=preview) as sink:
    sink.check(key)
    with make_world_example(world, config, seed, split=split, layers=layers, settings=settings, save_state=save_state,
                            progress=progress) as example:
      example.info["output"] = str((Path(output_dir) / key).absolute())
      sink.add(key, example)
    sink.finish()
  return Path(output_dir) / key
