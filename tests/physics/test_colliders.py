from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kubric_gen.assets import inertia_of, load_mesh
from kubric_gen.physics.colliders import MAX_HULL_POINTS, SLAB, collider_of, extent_of, principal_inertia
from kubric_gen.scene import Cube, Cylinder, Disc, Dome, MeshFile, Object, Plane, Sphere
from kubric_gen.scene.transforms import rotation_matrix, to_world


@pytest.mark.parametrize(("shape", "scale", "kind"), [
    (Cube(), (1, 2, 3), "box"), (Sphere(), (2, 2, 2), "sphere"), (Sphere(), (2, 2, 1), "hull"),
    (Cylinder(), (2, 2, 5), "cylinder"), (Cylinder(), (2, 1, 5), "hull")])
def test_primitives_are_exact_where_bullet_can(shape, scale, kind):
  collider = collider_of(Object("x", shape, scale=scale), convex=True)
  assert collider.kind == kind
  assert collider.offset == (0, 0, 0)
  if kind != "hull":
    assert collider.size == scale
  assert collider.inner_radius == min(scale) / 2


@pytest.mark.parametrize("shape", [Plane(), Disc()])
@pytest.mark.parametrize("scale", [(4, 4, 4), (4, 2, 9)])
def test_surfaces_are_slabs_below_their_face(shape, scale):
  collider = collider_of(Object("x", shape, scale=scale, static=True), convex=False)
  if collider.kind == "hull":
    low, high = collider.points.min(axis=0), collider.points.max(axis=0)
  else:
    low, high = (np.array(collider.offset) + sign * np.array(collider.size) / 2 for sign in (-1, 1))
  assert (low[2], high[2]) == (-SLAB, 0)
  assert high[:2] == pytest.approx(np.array(scale[:2]) / 2, rel=1e-3)
  assert low[:2] == pytest.approx(-high[:2])


def test_a_dome_has_no_collider():
  assert collider_of(Object("x", Dome(), static=True), convex=False) is None


@pytest.mark.parametrize("shape", [Sphere(), Cylinder()])
def test_round_hulls_stay_within_a_thousandth_of_their_surface(shape):
  collider = collider_of(Object("x", shape, scale=(0.8, 0.6, 0.4)), convex=True)
  assert np.ptp(collider.points, axis=0) == pytest.approx((0.8, 0.6, 0.4), rel=1e-3)
  direction = np.random.default_rng(0).normal(size=(500, 3))
  if isinstance(shape, Cylinder):
    direction[:, 2] = 0
  support = (collider.points @ direction.T).max(axis=0)
  assert support == pytest.approx(np.linalg.norm(direction * (0.4, 0.3, 0.2), axis=1), rel=1e-3)


def test_a_mesh_is_its_hull_where_it_is_pushed_around(meshes: dict[str, Path]):
  item = Object("x", MeshFile(meshes["torus"]), scale=(1, 2, 1))
  hollow = collider_of(item, convex=False)
  assert hollow.kind == "triangles"
  assert len(hollow.faces) == len(load_mesh(item.shape).faces)
  hull = collider_of(item, convex=True)
  assert len(hull.points) < len(hollow.points)
  assert np.abs(hull.points @ rotation_matrix(hull.rotation).T).max(axis=0) == pytest.approx((0.5, 1.0, 0.1), abs=1e-6)
  assert hull.inner_radius == pytest.approx(0.1, abs=1e-6)


def test_hulls_are_small_enough_for_pybullet(monkeypatch, meshes: dict[str, Path]):
  assert MAX_HULL_POINTS < 131_072
  monkeypatch.setattr("kubric_gen.physics.colliders.MAX_HULL_POINTS", 10)
  hull = collider_of(Object("x", MeshFile(meshes["stone"])), convex=True)
  assert 4 <= len(hull.points) <= 10


def test_principal_axes_of_a_turned_brick(meshes: dict[str, Path], brick_turn: Rotation):
  item = Object("x", MeshFile(meshes["brick"]), density=2.0)
  moments, axes = principal_inertia(item)
  mass = 2.0 * 0.15
  assert sorted(moments) == pytest.approx(
      sorted(mass / 12 * np.array([0.25 + 0.09, 1 + 0.09, 1 + 0.25])), rel=1e-6)
  assert np.linalg.det(axes) == pytest.approx(1)
  assert axes @ np.diag(moments) @ axes.T == pytest.approx(inertia_of(item), abs=1e-9)
  along = axes[:, int(np.argmin(moments))]
  assert abs(along @ brick_turn.apply((1, 0, 0))) == pytest.approx(1, abs=1e-6)


def test_axes_that_are_principal_are_kept():
  moments, axes = principal_inertia(Object("x", Cube(), scale=(1, 2, 3), mass=12))
  assert np.array_equal(axes, np.eye(3))
  assert moments == pytest.approx([13, 10, 5])


def test_hull_points_and_rotation_are_one_geometry(meshes: dict[str, Path]):
  item = Object("x", MeshFile(meshes["brick"]), scale=(1, 1, 2))
  collider = collider_of(item, convex=True)
  back = collider.points @ rotation_matrix(collider.rotation).T
  expected = load_mesh(item.shape).vertices * item.scale
  distance = np.linalg.norm(back[:, None] - expected[None], axis=2)
  assert len(back) == 8
  assert distance.min(axis=1).max() < 1e-6


@pytest.mark.parametrize("shape", [Cube(), Sphere(), Cylinder(), Plane(), Disc(), Dome(), "stone"])
def test_extents_are_those_of_the_mesh(shape, meshes: dict[str, Path]):
  shape = MeshFile(meshes[shape]) if isinstance(shape, str) else shape
  item = Object("x", shape, scale=(0.5, 1.0, 2.0), static=True)
  quaternion = Rotation.from_euler("xyz", (30, -20, 70), degrees=True).as_quat(scalar_first=True)
  low, high = extent_of(item, quaternion)
  world = to_world(load_mesh(shape).vertices, (0, 0, 0), quaternion, item.scale)
  assert low == pytest.approx(world.min(axis=0), abs=1e-3)
  assert high == pytest.approx(world.max(axis=0), abs=1e-3)
