"""Meshes of any quality as convex bodies for collisions: closed ones exactly, others after they were made solid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from kubric_gen.assets.collision.convexity import convex_pieces
from kubric_gen.assets.collision.files import hull_of
from kubric_gen.assets.meshes.manifolds import closed_surface, unite
from kubric_gen.assets.meshes.mesh import Array, Indices
from kubric_gen.errors import AssetError

TOLERANCE = 0.03
"""How much more than the solid the bodies may fill, as a fraction of its volume, unless that takes more than `MAX_PIECES`."""
MAX_PIECES = 64
SIMPLIFY_BY = 2e-3
"""How far surfaces may be moved to make them simpler, as a fraction of the largest extent."""
CELLS = 64
"""Along the largest extent, when an open surface is made solid."""
CLOSING = 3
"""Cells; openings up to twice as wide are closed."""
THICKEN_BY = 0.25
"""Cells; surfaces are moved outwards by so much, that those which are one cell thick get no holes."""
FLAT = 1e-8
"""Of the cube of the largest extent: less volume is none."""


@dataclass(frozen=True, eq=False)
class Solidity:
  """A mesh as bodies with a volume.

  Attributes:
    pieces: convex bodies, as their corners (n, 3). volume: of the solid, m³.
    kind: `closed` as it was; `repaired` where an open or tangled surface was made solid; `hull` where nothing but its convex
      hull could be made. inverted: its faces look inwards.
  """

  pieces: tuple[Array, ...]
  volume: float
  kind: str
  inverted: bool = False


def _solid_inside(triangles: Array) -> Any | None:
  """The solid inside a closed surface of triangles (F, 3, 3); None where it is not closed. Parts that overlap are united."""
  try:
    solid = closed_surface(np.concatenate([triangles, np.zeros((*triangles.shape[:2], 2))], axis=-1))
  except ValueError:
    return None
  parts = solid.decompose()
  if len(parts) > 1 and all(part.volume() > 0 for part in parts):  # else there are hollows, which are parts of their own
    solid = unite(parts)
  return solid


def _solid_around(vertices: Array, faces: Indices) -> Any | None:
  """A solid with about the surface of an open mesh of extent 1: cells that it touches or surrounds, smoothed."""
  import manifold3d
  import trimesh
  pitch, margin = 1 / CELLS, CLOSING + 2
  grid = trimesh.Trimesh(vertices, faces, process=False).voxelized(pitch)
  touched = np.pad(np.asarray(grid.matrix, bool), margin)
  closed = ndimage.binary_fill_holes(ndimage.binary_dilation(touched, iterations=CLOSING))
  cells = touched | ndimage.binary_erosion(closed, iterations=CLOSING)
  inside = THICKEN_BY + np.where(cells, ndimage.distance_transform_edt(cells) - 0.5, 0.5 - ndimage.distance_transform_edt(~cells))
  values, (_, rows, columns) = inside.ravel().tolist(), inside.shape
  layer = rows * columns

  def distance(x: float, y: float, z: float) -> float:
    """Between the centres of cells, linear along each axis; plain numbers, as this is called for each of many points."""
    i, j, k = int(x), int(y), int(z)
    x, y, z = x - i, y - j, z - k
    n = i * layer + j * columns + k
    m = n + layer
    near = (values[n] * (1 - z) + values[n + 1] * z) * (1 - y) + (values[n + columns] * (1 - z) + values[n + columns + 1] * z) * y
    far = (values[m] * (1 - z) + values[m + 1] * z) * (1 - y) + (values[m + columns] * (1 - z) + values[m + columns + 1] * z) * y
    return float(near * (1 - x) + far * x)

  solid = manifold3d.Manifold.level_set(distance, [1.0, 1.0, 1.0, *(np.array(inside.shape) - 2.001).tolist()], 1.25)
  origin = np.asarray(grid.transform, np.float64)[:3, 3]
  solid = solid.translate((-margin,) * 3).scale((pitch,) * 3).translate(origin.tolist())
  if solid.status() != manifold3d.Error.NoError or solid.volume() <= 0:
    return None
  # Cells are larger than the surface in them: bring the solid back to where that ends
  low, high = np.asarray(solid.bounding_box()).reshape(2, 3)
  size, true_size = high - low, np.ptp(vertices, axis=0)
  factor = np.where(true_size > pitch, true_size / size, 1.0)
  centre, true_centre = (low + high) / 2, (vertices.min(axis=0) + vertices.max(axis=0)) / 2
  return solid.translate((-centre).tolist()).scale(factor.tolist()).translate(true_centre.tolist())


def solidity_of(vertices: Array, faces: Indices) -> Solidity:
  """The convex bodies of a mesh of vertices (V, 3), metres, and faces (F, 3).

  Raises:
    AssetError: it is flat, and so has no volume.
  """
  middle, extent = (vertices.min(axis=0) + vertices.max(axis=0)) / 2, float(np.ptp(vertices, axis=0).max())
  unit = (vertices - middle) / extent
  hull = hull_of(unit)
  if hull is None:
    raise AssetError("it is flat and has no volume: give it a thickness")
  kind, inverted = "closed", False
  solid = _solid_inside(unit[faces])
  if solid is not None and solid.volume() < -FLAT:
    inverted, solid = True, _solid_inside(unit[faces[:, ::-1]])
  if solid is None or solid.volume() < FLAT:
    kind, inverted = "repaired", False
    try:
      solid = _solid_around(unit, faces)
    except Exception:  # whatever a library makes of a surface that is none
      solid = None
  pieces: list[Array] = []
  if solid is not None:
    volume = float(solid.volume())
    simple = solid.simplify(SIMPLIFY_BY if kind == "closed" else 0.3 / CELLS)
    found = convex_pieces(simple if simple.volume() > 0 else solid, TOLERANCE, MAX_PIECES)
    pieces = [body[0] for body in map(hull_of, found) if body is not None]
  if solid is None or not pieces:
    import trimesh
    kind, pieces, volume = "hull", [hull[0]], float(trimesh.Trimesh(*hull, process=False).volume)
  return Solidity(tuple(piece * extent + middle for piece in pieces), volume * extent ** 3, kind, inverted)
