"""From solids to meshes: corners, shading and texture coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kubric_gen.assets.meshes.mesh import Array, Indices, Mesh, integrate_solid

CREASE = math.radians(40)
"""Faces that meet at a smaller angle are shaded as one smooth surface."""
SMALL = 1e-5
"""Metres; shorter edges, which cuts leave behind, are taken out."""


def finish(solid: Any, uv: Callable[[Array], Array] | None = None, crease: float = CREASE,
           part_of: Mapping[int, int] | None = None) -> tuple[Mesh, Array]:
  """The mesh of a solid, moved so that its centre of mass is the origin, and where that was (3,).

  Args:
    uv: texture coordinates (F, 3, 2) of corners (F, 3, 3), instead of those that it has.
    crease: the largest angle between faces that are shaded as one surface, radians.
    part_of: the `material_index` of what comes from each original solid, by its `original_id`.
  """
  raw = solid.simplify(SMALL).to_mesh()
  properties = np.asarray(raw.vert_properties, np.float64)
  faces = np.asarray(raw.tri_verts, np.int64)
  same = np.arange(len(properties))
  same[np.asarray(raw.merge_from_vert, np.int64)] = np.asarray(raw.merge_to_vert, np.int64)
  used, corner = np.unique(same[faces], return_inverse=True)
  place, corner = properties[used, :3], corner.reshape(-1, 3)
  _, centre, _ = integrate_solid(place, corner.astype(np.int32))
  place = place - centre
  volume, _, inertia = integrate_solid(place, corner.astype(np.int32))
  coordinates = properties[:, 3:5][faces] if uv is None else uv(place[corner])
  normals = corner_normals(place, corner, crease)
  table = np.concatenate([corner[..., None], normals, coordinates], axis=-1).reshape(-1, 6)
  _, first, inverse = np.unique(np.round(table, 5), axis=0, return_index=True, return_inverse=True)
  kept = table[first]  # vertices of one corner have exactly one position, however near others are
  mesh = Mesh(place[kept[:, 0].astype(int)], inverse.reshape(-1, 3).astype(np.int32), kept[:, 1:4], kept[:, 4:],
              bounds=np.stack([place.min(axis=0), place.max(axis=0)]), volume=volume, inertia=inertia,
              material_index=_parts_of_faces(raw, part_of) if part_of else np.zeros(0, np.int32))
  return mesh, centre


def _parts_of_faces(raw: Any, part_of: Mapping[int, int]) -> Indices:
  """The part (F,) that each face comes from."""
  runs = np.diff(np.asarray(raw.run_index, np.int64)) // 3
  return np.repeat([part_of[int(original)] for original in raw.run_original_id], runs).astype(np.int32)


def corner_normals(place: Array, corner: Indices, crease: float = CREASE) -> Array:
  """Normals (F, 3, 3) of the corners of faces: the mean, by area, of those faces around the corner that lie flat enough.

  Args:
    place (V, 3): positions, each once. corner (F, 3): faces of them. crease: see `finish`.
  """
  a, b, c = (place[corner[:, i]] for i in range(3))
  area = np.cross(b - a, c - a)
  length = np.sqrt((area ** 2).sum(axis=1, keepdims=True))
  flat = area / np.maximum(length, 1e-30)
  # All pairs of faces that share a corner
  order = np.argsort(corner.ravel(), kind="stable")
  where, face = corner.ravel()[order], order // 3
  start = np.flatnonzero(np.r_[True, where[1:] != where[:-1]])
  size = np.diff(np.r_[start, len(where)])
  start, size = np.repeat(start, size), np.repeat(size, size)
  first = np.repeat(np.arange(len(where)), size)
  second = np.arange(len(first)) - np.repeat(np.cumsum(size) - size - start, size)
  alike = np.einsum("ij,ij->i", flat[face[first]], flat[face[second]]) > math.cos(crease)
  total = np.zeros((len(where), 3))
  np.add.at(total, first[alike], area[face[second[alike]]])
  # Slivers without an area, which cuts leave, take the mean of all faces around their corners
  around = np.zeros((int(corner.max()) + 1, 3))
  np.add.at(around, where.astype(np.int64), area[face])
  sliver = (total == 0).all(axis=1)
  total[sliver] = around[where[sliver]]
  total[(total == 0).all(axis=1)] = (0.0, 0.0, 1.0)
  result = np.zeros_like(total)
  result[order] = total / np.sqrt((total ** 2).sum(axis=1, keepdims=True))
  return result.reshape(-1, 3, 3)
