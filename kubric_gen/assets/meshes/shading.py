"""Shading normals: which edges of a mesh look sharp, and which smooth."""

from __future__ import annotations

import math

import numpy as np

from kubric_gen.assets.meshes.mesh import Array, Indices

CREASE = math.radians(40)
"""Faces that meet at a smaller angle are shaded as one smooth surface."""


def corner_normals(place: Array, corner: Indices, crease: float = CREASE) -> Array:
  """Normals (F, 3, 3) of the corners of faces: the mean, by area, of those faces around the corner that lie flat enough.

  Args:
    place (V, 3): positions, each once.
    corner (F, 3): faces of them.
    crease: the largest angle between faces that are shaded as one surface, radians.
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
