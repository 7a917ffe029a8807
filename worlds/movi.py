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

import colorsys
import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.assets.collections import BasicShapes, BlenderHdris, Catalogue, ManifestEnvironments, ManifestObjects
from kubric_gen.assets.collections.sources import AssetSource, EnvironmentSource, ObjectSource
from kubric_gen.cli import main
from kubric_gen.world.splits import DatasetSpec, Split
from kubric_gen.errors import KubricGenError
from kubric_gen.schema.features import Feature, Label, Tensor, Text
from kubric_gen.system.paths import absolute
from kubric_gen.physics import Placer, settle
from kubric_gen.world.sampling import half_shell, line_in_shell, line_past_centre, pick, pick_item, uniform_vector
from kubric_gen.scene import (Cube, Cylinder, Environment, Light, Material, Object, Path, PerspectiveCamera, PrincipledMaterial,
                              ProjectedEnvironment, Scene, Shape, Sphere)
from kubric_gen.scene.color import RGB
from kubric_gen.scene.transforms import look_at
from kubric_gen.scene.validation import vector3
from kubric_gen.world.scenery import clevr_lights, floor_and_dome
from kubric_gen.world import World, WorldConfig, setting

VARIANTS = ("a", "b", "c", "d", "e", "f", "panning_e")
FAR_AWAY = 0.35
"""Of the floor's diameter: beyond, what still rolls could fall over the edge."""
SETTLING_DAMPING = 0.5
"""Of the spin while objects settle, so that round ones stop rolling."""
BASIC = ("a", "b")
"""Those of basic shapes under CLEVR's lights."""
SETTLED = ("d", "e", "f", "panning_e")
"""Those in which most objects lie still at first."""
SHAPES: dict[str, Shape] = {"cube": Cube(), "cylinder": Cylinder(), "sphere": Sphere()}
MORE_SHAPES: dict[str, Shape] = {name: BasicShapes.SHAPES[name] for name in (
    *SHAPES, "cone", "torus", "gear", "torus_knot", "sponge", "spot", "teapot", "suzanne")}
COLORS: dict[str, RGB] = {  # CLEVR's, which it uses as linear values
    "blue": (42 / 255, 75 / 255, 215 / 255), "brown": (129 / 255, 74 / 255, 25 / 255),
    "cyan": (41 / 255, 208 / 255, 208 / 255), "gray": (87 / 255, 87 / 255, 87 / 255),
    "green": (29 / 255, 105 / 255, 20 / 255), "purple": (129 / 255, 38 / 255, 192 / 255),
    "red": (173 / 255, 35 / 255, 35 / 255), "yellow": (255 / 255, 238 / 255, 5 / 255)}
MATERIALS = ("metal", "rubber")
SPLITS = ("train", "test")
CATEGORIES = ("Action Figures", "Bag", "Board Games", "Bottles and Cans and Cups", "Camera", "Car Seat", "Consumer Goods", "Hat",
              "Headphones", "Keyboard", "Legos", "Media Cases", "Mouse", "None", "Shoe", "Stuffed Toys", "Toys")
"""Of Google Scanned Objects; other assets have `None`, and their own category beside it."""


