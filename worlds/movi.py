"""MOVi: a few objects are thrown into a room and tumble over each other.

The variants are those published with Kubric (Greff et al., "Kubric: a scalable dataset generator", CVPR 2022):

- A: CLEVR's set of objects under CLEVR's lights: 3 to 10 cubes, cylinders and spheres of two sizes, eight colours and two
  materials.
- B: eleven shapes of any size and hue before a backdrop of any hue, seen from anywhere above the floor.
- C: 3 to 10 everyday objects on ground and under a sky from an HDRI.
- D: 10 to 20 of them that lie there, and 1 to 3 that are thrown in.
- E: the same, seen by a camera that moves along a line.
- F: the same, with motion blur.
- panning E: the camera also turns.

From C on, objects and HDRIs come from manifests such as those of Google Scanned Objects and HDRI Haven where they are given,
else from what is built in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kubric_gen.cli import main
from kubric_gen.scene import (RGB, Environment, Light, Material, Object, PerspectiveCamera, PrincipledMaterial,
                              ProjectedEnvironment, Scene, Shape)
from kubric_gen.world import (CLEVR_COLORS, CLEVR_MATERIALS, CLEVR_SHAPES, BasicShapes, ClevrLights, DatasetSpec,
                              EnvironmentSource, Feature, Label, MoviSchema, ObjectSource, Settling, Split, Tensor, Text, World,
                              clevr_material, drop_clutter, environment_source, floor_and_dome, half_shell, ids_of_split,
                              line_in_shell, line_past_centre, manifest_digests, object_source, path_along, pick, pick_item,
                              random_count, random_hue, scaled_to, scatter, throw_inwards, uniform_vector)
from worlds._movi_config import VARIANTS, MoviConfig

BASIC = ("a", "b")
"""Those of basic shapes under CLEVR's lights."""
SETTLED = ("d", "e", "f", "panning_e")
"""Those in which most objects lie still at first."""
FAR_AWAY = 0.35
"""Of the floor's diameter: beyond, what still rolls could fall over the edge."""
CENTRE = (0.0, 0.0, 0.0)
SHAPES, COLORS, MATERIALS = CLEVR_SHAPES, CLEVR_COLORS, CLEVR_MATERIALS
MORE_SHAPES: dict[str, Shape] = {name: BasicShapes.SHAPES[name] for name in (
    *SHAPES, "cone", "torus", "gear", "torus_knot", "sponge", "spot", "teapot", "suzanne")}
CATEGORIES = ("Action Figures", "Bag", "Board Games", "Bottles and Cans and Cups", "Camera", "Car Seat", "Consumer Goods", "Hat",
              "Headphones", "Keyboard", "Legos", "Media Cases", "Mouse", "None", "Shoe", "Stuffed Toys", "Toys")
"""Of Google Scanned Objects; other assets have `None`, and their own category beside it."""


def _basic_object(name: str, config: MoviConfig, rng: np.random.Generator) -> Object:
  """A random object of A or B, not yet placed."""
  labels: dict[str, Any] = {}
  if config.variant == "a":
    shape_name, shape = pick_item(rng, SHAPES)
    labels["size_label"], size = pick_item(rng, {"small": config.small_size, "large": config.large_size})
    labels["color_label"], tint = pick_item(rng, COLORS)
  else:
    shape_name, shape = pick_item(rng, MORE_SHAPES)
    size, tint = float(rng.uniform(config.small_size, config.large_size)), random_hue(rng)
  material = pick(rng, MATERIALS)
  physics = {field: getattr(config, f"{material}_{field}") for field in ("density", "friction", "restitution")}
  labels |= {"shape": shape_name, "size": size, "color": tint, "material": material}
  return Object(name, shape, material=clevr_material(material, tint), scale=(size,) * 3, labels=labels, asset_id=shape_name,
                **physics)


def _objects(config: MoviConfig) -> tuple[ObjectSource, tuple[str, ...]]:
  """The collection of C to F, and the ids that may be used of it."""
  source = object_source(config.gso_assets)
  return source, ids_of_split(source, config.objects_split, config.held_out_objects)


def _backgrounds(config: MoviConfig) -> tuple[EnvironmentSource, tuple[str, ...]]:
  """The HDRIs of C to F, and those that may be used of them."""
  source = environment_source(config.hdri_assets)
  return source, ids_of_split(source, config.backgrounds_split, config.held_out_backgrounds)


def inputs(config: MoviConfig) -> dict[str, str]:
  """Digests of the manifests, after making sure that they have what the config asks for."""
  if config.variant in BASIC:
    return {}
  return manifest_digests({"gso_assets": _objects(config)[0], "hdri_assets": _backgrounds(config)[0]})


