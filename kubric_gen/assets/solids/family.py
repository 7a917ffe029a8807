"""What a family of solids is: named, bounded numbers from which one is made."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from kubric_gen.assets.collision.convexity import corners
from kubric_gen.assets.meshes.manifolds import unite
from kubric_gen.assets.meshes.mesh import Mesh
from kubric_gen.assets.meshes.shading import CREASE
from kubric_gen.assets.solids.finishes import Finish
from kubric_gen.assets.solids.finishing import finish
from kubric_gen.assets.solids.pieces import cached_pieces
from kubric_gen.errors import AssetError, shown
from kubric_gen.scene.materials import PrincipledMaterial

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
  """A number of a family.

  Attributes:
    low, high: its bounds. default: where it is not given. unit: `m`, or "" for a ratio or a count. help: what it is.
    whole: a count.
  """

  low: float
  high: float
  default: float
  unit: str
  help: str
  whole: bool = False


@dataclass(frozen=True, eq=False)
class Model:
  """A solid, ready for every engine.

  Attributes:
    mesh: its surface; the centre of mass is the origin.
    decompose: makes `pieces`, which may take a second.
    mass: kilograms, where the materials of its parts are known.
  """

  mesh: Mesh
  decompose: Callable[[], Sequence[Array]]
  mass: float | None = None

  @functools.cached_property
  def pieces(self) -> tuple[Array, ...]:
    """Points (n, 3) of convex bodies that together fill it, for collisions."""
    return tuple(self.decompose())


@dataclass(frozen=True, eq=False)
class Part:
  """A piece of a model made of one material.

  Attributes:
    solid: its geometry. finish: what it is made of.
    pieces: points (n, 3) of convex bodies that fill it, where it is not convex itself.
    convex: whether it is; False without pieces is for what mostly lies in or on other parts, and counts for collisions only
      where it sticks out of them.
  """

  solid: Any
  finish: Finish
  pieces: Sequence[Array] = ()
  convex: bool = True


def model_of_solid(solid: Any, pieces: list[Array] | None = None, size: float | None = None,
                   uv: Callable[[Array], Array] | None = None, tolerance: float = 0.02, most: int = 64) -> Model:
  """The model of a solid.

  Args:
    solid: of the model.
    pieces: convex bodies that fill it; found when they are needed if not given, to `tolerance` of its volume and at most
      `most` of them.
    size: its largest extent after scaling.
    uv: see `finish`.
    tolerance, most: of the convex bodies that are to be found.
  """
  if size is not None:
    box = np.asarray(solid.bounding_box()).reshape(2, 3)
    factor = size / float(np.ptp(box, axis=0).max())
    solid, pieces = solid.scale((factor,) * 3), pieces and [piece * factor for piece in pieces]
  mesh, centre = finish(solid, uv)
  return Model(mesh, lambda: [piece - centre for piece in pieces or cached_pieces(solid, tolerance, most)])


STICKS_OUT = 1e-3
"""Of the extent of the whole: what reaches further out of other parts is felt in collisions."""


def _sticks_out(points: Array, bodies: Sequence[Array], tolerance: float) -> bool:
  """Whether some of the points (n, 3) lie further than a tolerance from all convex bodies."""
  inside = np.zeros(len(points), bool)
  for body in bodies:
    planes = ConvexHull(body).equations
    inside |= (np.einsum("ij,kj->ik", points, planes[:, :3]) + planes[:, 3] <= tolerance).all(axis=1)  # without BLAS
  return not inside.all()


def assemble(parts: Sequence[Part], cuts: Sequence[Part] = (), crease: float = CREASE) -> Model:
  """The model of several parts, each with its material; what `cuts` take away shows theirs."""
  whole: list[Any] = []
  part_of: dict[int, int] = {}
  looks: list[PrincipledMaterial] = []
  for part in (*parts, *cuts):
    original = part.solid.as_original()
    if part.finish.material not in looks:
      looks.append(part.finish.material)
    part_of[original.original_id()] = looks.index(part.finish.material)
    whole.append(original)
  solid = unite(whole[:len(parts)])
  if cuts:
    solid -= unite(whole[len(parts):])
  mesh, centre = finish(solid, crease=crease, part_of=part_of)
  volumes = [part.solid.volume() for part in parts]
  density = sum(volume * part.finish.density for volume, part in zip(volumes, parts)) / sum(volumes)

  bodies: list[Array] = []
  for part in parts:
    bodies += list(part.pieces) or ([corners(part.solid)] if part.convex else [])
  tolerance = STICKS_OUT * float(np.ptp(mesh.bounds, axis=0).max())
  for part in parts:
    if not part.pieces and not part.convex:
      lumps = [corners(lump) for lump in part.solid.decompose()]
      bodies += [lump for lump in lumps if _sticks_out(lump, bodies, tolerance)]
  pieces = [body - centre for body in bodies]  # now, so that no solid is kept, which is larger than its mesh
  return Model(dataclasses.replace(mesh, materials=tuple(looks)), lambda: pieces, density * mesh.volume)


@dataclass(frozen=True)
class Family:
  """Solids of a kind.

  Attributes:
    name: of the family. category: what people call such an object.
    build: makes one from its numbers, by name. parameters: the numbers.
    kin: the family that includes this one and others, into which it can be morphed; "" where there is none.
  """

  name: str
  category: str
  build: Callable[..., Model]
  parameters: Mapping[str, Parameter] = field(default_factory=dict)
  kin: str = ""

  def make(self, given: Mapping[str, float]) -> Model:
    """The model for some of the numbers; the others have their defaults.

    Raises:
      AssetError: an unknown one, or one out of its bounds.
    """
    return self.build(**self.complete(given))

  def complete(self, given: Mapping[str, float]) -> dict[str, float]:
    """All numbers, for some of them.

    Raises:
      AssetError: as `make`.
    """
    unknown = sorted(set(given) - set(self.parameters))
    if unknown:
      raise AssetError(f"a {self.name} has no parameter {shown(unknown[0])}: it has {', '.join(self.parameters) or 'none'}")
    values: dict[str, float] = {}
    for name, parameter in self.parameters.items():
      value = given.get(name, parameter.default)
      if not parameter.low <= value <= parameter.high or (parameter.whole and value != int(value)):
        raise AssetError(f"{name} of a {self.name} must be {'a whole number ' if parameter.whole else ''}in "
                         f"[{parameter.low:g}, {parameter.high:g}], got {value:g}")
      values[name] = int(value) if parameter.whole else value
    return values
