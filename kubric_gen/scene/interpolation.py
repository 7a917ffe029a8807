"""Poses between frames, from those at whole frames and the velocities there.

Positions are cubic Hermite curves; rotations are such curves of the rotation vector from the frame before, whose derivative at
the end follows from the angular velocity by the inverse left Jacobian of SO(3) (Chirikjian, "Stochastic Models, Information
Theory, and Lie Groups", vol. 2, 2012, section 10.8). Beyond the first and last frame both go on with constant acceleration.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]
_FULL_TURN = 2 * np.pi


def _intervals(times: Array, count: int) -> tuple[NDArray[np.int64], Array]:
  """For each time the frame before it, of `count`, and the way from there to the next one, beyond [0, 1] past the ends."""
  before = np.clip(np.floor(times).astype(np.int64), 0, count - 2)
  return before, (times - before)[:, None]


def _hermite(u: Array, start: Array, end: Array, slope: Array, slope_end: Array) -> Array:
  return ((1 + 2 * u) * (1 - u)**2 * start + u * (1 - u)**2 * slope + u * u * (3 - 2 * u) * end + u * u * (u - 1) * slope_end)


def _extrapolated(u: Array, slope: Array, slope_end: Array) -> tuple[Array, Array]:
  """What is added before the start of an interval (where u < 0), and after its end (u > 1)."""
  past = u - 1
  return u * slope + u * u / 2 * (slope_end - slope), past * slope_end + past * past / 2 * (slope_end - slope)


def interpolate_positions(times: Array, positions: Array, slopes: Array) -> Array:
  """Positions (n, 3) at times (n,), in frames.

  Args:
    positions (F, 3): at frames 0 … F - 1. slopes (F, 3): velocities there, metres per frame.
  """
  if len(positions) == 1:
    return positions[0] + times[:, None] * slopes[0]
  i, u = _intervals(times, len(positions))
  inside = _hermite(u, positions[i], positions[i + 1], slopes[i], slopes[i + 1])
  before, after = _extrapolated(u, slopes[i], slopes[i + 1])
  result: Array = np.where(u < 0, positions[i] + before, np.where(u > 1, positions[i + 1] + after, inside))
  return result


def _unwound(turn: Array, spin: Array) -> Array:
  """Rotation vectors with as many full turns more as suit a mean angular velocity."""
  angle = np.linalg.norm(turn, axis=-1, keepdims=True)
  speed = np.linalg.norm(spin, axis=-1, keepdims=True)
  axis = np.where(angle > 1e-9, turn / np.maximum(angle, 1e-300), spin / np.maximum(speed, 1e-300))
  along = (spin * axis).sum(axis=-1, keepdims=True)
  result: Array = turn + np.rint((along - angle) / _FULL_TURN) * _FULL_TURN * axis
  return result


def _derivative(turn: Array, spin: Array) -> Array:
  """The derivative of a rotation vector for an angular velocity in world axes."""
  angle = np.linalg.norm(turn, axis=-1, keepdims=True)
  half = angle / 2
  small = angle < 1e-4
  with np.errstate(divide="ignore", invalid="ignore"):
    factor = np.where(small, 1 / 12, (1 - half / np.tan(half)) / np.maximum(angle, 1e-300)**2)
  factor = np.where(angle < 1.9 * np.pi, factor, 0.0)  # near a full turn the vector is no smooth coordinate
  cross = np.cross(turn, spin)
  return np.asarray(spin - cross / 2 + factor * np.cross(turn, cross), np.float64)


def interpolate_rotations(times: Array, quaternions: Array, spins: Array) -> Array:
  """Unit quaternions (n, 4), (w, x, y, z), at times (n,), in frames.

  Args:
    quaternions (F, 4): at frames 0 … F - 1. spins (F, 3): angular velocities there, radians per frame, world axes.
  """
  turns = Rotation.from_quat(quaternions, scalar_first=True)
  if len(quaternions) == 1:
    whole = Rotation.from_rotvec(times[:, None] * spins[0]) * turns[0]
    return np.asarray(whole.as_quat(scalar_first=True))
  i, u = _intervals(times, len(quaternions))
  between = _unwound(np.asarray((turns[i + 1] * turns[i].inv()).as_rotvec()), (spins[i] + spins[i + 1]) / 2)
  inside = _hermite(u, np.zeros_like(between), between, spins[i], _derivative(between, spins[i + 1]))
  before, after = _extrapolated(u, spins[i], spins[i + 1])
  start = turns[np.where(u[:, 0] > 1, i + 1, i)]
  moved = Rotation.from_rotvec(np.where(u < 0, before, np.where(u > 1, after, inside))) * start
  return np.asarray(moved.as_quat(scalar_first=True))
