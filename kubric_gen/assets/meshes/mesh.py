"""Triangle meshes: the one form of geometry that physics, rendering and annotation share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kubric_gen.scene.materials import Material

Array = NDArray[np.float64]
Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Mesh:
  """A triangle mesh at rest. Vertices are split where the normal or texture coordinate jumps.

  Attributes:
    vertices (V, 3): metres. faces (F, 3): vertex indices, counter-clockwise seen from outside.
    normals (V, 3): unit shading normals. uvs (V, 2): texture coordinates, v upwards.
    bounds (2, 3): rest bounding box, min and max.
    volume: m³, 0 for open surfaces. inertia (3, 3): about the origin, for a density of 1 kg/m³.
    materials: what came with the mesh; material_index (F,) picks one per face.
    centre (3,): of a file, where the mesh's origin lies in the file's coordinates, after its up axis was turned to +Z.
  """

  vertices: Array
  faces: Indices
  normals: Array
  uvs: Array
  bounds: Array
  volume: float
  inertia: Array
  materials: tuple[Material, ...] = ()
  material_index: Indices = field(default_factory=lambda: np.zeros(0, np.int32))
  centre: Array = field(default_factory=lambda: np.zeros(3))


def integrate_solid(vertices: Array, faces: Indices) -> tuple[float, Array, Array]:
  """Volume, centroid (3,) and inertia tensor (3, 3) about the origin of a closed mesh of density 1.

  Sums signed tetrahedra from the origin (Tonon, "Explicit exact formulas for the 3-D tetrahedron inertia tensor", 2005).
  """
  a, b, c = (vertices[faces[:, corner]] for corner in range(3))
  signed = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
  volume = float(signed.sum())
  if volume == 0:
    return 0.0, np.zeros(3), np.zeros((3, 3))
  total = a + b + c
  centroid = (signed[:, None] * total).sum(axis=0) / (4 * volume)
  second = np.zeros((3, 3))  # ∫ x xᵀ dV, per tetrahedron V/20 (Σ p pᵀ + s sᵀ) with s the sum of its corners
  for corner in (a, b, c, total):
    second += np.einsum("i,ij,ik->jk", signed, corner, corner) / 20.0
  return volume, centroid, np.trace(second) * np.eye(3) - second
