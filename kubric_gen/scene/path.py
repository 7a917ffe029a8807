"""Keyframed poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kubric_gen.errors import SceneError
from kubric_gen.scene.transforms import interpolate_poses
from kubric_gen.scene.validation import Described, Quaternion, Vector3, assign, number, quaternion, vector3


@dataclass(frozen=True, repr=False)
class Path(Described):
  """Poses at chosen frames; between them positions are linear and rotations slerped, beyond them constant.

  Attributes:
    frames: increasing frame numbers (1 is the first rendered frame; 0 and N + 1 lie one beyond each end).
    positions: one position per frame, metres.
    quaternions: one orientation per frame.
  """

  frames: tuple[float, ...]
  positions: tuple[Vector3, ...]
  quaternions: tuple[Quaternion, ...]

  def __post_init__(self) -> None:
    frames = tuple(number(f, "path frame") for f in self.frames)
    positions = tuple(vector3(p, "path position") for p in self.positions)
    quaternions = tuple(quaternion(q, "path quaternion") for q in self.quaternions)
    if not frames or len(frames) != len(positions) or len(frames) != len(quaternions):
      raise SceneError(f"a path needs as many positions and quaternions as frames, got {len(frames)} frames, "
                       f"{len(positions)} positions and {len(quaternions)} quaternions")
    if any(b <= a for a, b in zip(frames, frames[1:])):
      raise SceneError(f"path frames must increase, got {frames}")
    assign(self, frames=frames, positions=positions, quaternions=quaternions)

  def at(self, frames: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions (T, 3) and quaternions (T, 4) at the given frames."""
    return interpolate_poses(self.frames, self.positions, self.quaternions, np.atleast_1d(frames))
