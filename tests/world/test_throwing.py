"""Objects that fly inwards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import kubric_gen as kg
from kubric_gen.scene import Vector3
from kubric_gen.world import throw_inwards

BALL = kg.Object("ball", kg.Sphere(), position=(3.0, -4.0, 2.0))
real = st.floats(-100, 100)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.tuples(real, real, real), st.tuples(real, real), st.floats(0.1, 10))
def test_without_a_random_part_it_comes_over_the_centre(position: Vector3, centre: tuple[float, float],
                                                        seconds: float) -> None:
  item = kg.Object("ball", kg.Sphere(), position=position)
  thrown = throw_inwards(item, np.random.default_rng(0), 0.0, centre=centre, seconds=seconds)
  np.testing.assert_allclose(np.add(position, np.multiply(thrown.velocity, seconds)), (*centre, position[2]), atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_random_part_is_uniform(axis: int) -> None:
  rng = np.random.default_rng(0)
  parts = [throw_inwards(BALL, rng, 4.0).velocity[axis] + BALL.position[axis] for _ in range(300)]
  assert stats.kstest(parts, stats.uniform(-4, 8).cdf).pvalue > 1e-3


def test_nothing_but_the_velocity_changes() -> None:
  thrown = throw_inwards(BALL, np.random.default_rng(0), 4.0)
  assert thrown.velocity[2] == 0 and thrown.velocity != BALL.velocity
  assert kg.to_json(kg.Scene([thrown], cameras=[kg.PerspectiveCamera()])) != ""
  assert (thrown.name, thrown.position, thrown.quaternion, thrown.angular_velocity) == (
      BALL.name, BALL.position, BALL.quaternion, BALL.angular_velocity)
