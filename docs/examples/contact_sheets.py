"""Renders the pictures of the documentation: `python docs/examples/contact_sheets.py catalogue output/catalogue.jpg`.

- catalogue: some random members of every family.
- environments: one still life in every environment.
- variants: four moments of a scene of every MOVi variant.
- views: some views of scenes of the world nerf.
- morphs: from a mug to a bowl, and from a box to a drum.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import kubric_gen as kg
from kubric_gen.assets.collections import BlenderHdris, Catalogue, PlainColors, Skies
from kubric_gen.assets.solids import model_of, morph
from kubric_gen.pictures.portraits import portraits, sheet
from kubric_gen.pictures.sheets import Row, Style, draw_grid
from kubric_gen.render.cycles import CyclesRenderer
from kubric_gen.world.scenery import floor_and_dome
from worlds import nerf
from worlds.movi import VARIANTS, WORLD, MoviConfig

Picture = NDArray[np.uint8]
Rows = list[tuple[str, list[Picture]]]


def side_by_side(rows: Rows, size: int) -> Picture:
  """A sheet with two columns of rows."""
  half = -(-len(rows) // 2)
  parts = [sheet(part, size) for part in (rows[:half], rows[half:])]
  height = max(part.shape[0] for part in parts)
  padded = [np.pad(part, ((0, height - part.shape[0]), (0, 0), (0, 0)), constant_values=255) for part in parts]
  return np.concatenate(padded, axis=1)


def catalogue(size: int = 96, members: int = 6) -> Picture:
  source = Catalogue(members)
  rows: Rows = []
  for category in source.categories:
    items = [source.create(asset_id, "item") for asset_id in source.ids(category)]
    rows.append((category, list(portraits(items, size))))
  return side_by_side(rows, size)


def morphs(size: int = 112, steps: int = 7) -> Picture:
  rows: Rows = []
  for first, second in ((kg.Solid("mug"), kg.Solid("bowl")), (kg.Solid("box"), kg.Solid("drum"))):
    solids = [morph(first, second, share) for share in np.linspace(0, 1, steps).tolist()]
    rows.append((f"{first.family} to {second.family}", list(portraits([kg.Object("item", solid) for solid in solids], size))))
  return sheet(rows, size)


def still_life() -> list[kg.Object]:
  """A mug, a plant, a chair, an apple and balls of metal and glass, as large as in MOVi-C."""
  objects = []
  things: tuple[tuple[str, dict[str, float], float, float, float], ...] = (
      ("plant", {"variety": 4}, 2.6, 0.9, 1.5), ("chair", {"slats": 3, "variety": 2}, 2.6, -1.5, 1.2),
      ("mug", {"hue": 0.05}, 1.1, -0.4, -0.8),
      ("apple", {"ripeness": 1.0}, 0.8, 0.9, -0.9), ("can", {"variety": 11}, 1.1, 2.0, 0.2))
  for number, (name, values, extent, x, y) in enumerate(things):
    solid = kg.Solid(name, tuple(values.items()))
    bounds = model_of(solid).mesh.bounds
    scale = extent / float(np.ptp(bounds, axis=0).max())
    objects.append(kg.Object(f"object_{number}", solid, position=(x, y, -float(bounds[0, 2]) * scale), scale=scale, static=True))
  metal = kg.PrincipledMaterial(metallic=1.0, roughness=0.1, color=(0.9, 0.9, 0.9))
  objects.append(kg.Object("metal", kg.Sphere(), position=(-1.9, -0.9, 0.4), scale=0.8, static=True, material=metal))
  return objects


def environments(size: tuple[int, int] = (150, 225)) -> Picture:
  rows: Rows = []
  for source in (BlenderHdris(), Skies(), PlainColors()):
    pictures = []
    for asset_id in source.ids()[:8]:
      surroundings = source.create(asset_id)
      scene = kg.Scene([*floor_and_dome(kg.ProjectedEnvironment()), *still_life()], [],
                       [kg.PerspectiveCamera(position=(3.2, -7.2, 3.4), look_at=(0.2, 0.0, 0.8), focal_length=38)],
                       environment=surroundings, resolution=size, num_frames=1)
      pictures.append(next(frames_of(scene, [0])))
    rows += [(source.name if start == 0 else "", pictures[start:start + 4]) for start in range(0, len(pictures), 4)]
  return grid(rows)


def frames_of(scene: kg.Scene, indices: list[int]) -> Iterator[Picture]:
  motion = kg.simulate(scene)
  with CyclesRenderer(scene, motion, kg.RenderSettings(samples_per_pixel=48)) as renderer:
    for frame in renderer.frames(indices=indices):
      yield np.ascontiguousarray(frame[..., :3])


def grid(rows: Rows) -> Picture:
  """Pictures that need not be square, captions on the first of each row."""
  style = Style(margin=0, gap=3, inside=True, outline=False)
  return draw_grid([Row(pictures, caption) for caption, pictures in rows], style=style)


SEEDS = {"a": 3, "b": 3, "c": 7, "d": 23, "e": 24, "f": 4, "panning_e": 20}
"""Scenes that are not seen from right above."""


def variants(size: int = 192) -> Picture:
  rows: Rows = []
  for variant in VARIANTS:
    scene = WORLD.scene(MoviConfig(variant=variant, resolution=(size, size)), SEEDS[variant])
    rows.append((f"MOVi-{variant.upper().replace('_', ' ')}", list(frames_of(scene, [2, 8, 14, 22]))))
  return grid(rows)


NERF_SCENES = (("plain", "hdri", 5), ("plain", "sky", 3), ("robust", "sky", 4))
"""Variant, surroundings and seed."""


def views(size: int = 160, count: int = 6) -> Picture:
  rows: Rows = []
  for variant, surroundings, seed in NERF_SCENES:
    scene = nerf.WORLD.scene(nerf.NerfConfig(variant=variant, surroundings=surroundings, resolution=(size, size),
                                             num_train_views=count, num_validation_views=0, num_test_views=0), seed)
    rows.append((variant, list(frames_of(scene, list(range(count))))))
  return grid(rows)


def main() -> None:
  makers: dict[str, Any] = {"catalogue": catalogue, "environments": environments, "morphs": morphs, "variants": variants,
                           "views": views}
  if len(sys.argv) != 3 or sys.argv[1] not in makers:
    sys.exit(f"usage: contact_sheets.py {'|'.join(makers)} PATH")
  Image.fromarray(makers[sys.argv[1]]()).save(sys.argv[2], quality=88)


if __name__ == "__main__":
  main()