@dataclass(frozen=True, kw_only=True)
class MoviConfig(WorldConfig):
  """Every number of the distribution."""

  variant: str = setting("a", "which MOVi", choices=VARIANTS)
  min_num_objects: int = setting(3, "A to C: fewest objects", minimum=1, maximum=255)
  max_num_objects: int = setting(10, "A to C: most objects", minimum=1, maximum=255)
  min_num_static: int = setting(10, "D on: fewest objects that lie still at first", minimum=0, maximum=200)
  max_num_static: int = setting(20, "D on: most objects that lie still at first", minimum=0, maximum=200)
  min_num_dynamic: int = setting(1, "D on: fewest objects that are thrown in", minimum=0, maximum=50)
  max_num_dynamic: int = setting(3, "D on: most objects that are thrown in", minimum=1, maximum=50)
  gso_assets: str = setting("", "C on: manifest of the objects, a path or an address; the built-in catalogue where empty")
  hdri_assets: str = setting("", "C on: manifest of the HDRIs, a path or an address; Blender's eight where empty")
  objects_split: str = setting("train", "C on: objects for training, or those held out", choices=SPLITS)
  backgrounds_split: str = setting("train", "C on: HDRIs for training, or those held out", choices=SPLITS)
  held_out_objects: float = setting(0.1, "C on: fraction of the objects that is held out, by the hash of their ids",
                                    minimum=0, maximum=1)
  held_out_backgrounds: float = setting(0.1, "C on: fraction of the HDRIs that is held out, likewise", minimum=0, maximum=1)
  min_extent: float = setting(0.75, "C on: least extent of an object, metres", above=0)
  max_extent: float = setting(3.0, "C on: greatest extent of an object, metres", above=0)
  object_friction: float = setting(0.5, "C on: Coulomb coefficient", minimum=0)
  object_restitution: float = setting(0.5, "C on: fraction of the speed kept in a bounce", minimum=0, maximum=1)
  small_size: float = setting(0.7, "extent of small objects in metres; B: the least", above=0)
  large_size: float = setting(1.4, "extent of large objects in metres; B: the greatest", above=0)
  spawn_min: tuple[float, float, float] = setting((-5.0, -5.0, 1.0), "lower corner of where objects start, metres")
  spawn_max: tuple[float, float, float] = setting((5.0, 5.0, 5.0), "upper corner of where objects start, metres")
  clutter_min: tuple[float, float, float] = setting((-7.0, -7.0, 0.0), "D on: the same for those that fall before it starts")
  clutter_max: tuple[float, float, float] = setting((7.0, 7.0, 10.0), "D on: the same for those that fall before it starts")
  settle_seconds: float = setting(100 / 12, "D on: how long these fall and settle", minimum=0, maximum=1000)
  max_speed: float = setting(4.0, "range of a random velocity along x and y, m/s; the offset from the centre is "
                             "subtracted, so that objects fly inwards", minimum=0)
  gravity: float = setting(10.0, "downwards acceleration, m/s²", minimum=0)
  metal_density: float = setting(2.7, "kg/m³", above=0)
  metal_friction: float = setting(0.4, "Coulomb coefficient", minimum=0)
  metal_restitution: float = setting(0.3, "fraction of the speed kept in a bounce", minimum=0, maximum=1)
  rubber_density: float = setting(1.1, "kg/m³", above=0)
  rubber_friction: float = setting(0.8, "Coulomb coefficient", minimum=0)
  rubber_restitution: float = setting(0.7, "fraction of the speed kept in a bounce", minimum=0, maximum=1)
  floor_friction: float = setting(0.3, "Coulomb coefficient", minimum=0)
  floor_restitution: float = setting(0.5, "fraction of the speed kept in a bounce", minimum=0, maximum=1)
  floor_gray: float = setting(0.7, "A: reflectance of floor and dome", minimum=0, maximum=1)
  floor_diameter: float = setting(40.0, "metres of flat floor before the dome rises", minimum=30, maximum=500)
  camera_min: tuple[float, float, float] = setting((7.48113, -6.50764, 5.34367),
                                                   "A: camera position without jitter, metres")
  camera_jitter: float = setting(1.0, "A: range of the random offset added to each camera coordinate, metres", minimum=0)
  camera_inner: float = setting(7.0, "B to D: least distance of the camera from the centre, metres", above=0)
  camera_outer: float = setting(9.0, "B to D: greatest distance of the camera from the centre, metres", above=0)
  moving_inner: float = setting(8.0, "E on: least distance of the moving camera from the centre, metres", above=0)
  moving_outer: float = setting(12.0, "E on: greatest distance of the moving camera from the centre, metres", above=0)
  max_movement: float = setting(4.0, "E, F: greatest length of the camera's line, metres", minimum=0)
  max_panning: float = setting(8.0, "panning E: greatest length of the camera's line, metres", minimum=0)
  max_motion_blur: float = setting(2.0, "F: longest exposure, in frames", minimum=0, maximum=2)
  camera_offset: float = setting(0.1, "B on: least height of the normally distributed point in whose direction the camera "
                                 "stands, and of the end of its line in metres", minimum=0, maximum=3)
  focal_length: float = setting(35.0, "mm", minimum=1)
  sensor_width: float = setting(32.0, "mm", minimum=1)
  light_jitter: float = setting(1.0, "range of the random offset added to each light coordinate, metres", minimum=0)
  sun_strength: float = setting(0.45, "W/m²", minimum=0)
  sun_angle: float = setting(0.2, "angular diameter of the sun in radians, which softens shadows", minimum=0, maximum=3)
  back_power: float = setting(50.0, "W of the lamp behind", minimum=0)
  key_power: float = setting(100.0, "W of the key lamp", minimum=0)
  fill_power: float = setting(30.0, "W of the fill lamp", minimum=0)
  ambient: float = setting(0.05, "radiance from all directions", minimum=0)

  def __post_init__(self) -> None:
    super().__post_init__()
    for name in ("gso_assets", "hdri_assets"):  # workers may have another working directory
      object.__setattr__(self, name, absolute(getattr(self, name)))
    for region in ("spawn", "clutter"):
      corners = getattr(self, f"{region}_min"), getattr(self, f"{region}_max")
      if any(low >= high for low, high in zip(*corners)):
        raise KubricGenError(f"{region}_min {corners[0]} must lie below {region}_max {corners[1]}")
    for low, high in (("min_num_objects", "max_num_objects"), ("min_num_static", "max_num_static"),
                      ("min_num_dynamic", "max_num_dynamic"), ("small_size", "large_size"), ("min_extent", "max_extent"),
                      ("camera_inner", "camera_outer"), ("moving_inner", "moving_outer")):
      if getattr(self, low) > getattr(self, high):
        raise KubricGenError(f"{low} must not exceed {high}, got {getattr(self, low):g} and {getattr(self, high):g}")