def _everyday_object(name: str, config: MoviConfig, rng: np.random.Generator, is_dynamic: bool = True) -> Object:
  """A random object of C to F, not yet placed; it keeps its own mass whatever its size, as published."""
  source, ids = _objects(config)
  item = source.create(pick(rng, ids), name, friction=config.object_friction, restitution=config.object_restitution)
  category = source.find(item.asset_id).category
  extent = float(rng.uniform(config.min_extent, config.max_extent))
  return replace(scaled_to(item, extent), labels={
      "category": category if category in CATEGORIES else "None", "asset_category": category, "scale": extent,
      "is_dynamic": is_dynamic})


def _camera(config: MoviConfig, rng: np.random.Generator) -> PerspectiveCamera:
  """Looks at the centre of the floor, or in panning E past it."""
  look: dict[str, Any] = {"focal_length": config.focal_length, "sensor_width": config.sensor_width}
  if config.variant == "a":
    position = uniform_vector(rng, config.camera_min, np.add(config.camera_min, config.camera_jitter))
    return PerspectiveCamera(position=position, look_at=CENTRE, **look)
  if config.variant in ("b", "c", "d"):
    position = half_shell(rng, config.camera_inner, config.camera_outer, config.camera_offset)
    return PerspectiveCamera(position=position, look_at=CENTRE, **look)
  panning = config.variant == "panning_e"
  line = line_in_shell(rng, config.max_panning if panning else config.max_movement, config.moving_inner, config.moving_outer,
                       config.camera_offset)
  path = path_along(line, line_past_centre(rng) if panning else CENTRE, config.num_frames)
  if config.variant == "f":
    look["shutter"] = float(rng.uniform(0.0, config.max_motion_blur))
  return PerspectiveCamera(path=path, **look)


def _lights(config: MoviConfig, rng: np.random.Generator) -> tuple[Light, ...]:
  """CLEVR's in A and B; from C on the HDRI is the only light."""
  if config.variant not in BASIC:
    return ()
  return ClevrLights(jitter=config.light_jitter, sun_strength=config.sun_strength, sun_angle=config.sun_angle,
                     back_power=config.back_power, key_power=config.key_power, fill_power=config.fill_power).draw(rng)


def _hex(color: RGB) -> str:
  """A colour as the published metadata have it: its linear values, not those of sRGB that such a text usually means."""
  return "#" + "".join(f"{round(255 * component):02x}" for component in color)


def _surroundings(config: MoviConfig, rng: np.random.Generator) -> tuple[Environment, Material, dict[str, Any]]:
  """Light from all directions, the material of floor and dome, and the scene's labels."""
  if config.variant in BASIC:
    tint = (config.floor_gray,) * 3 if config.variant == "a" else random_hue(rng)
    labels = {"background": "clevr"} if config.variant == "a" else {"background": _hex(tint), "background_color": tint}
    return Environment(color=(config.ambient,) * 3), PrincipledMaterial(color=tint, roughness=1.0, specular=0.0), labels
  source, ids = _backgrounds(config)
  background = pick(rng, ids)
  return source.create(background), ProjectedEnvironment(), {"background": background}


def _clutter(config: MoviConfig, floor: Object, rng: np.random.Generator) -> list[Object]:
  """Objects that have fallen to the floor and lie there; none in A to C."""
  if config.variant not in SETTLED:
    return []
  count = random_count(rng, config.min_num_static, config.max_num_static)
  items = (_everyday_object(f"lying_{number}", config, rng, is_dynamic=False) for number in range(count))
  settling = Settling(seconds=config.settle_seconds, step_rate=config.step_rate, gravity=config.gravity,
                      reach=FAR_AWAY * config.floor_diameter)
  return drop_clutter(items, (config.clutter_min, config.clutter_max), rng, (floor,), settling)


def _thrown(config: MoviConfig, obstacles: list[Object], rng: np.random.Generator) -> list[Object]:
  """Objects in the air that fly towards the centre."""
  fewest, most = ((config.min_num_dynamic, config.max_num_dynamic) if config.variant in SETTLED else
                  (config.min_num_objects, config.max_num_objects))
  draw = _basic_object if config.variant in BASIC else _everyday_object
  items = (draw(f"object_{number}", config, rng) for number in range(random_count(rng, fewest, most)))
  return [throw_inwards(item, rng, config.max_speed)
          for item in scatter(items, (config.spawn_min, config.spawn_max), rng, obstacles=obstacles)]


