"""Closed surfaces as solids of manifold3d, which can be united and cut; their vertices carry texture coordinates along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from kubric_gen.assets.meshes.mesh import Array, Indices

_DIGITS = 7
"""Of positions in metres, when vertices are told apart."""


def manifold_of(vertices: Array, faces: Indices) -> Any:
  """A solid of vertices (V, 5), position and uv, of which those at one place are one corner."""
  import manifold3d
  _, first, inverse = np.unique(np.round(vertices[:, :3], _DIGITS), axis=0, return_index=True, return_inverse=True)
  corner = first[inverse.ravel()]
  a, b, c = (corner[faces[:, i]] for i in range(3))
  faces = faces[(a != b) & (b != c) & (c != a)]
  doubled = np.flatnonzero(corner != np.arange(len(vertices)))
  solid = manifold3d.Manifold(manifold3d.Mesh(
      np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.uint32),
      doubled.astype(np.uint32), corner[doubled].astype(np.uint32)))
  if solid.status() != manifold3d.Error.NoError:
    raise ValueError(f"not a closed surface: {solid.status()}")
  return solid


def closed_surface(corners: Array) -> Any:
  """A solid of triangles (F, 3, 5), each corner a position and uv; those at one place are one.

  Raises:
    ValueError: they are not a closed surface.
  """
  return manifold_of(corners.reshape(-1, 5), np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3))


def unite(solids: Iterable[Any]) -> Any:
  """All of them as one."""
  import manifold3d
  return manifold3d.Manifold.batch_boolean(list(solids), manifold3d.OpType.Add)
