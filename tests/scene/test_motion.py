"""Poses between frames: exact where the motion is known, smooth everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import kubric_gen as kg

RATE, FRAMES = 12, 5
TIMES = np.array([-1.5, 0.0, 0.25, 1.0, 2.7, 5.5, 6.0, 7.25])


def _motion(positions: np.ndarray, velocities: np.ndarray, quaternions: np.ndarray, spins: np.ndarray) -> kg.Motion:
  """Of one object, given at frames 0 … N + 1."""
  return kg.Motion(*(part[:, None] for part in (positions, quaternions, velocities, spins)), frame_rate=RATE)


def _quaternions(rotation: Rotation) -> np.ndarray:
  return np.asarray(rotation.as_quat(scalar_first=True))


def _turned_apart(one: np.ndarray, other: np.ndarray) -> float:
  """The greatest angle between rotations (n, 4), radians."""
  turns = Rotation.from_quat(one, scalar_first=True) * Rotation.from_quat(other, scalar_first=True).inv()
  return float(turns.magnitude().max())


STILL = _quaternions(Rotation.identity(FRAMES + 2))
ZERO = np.zeros((FRAMES + 2, 3))
SECONDS = np.arange(FRAMES + 2)[:, None] / RATE


def test_free_fall_is_a_parabola_everywhere() -> None:
  start, gravity = np.array([1.0, -2.0, 3.0]), np.array([0.0, 0.0, -9.81])
  motion = _motion(5 * SECONDS * start + gravity * SECONDS**2 / 2, 5 * start + gravity * SECONDS, STILL, ZERO)
  t = TIMES[:, None] / RATE
  np.testing.assert_allclose(motion.at(TIMES)[0][:, 0], 5 * t * start + gravity * t**2 / 2, atol=1e-12)


@pytest.mark.parametrize("speed", [0.0, 3.0, 30.0, 100.0])  # rad/s: up to more than a turn a frame
def test_an_even_spin_about_a_fixed_axis_is_exact(speed: float) -> None:
  spin = speed * np.array([2.0, -1.0, 2.0]) / 3
  start = Rotation.from_rotvec([0.3, 0.2, -0.5])
  motion = _motion(ZERO, ZERO, _quaternions(Rotation.from_rotvec(SECONDS * spin) * start), np.tile(spin, (FRAMES + 2, 1)))
  wanted = _quaternions(Rotation.from_rotvec(TIMES[:, None] / RATE * spin) * start)
  assert _turned_apart(motion.at(TIMES)[1][:, 0], wanted) < 1e-6


def test_a_tumbling_body_is_close_between_frames() -> None:
  """Two turns about different axes at once, whose angular velocity is known."""
  def turn(t: np.ndarray) -> Rotation:
    return Rotation.from_rotvec(np.outer(t, [0, 0, 5.0])) * Rotation.from_rotvec(np.outer(t, [4.0, 0, 0]))

  t = SECONDS[:, 0]
  spins = np.array([0, 0, 5.0]) + Rotation.from_rotvec(np.outer(t, [0, 0, 5.0])).apply([4.0, 0, 0])
  motion = _motion(ZERO, ZERO, _quaternions(turn(t)), spins)
  between = np.linspace(0, FRAMES + 1, 97)
  assert _turned_apart(motion.at(between)[1][:, 0], _quaternions(turn(between / RATE))) < 2e-4


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_it_goes_through_every_frame_with_its_velocities(seed: int) -> None:
  rng = np.random.default_rng(seed)
  turns = Rotation.from_rotvec(rng.normal(size=(FRAMES + 2, 3)))
  motion = _motion(rng.normal(size=(FRAMES + 2, 3)), rng.normal(size=(FRAMES + 2, 3)), _quaternions(turns),
                   rng.normal(size=(FRAMES + 2, 3)) * RATE / 4)
  frames, step = np.arange(FRAMES + 2.0), 1e-6
  positions, quaternions = motion.at(frames)
  np.testing.assert_allclose(positions, motion.positions, atol=1e-12)
  assert _turned_apart(quaternions[:, 0], motion.quaternions[:, 0]) < 1e-7
  for side in (-step, step):  # the same slope on both sides of a frame
    near, turned = motion.at(frames + side)
    slope = (near[:, 0] - positions[:, 0]) / side * RATE
    np.testing.assert_allclose(slope, motion.velocities[:, 0], atol=2e-3)
    spin = (Rotation.from_quat(turned[:, 0], scalar_first=True) * turns.inv()).as_rotvec() / side * RATE
    np.testing.assert_allclose(spin, motion.angular_velocities[:, 0], atol=5e-3)


def test_what_follows_a_path_is_where_the_path_says() -> None:
  path = kg.Path((0, 2.5, 6), ((0, 0, 1), (1, 0, 1), (1, 4, 1)), ((1, 0, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0)))
  scene = kg.Scene([kg.Object("led", kg.Cube(), path=path), kg.Object("still", kg.Cube(), static=True, position=(0, 0, 9))], [],
                   [kg.PerspectiveCamera()], num_frames=FRAMES)
  for motion in (kg.Motion.from_paths(scene), kg.simulate(scene)):
    positions, quaternions = motion.at(TIMES)
    wanted = path.at(TIMES)
    np.testing.assert_array_equal(positions[:, 0], wanted[0])
    np.testing.assert_array_equal(quaternions[:, 0], wanted[1])
    np.testing.assert_array_equal(positions[:, 1], [(0, 0, 9)] * len(TIMES))


def test_simulated_bodies_fall_between_frames() -> None:
  scene = kg.Scene([kg.Object("ball", kg.Sphere(), position=(0, 0, 50), velocity=(3, 0, 0), angular_velocity=(0, 0, 6))], [],
                   [kg.PerspectiveCamera()], num_frames=FRAMES, step_rate=960)
  motion = kg.simulate(scene)
  t = np.array([0.5, 2.25, 4.9])
  positions, quaternions = motion.at(t)
  np.testing.assert_allclose(positions[:, 0, 0], 3 * t / RATE, atol=1e-6)
  np.testing.assert_allclose(positions[:, 0, 2], 50 - 9.81 * (t / RATE)**2 / 2, atol=5e-3)
  assert _turned_apart(quaternions[:, 0], _quaternions(Rotation.from_rotvec(np.outer(t, [0, 0, 6 / RATE])))) < 1e-4
