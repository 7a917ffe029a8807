"""One surface sample per pixel: what the ray through each pixel's centre hits first, from camera and poses alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations.alpha import AlphaTest
from kubric_gen.annotations.raycast import MeshTracer
from kubric_gen.assets import Mesh, load_mesh
from kubric_gen.scene.cameras import Camera, Resolution, Window
from kubric_gen.scene.materials import PrincipledMaterial
from kubric_gen.scene.motion import Motion
from kubric_gen.scene.objects import Object
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.transforms import bounding_box_corners, rotation_matrix

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
VISIBLE_WITHIN = 1e-3
"""A point counts as visible if what its ray hits is no nearer than this fraction of its distance."""


class ObjectHits:
  """What the camera's rays hit of one object in one frame, whatever stands before it.

  Attributes are computed when they are first asked for; the whole is kept while neither object nor camera moves.

  Attributes:
    window: the part (h, w) of the image that was looked at. mask (h, w): the pixels whose rays hit the object.
    distance (h, w): metres along the rays, infinite outside the mask.
    local (n, 3): the n hit points, in the mask's order, in the object's rest coordinates before scale.
    face (n,), u, v (n,): triangles and barycentric weights of their second and third corner.
  """

  def __init__(self, key: bytes, window: Window, mask: Mask, distance: Array, local: Array, face: NDArray[np.int32],
               u: NDArray[np.float32], v: NDArray[np.float32], view: Array, tracer: ObjectTracer,
               rotation: Array) -> None:
    self.key, self.window, self.mask, self.distance, self.local = key, window, mask, distance, local
    self.face, self.u, self.v = face, u, v
    self._view, self._tracer, self._rotation = view, tracer, rotation

  def amodal_mask(self, resolution: Resolution) -> Mask:
    """The mask (H, W) over the whole image."""
    result = np.zeros(resolution, bool)
    result[self.window] = self.mask
    return result

  @cached_property
  def normal(self) -> NDArray[np.float32]:
    """Unit shading normals (n, 3) in world space, turned to the camera."""
    tracer = self._tracer
    normals = tracer.tracer.interpolate(tracer.mesh.normals, self.face, self.u, self.v)
    world = (normals / tracer.scale) @ self._rotation.T
    geometric = (tracer.tracer.face_normals[self.face] / tracer.scale) @ self._rotation.T
    world[np.einsum("ij,ij->i", geometric, self._view) > 0] *= -1
    return (world / np.maximum(np.linalg.norm(world, axis=1, keepdims=True), 1e-12)).astype(np.float32)

  @cached_property
  def object_coordinates(self) -> NDArray[np.float32]:
    """Positions (n, 3) in the rest bounding box, in [0, 1]; zero along flat axes."""
    low, high = self._tracer.mesh.bounds
    extent = high - low
    return np.clip((self.local - low) / np.where(extent > 0, extent, 1.0), 0.0, 1.0).astype(np.float32)

  @cached_property
  def uv(self) -> NDArray[np.float32]:
    """Texture coordinates (n, 2)."""
    tracer = self._tracer
    return tracer.tracer.interpolate(tracer.mesh.uvs, self.face, self.u, self.v).astype(np.float32)


@dataclass(frozen=True, eq=False)
class SurfaceSamples:
  """The samples of one frame.

  Attributes:
    object_index (H, W): index into the scene's objects, -1 where nothing is hit.
    distance (H, W): metres along the pixel's ray, infinite where nothing is hit.
    hits: per object, all that the rays hit of it, or None where it is out of sight.
    seen: per object that is seen, which of its `hits` (by position) are in front, and their pixels (flat indices).
  """

  object_index: NDArray[np.int32]
  distance: Array
  hits: tuple[ObjectHits | None, ...]
  seen: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]

  def gather(self, attribute: str, channels: int) -> NDArray[np.float32]:
    """An attribute of the hits as an image (H, W, channels), zero where nothing is hit."""
    result = np.zeros((self.object_index.size, channels), np.float32)
    for index, (which, pixels) in self.seen.items():
      result[pixels] = getattr(self.hits[index], attribute)[which]
    return result.reshape(*self.object_index.shape, channels)


@lru_cache(maxsize=64)
def _plain_tracer(mesh: Mesh) -> MeshTracer:
  """One hierarchy per mesh, for all objects and scenes that share it."""
  return MeshTracer(mesh)


def release_tracers() -> None:
  """Forgets the hierarchies that are kept for further scenes."""
  _plain_tracer.cache_clear()


class ObjectTracer:
  """Rays of the world against one posed, scaled object."""

  def __init__(self, item: Object) -> None:
    self.mesh = load_mesh(item.shape)
    self.scale = np.asarray(item.scale)
    materials = self.mesh.materials if item.material is None else (item.material,)
    self.visible = item.visibility.camera and not all(
        isinstance(m, PrincipledMaterial) and m.alpha == 0 for m in materials or (None,))
    alpha = AlphaTest(self.mesh, materials) if AlphaTest.needed(materials) else None
    self.tracer = _plain_tracer(self.mesh) if alpha is None else MeshTracer(self.mesh, alpha)
    self.corners = bounding_box_corners(self.mesh.bounds) * self.scale

  def to_local(self, origins: Array, directions: Array, position: Array, rotation: Array) -> tuple[Array, Array]:
    """World rays in rest coordinates; distances along them stay what they are in the world."""
    return ((origins - position) @ rotation) / self.scale, (directions @ rotation) / self.scale


class SurfaceSampler:
  """Samples the surfaces that a camera sees, frame by frame (array index t; -1 and N are the frames beyond the ends)."""

  def __init__(self, scene: Scene, motion: Motion, camera: Camera, resolution: Resolution) -> None:
    self.scene, self.motion, self.camera, self.resolution = scene, motion, camera, resolution
    self.tracers = [ObjectTracer(item) for item in scene.objects]
    self.camera_positions, self.camera_quaternions = camera.poses(scene.simulated_frames)
    self.camera_rotations = rotation_matrix(self.camera_quaternions)
    self.rotations = rotation_matrix(motion.quaternions)
    height, width = resolution
    rows, columns = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    self.pixels = np.stack([rows, columns], axis=-1)
    self.ray_origins, self.ray_directions = camera.rays(self.pixels, resolution)
    self.near, self.far = camera.depth_limits(self.ray_directions)
    self._flat_pixels = np.arange(height * width).reshape(resolution)
    self._kept: dict[int, ObjectHits] = {}
    self._latest: tuple[int, SurfaceSamples] | None = None

  def pose_key(self, t: int, index: int) -> bytes:
    """Changes when the object's pose or the camera's does."""
    row = t + 1
    return b"".join(np.ascontiguousarray(a).tobytes() for a in (
        self.camera_positions[row], self.camera_quaternions[row], self.motion.positions[row, index],
        self.motion.quaternions[row, index]))

  def world_rays(self, t: int, window: Window) -> tuple[Array, Array, Array]:
    """Origins and directions (n, 3) of the window's pixels in the world, from the near distance (n,) on."""
    rotation, position = self.camera_rotations[t + 1], self.camera_positions[t + 1]
    near = self.near[window].reshape(-1)
    directions = self.ray_directions[window].reshape(-1, 3) @ rotation.T
    origins = position + directions * near[:, None]
    if not self.camera.central:
      origins = origins + self.ray_origins[window].reshape(-1, 3) @ rotation.T
    return origins, directions, near

  def window_of(self, t: int, index: int) -> Window | None:
    """The part of the image that an object's rest box can cover, or None where it is outside."""
    row = t + 1
    world = self.tracers[index].corners @ self.rotations[row, index].T + self.motion.positions[row, index]
    local = (world - self.camera_positions[row]) @ self.camera_rotations[row]
    return self.camera.window(local, self.resolution)

  def _hits(self, t: int, index: int) -> ObjectHits | None:
    tracer = self.tracers[index]
    key = self.pose_key(t, index)
    kept = self._kept.get(index)
    if kept is not None and kept.key == key:
      return kept
    window = self.window_of(t, index) if tracer.visible else None
    if window is None:
      return None
    rotation = self.rotations[t + 1, index]
    origins, directions, near = self.world_rays(t, window)
    start, along = tracer.to_local(origins, directions, self.motion.positions[t + 1, index], rotation)
    hits = tracer.tracer.trace(start, along)
    rough = hits.distance + near
    hit = np.flatnonzero((hits.face >= 0) & (rough <= self.far[window].reshape(-1)))
    face, u, v = hits.face[hit], hits.u[hit], hits.v[hit]
    start, along, near, rough = start[hit], along[hit], near[hit], rough[hit]
    # In double precision, exactly on the pixel centre's ray; along a grazing triangle the plane says little, so that
    # Embree's own distance stays.
    exact = tracer.tracer.refine(start, along, face)
    exact = np.where(np.abs(exact + near - rough) <= 1e-3 * rough, exact, rough - near)
    distance = np.full(len(origins), np.inf)
    distance[hit] = exact + near
    mask = np.zeros(len(origins), bool)
    mask[hit] = True
    shape = self.near[window].shape
    result = ObjectHits(key, window, mask.reshape(shape), distance.reshape(shape), start + exact[:, None] * along, face,
                        u, v, directions[hit], tracer, rotation)
    self._kept[index] = result
    return result

  def samples(self, t: int) -> SurfaceSamples:
    """The samples of the frame with array index t; the latest frame is kept."""
    if self._latest is not None and self._latest[0] == t:
      return self._latest[1]
    object_index = np.full(self.resolution, -1, np.int32)
    distance = np.full(self.resolution, np.inf)
    hits = tuple(self._hits(t, index) for index in range(len(self.tracers)))
    for index, part in enumerate(hits):
      if part is not None:
        nearer = part.distance < distance[part.window]
        distance[part.window][nearer] = part.distance[nearer]
        object_index[part.window][nearer] = index
    seen = {}
    for index, part in enumerate(hits):
      if part is not None:
        which = np.flatnonzero(object_index[part.window][part.mask] == index)
        if len(which):
          seen[index] = (which, self._flat_pixels[part.window][part.mask][which])
    result = SurfaceSamples(object_index, distance, hits, seen)
    self._latest = (t, result)
    return result
