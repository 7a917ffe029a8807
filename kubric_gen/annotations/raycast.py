"""Rays against triangle meshes, through Embree's hierarchies (the same kind that Cycles traces on a CPU).

Every mesh has one hierarchy in its own rest coordinates; moving an object means moving the rays, so nothing is rebuilt
from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex import rtcore, rtcore_scene
from embreex.mesh_construction import TriangleMesh
from numpy.typing import NDArray

from kubric_gen.annotations.alpha import AlphaTest
from kubric_gen.assets import Mesh

Array = NDArray[np.float64]
MAX_LAYERS = 64
"""How many cut-out surfaces one ray may pass before it is taken to hit nothing."""

_DEVICE: list[rtcore.EmbreeDevice] = []


def _device() -> rtcore.EmbreeDevice:
  if not _DEVICE:
    _DEVICE.append(rtcore.EmbreeDevice())
  return _DEVICE[0]


@dataclass(frozen=True, eq=False)
class Hits:
  """First hits of n rays.

  Attributes:
    distance (n,): along the ray in units of its direction's length, infinite where nothing is hit.
    face (n,): triangle index, -1 where nothing is hit. u, v (n,): barycentric weights of its second and third corner.
  """

  distance: Array
  face: NDArray[np.int32]
  u: NDArray[np.float32]
  v: NDArray[np.float32]


class MeshTracer:
  """First hits with one mesh, in its rest coordinates."""

  def __init__(self, mesh: Mesh, alpha: AlphaTest | None = None) -> None:
    self.mesh = mesh
    self._alpha = alpha
    self._scene = rtcore_scene.EmbreeScene(_device())
    TriangleMesh(self._scene, mesh.vertices[mesh.faces].astype(np.float32))
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    self.face_normals = np.cross(b - a, c - a)
    self._anchor = a

  def _run(self, origins: Array, directions: Array) -> Hits:
    if not len(origins):
      none = np.zeros(0, np.float32)
      return Hits(np.zeros(0), np.zeros(0, np.int32), none, none)
    result = self._scene.run(np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32),
                             output=1)
    face = result["primID"]
    return Hits(np.where(face >= 0, result["tfar"].astype(np.float64), np.inf), face, result["u"], result["v"])

  def trace(self, origins: Array, directions: Array) -> Hits:
    """First hits of rays (n, 3); surfaces that the alpha test cuts out are passed."""
    hits = self._run(origins, directions)
    if self._alpha is None:
      return hits
    distance, face, u, v = hits.distance.copy(), hits.face.copy(), hits.u.copy(), hits.v.copy()
    for _ in range(MAX_LAYERS):
      hole = np.flatnonzero(face >= 0)
      hole = hole[~self._alpha.solid(face[hole], u[hole], v[hole])]
      if not len(hole):
        return Hits(distance, face, u, v)
      step = distance[hole] * (1 + 1e-6) + 1e-7
      again = self._run(origins[hole] + step[:, None] * directions[hole], directions[hole])
      distance[hole], face[hole], u[hole], v[hole] = again.distance + step, again.face, again.u, again.v
    distance[hole], face[hole] = np.inf, -1
    return Hits(distance, face, u, v)

  def refine(self, origins: Array, directions: Array, face: NDArray[np.int32]) -> Array:
    """Distances (n,) to the planes of the hit triangles in double precision, along the very same rays."""
    normals = self.face_normals[face]
    along = np.einsum("ij,ij->i", normals, directions)
    offset = np.einsum("ij,ij->i", normals, self._anchor[face] - origins)
    with np.errstate(divide="ignore", invalid="ignore"):
      return offset / along

  def interpolate(self, values: Array, face: NDArray[np.int32], u: NDArray[np.float32],
                  v: NDArray[np.float32]) -> Array:
    """Per-vertex values (V, n) at the hits, by barycentric weights."""
    a, b, c = (values[self.mesh.faces[face, corner]] for corner in range(3))
    return a + u[:, None] * (b - a) + v[:, None] * (c - a)
