"""From solids to meshes: corners, shading and texture coordinates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kubric_gen.assets.meshes.mesh import Array, Indices, Mesh, integrate_solid
from kubric_gen.assets.meshes.shading import CREASE, corner_normals

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
