"""NeRF: a scene that stays as it is, seen from many places around it, for reconstruction and for new views.

- plain: everyday objects lie on ground under a photographed or a computed sky.
- robust: five objects stay, and three do not: between the training views they are elsewhere, as in pictures that were taken while
  people walked through. A part of the training views, and all others, are clean of them. After Sabour et al., "RobustNeRF:
  ignoring distractors with robust losses", CVPR 2023.

A scene is drawn once; the views are frames of one camera's path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kubric_gen.cli import main
from kubric_gen.scene import (Environment, Material, Object, Pattern, PerspectiveCamera, PosedView, PrincipledMaterial,
                              ProjectedEnvironment, Scene, Vector3)
from kubric_gen.world import (DatasetSpec, Feature, KubricGenError, PosedViews, Settling, Skies, Tensor, Text, Wandering, World,
                              drop_clutter, environment_source, floor_and_dome, manifest_digests, object_source, path_through,
                              pick, pick_item, random_count, scaled_to, shell_above, stream, view_splits, wander, with_paths)
from worlds._nerf_config import SURROUNDINGS, VARIANTS, NerfConfig

GROUNDS = {
    "sand": (Pattern("speckle", ((0.42, 0.33, 0.22), (0.24, 0.17, 0.10)), 0.05), 0.9),
    "stone": (Pattern("marble", ((0.36, 0.35, 0.33), (0.16, 0.16, 0.17)), 0.5), 0.6),
    "boards": (Pattern("wood", ((0.34, 0.20, 0.10), (0.17, 0.09, 0.04)), 0.12), 0.5),
    "carpet": (Pattern("weave", ((0.30, 0.10, 0.09), (0.09, 0.09, 0.16)), 0.25), 1.0),
    "moss": (Pattern("mottle", ((0.15, 0.22, 0.07), (0.06, 0.09, 0.03)), 0.25), 1.0)}
"""What the ground under a computed sky looks like, features in metres, and its roughness."""
FALLS = 20
"""How often what rolls too far falls again."""
DAYLIGHT = ("afternoon", "morning", "noon", "shade")
"""Skies that leave neither the ground nor the horizon in the dark."""


def inputs(config: NerfConfig) -> dict[str, str]:
  """Digests of the manifests."""
  return manifest_digests({"gso_assets": object_source(config.gso_assets), "hdri_assets": environment_source(config.hdri_assets)})


def _object(name: str, config: NerfConfig, rng: np.random.Generator) -> Object:
  """A random object, not yet placed."""
  source = object_source(config.gso_assets)
  item = source.create(pick(rng, source.ids()), name)
  extent = float(rng.uniform(config.min_extent, config.max_extent))
  return replace(scaled_to(item, extent), labels={"category": source.find(item.asset_id).category})


def _lying(items: Sequence[Object], config: NerfConfig, ground: Object, rng: np.random.Generator, reach: float) -> list[Object]:
  """Objects that have fallen to the ground and stay where they lie; those that rolled further than the reach fall again.

  Raises:
    KubricGenError: one always rolls too far.
  """
  settling = Settling(seconds=config.settle_seconds, reach=reach)
  lying: dict[str, Object] = {}
  for _ in range(FALLS):
    falling = [item for item in items if item.name not in lying]
    if not falling:
      return [lying[item.name] for item in items]
    fallen = drop_clutter(falling, (config.object_min, config.object_max), rng, (ground, *lying.values()), settling)
    lying |= {item.name: replace(item, static=True, angular_velocity=(0.0, 0.0, 0.0)) for item in fallen}
  raise KubricGenError(f"object {falling[0].name!r} rolled further than {reach:g} m in {FALLS} falls: give fewer objects, or "
                       "put the cameras further away")


def _surroundings(config: NerfConfig, rng: np.random.Generator) -> tuple[Environment, Material | None, str]:
  """Light from all directions, the material of the ground (None for the picture of the environment), and their name."""
  kind = config.surroundings if config.surroundings != "any" else pick(rng, SURROUNDINGS[1:])
  if kind == "hdri":
    source = environment_source(config.hdri_assets)
    background = pick(rng, source.ids())
    return source.create(background), None, background
  skies = Skies()
  sky = pick(rng, DAYLIGHT)
  name, (pattern, roughness) = pick_item(rng, GROUNDS)
  pattern = replace(pattern, size=pattern.size / config.ground_diameter, seed=int(rng.integers(1000)))
  light = replace(skies.create(sky), rotation=float(rng.uniform(0, 2 * math.pi)))
  return light, PrincipledMaterial(color=pattern, roughness=roughness), f"{sky}_{name}"


def _camera_positions(config: NerfConfig, views: Sequence[PosedView], rng: np.random.Generator) -> list[Vector3]:
  """Where each view is taken from; each split has a random stream of its own, so that more views of one change no other."""
  streams = {split: stream(rng, split) for split in {view.split for view in views}}
  return [shell_above(streams[view.split], config.camera_inner, config.camera_outer, config.min_elevation, config.max_elevation)
          for view in views]


def _has_distractors(config: NerfConfig, views: Sequence[PosedView], rng: np.random.Generator) -> list[bool]:
  """Which views are not clean: training views, but for a part of them."""
  order = rng.permutation(config.num_train_views)
  clean = set(order[:round(config.clean_fraction * config.num_train_views)].tolist())
  return [view.split == "train" and number not in clean for number, view in enumerate(views)]


def _distractors(config: NerfConfig, ground: Object, lying: Sequence[Object], present: Sequence[bool],
                 rng: np.random.Generator) -> list[Object]:
  """Objects that are elsewhere in each view, each as it would lie on the ground by itself."""
  alone = [item for number in range(config.num_distractors) for item in _lying(
      [_object(f"distractor_{number}", config, rng)], config, ground, rng, math.inf)]
  how = Wandering(reach=config.distractor_reach, step=config.max_step if config.distractor_motion == "wander" else math.inf)
  frames = wander(alone, present, how, rng, lying)
  return with_paths(alone, [frames[number] for number in config.wanted])


def build(config: NerfConfig, rng: np.random.Generator) -> Scene:
  """Draws a scene."""
  views = config.all_views()
  environment, ground, background = _surroundings(config, stream(rng, "surroundings"))
  floor, dome = (floor_and_dome(ProjectedEnvironment(), diameter=config.floor_diameter) if ground is None else
                 floor_and_dome(ground, diameter=config.ground_diameter))
  robust = config.variant == "robust"
  draws = stream(rng, "objects")
  count = config.num_static if robust else random_count(draws, config.min_num_objects, config.max_num_objects)
  objects = _lying([_object(f"object_{number}", config, draws) for number in range(count)], config, floor, draws,
                   config.camera_inner / 2)
  if robust:
    present = _has_distractors(config, views, stream(rng, "clean views"))
    distractors = _distractors(config, floor, objects, present, stream(rng, "distractors"))
    objects = [replace(item, labels={**item.labels, "distractor": item in distractors}) for item in (*objects, *distractors)]
    views = tuple(replace(view, labels={"clean": not there}) for view, there in zip(views, present))
  positions = _camera_positions(config, views, stream(rng, "cameras"))
  camera = PerspectiveCamera(
      path=path_through([positions[number] for number in config.wanted], (0.0, 0.0, config.look_at_height)),
      focal_length=config.focal_length, sensor_width=config.sensor_width)
  return Scene(((floor, dome) if ground is None else (floor,)) + tuple(objects), (), (camera,), environment=environment,
               resolution=config.resolution, num_frames=len(config.wanted), labels={"background": background},
               posed_views=tuple(views[number] for number in config.wanted))


def dataset(config: NerfConfig) -> DatasetSpec:
  """A record for each view; every scene has views for training, for choosing models and for testing."""
  scene = {"background": Text(meaning="what stands behind the objects")}
  known: dict[str, Feature] = {"asset_id": Text(), "category": Text()}
  if config.variant == "plain":
    return DatasetSpec("nerf", "Everyday objects that lie on ground under a sky, seen from many places around them.",
                       view_splits(config), PosedViews(scene=scene, instances=known), resolutions=(256, 128))
  return DatasetSpec(
      "nerf_robust", "Everyday objects seen from many places, while some of them do not stay where they are.",
      view_splits(config, train="views for training, most of them with distractors", validation="clean views for choosing models",
                  test="clean views for testing"),
      PosedViews(scene=scene, view={"clean": Tensor("bool", meaning="whether there are no distractors")},
                 instances={**known, "distractor": Tensor("bool", meaning="whether it does not stay")}), resolutions=(256, 128))


WORLD = World("nerf", NerfConfig, build, dataset, inputs, variants=tuple({"variant": variant} for variant in VARIANTS))

if __name__ == "__main__":
  main(WORLD)
