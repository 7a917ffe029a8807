"""kubric-gen: exact synthetic video data from a seed.

The names below are imported on first use, so that `import kubric_gen` stays cheap and needs no engine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
  from kubric_gen.annotations import GroundTruth
  from kubric_gen.errors import KubricGenError
  from kubric_gen.example import Example, View
  from kubric_gen.pipeline import generate, make_example
  from kubric_gen.physics import simulate
  from kubric_gen.render import RenderSettings, render_frames
  from kubric_gen.scene import (BACKDROP, AreaLight, Camera, Collision, Contact, Cube, Cylinder, Disc, Dome,
                                Environment, FlatMaterial, MeshFile, Motion, Object, OrthographicCamera, Path, Pattern,
                                PerspectiveCamera, Plane, PointLight, PrincipledMaterial, Print, ProjectedEnvironment,
                                RayVisibility, Scene, Sky, Solid, Sphere, SpotLight, SunLight, Texture)
  from kubric_gen.scene.serialization import from_json, to_json
  from kubric_gen.sinks import read_scene, write_scene

_HOME = {
    "kubric_gen.scene": (
        "AreaLight", "BACKDROP", "Camera", "Collision", "Contact", "Cube", "Cylinder", "Disc", "Dome", "Environment",
        "FlatMaterial", "MeshFile", "Motion", "Object", "OrthographicCamera", "Path", "Pattern",
        "PerspectiveCamera", "Plane", "PointLight", "PrincipledMaterial", "Print", "ProjectedEnvironment", "RayVisibility",
        "Scene", "Sky", "Solid", "Sphere", "SpotLight", "SunLight", "Texture"),
    "kubric_gen.scene.serialization": ("from_json", "to_json"),
    "kubric_gen.errors": ("KubricGenError",),
    "kubric_gen.physics": ("simulate",),
    "kubric_gen.render": ("RenderSettings", "render_frames"),
    "kubric_gen.annotations": ("GroundTruth",),
    "kubric_gen.example": ("Example", "View"),
    "kubric_gen.pipeline": ("generate", "make_example"),
    "kubric_gen.sinks": ("read_scene", "write_scene"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted([*_MODULE_OF, "__version__"])


def __getattr__(name: str) -> Any:
  if name not in _MODULE_OF:
    raise AttributeError(f"module 'kubric_gen' has no attribute {name!r}")
  value = getattr(importlib.import_module(_MODULE_OF[name]), name)
  globals()[name] = value
  return value


def __dir__() -> list[str]:
  return __all__
