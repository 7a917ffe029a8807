"""Rotations and poses, against their definitions and as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kubric_gen.errors import SceneError
from kubric_gen.scene.transforms import (IDENTITY, align_hemispheres, bounding_box_corners, interpolate_poses, look_at,
                                         pose_matrix, quaternion_from_euler, quaternion_from_matrix, rotation_matrix,
                                         to_local, to_world)

reproducible = settings(derandomize=True, deadline=None, max_examples=40)

coordinate = st.floats(-100, 100)
vector = st.tuples(coordinate, coordinate, coordinate)
factor = st.floats(0.01, 100)
angle = st.floats(-np.pi, np.pi)


@st.composite
def unit_quaternion(draw: st.DrawFn) -> np.ndarray:
  q = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 4)))
  assume(np.linalg.norm(q) > 1e-3)
  return q / np.linalg.norm(q)


def same_rotation(p: np.ndarray, q: np.ndarray, tolerance: float = 1e-9) -> bool:
  return bool(min(np.abs(np.subtract(p, q)).max(), np.abs(np.add(p, q)).max()) < tolerance)


def turn(axis: int, by: float) -> np.ndarray:
  """Textbook matrix of a turn about a coordinate axis."""
  c, s = np.cos(by), np.sin(by)
  i, j = [(1, 2), (2, 0), (0, 1)][axis]
  matrix = np.eye(3)
  matrix[i, i] = matrix[j, j] = c
  matrix[i, j], matrix[j, i] = -s, s
  return matrix


@reproducible
@given(angle)
def test_quaternions_are_w_x_y_z_and_take_local_to_world(by: float) -> None:
  for axis in range(3):
    q = np.zeros(4)
    q[0], q[1 + axis] = np.cos(by / 2), np.sin(by / 2)
    np.testing.assert_allclose(rotation_matrix(q), turn(axis, by), atol=1e-12)


@reproducible
@given(unit_quaternion())
def test_rotation_matrices_are_rotations_and_give_their_quaternion_back(q: np.ndarray) -> None:
  matrix = rotation_matrix(q)
  np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
  assert np.linalg.det(matrix) == pytest.approx(1)
  back = quaternion_from_matrix(matrix)
  assert back[0] >= 0 and same_rotation(back, q)
  np.testing.assert_array_equal(rotation_matrix(np.stack([[q], [q]])), np.stack([[matrix], [matrix]]))


@reproducible
@given(angle, angle, angle)
def test_euler_angles_turn_about_the_fixed_axes_x_then_y_then_z(x: float, y: float, z: float) -> None:
  np.testing.assert_allclose(rotation_matrix(quaternion_from_euler(x, y, z)), turn(2, z) @ turn(1, y) @ turn(0, x),
                             atol=1e-9)


@reproducible
@given(vector, vector)
@example((0, 0, 0), (0, 0, -1))
@example((0, 0, 0), (0, 0, 1))
@example((1, 2, 3), (1, 2, 8))
def test_look_at_points_minus_z_at_the_target_and_y_upwards(position: tuple, target: tuple) -> None:
  ahead = np.subtract(target, position, dtype=float)
  assume(np.linalg.norm(ahead) > 1e-3)
  ahead /= np.linalg.norm(ahead)
  matrix = rotation_matrix(look_at(position, target))
  np.testing.assert_allclose(-matrix[:, 2], ahead, atol=1e-7)
  assert abs(matrix[2, 0]) < 1e-7  # +X stays level
  assert matrix[2, 1] > -1e-7  # +Y does not hang down


@reproducible
@given(vector, vector, vector)
def test_look_at_keeps_y_as_near_to_up_as_it_can(position: tuple, target: tuple, up: tuple) -> None:
  ahead = np.subtract(target, position, dtype=float)
  assume(np.linalg.norm(ahead) > 1e-3 and np.linalg.norm(up) > 1e-3)
  ahead /= np.linalg.norm(ahead)
  across = np.array(up) / np.linalg.norm(up) - ahead * (ahead @ up) / np.linalg.norm(up)
  assume(np.linalg.norm(across) > 1e-4)
  matrix = rotation_matrix(look_at(position, target, up))
  np.testing.assert_allclose(matrix[:, 1], across / np.linalg.norm(across), atol=1e-6)


@pytest.mark.parametrize("up", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -2), (0, -1, 0), (1, 1, 1), (0, 0, 1e-6)])
def test_look_at_along_up_still_looks_at_the_target(up: tuple) -> None:
  for sign in (1, -1):
    ahead = sign * np.array(up) / np.linalg.norm(up)
    matrix = rotation_matrix(look_at((0, 0, 0), 5 * ahead, up))
    np.testing.assert_allclose(-matrix[:, 2], ahead, atol=1e-9)


def test_look_at_straight_down_has_x_to_the_right() -> None:
  np.testing.assert_allclose(rotation_matrix(look_at((0, 0, 5), (0, 0, 0))), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("arguments, word", [
    (((1, 2, 3), (1, 2, 3)), "look_at"), (((0, 0, 0), (0, 0, 1e-12)), "look_at"),
    (((0, 0, 0), (0, 0, 1), (0, 0, 0)), "up"), (((0, 0, np.nan), (0, 0, 1)), "position"),
    (((0, 0, 0), (0, 0, np.inf)), "look_at"), (((0, 0), (0, 0, 1)), "position")])
def test_look_at_refuses(arguments: tuple, word: str) -> None:
  with pytest.raises(SceneError, match=word):
    look_at(*arguments)


@reproducible
@given(vector, unit_quaternion(), st.tuples(factor, factor, factor), vector)
def test_to_local_is_the_inverse_of_to_world(position: tuple, q: np.ndarray, scale: tuple, point: tuple) -> None:
  world = to_world(point, position, q, scale)
  np.testing.assert_allclose(world, rotation_matrix(q) @ (np.array(scale) * point) + position, atol=1e-8)
  np.testing.assert_allclose(to_local(world, position, q, scale), point, atol=1e-7)
  homogeneous = pose_matrix(position, q) @ np.append(np.array(scale) * point, 1)
  np.testing.assert_allclose(homogeneous, np.append(world, 1), atol=1e-8)


def test_pose_matrices_come_in_stacks() -> None:
  q = np.array([IDENTITY, (0.6, 0, 0.8, 0)])
  matrices = pose_matrix([[1, 2, 3], [4, 5, 6]], q)
  assert matrices.shape == (2, 4, 4)
  for matrix, position, one in zip(matrices, [[1, 2, 3], [4, 5, 6]], q):
    np.testing.assert_array_equal(matrix, pose_matrix(position, one))
    assert matrix[3].tolist() == [0, 0, 0, 1]


@reproducible
@given(st.lists(unit_quaternion(), min_size=1, max_size=6))
def test_aligned_quaternions_are_the_same_rotations_and_neighbours(quaternions: list[np.ndarray]) -> None:
  aligned = align_hemispheres(quaternions)
  assert all(same_rotation(a, q, 1e-15) for a, q in zip(aligned, quaternions))
  assert (np.sum(aligned[1:] * aligned[:-1], axis=1) >= 0).all()
  np.testing.assert_array_equal(aligned[0], quaternions[0])


@st.composite
def keys(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  n = draw(st.integers(1, 5))
  frames = np.cumsum(draw(st.lists(st.floats(0.5, 4), min_size=n, max_size=n)))
  positions = draw(st.lists(vector, min_size=n, max_size=n))
  return frames, np.array(positions), np.array([draw(unit_quaternion()) for _ in range(n)])


@reproducible
@given(keys(), st.lists(st.floats(-5, 30), min_size=1, max_size=5))
def test_interpolation(key: tuple, times: list[float]) -> None:
  frames, positions, quaternions = key
  # A key is itself, to the bit up to the quaternion's sign.
  at, turned = interpolate_poses(*key, frames)
  np.testing.assert_array_equal(at, positions)
  assert all((q == k).all() or (q == -k).all() for q, k in zip(turned, quaternions))
  # Beyond the keys nothing moves; between them positions are linear and the turn is steady.
  at, turned = interpolate_poses(*key, times)
  np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1, atol=1e-12)
  assert (np.sum(turned[1:] * turned[:-1], axis=1) >= 0).all()
  for time, p, q in zip(times, at, turned):
    if time <= frames[0] or time >= frames[-1]:
      end = 0 if time <= frames[0] else -1
      np.testing.assert_array_equal(p, positions[end])
      assert same_rotation(q, quaternions[end], 1e-15)
      continue
    i = np.searchsorted(frames, time, side="right") - 1
    fraction = (time - frames[i]) / (frames[i + 1] - frames[i])
    np.testing.assert_allclose(p, (1 - fraction) * positions[i] + fraction * positions[i + 1], atol=1e-9)
    whole = abs(quaternions[i] @ quaternions[i + 1])
    if whole > 1e-6:  # else both ways round are as short
      part = abs(quaternions[i] @ q)
      assert np.arccos(min(part, 1)) == pytest.approx(fraction * np.arccos(min(whole, 1)), abs=1e-6)


def test_between_equal_keys_nothing_changes_to_the_bit() -> None:
  """A body or camera that stands still must have exactly equal poses: its flow is exactly zero."""
  rng = np.random.default_rng(0)
  for _ in range(20):
    q, p = rng.normal(size=4), rng.normal(size=3)
    q /= np.linalg.norm(q)
    at, turned = interpolate_poses((0, 7, 9), [p, p, -p], [q, q, IDENTITY], np.arange(8))
    np.testing.assert_array_equal(at, np.tile(p, (8, 1)))
    np.testing.assert_array_equal(turned, np.tile(q, (8, 1)))


def test_interpolation_takes_the_shorter_way_round() -> None:
  small = np.array([np.cos(0.1), 0, 0, np.sin(0.1)])
  _, turned = interpolate_poses((0, 1), np.zeros((2, 3)), [IDENTITY, -small], [0.5])
  assert same_rotation(turned[0], np.array([np.cos(0.05), 0, 0, np.sin(0.05)]))


def test_corners_come_in_the_contracts_order() -> None:
  corners = bounding_box_corners([(-1, -2, -3), (1, 2, 3)])
  signs = [(-1, -1, -1), (-1, -1, 1), (-1, 1, -1), (-1, 1, 1), (1, -1, -1), (1, -1, 1), (1, 1, -1), (1, 1, 1)]
  np.testing.assert_array_equal(corners, np.array(signs) * (1, 2, 3))