def _random_hue(rng: np.random.Generator) -> RGB:
  """A fully saturated colour, as linear values."""
  return colorsys.hsv_to_rgb(float(rng.random()), 1.0, 1.0)


def _basic_object(name: str, config: MoviConfig, rng: np.random.Generator) -> Object:
  """A random object of A or B, not yet placed."""
  labels: dict[str, Any]
  if config.variant == "a":
    shape_name, shape = pick_item(rng, SHAPES)
    size_label, size = pick_item(rng, {"small": config.small_size, "large": config.large_size})
    color_label, tint = pick_item(rng, COLORS)
    labels = {"size_label": size_label, "color_label": color_label}
  else:
    shape_name, shape = pick_item(rng, MORE_SHAPES)
    size, tint, labels = float(rng.uniform(config.small_size, config.large_size)), _random_hue(rng), {}
  material_name = pick(rng, MATERIALS)
  if material_name == "metal":
    material = PrincipledMaterial(color=tint, metallic=1.0, roughness=0.2, ior=2.5)
    density, friction, restitution = config.metal_density, config.metal_friction, config.metal_restitution
  else:
    material = PrincipledMaterial(color=tint, roughness=0.7, ior=1.25, specular=0.33)
    density, friction, restitution = config.rubber_density, config.rubber_friction, config.rubber_restitution
  labels |= {"shape": shape_name, "size": size, "color": tint, "material": material_name}
  return Object(name, shape, material=material, scale=(size,) * 3, density=density, friction=friction,
                restitution=restitution, labels=labels, asset_id=shape_name)


def _ids(source: AssetSource, split: str, held_out: float) -> tuple[str, ...]:
  """The assets of a split."""
  ids = source.split(held_out)[SPLITS.index(split)]
  if not ids:
    raise KubricGenError(f"none of the {len(source.assets)} assets of {source.name} is for {split}: choose the other split, or "
                         "another fraction to hold out")
  return ids


