"""Objects: a shape with a material, a pose and what physics needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.materials import Material
from kubric_gen.scene.path import Path
from kubric_gen.scene.shapes import SURFACES, MeshFile, Shape, Solid
from kubric_gen.scene.transforms import IDENTITY, look_at
from kubric_gen.scene.validation import (Described, Quaternion, Vector3, assign, identifier, instance, labels, number,
                                         quaternion, scale, vector3)


@dataclass(frozen=True, kw_only=True, repr=False)
class RayVisibility(Described):
  """Which kinds of light path see an object: camera rays, diffuse and glossy bounces, transmission, shadow rays."""

  camera: bool = True
  diffuse: bool = True
  glossy: bool = True
  transmission: bool = True
  shadow: bool = True


LICENSE = "Apache-2.0"
"""Of this package, and so of its shapes."""
EVERYWHERE = RayVisibility()
BACKDROP = RayVisibility(diffuse=False, shadow=False)
"""Seen by the camera and in reflections, but neither shading nor lighting the scene: for domes around it."""


@dataclass(frozen=True, repr=False)
class Object(Described):
  """A rigid object.

  Attributes:
    name: unique in its scene.
    shape: its geometry at rest.
    material: None takes the mesh file's own materials, or plain grey for the built-in shapes.
    position, quaternion: pose at frame 0, when the simulation starts; the position is that of the centre of mass.
    scale: factor along each local axis; one number stands for all three. For the built-in solids, the extent in metres.
    static: never moves, and nothing moves it.
    background: has no instance id (its label is 0), as floors and domes.
    mass: kilograms; or give the density instead.
    density: kilograms per cubic metre of real volume, so that mass follows scale. 1000 where neither is given.
    friction: Coulomb coefficient. restitution: fraction of the speed that a bounce keeps.
    linear_damping, angular_damping: fraction of the speed lost per second.
    velocity (m/s), angular_velocity (rad/s): at frame 0, in world axes.
    path: keyframed motion; the object pushes others and is pushed by none. The pose then comes from the path.
    visibility: which light paths see it.
    labels: what the world wants to say of it; written into the metadata as it is.
    asset_id: where it comes from; the shape's name where not given.
    license: under which its geometry and textures may be used, where it is not that of this package.
    look_at: instead of a quaternion, the point at which local -Z looks.
  """

  name: str
  shape: Shape
  _: KW_ONLY
  material: Material | None = None
  position: Vector3 = (0.0, 0.0, 0.0)
  quaternion: Quaternion = IDENTITY
  scale: Vector3 | float = (1.0, 1.0, 1.0)
  static: bool = False
  background: bool = False
  mass: float | None = None
  density: float | None = None
  friction: float = 0.5
  restitution: float = 0.5
  linear_damping: float = 0.0
  angular_damping: float = 0.0
  velocity: Vector3 = (0.0, 0.0, 0.0)
  angular_velocity: Vector3 = (0.0, 0.0, 0.0)
  path: Path | None = None
  visibility: RayVisibility = EVERYWHERE
  labels: Mapping[str, Any] = field(default_factory=dict)
  asset_id: str = ""
  license: str = ""
  look_at: InitVar[Vector3 | None] = None

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    who = f"object {shown(self.name)}"
    if not isinstance(self.shape, Shape):
      raise SceneError(f"{who}: shape must be a shape such as Cube(), got {shown(self.shape)}")
    if self.material is not None and not isinstance(self.material, Material):
      raise SceneError(f"{who}: material must be a material such as PrincipledMaterial(), got {shown(self.material)}")
    position = vector3(self.position, f"{who}: position")
    if look_at_target is not None:
      if quaternion(self.quaternion, f"{who}: quaternion") != IDENTITY:
        raise SceneError(f"{who}: give a quaternion or look_at, not both")
      assign(self, quaternion=look_at(position, look_at_target))
    assign(
        self, name=identifier(self.name, "object name"), position=position,
        quaternion=quaternion(self.quaternion, f"{who}: quaternion"), scale=scale(self.scale, f"{who}: scale"),
        friction=number(self.friction, f"{who}: friction", minimum=0),
        restitution=number(self.restitution, f"{who}: restitution", minimum=0, maximum=1),
        linear_damping=number(self.linear_damping, f"{who}: linear_damping", minimum=0, maximum=1),
        angular_damping=number(self.angular_damping, f"{who}: angular_damping", minimum=0, maximum=1),
        velocity=vector3(self.velocity, f"{who}: velocity"),
        angular_velocity=vector3(self.angular_velocity, f"{who}: angular_velocity"),
        labels=labels(self.labels, f"{who}: labels"),
        asset_id=instance(self.asset_id, f"{who}: asset_id", str) or (
            self.shape.family if isinstance(self.shape, Solid) else type(self.shape).__name__.lower()),
        license=instance(self.license, f"{who}: license", str),
        visibility=instance(self.visibility, f"{who}: visibility", RayVisibility))
    if self.mass is not None and self.density is not None:
      raise SceneError(f"{who}: give a mass or a density, not both")
    for name in ("mass", "density"):
      if getattr(self, name) is not None:
        assign(self, **{name: number(getattr(self, name), f"{who}: {name}", above=0)})
    if self.path is not None:
      instance(self.path, f"{who}: path", Path)
      if self.static or any(self.velocity) or any(self.angular_velocity):
        raise SceneError(f"{who}: an object that follows a path is neither static nor has a velocity of its own")
    if self.static and (any(self.velocity) or any(self.angular_velocity)):
      raise SceneError(f"{who}: a static object has no velocity")
    if isinstance(self.shape, SURFACES) and not (self.static or self.path):
      raise SceneError(f"{who}: a {type(self.shape).__name__} has no volume, so the object must be static=True")

  @property
  def effective_license(self) -> str:
    """The license, which for shapes of this package is its own and for files "unknown" unless it was given."""
    return self.license or ("unknown" if isinstance(self.shape, MeshFile) else LICENSE)
