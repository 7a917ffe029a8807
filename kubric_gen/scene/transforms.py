"""Rigid transforms on NumPy arrays.

Quaternions are (w, x, y, z), unit, local → world. A pose maps a point p of the object to R·(scale·p) + position.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation, Slerp

from kubric_gen.errors import SceneError
from kubric_gen.scene.validation import Quaternion, vector3

Array = NDArray[np.float64]

IDENTITY: Quaternion = (1.0, 0.0, 0.0, 0.0)


def rotation_matrix(quaternion: ArrayLike) -> Array:
  """Rotation matrices (..., 3, 3), local → world, of quaternions (..., 4)."""
  q = np.asarray(quaternion, np.float64)
  return Rotation.from_quat(q.reshape(-1, 4), scalar_first=True).as_matrix().reshape(*q.shape[:-1], 3, 3)


def quaternion_from_matrix(matrix: ArrayLike) -> Array:
  """Unit quaternion (4,) with w >= 0 of a rotation matrix (3, 3)."""
  return Rotation.from_matrix(np.asarray(matrix, np.float64)).as_quat(canonical=True, scalar_first=True)


def quaternion_from_euler(x: float, y: float, z: float) -> Quaternion:
  """Quaternion of the rotations about the world's X, then Y, then Z axis, in radians."""
  w, i, j, k = Rotation.from_euler("xyz", (x, y, z)).as_quat(canonical=True, scalar_first=True).tolist()
  return (w, i, j, k)


def look_at(position: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> Quaternion:
  """Orientation at `position` that points local -Z at `target` and keeps local +Y as near to `up` as it can.

  Raises:
    SceneError: the target is where the position is, or `up` is zero.
  """
  backward = np.asarray(vector3(position, "position")) - np.asarray(vector3(target, "look_at"))
  distance = np.linalg.norm(backward)
  if distance < 1e-9:
    raise SceneError(f"look_at must differ from the position, both are {tuple(np.asarray(target, float).tolist())}")
  backward /= distance
  upward = np.asarray(vector3(up, "up"))
  length = np.linalg.norm(upward)
  if length < 1e-9:
    raise SceneError("up must not be zero")
  upward /= length
  for axis in (upward, (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)):  # looking along `up`, another axis has to stand in for it
    right = np.cross(axis, backward)
    if np.linalg.norm(right) > 1e-9:
      break
  right /= np.linalg.norm(right)
  matrix = np.stack([right, np.cross(backward, right), backward], axis=1)
  w, x, y, z = quaternion_from_matrix(matrix).tolist()
  return (w, x, y, z)


def to_world(points: ArrayLike, position: ArrayLike, quaternion: ArrayLike, scale: ArrayLike = 1.0) -> Array:
  """World positions (..., 3) of the points (..., 3) of an object with the given pose."""
  return (np.asarray(points) * np.asarray(scale)) @ rotation_matrix(quaternion).T + np.asarray(position)


def to_local(points: ArrayLike, position: ArrayLike, quaternion: ArrayLike, scale: ArrayLike = 1.0) -> Array:
  """The inverse of `to_world`."""
  return ((np.asarray(points) - np.asarray(position)) @ rotation_matrix(quaternion)) / np.asarray(scale)


def pose_matrix(position: ArrayLike, quaternion: ArrayLike) -> Array:
  """Matrices (..., 4, 4), local → world, of poses without scale."""
  rotation = rotation_matrix(quaternion)
  matrix = np.zeros((*rotation.shape[:-2], 4, 4))
  matrix[..., :3, :3] = rotation
  matrix[..., :3, 3] = position
  matrix[..., 3, 3] = 1.0
  return matrix


def align_hemispheres(quaternions: ArrayLike) -> Array:
  """The same rotations (N, 4) with signs such that neighbours are nearest, as interpolation needs."""
  q = np.array(quaternions, np.float64)
  flips = np.sign(np.sum(q[1:] * q[:-1], axis=1))
  flips[flips == 0] = 1.0
  q[1:] *= np.cumprod(flips)[:, None]
  return q


def interpolate_poses(keys: ArrayLike, positions: ArrayLike, quaternions: ArrayLike,
                      times: ArrayLike) -> tuple[Array, Array]:
  """Positions (T, 3), linear, and quaternions (T, 4), slerped, at `times`; constant beyond the first and last key."""
  keys, positions = np.asarray(keys, np.float64), np.asarray(positions, np.float64)
  quaternions = align_hemispheres(quaternions)
  times = np.clip(np.asarray(times, np.float64), keys[0], keys[-1])
  at = np.stack([np.interp(times, keys, positions[:, axis]) for axis in range(3)], axis=-1)
  if len(keys) == 1:
    return at, np.broadcast_to(quaternions[0], (len(times), 4)).copy()
  turned = Slerp(keys, Rotation.from_quat(quaternions, scalar_first=True))(times)
  result = turned.as_quat(scalar_first=True)
  before = np.searchsorted(keys, times, side="right") - 1
  after = np.minimum(before + 1, len(keys) - 1)
  still = (keys[before] == times) | (quaternions[before] == quaternions[after]).all(axis=1)
  result[still] = quaternions[before[still]]  # to the bit: a key is itself, and between equal keys nothing turns
  return at, align_hemispheres(result)


def bounding_box_corners(bounds: ArrayLike) -> Array:
  """The eight corners (8, 3) of ((min xyz), (max xyz)) in the order −−−, −−+, −+−, … of (x, y, z)."""
  low, high = np.asarray(bounds, np.float64)
  picks = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], bool)
  return np.where(picks, high, low)
