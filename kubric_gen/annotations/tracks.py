"""Point tracks in TAP-Vid's layout, exact in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations.surface import VISIBLE_WITHIN

if TYPE_CHECKING:
  from kubric_gen.annotations.ground_truth import GroundTruth

NUM_TRACKS = 256


def point_tracks(truth: GroundTruth, rng: np.random.Generator,
                 num_tracks: int = NUM_TRACKS, objects: Sequence[int] | None = None) -> dict[str, NDArray[np.generic]]:
  """Tracks of random surface points, drawn evenly over frames and over what is seen in them.

  Args:
    truth: the view whose points are followed.
    rng: chooses frames, objects and pixels.
    num_tracks: N, how many points.
    objects: indices into the scene's objects of those that are instances, in their order; all that are no background by
      default.

  Returns:
    `query_points` (N, 3) float32, (t, y, x) in pixels with pixel centres at half-integers; `points` (N, T, 2) float32,
    (x, y) in pixels, wherever the point is; `occluded` (N, T) bool, true also outside the image; `positions`
    (N, T, 3) float32, metres in world space; `instance` (N,) int32, index into the
    instances, or -1. Layout after Doersch et al., "TAP-Vid" (2022).
  """
  scene, sampler = truth.scene, truth.sampler
  num_frames = scene.num_frames
  chosen = np.sort(rng.integers(num_frames, size=num_tracks))
  queries = np.zeros((num_tracks, 3), np.float32)
  hit = np.full(num_tracks, -1)
  local = np.zeros((num_tracks, 3))
  for t in np.unique(chosen):
    samples = truth.samples(int(t))
    seen = sorted(samples.seen)
    for n in np.flatnonzero(chosen == t):
      if not seen:
        queries[n, 0] = t
        continue
      index = seen[int(rng.integers(len(seen)))]
      which, pixels = samples.seen[index]
      pick = int(rng.integers(len(which)))
      hits = samples.hits[index]
      assert hits is not None
      hit[n], local[n] = index, hits.local[which[pick]]
      queries[n] = (t, *sampler.pixels.reshape(-1, 2)[pixels[pick]])
  points = np.zeros((num_tracks, num_frames, 2), np.float32)
  positions = np.zeros((num_tracks, num_frames, 3), np.float32)
  occluded = np.ones((num_tracks, num_frames), bool)
  known = np.flatnonzero(hit >= 0)
  for t in range(num_frames):
    world = np.zeros((num_tracks, 3))
    for index in np.unique(hit[known]):
      mine = hit == index
      scaled = local[mine] * sampler.tracers[index].scale
      world[mine] = scaled @ sampler.rotations[t + 1, index].T + truth.motion.positions[t + 1, index]
    positions[:, t] = world
    camera_points = (world - sampler.camera_positions[t + 1]) @ sampler.camera_rotations[t + 1]
    places = truth.camera.project(camera_points, truth.resolution)
    inside = ((places >= 0) & (places <= truth.resolution)).all(axis=-1)
    inside &= truth.camera.within_depth(camera_points) & (hit >= 0)
    points[:, t] = np.nan_to_num(places[:, ::-1], nan=-1.0)
    at = np.flatnonzero(inside)
    occluded[at, t] = truth.hidden(t, places[at], camera_points[at], 1 - VISIBLE_WITHIN)
  place = {index: i for i, index in enumerate(truth.foreground if objects is None else objects)}
  return {"query_points": queries, "points": points, "occluded": occluded, "positions": positions,
          "instance": np.array([place.get(int(index), -1) for index in hit], np.int32)}
