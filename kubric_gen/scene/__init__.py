"""Scenes as plain data: no engine is needed to build, compare, print or store one."""

from kubric_gen.scene.cameras import Camera, OrthographicCamera, PerspectiveCamera
from kubric_gen.scene.environment import Environment, Sky
from kubric_gen.scene.lights import AreaLight, Light, PointLight, SpotLight, SunLight
from kubric_gen.scene.materials import FlatMaterial, Material, PrincipledMaterial, ProjectedEnvironment, Texture
from kubric_gen.scene.motion import Collision, Contact, Motion
from kubric_gen.scene.objects import BACKDROP, Object, RayVisibility
from kubric_gen.scene.path import Path
from kubric_gen.scene.patterns import Pattern, Print
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.shapes import Cube, Cylinder, Disc, Dome, MeshFile, Plane, Shape, Solid, Sphere

__all__ = [
    "AreaLight", "BACKDROP", "Camera", "Collision", "Contact", "Cube", "Cylinder", "Disc", "Dome", "Environment",
    "FlatMaterial", "Light", "Material", "MeshFile", "Motion", "Object", "OrthographicCamera", "Path", "Pattern",
    "PerspectiveCamera", "Plane", "PointLight", "PrincipledMaterial", "Print", "ProjectedEnvironment", "RayVisibility",
    "Scene", "Shape", "Sky", "Sphere", "SpotLight", "SunLight", "Texture",
]
