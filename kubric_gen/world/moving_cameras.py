"""Paths of cameras that move and keep something in view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kubric_gen.scene.path import Path
from kubric_gen.scene.transforms import look_at
from kubric_gen.scene.validation import Vector3

Line = tuple[Vector3, Vector3]
"""Both ends of a straight line, metres."""


def path_along(line: Line, target: Vector3 | Line, num_frames: int) -> Path:
  """A steady motion along a line from frame 0 to frame N + 1, one beyond each end of the clip, always turned to the target.

  Args:
    line: where the camera starts and ends. target: a point, or a line along which it moves at the same time.
    num_frames: rendered frames N.

  Raises:
    SceneError: the camera gets where its target is.
  """
  frames = tuple(range(num_frames + 2))
  share = np.linspace(0, 1, len(frames))[:, None]
  positions, seen = ((1 - share) * start + share * end for start, end in (line, np.broadcast_to(target, (2, 3))))
  turns = tuple(look_at(position, point) for position, point in zip(positions.tolist(), seen.tolist()))
  return Path(frames, tuple(map(tuple, positions.tolist())), turns)


def path_through(positions: Sequence[Vector3], target: Vector3) -> Path:
  """A camera that is at one position in each rendered frame, from frame 1 on, always turned to the target.

  Raises:
    SceneError: the camera gets where its target is.
  """
  return Path(tuple(range(1, len(positions) + 1)), tuple(positions), tuple(look_at(position, target) for position in positions))
