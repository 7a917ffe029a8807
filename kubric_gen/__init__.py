"""kubric-gen: exact synthetic video data from a seed.

The names below are imported on first use, so that `import kubric_gen` stays cheap and needs no engine.
"""

from kubric_gen.system.lazy import lazy_names

__version__ = "0.1.0"

with lazy_names(globals()):
  from kubric_gen.annotations import GroundTruth
  from kubric_gen.cli import generate
  from kubric_gen.errors import KubricGenError
  from kubric_gen.example import Example, View, make_example
  from kubric_gen.physics import simulate
  from kubric_gen.render import RenderSettings, render_frames
  from kubric_gen.scene import (BACKDROP, AreaLight, Camera, Collision, Contact, Cube, Cylinder, Disc, Dome, Environment,
                                FlatMaterial, Light, Material, MeshFile, Motion, Object, OrthographicCamera, Path, Pattern,
                                PerspectiveCamera, Plane, PointLight, PrincipledMaterial, Print, ProjectedEnvironment,
                                RayVisibility, Scene, Shape, Sky, Solid, Sphere, SpotLight, SunLight, Texture)
  from kubric_gen.scene.serialization import from_json, to_json
  from kubric_gen.sinks import read_scene, write_scene
