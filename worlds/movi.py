"""MOVi: a few objects are thrown into a room and tumble over each other.

The variants are those published with Kubric (Greff et al., "Kubric: a scalable dataset generator", CVPR 2022):

- A: CLEVR's set of objects under CLEVR's lights: 3 to 10 cubes, cylinders and spheres of two sizes, eight colours and two
  materials.
- B: eleven shapes of any size and hue before a backdrop of any hue, seen from anywhere above the floor.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kubric_gen.assets.collections import BasicShapes
from kubric_gen.cli import main
from kubric_gen.dataset import DatasetSpec, Split
from kubric_gen.errors import KubricGenError
from kubric_gen.features import Feature, Label, Tensor
from kubric_gen.physics import Placer
from kubric_gen.sampling import half_shell, pick, pick_item, uniform_vector
from kubric_gen.scene import (BACKDROP, AreaLight, Cube, Cylinder, Disc, Dome, Environment, Light, Object,
                              PerspectiveCamera, PrincipledMaterial, Scene, Shape, Sphere, SunLight)
from kubric_gen.scene.color import RGB, color
from kubric_gen.world import World, WorldConfig, setting

VARIANTS = ("a", "b")
SHAPES: dict[str, Shape] = {"cube": Cube(), "cylinder": Cylinder(), "sphere": Sphere()}
MORE_SHAPES: dict[str, Shape] = {name: BasicShapes.SHAPES[name] for name in (
    *SHAPES, "cone", "torus", "gear", "torus_knot", "sponge", "spot", "teapot", "suzanne")}
COLORS: dict[str, RGB] = {  # CLEVR's, which it uses as linear values
    "blue": (42 / 255, 75 / 255, 215 / 255), "brown": (129 / 255, 74 / 255, 25 / 255),
    "cyan": (41 / 255, 208 / 255, 208 / 255), "gray": (87 / 255, 87 / 255, 87 / 255),
    "green": (29 / 255, 105 / 255, 20 / 255), "purple": (129 / 255, 38 / 255, 192 / 255),
    "red": (173 / 255, 35 / 255, 35 / 255), "yellow": (255 / 255, 238 / 255, 5 / 255)}
MATERIALS = ("metal", "rubber")


@dataclass(frozen=True, kw_only=True)
class MoviConfig(WorldConfig):
  """Every number of the distribution."""

  variant: str = setting("a", "which MOVi", choices=VARIANTS)
  min_num_objects: int = setting(3, "fewest objects", minimum=1, maximum=255)
  max_num_objects: int = setting(10, "most objects", minimum=1, maximum=255)
  small_size: float = setting(0.7, "extent of small objects in metres; B: the least", above=0)
  large_size: float = setting(1.4, "extent of large objects in metres; B: the greatest", above=0)
  spawn_min: tuple[float, float, float] = setting((-5.0, -5.0, 1.0), "lower corner of where objects start, metres")
  spawn_max: tuple[float, float, float] = setting((5.0, 5.0, 5.0), "upper corner of where objects start, metres")
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
  camera_inner: float = setting(7.0, "B: least distance of the camera from the centre, metres", above=0)
  camera_outer: float = setting(9.0, "B: greatest distance of the camera from the centre, metres", above=0)
  camera_slope: float = setting(0.1, "B: least height of the camera, as a fraction of its distance", minimum=0, maximum=0.99)
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
    if self.min_num_objects > self.max_num_objects:
      raise KubricGenError(f"min_num_objects must not exceed max_num_objects, got {self.min_num_objects} and "
                           f"{self.max_num_objects}")
    if any(low >= high for low, high in zip(self.spawn_min, self.spawn_max)):
      raise KubricGenError(f"spawn_min {self.spawn_min} must lie below spawn_max {self.spawn_max}")
    for low, high in (("small_size", "large_size"), ("camera_inner", "camera_outer")):
      if getattr(self, low) > getattr(self, high):
        raise KubricGenError(f"{low} must not exceed {high}, got {getattr(self, low):g} and {getattr(self, high):g}")


def _lights(config: MoviConfig, rng: np.random.Generator) -> tuple[Light, ...]:
  """CLEVR's sun, back, key and fill light, each moved a little and turned to the centre."""
  def jittered(x: float, y: float, z: float) -> tuple[float, float, float]:
    return uniform_vector(rng, (x, y, z), (x + config.light_jitter, y + config.light_jitter, z + config.light_jitter))

  centre = (0.0, 0.0, 0.0)
  return (
      SunLight("sun", position=jittered(11.6608, -6.62799, 25.8232), look_at=centre, strength=config.sun_strength,
               angle=config.sun_angle),
      AreaLight("lamp_back", position=jittered(-1.1685, 2.64602, 5.81574), look_at=centre, power=config.back_power),
      AreaLight("lamp_key", position=jittered(6.44671, -2.90517, 4.2584), look_at=centre, power=config.key_power,
                width=0.5, height=0.5, color=color("#ffedd0")),
      AreaLight("lamp_fill", position=jittered(-4.67112, -4.0136, 3.01122), look_at=centre, power=config.fill_power,
                width=0.5, height=0.5, color=color("#c2d0ff")))