@functools.lru_cache(maxsize=4)
def _object_source(manifest: str) -> ObjectSource:
  return ManifestObjects(manifest) if manifest else Catalogue()


@functools.lru_cache(maxsize=4)
def _hdri_source(manifest: str) -> EnvironmentSource:
  return ManifestEnvironments(manifest) if manifest else BlenderHdris()


def _objects(config: MoviConfig) -> tuple[ObjectSource, tuple[str, ...]]:
  """The collection of C to F, and the ids that may be used of it."""
  source = _object_source(config.gso_assets)
  return source, _ids(source, config.objects_split, config.held_out_objects)


def _backgrounds(config: MoviConfig) -> tuple[EnvironmentSource, tuple[str, ...]]:
  """The HDRIs of C to F, and those that may be used of them."""
  source = _hdri_source(config.hdri_assets)
  return source, _ids(source, config.backgrounds_split, config.held_out_backgrounds)


def inputs(config: MoviConfig) -> dict[str, str]:
  """Digests of the manifests, after making sure that they have what the config asks for."""
  if config.variant in BASIC:
    return {}
  return {name: source.digest for name, (source, _) in (("gso_assets", _objects(config)), ("hdri_assets", _backgrounds(config)))
          if isinstance(source, (ManifestObjects, ManifestEnvironments))}


def _everyday_object(name: str, config: MoviConfig, rng: np.random.Generator, is_dynamic: bool = True) -> Object:
  """A random object of C to F, not yet placed; it keeps its own mass whatever its size, as published."""
  source, ids = _objects(config)
  item = source.create(pick(rng, ids), name, friction=config.object_friction, restitution=config.object_restitution)
  category = source.find(item.asset_id).category
  extent = float(rng.uniform(config.min_extent, config.max_extent))
  factor = extent / float((np.ptp(load_mesh(item.shape).bounds, axis=0) * item.scale).max())
  return replace(item, mass=mass_of(item), density=None, scale=vector3(np.multiply(item.scale, factor), "scale"), labels={
      "category": category if category in CATEGORIES else "None", "asset_category": category, "scale": extent,
      "is_dynamic": is_dynamic})


def _camera(config: MoviConfig, rng: np.random.Generator) -> PerspectiveCamera:
  """Looks at the centre of the floor, or in panning E past it."""
  look: dict[str, Any] = {"focal_length": config.focal_length, "sensor_width": config.sensor_width}
  centre = (0.0, 0.0, 0.0)
  if config.variant == "a":
    x, y, z = config.camera_min
    jitter = config.camera_jitter
    position = uniform_vector(rng, (x, y, z), (x + jitter, y + jitter, z + jitter))
    return PerspectiveCamera(position=position, look_at=centre, **look)
  if config.variant in ("b", "c", "d"):
    position = half_shell(rng, config.camera_inner, config.camera_outer, config.camera_offset)
    return PerspectiveCamera(position=position, look_at=centre, **look)
  panning = config.variant == "panning_e"
  ends = line_in_shell(rng, config.max_panning if panning else config.max_movement, config.moving_inner, config.moving_outer,
                       config.camera_offset)
  targets = line_past_centre(rng) if panning else (centre, centre)
  frames = tuple(range(config.num_frames + 2))
  share = np.linspace(0, 1, len(frames))[:, None]
  positions, seen = ((1 - share) * line[0] + share * line[1] for line in (ends, targets))
  turns = tuple(look_at(position, target) for position, target in zip(positions.tolist(), seen.tolist()))
  path = Path(frames, tuple(map(tuple, positions.tolist())), turns)
  if config.variant == "f":
    look["shutter"] = float(rng.uniform(0.0, config.max_motion_blur))
  return PerspectiveCamera(path=path, **look)


