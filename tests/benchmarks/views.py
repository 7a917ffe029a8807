"""Posed views: how many are made per second, and how much of that is Cycles alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any

SEED, VIEWS, SIDE, SAMPLES = 3, 80, 128, 16
SURROUNDINGS = ("hdri", "sky")


def _config(surroundings: str) -> Any:
  from worlds.nerf import NerfConfig
  return NerfConfig(resolution=(SIDE, SIDE), surroundings=surroundings, num_train_views=VIEWS, num_validation_views=0,
                    num_test_views=0)


def _bare(surroundings: str) -> float:
  """Seconds of Blender alone: the scene is set up, then every view rendered with persistent data; no image is written."""
  from kubric_gen.physics import simulate
  from kubric_gen.render import CyclesRenderer, RenderSettings
  from worlds.nerf import WORLD
  scene = WORLD.scene(_config(surroundings), SEED)
  motion = simulate(scene)
  start = time.perf_counter()
  with CyclesRenderer(scene, motion, RenderSettings(samples_per_pixel=SAMPLES, device="cpu")) as renderer:
    next(renderer.frames(indices=[0]))  # sets camera and resolution
    bpy = renderer._bpy
    for frame in range(2, VIEWS + 1):
      bpy.context.scene.frame_set(frame)
      bpy.ops.render.render()
    return time.perf_counter() - start


def _ours(surroundings: str) -> float:
  """Seconds from the config to the finished scene directory, with its sheet."""
  from kubric_gen.cli.generating import generate
  from kubric_gen.render import RenderSettings
  from worlds.nerf import WORLD
  with tempfile.TemporaryDirectory() as output:
    start = time.perf_counter()
    generate(WORLD, _config(surroundings), SEED, output, settings=RenderSettings(samples_per_pixel=SAMPLES, device="cpu"))
    return time.perf_counter() - start


def measure_views() -> dict[str, list[float]]:
  """Of each kind of surroundings the seconds of Blender alone and of ours, in turn, each the better of two."""
  result = {}
  for surroundings in SURROUNDINGS:
    times = [(_bare(surroundings), _ours(surroundings)) for _ in range(2)]
    result[surroundings] = [min(column) for column in zip(*times)]
  return result


def report_views(result: dict[str, list[float]]) -> list[str]:
  return [f"| views under {'an HDRI' if name == 'hdri' else 'a sky'}, {SIDE}×{SIDE}, {SAMPLES} spp, geometry and files too: "
          f"rate (÷ that of bare Cycles with persistent data) | {VIEWS / ours:.2f} views/s ({bare / ours:.2f}) | (≥ 0.9) |"
          for name, (bare, ours) in result.items()]


SECTIONS: dict[str, tuple[Callable[[], Any], Callable[[Any], list[str]]]] = {"views": (measure_views, report_views)}
