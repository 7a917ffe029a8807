"""From a world and a seed to a scene directory."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable
from pathlib import Path

from kubric_gen.example.making import Progress, make_example
from kubric_gen.physics import simulate
from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.layers import MOVI_LAYERS, check_layers
from kubric_gen.sinks import write_files
from kubric_gen.system.resources import cpu_count
from kubric_gen.system.whole import staged_directory
from kubric_gen.versions import versions
from kubric_gen.world.config import Config
from kubric_gen.world.identity import config_hash, scene_flags
from kubric_gen.world.world import World


def is_made(world: World[Config], config: Config, seed: int, output_dir: str | Path, *, layers: Iterable[str] = MOVI_LAYERS,
            settings: RenderSettings | None = None, save_state: bool = False) -> bool:
  """Whether the scene directory of a world's seed is there, made from just this by just these versions of the engines."""
  folder = Path(output_dir) / str(seed)
  if save_state and not (folder / "scene.blend").exists():
    return False
  try:
    found = json.loads((folder / "metadata.json").read_text())["metadata"]
  except (OSError, ValueError, KeyError, TypeError, RecursionError):
    return False
  flags = scene_flags(world, config, seed, check_layers(layers), settings or RenderSettings())
  wanted = {"config_hash": config_hash(flags), "versions": versions()}
  return isinstance(found, dict) and {name: found.get(name) for name in wanted} == wanted


def generate(world: World[Config], config: Config, seed: int, output_dir: str | Path, *,
             layers: Iterable[str] = MOVI_LAYERS, settings: RenderSettings | None = None, save_state: bool = False,
             overwrite: bool = False, preview: bool = True, progress: Progress | None = None) -> Path:
  """Makes the scene directory `<output_dir>/<seed>/` of a world's seed, whole or not at all.

  Args:
    world, config: the distribution.
    seed: which of its scenes.
    output_dir: where the directory appears.
    layers, settings: what to make of it, and how to render.
    save_state: also write `scene.blend` and `scene.bullet`.
    overwrite: replace an existing directory.
    preview: also make `preview.mp4` and `contact_sheet.png`.
    progress: told of each finished frame.

  Raises:
    KubricGenError: bad input or an output that exists or cannot be written.
  """
  names, settings = check_layers(layers), settings or RenderSettings()
  started = time.perf_counter()
  with staged_directory(Path(output_dir) / str(seed), overwrite) as staging:
    rng = world.generator(seed)
    scene = world.build(config, rng)
    built = time.perf_counter()
    motion = simulate(scene, save_state=staging / "scene.bullet" if save_state else None)
    simulated = time.perf_counter()
    flags = scene_flags(world, config, seed, names, settings)
    extra = {"seed": seed, "world": world.name, "config_hash": config_hash(flags)}
    with make_example(scene, motion, layers=names, settings=settings, metadata=extra, flags=flags, rng=rng,
                      progress=progress, save_blend=staging / "scene.blend" if save_state else None) as example:
      example.info["seconds"] |= {"build": built - started, "simulate": simulated - built}
      example.info |= {
          "output": str(Path(output_dir).absolute() / str(seed)), "threads": settings.threads or cpu_count(),
          "quality": settings.quality, "host": platform.node(), "machine": platform.machine(),
          "python": platform.python_version(), "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
          "total_seconds": time.perf_counter() - started}
      write_files(example, staging, preview)
  return Path(output_dir) / str(seed)