def _thrown(item: Object, config: MoviConfig, rng: np.random.Generator) -> Object:
  """The object with a random velocity that takes it towards the centre."""
  speed = config.max_speed
  vx, vy, _ = uniform_vector(rng, (-speed, -speed, 0.0), (speed, speed, 0.0))
  return replace(item, velocity=(vx - item.position[0], vy - item.position[1], 0.0))


def _count(rng: np.random.Generator, fewest: int, most: int) -> int:
  return int(rng.integers(fewest, most + 1))


def _clutter(config: MoviConfig, floor: Object, rng: np.random.Generator) -> list[Object]:
  """Objects that have fallen to the floor and lie there; what has rolled far away is left out."""
  objects = []
  with Placer() as placer:
    placer.add(floor)
    for number in range(_count(rng, config.min_num_static, config.max_num_static)):
      item = _everyday_object(f"lying_{number}", config, rng, is_dynamic=False)
      item = replace(item, friction=1.0, restitution=0.0, angular_damping=SETTLING_DAMPING)
      objects.append(placer.place(item, (config.clutter_min, config.clutter_max), rng, max_trials=1000))
  settled = settle(objects, (replace(floor, friction=1.0, restitution=0.0),), seconds=config.settle_seconds,
                   step_rate=config.step_rate, gravity=(0.0, 0.0, -config.gravity))
  return [replace(item, friction=config.object_friction, restitution=config.object_restitution, angular_damping=0.0)
          for item in settled if math.hypot(*item.position[:2]) < FAR_AWAY * config.floor_diameter]


def build(config: MoviConfig, rng: np.random.Generator) -> Scene:
  """Draws a scene."""
  lights: tuple[Light, ...] = ()
  environment = Environment(color=(config.ambient,) * 3)
  if config.variant in BASIC:
    lights = clevr_lights(rng, jitter=config.light_jitter, sun_strength=config.sun_strength, sun_angle=config.sun_angle,
                          back_power=config.back_power, key_power=config.key_power, fill_power=config.fill_power)
  camera = _camera(config, rng)
  if config.variant in BASIC:
    tint = (config.floor_gray,) * 3 if config.variant == "a" else _random_hue(rng)
    ground: Material = PrincipledMaterial(color=tint, roughness=1.0, specular=0.0)
    labels: dict[str, Any] = ({"background": "clevr"} if config.variant == "a" else
                              {"background": "colored", "background_color": tint})
  else:
    source, ids = _backgrounds(config)
    background = pick(rng, ids)
    environment = source.create(background)
    ground, labels = ProjectedEnvironment(), {"background": background}
    if config.variant == "f":
      labels["motion_blur"] = camera.shutter
  floor, dome = floor_and_dome(ground, diameter=config.floor_diameter, friction=config.floor_friction,
                               restitution=config.floor_restitution)
  objects = _clutter(config, floor, rng) if config.variant in SETTLED else []
  fewest, most = ((config.min_num_dynamic, config.max_num_dynamic) if config.variant in SETTLED else
                  (config.min_num_objects, config.max_num_objects))
  draw = _basic_object if config.variant in BASIC else _everyday_object
  with Placer() as placer:
    for item in (floor, *objects):
      placer.add(item)
    for number in range(_count(rng, fewest, most)):
      item = placer.place(draw(f"object_{number}", config, rng), (config.spawn_min, config.spawn_max), rng, max_trials=1000)
      objects.append(_thrown(item, config, rng))
  return Scene((floor, dome, *objects), lights, (camera,), environment=environment, resolution=config.resolution,
               num_frames=config.num_frames, frame_rate=config.frame_rate, step_rate=config.step_rate,
               gravity=(0.0, 0.0, -config.gravity), labels=labels)


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
      f"movi_{config.variant}", DESCRIPTIONS[config.variant], **_features(config),
      splits=(Split("train", 0.975 - sum(split.fraction for split in splits), description="for training"),
              Split("validation", 0.025, description="for choosing models"), *splits))


WORLD = World("movi", MoviConfig, build, dataset, inputs)

if __name__ == "__main__":
  main(WORLD)
