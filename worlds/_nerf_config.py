"""The numbers of NeRF's distribution."""

from __future__ import annotations

from dataclasses import dataclass

from kubric_gen.system.paths import absolute
from kubric_gen.world import KubricGenError, PosedViewsConfig, check_ranges, check_regions, setting

VARIANTS = ("plain", "robust")
SURROUNDINGS = ("any", "hdri", "sky")
MOTIONS = ("teleport", "wander")


@dataclass(frozen=True, kw_only=True)
class NerfConfig(PosedViewsConfig):
  """Every number of the distribution."""

  variant: str = setting("plain", "which one", choices=VARIANTS)
  min_num_objects: int = setting(5, "plain: fewest objects", minimum=1, maximum=200)
  max_num_objects: int = setting(9, "plain: most objects", minimum=1, maximum=200)
  num_static: int = setting(5, "robust: objects that stay", minimum=1, maximum=200)
  num_distractors: int = setting(3, "robust: objects that do not stay", minimum=0, maximum=50)
  distractor_motion: str = setting("teleport", "robust: from view to view distractors are anywhere, or wander", choices=MOTIONS)
  max_step: float = setting(0.5, "robust: how far a distractor wanders from view to view, along each axis", unit="metres",
                            above=0)
  clean_fraction: float = setting(0.2, "robust: share of the training views that have no distractors; another number of training "
                                  "views draws them anew", minimum=0, maximum=1)
  gso_assets: str = setting("", "manifest of the objects, a path or an address; the built-in catalogue where empty")
  hdri_assets: str = setting("", "manifest of the HDRIs, a path or an address; Blender's eight where empty")
  surroundings: str = setting("any", "where light and background come from", choices=SURROUNDINGS)
  min_extent: float = setting(0.4, "least longest side of an object", unit="metres", above=0)
  max_extent: float = setting(1.0, "greatest longest side of an object", unit="metres", above=0)
  object_min: tuple[float, float, float] = setting((-1.3, -1.3, 0.1), "lower corner of where objects fall from", unit="metres")
  object_max: tuple[float, float, float] = setting((1.3, 1.3, 5.0), "upper corner of where objects fall from", unit="metres")
  settle_seconds: float = setting(6.0, "how long they fall and come to rest before they stay where they are", unit="seconds",
                                  minimum=0, maximum=1000)
  distractor_reach: float = setting(1.9, "robust: level distance from the centre within which distractors stand", unit="metres",
                                    above=0)
  camera_inner: float = setting(3.6, "least distance of a camera from the centre", unit="metres", above=0)
  camera_outer: float = setting(4.4, "greatest distance of a camera from the centre", unit="metres", above=0)
  min_elevation: float = setting(0.2, "least elevation of a camera", unit="radians", minimum=0.05, maximum=1.5)
  max_elevation: float = setting(1.2, "greatest elevation of a camera", unit="radians", minimum=0, maximum=1.5)
  look_at_height: float = setting(0.25, "height of the point that all cameras look at", unit="metres")
  focal_length: float = setting(35.0, "of the camera", unit="mm", above=0)
  sensor_width: float = setting(32.0, "of the camera", unit="mm", above=0)
  floor_diameter: float = setting(40.0, "of floor and dome on which an HDRI is seen", unit="metres", above=0)
  ground_diameter: float = setting(800.0, "of the ground under a computed sky, up to the horizon", unit="metres", above=0)

  def __post_init__(self) -> None:
    super().__post_init__()
    for name in ("gso_assets", "hdri_assets"):
      object.__setattr__(self, name, absolute(getattr(self, name)))
    check_ranges(self, ("min_num_objects", "max_num_objects"), ("min_extent", "max_extent"), ("camera_inner", "camera_outer"),
                 ("min_elevation", "max_elevation"))
    check_regions(self, "object")
    if self.camera_outer >= self.floor_diameter / 2:
      raise KubricGenError(f"camera_outer must be less than half of floor_diameter, so that cameras are inside the dome, got "
                           f"{self.camera_outer:g} and {self.floor_diameter:g}")
    if self.variant == "robust" and self.distractor_reach >= self.camera_inner:
      raise KubricGenError(f"distractor_reach must be less than camera_inner, so that no distractor stands in a camera, got "
                           f"{self.distractor_reach:g} and {self.camera_inner:g}")
