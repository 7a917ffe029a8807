"""Objects that are scattered, and those that have fallen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.world import Settling, drop_clutter, floor_and_dome, scatter

FLOOR = floor_and_dome(kg.PrincipledMaterial(), diameter=30.0)[0]
REGION = ((-2.0, -2.0, 0.1), (2.0, 2.0, 2.0))


def _balls(count: int, size: float = 0.5) -> list[kg.Object]:
  return [kg.Object(f"ball_{i}", kg.Sphere(), scale=size, restitution=0.9, friction=0.2, angular_damping=0.1)
          for i in range(count)]


def test_scattered_objects_overlap_nothing_and_lie_in_the_region() -> None:
  wall = kg.Object("wall", kg.Cube(), scale=(4.0, 1.0, 4.0), static=True)
  for seed in range(3):
    placed = list(scatter(_balls(12), REGION, np.random.default_rng(seed), obstacles=(FLOOR, wall)))
    points = np.array([item.position for item in placed])
    assert [item.name for item in placed] == [item.name for item in _balls(12)]
    assert (points >= np.array(REGION[0]) + 0.25 - 1e-9).all() and (points <= np.array(REGION[1]) - 0.25 + 1e-9).all()
    assert all(np.linalg.norm(a - b) >= 0.5 for a, b in itertools.combinations(points, 2))
    assert (np.abs(points[:, 1]) >= 0.75).all()


def test_draws_of_an_object_come_directly_before_those_of_its_pose() -> None:
  """What follows a placed object may draw as well: all is done one by one."""
  def drawn(rng: np.random.Generator) -> Iterator[kg.Object]:
    for number in range(3):
      events.append(f"draw {number}")
      yield kg.Object(f"cube_{number}", kg.Cube(), scale=float(rng.uniform(0.2, 0.3)))

  events: list[str] = []
  rng = np.random.default_rng(0)
  for item in scatter(drawn(rng), REGION, rng):
    events.append(f"placed {item.name}")
  assert events == [text for n in range(3) for text in (f"draw {n}", f"placed cube_{n}")]


def test_objects_that_find_no_place() -> None:
  with pytest.raises(kg.KubricGenError, match="ball_1.*3 trials"):
    list(scatter(_balls(2, size=1.8), ((-1, -1, 0), (1, 1, 2)), np.random.default_rng(0), max_trials=3))


@pytest.fixture(scope="module")
def fallen() -> list[kg.Object]:
  cubes = [kg.Object(f"cube_{i}", kg.Cube(), scale=0.5, friction=0.3, restitution=0.6) for i in range(4)]
  return drop_clutter(cubes, REGION, np.random.default_rng(1), (FLOOR,), Settling(seconds=4.0))


def test_what_fell_lies_on_the_ground_and_is_what_it_was(fallen: list[kg.Object]) -> None:
  assert [item.name for item in fallen] == [f"cube_{i}" for i in range(4)]
  for item in fallen:
    assert 0.2 < item.position[2] < 1.0 and item.velocity == (0, 0, 0)
    assert (item.friction, item.restitution, item.angular_damping) == (0.3, 0.6, 0.0)


def test_what_fell_is_at_rest(fallen: list[kg.Object]) -> None:
  motion = kg.simulate(kg.Scene([FLOOR, *fallen], [], [kg.PerspectiveCamera(look_at=(1, 0, 0))], num_frames=6))
  assert np.abs(motion.positions[-1] - motion.positions[0]).max() < 0.02


def test_what_rolls_too_far_is_left_out() -> None:
  settings = [Settling(seconds=1.0, reach=reach) for reach in (np.inf, 1.2, 0.0)]
  everything, near, nothing = (drop_clutter(_balls(6), REGION, np.random.default_rng(2), (FLOOR,), each) for each in settings)
  assert len(everything) == 6 and nothing == [] and 0 < len(near) < 6
  assert near == [item for item in everything if np.hypot(*item.position[:2]) < 1.2]
  assert all((item.friction, item.restitution, item.angular_damping) == (0.2, 0.9, 0.1) for item in everything)
