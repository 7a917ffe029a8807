"""Cameras that move along a line."""

from __future__ import annotations

import numpy as np
import pytest

from kubric_gen.errors import SceneError
from kubric_gen.scene import rotation_matrix
from kubric_gen.world import path_along

LINE = ((4.0, -3.0, 2.0), (1.0, 5.0, 3.0))


@pytest.mark.parametrize("num_frames", [1, 24])
@pytest.mark.parametrize("target", [(0.0, 0.0, 0.0), (1.0, 1.0, 0.5), ((-1.0, 0.0, 0.0), (2.0, 1.0, 1.0))])
def test_it_moves_steadily_and_looks_at_the_target(target: object, num_frames: int) -> None:
  path = path_along(LINE, target, num_frames)  # type: ignore[arg-type]
  assert path.frames == tuple(range(num_frames + 2)) and (path.positions[0], path.positions[-1]) == LINE
  share = np.linspace(0, 1, num_frames + 2)[:, None]
  np.testing.assert_allclose(path.positions, (1 - share) * LINE[0] + share * LINE[1], atol=1e-12)
  first, last = np.broadcast_to(np.asarray(target), (2, 3))
  toward = (1 - share) * first + share * last - path.positions
  forward = -rotation_matrix(path.quaternions)[:, :, 2]
  np.testing.assert_allclose(forward, toward / np.linalg.norm(toward, axis=1)[:, None], atol=1e-9)


def test_a_camera_that_does_not_move_has_one_pose() -> None:
  path = path_along((LINE[0], LINE[0]), (0.0, 0.0, 0.0), 5)
  assert len(set(path.positions)) == len(set(path.quaternions)) == 1


def test_it_cannot_look_at_where_it_is() -> None:
  with pytest.raises(SceneError, match="look"):
    path_along(((-1.0, 0.0, 1.0), (1.0, 0.0, 1.0)), (0.0, 0.0, 1.0), 1)