def _room(config: MoviConfig, tint: RGB) -> tuple[Object, Object]:
  """A floor that runs into a dome around camera and lights."""
  plaster = PrincipledMaterial(color=tint, roughness=1.0, specular=0.0)
  floor = Object("floor", Disc(), scale=(config.floor_diameter,) * 3, material=plaster, static=True, background=True,
                 friction=config.floor_friction, restitution=config.floor_restitution)
  return floor, replace(floor, name="dome", shape=Dome(), asset_id="dome", visibility=BACKDROP)


def _random_hue(rng: np.random.Generator) -> RGB:
  """A fully saturated colour, as linear values."""
  return colorsys.hsv_to_rgb(float(rng.random()), 1.0, 1.0)


def _object(name: str, config: MoviConfig, rng: np.random.Generator) -> Object:
  """A random object of the variant, not yet placed."""
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


def _camera(config: MoviConfig, rng: np.random.Generator) -> PerspectiveCamera:
  """Looks at the centre of the floor."""
  if config.variant == "a":
    x, y, z = config.camera_min
    jitter = config.camera_jitter
    position = uniform_vector(rng, (x, y, z), (x + jitter, y + jitter, z + jitter))
  else:
    position = half_shell(rng, config.camera_inner, config.camera_outer, config.camera_slope)
  return PerspectiveCamera(position=position, look_at=(0.0, 0.0, 0.0), focal_length=config.focal_length,
                           sensor_width=config.sensor_width)


def build(config: MoviConfig, rng: np.random.Generator) -> Scene:
  """Draws a scene."""
  lights = _lights(config, rng)
  camera = _camera(config, rng)
  tint = (config.floor_gray,) * 3 if config.variant == "a" else _random_hue(rng)
  room = _room(config, tint)
  objects: list[Object] = []
  with Placer() as placer:
    placer.add(room[0])
    for number in range(int(rng.integers(config.min_num_objects, config.max_num_objects + 1))):
      item = placer.place(_object(f"object_{number}", config, rng), (config.spawn_min, config.spawn_max), rng)
      speed = config.max_speed
      vx, vy, _ = uniform_vector(rng, (-speed, -speed, 0.0), (speed, speed, 0.0))
      objects.append(replace(item, velocity=(vx - item.position[0], vy - item.position[1], 0.0)))
  labels = {"background": "clevr"} if config.variant == "a" else {"background": "colored", "background_color": tint}
  return Scene((*room, *objects), lights, (camera,), environment=Environment(color=(config.ambient,) * 3),
               resolution=config.resolution, num_frames=config.num_frames, frame_rate=config.frame_rate,
               step_rate=config.step_rate, gravity=(0.0, 0.0, -config.gravity), labels=labels)


def dataset(config: MoviConfig) -> DatasetSpec:
  """The dataset of a variant: `movi_a` or `movi_b`, with labels as published, and a held-out split with more objects."""
  fewest, most = (min(config.max_num_objects + more, 255) for more in (1, 4))
  common: dict[str, Feature] = {"color": Tensor("float32", (3,)), "material_label": Label(MATERIALS, key="material")}
  scene: dict[str, Feature] = {}
  if config.variant == "a":
    description = "Cubes, cylinders and spheres of two sizes, eight colours and two materials tumble over a floor."
    instances = {"shape_label": Label(tuple(SHAPES), key="shape"), "size_label": Label(("small", "large")),
                 "color_label": Label(tuple(COLORS)), **common}
  else:
    description = "Eleven shapes of any size and hue and two materials tumble over a floor of any hue."
    instances, scene = {"shape_label": Label(tuple(MORE_SHAPES), key="shape"), **common}, {"background_color": common["color"]}
  return DatasetSpec(
      f"movi_{config.variant}", description, instances=instances, scene=scene,
      splits=(Split("train", 0.9, description="for training"), Split("validation", 0.025, description="for choosing models"),
              Split("test", 0.05, description="the same distribution, for testing"),
              Split("test_more_objects", 0.025, {"min_num_objects": fewest, "max_num_objects": most},
                    f"held out: {fewest} to {most} objects, more than in any other split")))


WORLD = World("movi", MoviConfig, build, dataset)

if __name__ == "__main__":
  main(WORLD)
