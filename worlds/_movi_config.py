"""The numbers of MOVi's distribution."""

from __future__ import annotations

from dataclasses import dataclass

from kubric_gen.system.paths import absolute
from kubric_gen.world import ASSET_SPLITS, WorldConfig, check_ranges, check_regions, setting

VARIANTS = ("a", "b", "c", "d", "e", "f", "panning_e")


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
  objects_split: str = setting("train", "C on: objects for training, or those held out", choices=ASSET_SPLITS)
  backgrounds_split: str = setting("train", "C on: HDRIs for training, or those held out", choices=ASSET_SPLITS)
  held_out_objects: float = setting(0.1, "C on: fraction of the objects that is held out, by the hash of their ids",
                                    minimum=0, maximum=1)
  held_out_backgrounds: float = setting(0.1, "C on: fraction of the HDRIs that is held out, likewise", minimum=0, maximum=1)
  min_extent: float = setting(0.75, "C on: least extent of an object", unit="metres", above=0)
  max_extent: float = setting(3.0, "C on: greatest extent of an object", unit="metres", above=0)
  object_friction: float = setting(0.5, "C on: Coulomb coefficient", minimum=0)
  object_restitution: float = setting(0.5, "C on: fraction of the speed kept in a bounce", minimum=0, maximum=1)
  small_size: float = setting(0.7, "extent of small objects; B: the least", unit="metres", above=0)
  large_size: float = setting(1.4, "extent of large objects; B: the greatest", unit="metres", above=0)
  spawn_min: tuple[float, float, float] = setting((-5.0, -5.0, 1.0), "lower corner of where objects start", unit="metres")
  spawn_max: tuple[float, float, float] = setting((5.0, 5.0, 5.0), "upper corner of where objects start", unit="metres")
  clutter_min: tuple[float, float, float] = setting((-7.0, -7.0, 0.0), "D on: the same for those that fall before it starts",
                                                    unit="metres")
  clutter_max: tuple[float, float, float] = setting((7.0, 7.0, 10.0), "D on: the same for those that fall before it starts",
                                                    unit="metres")
  settle_seconds: float = setting(100 / 12, "D on: how long these fall and settle", unit="seconds", minimum=0, maximum=1000)
  max_speed: float = setting(4.0, "range of a random velocity along x and y; the offset from the centre is "
                             "subtracted, so that objects fly inwards", unit="m/s", minimum=0)
  gravity: float = setting(10.0, "downwards acceleration", unit="m/s²", minimum=0)
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
                                                   "A: camera position without jitter", unit="metres")
  camera_jitter: float = setting(1.0, "A: range of the random offset added to each camera coordinate", unit="metres", minimum=0)
  camera_inner: float = setting(7.0, "B to D: least distance of the camera from the centre", unit="metres", above=0)
  camera_outer: float = setting(9.0, "B to D: greatest distance of the camera from the centre", unit="metres", above=0)
  moving_inner: float = setting(8.0, "E on: least distance of the moving camera from the centre", unit="metres", above=0)
  moving_outer: float = setting(12.0, "E on: greatest distance of the moving camera from the centre", unit="metres", above=0)
  max_movement: float = setting(4.0, "E, F: greatest length of the camera's line", unit="metres", minimum=0)
  max_panning: float = setting(8.0, "panning E: greatest length of the camera's line", unit="metres", minimum=0)
  max_motion_blur: float = setting(2.0, "F: longest exposure, in frames", minimum=0, maximum=2)
  camera_offset: float = setting(0.1, "B on: least height of the normally distributed point in whose direction the camera "
                                 "stands, and of the end of its line in metres", minimum=0, maximum=3)
  focal_length: float = setting(35.0, "of the camera", unit="mm", minimum=1)
  sensor_width: float = setting(32.0, "of the camera", unit="mm", minimum=1)
  light_jitter: float = setting(1.0, "range of the random offset added to each light coordinate", unit="metres", minimum=0)
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
    check_regions(self, "spawn", "clutter")
    check_ranges(self, ("min_num_objects", "max_num_objects"), ("min_num_static", "max_num_static"),
                 ("min_num_dynamic", "max_num_dynamic"), ("small_size", "large_size"), ("min_extent", "max_extent"),
                 ("camera_inner", "camera_outer"), ("moving_inner", "moving_outer"))
