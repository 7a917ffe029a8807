"""Shapes: the geometry of an object at rest, described but not yet meshed (`kubric_gen.assets` does that).

Solids are one unit across and centred on the origin, so that an object's scale is its full extent in metres.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.validation import Described, assign, identifier, number


@dataclass(frozen=True, repr=False)
class Cube(Described):
  """A cube with unit edges and sharp corners."""


@dataclass(frozen=True, repr=False)
class Sphere(Described):
  """A sphere of unit diameter."""


@dataclass(frozen=True, repr=False)
class Cylinder(Described):
  """A cylinder of unit diameter and unit height along local Z, with sharp rims."""


@dataclass(frozen=True, repr=False)
class Plane(Described):
  """A unit square in local z = 0 that faces +Z; it has no volume, so its object must be static."""


@dataclass(frozen=True, repr=False)
class Disc(Described):
  """A disc of unit diameter in local z = 0 that faces +Z; it has no volume, so its object must be static."""


@dataclass(frozen=True, repr=False)
class Dome(Described):
  """A backdrop that continues a `Disc` of the same scale: a fillet rises from its rim and turns into a closed vault.

  Seen from inside, where its normals point; nothing collides with it.

  Attributes:
    fillet: radius of the fillet, as a fraction of the disc's diameter.
    height: height of the vault above the fillet, likewise.
  """

  fillet: float = 0.25
  height: float = 0.5

  def __post_init__(self) -> None:
    assign(self, fillet=number(self.fillet, "fillet", above=0), height=number(self.height, "height", above=0))


MESH_SUFFIXES = (".obj", ".glb", ".gltf", ".ply", ".stl", ".off")


@dataclass(frozen=True, repr=False)
class MeshFile(Described):
  """A triangle mesh from a file, with the file's own materials unless the object names another.

  The mesh is moved so that its centre of mass (that of its convex hull where it is not watertight) is the origin.

  Attributes:
    path: an obj, glb, gltf, ply, stl or off file; it must exist.
    up: the files' axis that becomes +Z: `z`, or `y` (as glTF is defined and many obj files are).
      The default `auto` takes `y` for glb and gltf and `z` for the others, the collision file among them.
    collision: an obj file whose groups (`o` or `g`) are convex bodies, with which the mesh collides; without groups each
      of its connected components is one. It has the same origin and unit as the mesh. "" for none: the mesh then collides
      as its convex hull, or as its triangles where nothing moves it.
  """

  path: str
  up: str = "auto"
  collision: str = ""

  def __post_init__(self) -> None:
    path, collision = os.fspath(self.path), os.fspath(self.collision)
    suffix = Path(path).suffix.lower()
    if suffix not in MESH_SUFFIXES:
      raise SceneError(f"mesh file {path} must end in one of {', '.join(MESH_SUFFIXES)}")
    if not os.path.isfile(path):
      raise SceneError(f"mesh file not found: {path} (give the path of an existing file)")
    if self.up not in ("auto", "y", "z"):
      raise SceneError(f"up must be auto, y or z, got {shown(self.up)}")
    if collision and Path(collision).suffix.lower() != ".obj":
      raise SceneError(f"collision file {collision} must end in .obj")
    if collision and not os.path.isfile(collision):
      raise SceneError(f"collision file not found: {collision} (give the path of an existing file, or none)")
    assign(self, path=path, collision=collision)

  @property
  def y_up(self) -> bool:
    """Whether the file's +Y axis is the object's +Z."""
    return self.up == "y" or (self.up == "auto" and Path(self.path).suffix.lower() in (".glb", ".gltf"))


@dataclass(frozen=True, repr=False)
class Solid(Described):
  """A solid of one of the families of `kubric_gen.assets.solids`, made from numbers; its centre of mass is the origin.

  Attributes:
    family: its name, such as `torus`.
    parameters: numbers of the family by name, as a mapping or as pairs; the others have their defaults.
  """

  family: str
  parameters: tuple[tuple[str, float], ...] = ()

  def __post_init__(self) -> None:
    given = self.parameters
    pairs = given.items() if isinstance(given, Mapping) else given
    values = sorted((identifier(name, "parameter"), number(value, f"parameter {name}")) for name, value in pairs)
    if len({name for name, _ in values}) < len(values):
      raise SceneError(f"a parameter of the solid {shown(self.family)} is given twice")
    assign(self, family=identifier(self.family, "family of solids"), parameters=tuple(values))


Shape = Cube | Sphere | Cylinder | Plane | Disc | Dome | MeshFile | Solid
SURFACES = (Plane, Disc, Dome)
"""Shapes without volume."""