def build(config: MoviConfig, rng: np.random.Generator) -> Scene:
  """Draws a scene."""
  lights = _lights(config, rng)
  camera = _camera(config, rng)
  environment, ground, labels = _surroundings(config, rng)
  if config.variant == "f":
    labels["motion_blur"] = camera.shutter
  floor, dome = floor_and_dome(ground, diameter=config.floor_diameter, friction=config.floor_friction,
                               restitution=config.floor_restitution)
  lying = _clutter(config, floor, rng)
  thrown = _thrown(config, [floor, *lying], rng)
  return Scene((floor, dome, *lying, *thrown), lights, (camera,), environment=environment, resolution=config.resolution,
               num_frames=config.num_frames, frame_rate=config.frame_rate, step_rate=config.step_rate,
               gravity=(0.0, 0.0, -config.gravity), labels=labels)


RESOLUTIONS = {"f": (512, 256, 128), "panning_e": (256,)}
"""Sides of the published images, where they are not 256 and 128."""
DESCRIPTIONS = {
    "a": "Cubes, cylinders and spheres of two sizes, eight colours and two materials tumble over a floor.",
    "b": "Eleven shapes of any size and hue and two materials tumble over a floor of any hue.",
    "c": "Everyday objects tumble over ground under the sky of an HDRI.",
    "d": "Everyday objects are thrown among others that lie on ground under the sky of an HDRI.",
    "e": "As MOVi-D, seen by a camera that moves along a line.",
    "f": "As MOVi-E, with motion blur.",
    "panning_e": "As MOVi-E, seen by a camera that also turns."}


def _features(config: MoviConfig) -> dict[str, dict[str, Feature]]:
  """What the records have beyond MOVi's common features: of instances, of the record, of its metadata."""
  color = Tensor("float32", (3,))
  if config.variant in BASIC:
    material: dict[str, Feature] = {"color": color, "material_label": Label(MATERIALS, key="material")}
    if config.variant == "a":
      return {"instances": {"shape_label": Label(tuple(SHAPES), key="shape"), "size_label": Label(("small", "large")),
                            "color_label": Label(tuple(COLORS)), **material}}
    return {"instances": {"shape_label": Label(tuple(MORE_SHAPES), key="shape"), **material},
            "scene": {"background_color": color}}
  instances: dict[str, Feature] = {"asset_id": Text(), "category": Label(CATEGORIES), "scale": Tensor("float32"),
                                   "asset_category": Text()}
  if config.variant in SETTLED:
    instances["is_dynamic"] = Tensor("bool")
  return {"instances": instances, "scene": {"background": Text()},
          "metadata": {"motion_blur": Tensor("float32")} if config.variant == "f" else {}}


def dataset(config: MoviConfig) -> DatasetSpec:
  """The dataset of a variant, such as `movi_a`, with labels as published.

  Held out are scenes with more objects (A and B), and objects, backgrounds or both (C to F) as far as the config holds any out.
  """
  splits: tuple[Split, ...]
  if config.variant in BASIC:
    fewest, most = (min(config.max_num_objects + more, 255) for more in (1, 4))
    splits = (Split("test", 0.05, description="the same distribution, for testing"),
              Split("test_more_objects", 0.025, {"min_num_objects": fewest, "max_num_objects": most},
                    f"held out: {fewest} to {most} objects, more than in any other split"))
  else:
    objects, backgrounds = {"objects_split": "test"}, {"backgrounds_split": "test"}
    splits = ()
    if config.held_out_objects > 0 and config.held_out_backgrounds > 0:
      splits += (Split("test", 0.05, {**objects, **backgrounds}, "held out: other objects and other backgrounds"),)
    if config.held_out_objects > 0:
      splits += (Split("test_objects", 0.0125, objects, "held out: other objects"),)
    if config.held_out_backgrounds > 0:
      splits += (Split("test_backgrounds", 0.0125, backgrounds, "held out: other backgrounds"),)
  return DatasetSpec(
      f"movi_{config.variant}", DESCRIPTIONS[config.variant], schema=MoviSchema(**_features(config)),
      splits=(Split("train", 0.975 - sum(split.fraction or 0 for split in splits), description="for training"),
              Split("validation", 0.025, description="for choosing models"), *splits),
      resolutions=RESOLUTIONS.get(config.variant, (256, 128)))


WORLD = World("movi", MoviConfig, build, dataset, inputs, variants=tuple({"variant": variant} for variant in VARIANTS))

if __name__ == "__main__":
  main(WORLD)
