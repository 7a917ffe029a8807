"""Objects that are elsewhere in each frame."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.spatial import ConvexHull

import kubric_gen as kg
from kubric_gen.assets import load_mesh
from kubric_gen.errors import KubricGenError
from kubric_gen.scene.transforms import rotation_matrix
from kubric_gen.world import Wandering, wander, with_paths
from kubric_gen.world.wandering import OUT_OF_SIGHT, Pose, level_reach

POST = kg.Object("post", kg.Cylinder(), scale=(0.5, 0.5, 2.0), position=(0.4, 0.2, 1.0), static=True)
TILTED = (0.9238795325112867, 0.0, 0.3826834323650898, 0.0)
"""45° about the y axis."""
BOX = kg.Object("box", kg.Cube(), scale=(0.6, 0.2, 0.4), position=(9.0, 9.0, 0.35), quaternion=TILTED)
BALL = kg.Object("ball", kg.Sphere(), scale=0.5, position=(0.0, 0.0, 0.25))
PRESENT = [True] * 12 + [False] * 3 + [True] * 5


def _corners(item: kg.Object, pose: Pose) -> np.ndarray:
  turn = rotation_matrix(pose[1]) * item.scale
  return load_mesh(item.shape).vertices @ turn.T + pose[0]


def _frames(how: Wandering, seed: int = 0, present: list[bool] = PRESENT) -> list[list[Pose]]:
  return wander([BOX, BALL], present, how, np.random.default_rng(seed), [POST])


def _outline(points: np.ndarray) -> np.ndarray:
  """The corners of what points cover of the ground, in order."""
  return points[ConvexHull(points[:, :2]).vertices, :2]


def _apart(one: np.ndarray, other: np.ndarray) -> bool:
  """Whether a line separates two convex outlines: one along an edge does, if any."""
  edges = np.concatenate([np.roll(outline, 1, axis=0) - outline for outline in (one, other)])
  ours, theirs = ((outline @ (edges[:, ::-1] * (1, -1)).T) for outline in (one, other))
  return bool(((ours.max(axis=0) < theirs.min(axis=0)) | (theirs.max(axis=0) < ours.min(axis=0))).any())


def test_the_oracle_tells_overlaps() -> None:
  square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
  assert _apart(square, square + (1.01, 0.5)) and not _apart(square, square + (0.99, 0.5))
  assert not _apart(square, square * 0.1 + 0.4)
  assert _apart(square, square @ np.array([(1, 1), (-1, 1)]) + (2.01, -0.5))


ANYWHERE, WALKING = Wandering(reach=1.5), Wandering(reach=1.5, step=0.3)


@pytest.mark.parametrize("how", [ANYWHERE, WALKING])
def test_nothing_overlaps_and_all_stay_on_the_ground_within_reach(how: Wandering) -> None:
  standing = _outline(_corners(POST, (POST.position, POST.quaternion)))
  for seed, frames in ((seed, _frames(how, seed)) for seed in range(5)):
    for poses, here in zip(frames, PRESENT):
      if not here:
        assert all(pose[0][2] == OUT_OF_SIGHT for pose in poses), seed
        continue
      bodies = [_corners(item, pose) for item, pose in zip((BOX, BALL), poses)]
      assert all(itertools.starmap(_apart, itertools.combinations([standing, *map(_outline, bodies)], 2)))
      for item, pose, points in zip((BOX, BALL), poses, bodies):
        assert math.hypot(*pose[0][:2]) <= how.reach and pose[0][2] == item.position[2]
        assert points[:, 2].min() == pytest.approx(_corners(item, (item.position, item.quaternion))[:, 2].min(), abs=1e-9)


def test_they_turn_about_the_vertical_alone() -> None:
  turns = []
  for poses in _frames(ANYWHERE, present=[True] * 30):
    turn = rotation_matrix(poses[0][1]) @ rotation_matrix(BOX.quaternion).T
    np.testing.assert_allclose(turn[2], [0, 0, 1], atol=1e-9)
    turns.append(math.atan2(turn[1, 0], turn[0, 0]))
  assert len(set(turns)) == 30 and min(turns) < -1 and max(turns) > 1


def test_steps_are_bounded_even_over_frames_in_which_they_are_away() -> None:
  places = np.array([[pose[0][:2] for pose in poses] for poses, here in zip(_frames(WALKING), PRESENT) if here])
  steps = np.abs(np.diff(places, axis=0))
  assert steps.max() <= 0.3 and (steps.max(axis=(0, 2)) > 0.15).all()
  far = np.array([[pose[0][:2] for pose in poses] for poses, here in zip(_frames(ANYWHERE), PRESENT) if here])
  assert np.abs(np.diff(far, axis=0)).max() > 1 and (np.abs(np.diff(far, axis=0)).max(axis=-1) > 0).all()


def test_one_without_room_for_a_step_stays_where_it_is() -> None:
  """Four fat posts in a pen for them alone: each first place is found, and none is lost."""
  posts = [kg.Object(f"p{i}", kg.Cylinder(), scale=(0.8, 0.8, 1.0), position=(0, 0, 0.5)) for i in range(4)]
  frames = wander(posts, [True] * 20, Wandering(reach=0.7, step=0.05, max_trials=20), np.random.default_rng(0))
  for poses in frames:
    for one, other in itertools.combinations(poses, 2):
      assert math.dist(one[0][:2], other[0][:2]) > 0.8 * 0.99


def test_no_room_at_all_is_one_line() -> None:
  many = [kg.Object(f"b{i}", kg.Sphere(), position=(0, 0, 0.5)) for i in range(9)]
  with pytest.raises(KubricGenError, match="'b[1-8]' found no free place within 0.5 m") as caught:
    wander(many, [True], Wandering(reach=0.5, max_trials=30), np.random.default_rng(0))
  assert "\n" not in str(caught.value) and "fewer or smaller objects" in str(caught.value)


def test_without_frames_in_which_they_are_there_they_need_no_room() -> None:
  many = [kg.Object(f"b{i}", kg.Sphere(), position=(0, 0, 0.5)) for i in range(9)]
  (poses,) = wander(many, [False], Wandering(reach=0.5, max_trials=30), np.random.default_rng(0))
  assert {pose[0][2] for pose in poses} == {OUT_OF_SIGHT}


@pytest.mark.parametrize(("item", "reach"), [
    (BALL, 0.25), (POST, 0.25), (kg.Object("c", kg.Cube(), scale=(0.6, 0.8, 9)), 0.5),
    (BOX, math.hypot(0.5 * (0.6 + 0.4) * math.sqrt(0.5), 0.1))])
def test_reach_is_that_of_what_is_there_not_of_its_box(item: kg.Object, reach: float) -> None:
  assert level_reach(item) == pytest.approx(reach, rel=5e-3)


def test_paths_have_the_poses_in_the_rendered_frames() -> None:
  frames = _frames(ANYWHERE)
  scene = kg.Scene((*with_paths([BOX, BALL], frames), POST), (), (kg.PerspectiveCamera(),), num_frames=len(frames))
  assert not scene.objects[0].static and scene.objects[2].static
  motion = kg.simulate(scene)
  for t, poses in enumerate(frames):
    for k, (position, quaternion) in enumerate(poses):
      np.testing.assert_allclose(motion.positions[t + 1, k], position, atol=1e-12)
      np.testing.assert_allclose(rotation_matrix(motion.quaternions[t + 1, k]), rotation_matrix(quaternion), atol=1e-9)
  assert (motion.positions[:, 2] == POST.position).all()
