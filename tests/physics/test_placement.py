from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from kubric_gen.assets import load_mesh
from kubric_gen.errors import KubricGenError, SceneError
from kubric_gen.physics import Placer
from kubric_gen.physics.placement import random_quaternion
from kubric_gen.scene import Cube, Cylinder, Dome, MeshFile, Object, Path, Plane, Sphere
from kubric_gen.scene.transforms import rotation_matrix, to_local, to_world

REGION = ((-2.0, -2.0, 0.0), (2.0, 2.0, 3.0))


def surface(item: Object) -> np.ndarray:
  """World positions of an object's vertices and of points all over its faces."""
  mesh = load_mesh(item.shape)
  weights = np.random.default_rng(0).dirichlet((1, 1, 1), size=2000 // len(mesh.faces) + 1)
  points = np.einsum("wc,fcx->wfx", weights, mesh.vertices[mesh.faces]).reshape(-1, 3)
  return to_world(np.concatenate([mesh.vertices, points]), item.position, item.quaternion, item.scale)


def inside(item: Object, points: np.ndarray) -> np.ndarray:
  """Whether points lie inside an object, by the equation of its shape."""
  local = to_local(points, item.position, item.quaternion, item.scale) * 2
  if isinstance(item.shape, Sphere):
    return np.linalg.norm(local, axis=1) < 1
  if isinstance(item.shape, Cylinder):
    return (np.hypot(local[:, 0], local[:, 1]) < 1) & (np.abs(local[:, 2]) < 1)
  assert isinstance(item.shape, Cube)
  return np.abs(local).max(axis=1) < 1


def apart(a: Object, b: Object) -> bool:
  """Whether two cubes are apart, by the separating axis theorem."""
  axes_a, axes_b = rotation_matrix(a.quaternion), rotation_matrix(b.quaternion)
  candidates = [*axes_a.T, *axes_b.T, *(np.cross(u, v) for u, v in itertools.product(axes_a.T, axes_b.T))]
  between = np.subtract(b.position, a.position)
  return any(abs(between @ axis) > (np.abs(axis @ axes_a) @ a.scale + np.abs(axis @ axes_b) @ b.scale) / 2
             for axis in candidates)


def fill(count: int, shapes: list, seed: int = 0) -> list[Object]:
  rng = np.random.default_rng(seed)
  with Placer() as placer:
    return [placer.place(Object(f"x{i}", shapes[i % len(shapes)], scale=rng.uniform(0.3, 0.9, 3)), REGION, rng, 500)
            for i in range(count)]


def test_spheres_are_apart_by_their_radii():
  rng = np.random.default_rng(1)
  with Placer() as placer:
    placed = [placer.place(Object(f"x{i}", Sphere(), scale=size), REGION, rng, max_trials=1000)
              for i, size in enumerate(rng.uniform(0.3, 1.0, 40))]
  for a, b in itertools.combinations(placed, 2):
    assert math.dist(a.position, b.position) > (a.scale[0] + b.scale[0]) / 2


def test_cubes_are_apart():
  placed = fill(30, [Cube()])
  assert all(apart(a, b) for a, b in itertools.combinations(placed, 2))


def test_mixed_shapes_do_not_reach_into_each_other():
  placed = fill(15, [Cube(), Sphere(), Cylinder()])
  for a in placed:
    points = surface(a)
    assert not any(inside(b, points).any() for b in placed if b is not a)


def test_everything_stays_in_the_region(meshes):
  for item in fill(24, [Cube(), Sphere(), Cylinder(), MeshFile(meshes["stone"])]):
    points = surface(item)
    assert (points.min(axis=0) >= np.array(REGION[0]) - 1e-3).all()
    assert (points.max(axis=0) <= np.array(REGION[1]) + 1e-3).all()


def test_positions_fill_the_region_evenly():
  dome = Object("x", Dome(fillet=0.25, height=0.5), scale=0.2, static=True)  # 0.3 wide, 0.15 high, and never in the way
  rng = np.random.default_rng(2)
  with Placer() as placer:
    positions = [placer.place(dome, ((0, 0, 0), (1, 2, 4)), rng, rotate=False).position for _ in range(600)]
  part = (np.array(positions) - (0.15, 0.15, 0)) / (0.7, 1.7, 3.85)
  assert part.min() >= 0 and part.max() <= 1
  assert part.mean(axis=0) == pytest.approx((0.5,) * 3, abs=0.045)  # 3.8 standard errors
  assert part.std(axis=0) == pytest.approx((12 ** -0.5,) * 3, abs=0.03)


def test_orientations_are_uniform():
  rng = np.random.default_rng(4)
  quaternions = np.array([random_quaternion(rng) for _ in range(4000)])
  assert np.linalg.norm(quaternions, axis=1) == pytest.approx(np.ones(4000))
  # For uniform rotations E[q qᵀ] = I / 4 and E[R] = 0; one axis lands evenly on the sphere.
  assert quaternions.T @ quaternions / 4000 == pytest.approx(np.eye(4) / 4, abs=0.02)
  up = rotation_matrix(quaternions)[:, :, 2]
  assert up.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.04)
  assert np.histogram(up[:, 2], bins=4, range=(-1, 1))[0] == pytest.approx(np.full(4, 1000), abs=120)


