"""Scenes as plain data: no engine is needed to build, compare, print or store one."""

from kubric_gen.scene.cameras import Camera, OrthographicCamera, PerspectiveCamera
from kubric_gen.scene.color import RGB, hsv_to_rgb, linear_to_srgb, srgb_to_linear
from kubric_gen.scene.environment import Environment, Sky
from kubric_gen.scene.lights import AreaLight, Light, PointLight, SpotLight, SunLight
from kubric_gen.scene.materials import FlatMaterial, Material, PrincipledMaterial, ProjectedEnvironment, Texture
from kubric_gen.scene.motion import Collision, Contact, Motion
from kubric_gen.scene.objects import BACKDROP, Object, RayVisibility
from kubric_gen.scene.path import Path
from kubric_gen.scene.patterns import Pattern, Print
from kubric_gen.scene.posed_views import PosedView
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.shapes import Cube, Cylinder, Disc, Dome, MeshFile, Plane, Shape, Solid, Sphere
from kubric_gen.scene.transforms import look_at, quaternion_from_euler, rotation_matrix
from kubric_gen.scene.validation import Quaternion, Vector3
