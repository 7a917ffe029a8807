"""The annotation layers, as arithmetic on surface samples and poses: exact at pixel centres, for any pair of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations.surface import VISIBLE_WITHIN, SurfaceSampler, SurfaceSamples
from kubric_gen.errors import KubricGenError, shown
from kubric_gen.scene.cameras import Camera, Resolution
from kubric_gen.scene.layers import LAYERS, NOTHING_HIT, LayerSpec, Storage
from kubric_gen.scene.motion import Motion
from kubric_gen.scene.scene import Scene

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]



class GroundTruth:
  """What one camera of a scene sees, frame by frame.

  Frames are array indices t in 0 … N - 1; -1 and N, one beyond each end, are allowed too. All arrays are (H, W, C).

  Args:
    scene: the scene.
    motion: its motion.
    camera: one of its cameras; the main one by default.
    resolution: (height, width) whose pixel centres are sampled; the camera's by default.
  """

  def __init__(self, scene: Scene, motion: Motion, camera: Camera | None = None,
               resolution: Resolution | None = None) -> None:
    self.scene, self.motion = scene, motion
    self.camera = camera or scene.camera
    self.resolution = resolution or scene.resolution_of(self.camera)
    self._sampler: SurfaceSampler | None = SurfaceSampler(scene, motion, self.camera, self.resolution)
    ids = np.cumsum([not item.background for item in scene.objects])
    self._labels = np.array([0 if item.background else ids[i] for i, item in enumerate(scene.objects)] + [0], np.uint16)
    self.foreground = tuple(i for i, item in enumerate(scene.objects) if not item.background)
    """Indices of the objects that have an id: object `foreground[k - 1]` has the label k in `segmentation`."""

  @property
  def sampler(self) -> SurfaceSampler:
    """What samples the surfaces, and keeps what it has found last."""
    if self._sampler is None:
      self._sampler = SurfaceSampler(self.scene, self.motion, self.camera, self.resolution)
    return self._sampler

  def release(self) -> None:
    """Gives the memory of the samples back; they are taken anew when they are asked for again."""
    self._sampler = None

  def samples(self, t: int) -> SurfaceSamples:
    """The surface samples of frame t.

    Raises:
      KubricGenError: t lies outside -1 … N.
    """
    self._check(t)
    return self.sampler.samples(t)

  def _check(self, t: int) -> None:
    if not -1 <= t <= self.scene.num_frames:
      raise KubricGenError(f"frame {t} is not known: the scene has frames -1 … {self.scene.num_frames}")

  def segmentation(self, t: int) -> NDArray[np.uint16]:
    """Labels (H, W, 1): 0 for background, k for the k-th object of the scene that is not background."""
    return self._labels[self.samples(t).object_index][..., None]

  def depth(self, t: int) -> Float32:
    """Distance from the camera's centre (H, W, 1), metres."""
    samples = self.samples(t)
    distance = samples.distance
    if not self.camera.central:
      points = self._camera_points(t)
      distance = np.linalg.norm(points, axis=-1)
    return np.where(samples.object_index >= 0, distance, NOTHING_HIT).astype(np.float32)[..., None]

  def z(self, t: int) -> Float32:
    """Distance to the camera's plane (H, W, 1), metres."""
    hit = self.samples(t).object_index >= 0
    return np.where(hit, -self._camera_points(t)[..., 2], NOTHING_HIT).astype(np.float32)[..., None]

  def _camera_points(self, t: int) -> Array:
    """Surface points (H, W, 3) in camera coordinates; meaningless where nothing is hit."""
    samples = self.samples(t)
    origins, directions = self.camera.rays(self.sampler.pixels, self.resolution)
    return origins + directions * np.where(samples.object_index >= 0, samples.distance, 0.0)[..., None]

  def normal(self, t: int) -> Float32:
    """Unit shading normals (H, W, 3) in world space, turned to the camera; zero where nothing is hit."""
    return self.samples(t).gather("normal", 3)

  def object_coordinates(self, t: int) -> Float32:
    """Position in the object's rest bounding box (H, W, 3), in [0, 1]; zero where nothing is hit and along flat axes."""
    return self.samples(t).gather("object_coordinates", 3)

  def uv(self, t: int) -> Float32:
    """Texture coordinates (H, W, 2), v upwards; zero where nothing is hit."""
    return self.samples(t).gather("uv", 2)

  def _stay(self, t: int, s: int) -> set[int]:
    """The objects (and -1 for what is infinitely far) that do not move relative to the camera from t to s."""
    self._check(s)
    sampler = self.sampler
    still = {i for i in range(len(sampler.tracers)) if sampler.pose_key(t, i) == sampler.pose_key(s, i)}
    turned = (sampler.camera_quaternions[t + 1] != sampler.camera_quaternions[s + 1]).any()
    return still if turned else still | {-1}

  def _moved(self, t: int, s: int, skip: Set[int] = frozenset()) -> Iterator[tuple[NDArray[np.int64], Array, Array]]:
    """The surface points seen in frame t as they stand in frame s, object by object.

    Yields:
      Flat pixel indices (n,) in frame t; positions (n, 3) in the camera coordinates of frame s, unit directions for what
      is infinitely far; pixel positions (n, 2) in frame s as (row, column), NaN behind the camera. The objects to `skip`
      (-1 is what is infinitely far) are left out.
    """
    self._check(s)
    samples, sampler = self.samples(t), self.sampler
    camera_rotation, camera_position = sampler.camera_rotations[s + 1], sampler.camera_positions[s + 1]
    for index, (which, at) in samples.seen.items():
      if index not in skip:
        turn = sampler.rotations[s + 1, index].T @ camera_rotation
        shift = (self.motion.positions[s + 1, index] - camera_position) @ camera_rotation
        hits = samples.hits[index]
        assert hits is not None
        points = (hits.local[which] * sampler.tracers[index].scale) @ turn + shift
        yield at, points, self.camera.project(points, self.resolution)
    missed = np.flatnonzero(samples.object_index < 0)
    if len(missed) and -1 not in skip:
      turn = sampler.camera_rotations[t + 1].T @ camera_rotation
      points = sampler.ray_directions.reshape(-1, 3)[missed] @ turn
      if not self.camera.central:  # a direction has no place in an image of parallel rays
        yield missed, points, sampler.pixels.reshape(-1, 2)[missed]
      else:
        yield missed, points, self.camera.project(points, self.resolution)

  def points_at(self, t: int, s: int) -> tuple[Array, Array]:
    """Where the surface points seen in frame t are in frame s.

    Returns:
      Positions (H, W, 3) in the camera coordinates of frame s, with unit directions where nothing is hit, and pixel
      positions (H, W, 2) as (row, column), NaN behind the camera.
    """
    size = self.resolution[0] * self.resolution[1]
    points, pixels = np.zeros((size, 3)), np.zeros((size, 2))
    for at, some_points, some_pixels in self._moved(t, s):
      points[at], pixels[at] = some_points, some_pixels
    return points.reshape(*self.resolution, 3), pixels.reshape(*self.resolution, 2)

  def flow(self, t: int, s: int) -> Float32:
    """(Δrow, Δcolumn) in pixels (H, W, 2) of the surface points seen in frame t, on their way to frame s.

    Points that are behind the camera, or nearer than it sees, in frame s get zero (`occlusion` tells them apart); what
    does not move relative to the camera gets exactly zero.
    """
    result = np.zeros((self.resolution[0] * self.resolution[1], 2), np.float32)
    start = self.sampler.pixels.reshape(-1, 2)
    missed = self.samples(t).object_index.reshape(-1) < 0
    for at, points, pixels in self._moved(t, s, skip=self._stay(t, s)):
      seen = missed[at] | self.camera.beyond_near(points)
      result[at] = np.where(seen[:, None], np.nan_to_num(pixels - start[at], nan=0.0), 0.0)
    return result.reshape(*self.resolution, 2)

  def forward_flow(self, t: int) -> Float32:
    """`flow(t, t + 1)`."""
    return self.flow(t, t + 1)

  def backward_flow(self, t: int) -> Float32:
    """How far the points seen at t have come since t - 1 (H, W, 2): MOVi's sign, the previous position is p - flow."""
    return -self.flow(t, t - 1) + 0.0  # no negative zeros

  def occlusion(self, t: int, s: int) -> NDArray[np.uint8]:
    """What became of the points seen in frame t (H, W, 1): 0 visible in frame s, 1 occluded there, 2 outside its image.

    By casting a ray from the camera of frame s to each moved point, against every object as it stands in frame s.
    """
    hit = self.samples(t).object_index >= 0
    points, pixels = self.points_at(t, s)
    inside = ((pixels >= 0) & (pixels <= self.resolution)).all(axis=-1)  # NaN compares false
    inside &= self.camera.within_depth(points) | ~hit
    result = np.where(inside, 0, 2).astype(np.uint8)
    reach = np.where(hit[inside], 1 - VISIBLE_WITHIN, np.inf)
    result[inside] = self.hidden(s, pixels[inside], points[inside], reach)
    return result[..., None]

  def hidden(self, s: int, pixels: Array, points: Array, reach: NDArray[np.float64] | float) -> NDArray[np.bool_]:
    """Whether something stands before points in frame s.

    Args:
      s: array index of the frame.
      pixels (n, 2): where the points project to, inside the image.
      points (n, 3): the points in the camera coordinates of frame s.
      reach: how much of the way to the point is looked at, a fraction, or infinite for everything up to `far`.
    """
    sampler = self.sampler
    origins, directions = self.camera.rays(pixels, self.resolution)
    near, far = self.camera.depth_limits(directions)
    endless = np.broadcast_to(np.isinf(reach), near.shape)
    distance = np.einsum("ij,ij->i", points - origins, directions)
    limit = np.where(endless, far, distance * np.where(endless, 1.0, reach))
    rotation, position = sampler.camera_rotations[s + 1], sampler.camera_positions[s + 1]
    directions = directions @ rotation.T
    origins = position + origins @ rotation.T + directions * near[:, None]
    result = np.zeros(len(pixels), bool)
    for index, tracer in enumerate(sampler.tracers):
      window = sampler.window_of(s, index) if tracer.visible else None
      if window is None:
        continue
      (top, bottom), (left, right) = ((w.start, w.stop) for w in window)
      crossing = np.flatnonzero(~result & (pixels[:, 0] >= top) & (pixels[:, 0] <= bottom) & (pixels[:, 1] >= left)
                                & (pixels[:, 1] <= right))
      local = tracer.to_local(origins[crossing], directions[crossing], self.motion.positions[s + 1, index],
                              sampler.rotations[s + 1, index])
      result[crossing] |= tracer.tracer.trace(*local).distance + near[crossing] < limit[crossing]
    return result

  def occlusion_forward(self, t: int) -> NDArray[np.uint8]:
    """`occlusion(t, t + 1)`."""
    return self.occlusion(t, t + 1)

  def occlusion_backward(self, t: int) -> NDArray[np.uint8]:
    """`occlusion(t, t - 1)`."""
    return self.occlusion(t, t - 1)

  def amodal_segmentation(self, t: int) -> NDArray[np.bool_]:
    """Full masks (H, W, K) of the K foreground objects, as if each were alone in front of the camera."""
    hits = self.samples(t).hits
    masks = [np.zeros(self.resolution, bool) if part is None else part.amodal_mask(self.resolution)
             for part in (hits[index] for index in self.foreground)]
    return np.stack(masks, axis=-1) if masks else np.zeros((*self.resolution, 0), bool)

  def amodal_pixels(self, t: int) -> NDArray[np.int64]:
    """How many pixels (K,) each foreground object would cover if it were alone."""
    hits = self.samples(t).hits
    return np.array([0 if part is None else int(part.mask.sum()) for part in (hits[i] for i in self.foreground)], np.int64)

  def tracks(self, rng: np.random.Generator, objects: Sequence[int] | None = None) -> dict[str, NDArray[np.generic]]:
    """Point tracks: see `kubric_gen.annotations.tracks.point_tracks`."""
    from kubric_gen.annotations.tracks import point_tracks
    return point_tracks(self, rng, objects=objects)

  def layer(self, name: str, t: int) -> NDArray[np.generic]:
    """The frame t of the layer of this name.

    Raises:
      KubricGenError: there is no such layer, or it does not come from geometry.
    """
    frame: NDArray[np.generic] = self._maker(name)(t)
    self._check_frame(LAYERS[name], frame)
    return frame

  def _check_frame(self, spec: LayerSpec, frame: Any) -> None:
    """Makes sure that a frame is what the layer is described as."""
    found = f"{getattr(frame, 'dtype', type(frame).__name__)} of {np.shape(frame)}"
    height, width = self.resolution
    wanted = (height, width, np.shape(frame)[-1] if spec.channels is None and np.ndim(frame) == 3 else spec.channels)
    if getattr(frame, "dtype", None) != spec.dtype or np.shape(frame) != wanted:
      raise KubricGenError(f"the layer {spec.name} is described as {spec.dtype} of {wanted}, but is computed as {found}: correct "
                           "its LayerSpec or its compute function")
    if spec.storage is Storage.PALETTE and frame.size and int(frame.max()) > len(self.foreground):
      raise KubricGenError(f"the layer {spec.name} has the id {int(frame.max())}, and there are {len(self.foreground)} objects: "
                           "correct its compute function")

  def arrays(self, name: str, rng: np.random.Generator, objects: Sequence[int]) -> dict[str, NDArray[np.generic]]:
    """The arrays of a layer that has no frames.

    Args:
      name: of the layer. rng: of this layer and view alone. objects: indices of the scene's objects that are instances, in
        their order.
    """
    return dict(self._maker(name)(rng, objects))

  def _maker(self, name: str) -> Callable[..., Any]:
    spec = LAYERS.get(name)
    if spec is None or spec.rendered:
      raise KubricGenError(f"there is no layer {shown(name)} that comes from geometry: choose from "
                           f"{', '.join(other.name for other in LAYERS.values() if not other.rendered)}")
    if spec.compute is not None:
      return partial(spec.compute, self)
    return getattr(self, name)