@pytest.mark.parametrize(("distance", "free"), [(0.99, False), (1.01, True)])
def test_gaps_of_a_hundredth_are_found(distance: float, free: bool):
  """Cubes of unit size in one place: placed next to another if and only if they fit."""
  region = np.array([(distance - 0.5, -0.5, -0.5), (distance + 0.5, 0.5, 0.5)])
  with Placer() as placer:
    placer.add(Object("there", Cube(), static=True))
    if free:
      placed = placer.place(Object("here", Cube()), region, np.random.default_rng(0), rotate=False)
      assert placed.position == pytest.approx((distance, 0, 0))
    else:
      with pytest.raises(KubricGenError):
        placer.place(Object("here", Cube()), region, np.random.default_rng(0), rotate=False)


def test_one_may_not_sit_inside_another():
  with Placer() as placer:
    placer.add(Object("large", Sphere(), scale=10, static=True))
    with pytest.raises(KubricGenError):
      placer.place(Object("small", Cube(), scale=0.1), ((-1, -1, -1), (1, 1, 1)), np.random.default_rng(0))


def test_floors_are_obstacles_and_domes_are_not():
  rng = np.random.default_rng(0)
  with Placer() as placer:
    placer.add(Object("floor", Plane(), scale=10, static=True))
    placer.add(Object("dome", Dome(), scale=2, static=True))
    for index in range(20):
      ball = placer.place(Object(f"x{index}", Sphere(), scale=0.2), ((-1, -1, -0.5), (1, 1, 1)), rng)
      assert ball.position[2] > 0.1


def test_static_meshes_have_room_in_their_hollows(meshes):
  ring = Object("ring", MeshFile(meshes["torus"]), static=True)
  region = ((-0.2, -0.2, -0.2), (0.2, 0.2, 0.2))
  ball = Object("ball", Sphere(), scale=0.3)
  with Placer() as placer:
    placer.add(ring)
    placer.place(ball, region, np.random.default_rng(0))
  with Placer() as placer:
    placer.place(ring, ((-0.5, -0.5, -0.1), (0.5, 0.5, 0.1)), np.random.default_rng(0), rotate=False)
    with pytest.raises(KubricGenError):
      placer.place(ball, region, np.random.default_rng(0))


def test_a_followed_path_is_an_obstacle_where_it_starts():
  with Placer() as placer:
    led = Object("led", Cube(), scale=2, path=Path((0, 9), ((0, 0, 0), (9, 0, 0)), ((1, 0, 0, 0),) * 2))
    placer.add(led)
    with pytest.raises(KubricGenError):
      placer.place(Object("x", Sphere(), scale=0.1), ((-0.5,) * 3, (0.5,) * 3), np.random.default_rng(0))
    with pytest.raises(SceneError, match="led.*path"):
      placer.place(led, REGION, np.random.default_rng(0))


def test_all_randomness_is_the_generators():
  shapes = [Cube(), Sphere(), Cylinder()]
  assert fill(12, shapes, seed=3) == fill(12, shapes, seed=3)
  assert fill(12, shapes, seed=3) != fill(12, shapes, seed=4)
  rng, other = np.random.default_rng(0), np.random.default_rng(0)
  with Placer() as placer:
    placer.place(Object("x", Cube()), REGION, rng)
    placer.place(Object("y", Cube(), scale=0.01), ((5, 5, 5), (6, 6, 6)), rng, rotate=False)
  other.random(9)
  assert rng.random() == other.random()


def test_only_the_pose_changes():
  item = Object("x", Cube(), scale=(0.1, 0.2, 0.3), density=500, friction=0.1, velocity=(1, 2, 3), labels={"a": 1},
                look_at=(1, 1, 1))
  with Placer() as placer:
    placed = placer.place(item, REGION, np.random.default_rng(0))
    kept = placer.place(item, REGION, np.random.default_rng(0), rotate=False)
  fields = [field.name for field in dataclasses.fields(item)]
  changed = {name for name in fields if getattr(placed, name) != getattr(item, name)}
  assert changed == {"position", "quaternion"}
  assert kept.quaternion == item.quaternion


def test_a_full_region_is_told_and_leaves_nothing_behind():
  cube, small = Object("cube", Cube()), Object("small", Cube(), scale=0.01)
  region = ((-0.5, -0.5, 0.0), (0.5, 0.5, 1.0))
  rng = np.random.default_rng(0)
  with Placer() as placer:
    placer.place(cube, region, rng, rotate=False)
    with pytest.raises(KubricGenError, match=r"'big'.*\(-0.6, -0.5, 0.0\).*7 trials.*larger region") as error:
      placer.place(Object("big", Cube()), ((-0.6, -0.5, 0.0), (0.5, 0.5, 1.0)), rng, max_trials=7, rotate=False)
    assert "\n" not in str(error.value)
    assert placer.place(small, ((-0.6, -0.5, 0), (-0.51, 0.5, 1)), rng).position[0] < -0.5


def test_what_cannot_fit_is_told():
  with Placer() as placer, pytest.raises(KubricGenError, match="'long'.*does not fit"):
    placer.place(Object("long", Cube(), scale=(9, 1, 1)), REGION, np.random.default_rng(0))


@pytest.mark.parametrize("region", [5, ((0, 0, 0),), ((0, 0), (1, 1)), ((1, 0, 0), (0, 1, 1)), ((0, 0, "a"), (1, 1, 1)),
                                    ((0, 0, math.nan), (1, 1, 1))])
def test_what_is_no_region_is_told(region):
  with Placer() as placer, pytest.raises(SceneError, match="region"):
    placer.place(Object("x", Cube()), region, np.random.default_rng(0))
