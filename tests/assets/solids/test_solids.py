"""Solids made from numbers: closed, with texture coordinates, and filled by their convex pieces."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.assets import load_mesh
from kubric_gen.assets.collision.convexity import convex_pieces
from kubric_gen.assets.meshes.mesh import Mesh, integrate_solid
from kubric_gen.assets.solids import basic, families, model_of, suzanne
from kubric_gen.assets.solids.finishing import finish
from kubric_gen.assets.solids.modelling import box, prism, revolve, tube
from kubric_gen.errors import AssetError, KubricGenError, SceneError
from kubric_gen.physics import simulate
from kubric_gen.scene import Object, PerspectiveCamera, Plane, Scene, Solid
from kubric_gen.scene.serialization import from_json, to_json
from kubric_gen.scene.transforms import rotation_matrix

NAMES = sorted(family.name for module in (basic, suzanne) for family in module.FAMILIES)
CIRCLE = np.linspace(0, 2 * np.pi, 128, endpoint=False)
RING = np.column_stack([np.cos(CIRCLE), np.sin(CIRCLE), np.zeros(128)])


def shape(mesh: Mesh) -> trimesh.Trimesh:
  """Another library's view of a mesh, vertices at exactly one place merged."""
  places, index = np.unique(mesh.vertices, axis=0, return_inverse=True)
  return trimesh.Trimesh(places, index.ravel()[mesh.faces], process=False)


def closed(solid: trimesh.Trimesh) -> bool:
  """Whether faces cross every edge as often one way as the other; parts that touch along an edge may do so twice."""
  edges = np.sort(solid.edges, axis=1)
  _, index = np.unique(edges, axis=0, return_inverse=True)
  return not np.bincount(index.ravel(), np.sign(solid.edges[:, 1] - solid.edges[:, 0])).any()


def check(mesh: Mesh, touching: bool = False) -> None:
  solid = shape(mesh)
  assert closed(solid) if touching else solid.is_watertight and solid.is_winding_consistent
  assert solid.volume > 0
  assert mesh.volume == pytest.approx(solid.volume, rel=1e-4)
  np.testing.assert_allclose(solid.center_mass, 0, atol=1e-4)
  np.testing.assert_allclose(mesh.inertia, solid.moment_inertia, atol=2e-4 * np.trace(mesh.inertia))
  np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-6)
  corners = mesh.vertices[mesh.faces]
  flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
  turned = np.einsum("fij,fj->fi", mesh.normals[mesh.faces], flat) <= 0
  area = np.linalg.norm(flat, axis=1)
  assert area[turned.any(axis=1)].sum() < 1e-3 * area.sum()  # shading looks outwards
  assert mesh.uvs.min() >= -1e-6 and mesh.uvs.max() <= 2 and np.isfinite(mesh.uvs).all()


def pieces_volume(pieces: tuple[np.ndarray, ...]) -> float:
  """Of the union of convex bodies, counted in 200,000 points."""
  points = np.random.default_rng(0)
  low, high = np.min([p.min(axis=0) for p in pieces], axis=0), np.max([p.max(axis=0) for p in pieces], axis=0)
  sample = points.uniform(low, high, (200_000, 3))
  inside = np.zeros(len(sample), bool)
  for piece in pieces:
    planes = trimesh.convex.convex_hull(piece)
    normals, offsets = planes.face_normals, np.einsum("ij,ij->i", planes.face_normals, planes.triangles[:, 0])
    near = ~inside & (sample >= piece.min(axis=0)).all(axis=1) & (sample <= piece.max(axis=0)).all(axis=1)
    inside[near] = (sample[near] @ normals.T <= offsets + 1e-9).all(axis=1)
  return float(inside.mean() * np.prod(high - low))


@pytest.mark.parametrize(("solid", "volume"), [
    (lambda: revolve([(0, 0), (0.5, 0), (0, 1)], 384), math.pi / 12), (lambda: box((1, 2, 3), (5, 5, 5)), 6.0),
    (lambda: prism([(0, 0), (1, 0), (1, 1), (0.5, 0.5), (0, 1)], 0.5), 0.375),
    (lambda: tube(RING * 0.35, 0.15, 96, closed=True), 2 * math.pi ** 2 * 0.35 * 0.15 ** 2),
    (lambda: box((1, 1, 1)) - box((0.5, 0.5, 2)), 0.75)])
def test_volumes_are_those_of_the_textbook(solid: Callable[[], object], volume: float) -> None:
  mesh, _ = finish(solid())
  check(mesh)
  assert mesh.volume == pytest.approx(volume, rel=2e-3)


def test_edges_are_sharp_and_curves_smooth() -> None:
  assert len(finish(box((1, 1, 1)))[0].vertices) == 24
  ball, _ = finish(revolve([(math.sin(a), -math.cos(a)) for a in np.linspace(0, math.pi, 65)]))
  np.testing.assert_allclose(ball.normals, ball.vertices / np.linalg.norm(ball.vertices, axis=1, keepdims=True), atol=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_basic_solids(name: str) -> None:
  model = model_of(Solid(name))
  check(model.mesh)
  assert np.ptp(model.mesh.bounds, axis=0).max() == pytest.approx(1.0, abs=0.03)
  assert abs(pieces_volume(model.pieces) / model.mesh.volume - 1) < 0.03 + 0.005  # of counting
  assert load_mesh(Solid(name)) is model.mesh


@pytest.mark.parametrize("name", [name for name in NAMES if families()[name].parameters])
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_numbers_within_bounds_make_a_solid(name: str, data: st.DataObject) -> None:
  numbers = {key: data.draw(st.integers(int(p.low), int(p.high)) if p.whole else st.floats(p.low, p.high), key)
             for key, p in families()[name].parameters.items()}
  check(model_of(Solid(name, numbers)).mesh)


def test_a_convex_body_is_one_piece() -> None:
  ball = revolve([(math.sin(a), -math.cos(a)) for a in np.linspace(0, math.pi, 33)])
  assert len(convex_pieces(ball)) == 1
  cup = ball - box((1, 1, 2), (0, 0, 1))
  pieces = convex_pieces(cup, 0.02)
  assert len(pieces) > 4 and pieces_volume(tuple(pieces)) / cup.volume() == pytest.approx(1.01, abs=0.02)


def test_a_solid_is_plain_data() -> None:
  made = Solid("torus", {"tube_ratio": 0.2})
  assert made == Solid("torus", (("tube_ratio", 0.2),)) and hash(made) == hash(Solid("torus", {"tube_ratio": 0.2}))
  scene = Scene([Object("ring", made)], cameras=[PerspectiveCamera()])
  assert from_json(to_json(scene)) == scene and scene.objects[0].asset_id == "torus"
  assert scene.objects[0].effective_license == "Apache-2.0"


@pytest.mark.parametrize(("family", "parameters", "word"), [
    ("dodo", {}, "dodo"), ("torus", {"size": 1.0}, "size"), ("torus", {"tube_ratio": 0.9}, "tube_ratio"),
    ("gear", {"teeth": 7.5}, "whole"), ("cone", {"x": 1.0}, "none")])
def test_numbers_that_make_no_sense(family: str, parameters: dict[str, float], word: str) -> None:
  with pytest.raises(AssetError, match=word):
    load_mesh(Solid(family, parameters))


@pytest.mark.parametrize(("family", "parameters"), [("", {}), ("torus", {"tube_ratio": math.nan}), ("torus", {"a": "b"}),
                                                    ("torus", (("a", 1.0), ("a", 2.0)))])
def test_descriptions_that_make_no_sense(family: str, parameters: object) -> None:
  with pytest.raises((SceneError, KubricGenError)):
    Solid(family, parameters)  # type: ignore[arg-type]


def test_they_come_to_rest_on_the_floor() -> None:
  """None sinks in or floats by more than 5 mm, and a torus is hollow in the middle."""
  floor = Object("floor", Plane(), scale=(40, 40, 1), static=True, background=True)
  solids = [Object(name, Solid(name), position=(2.0 * i, 0, 0.8), friction=0.8, restitution=0.1, angular_damping=0.3)
            for i, name in enumerate(NAMES)]
  scene = Scene([floor, *solids], cameras=[PerspectiveCamera()], num_frames=60, frame_rate=12)
  motion = simulate(scene)
  for index, item in enumerate(scene.objects[1:], start=1):
    points = load_mesh(item.shape).vertices @ rotation_matrix(motion.quaternions[-1, index]).T + motion.positions[-1, index]
    assert abs(points[:, 2].min()) < 5e-3, item.name


def test_a_ball_falls_through_a_ring() -> None:
  from kubric_gen.scene import Sphere
  floor = Object("floor", Plane(), scale=(40, 40, 1), static=True, background=True)
  ring = Object("ring", Solid("torus", {"tube_ratio": 0.2}), scale=2.0, position=(0, 0, 0.22))
  ball = Object("ball", Sphere(), scale=0.5, position=(0, 0, 2.0), restitution=0.0)
  motion = simulate(Scene([floor, ring, ball], cameras=[PerspectiveCamera()], num_frames=36, frame_rate=12))
  assert motion.positions[-1, 2, 2] == pytest.approx(0.25, abs=5e-3)


def test_mass_follows_volume() -> None:
  from kubric_gen.assets import mass_of
  mesh = load_mesh(Solid("gear"))
  assert mass_of(Object("gear", Solid("gear"), scale=(2.0, 2.0, 1.0), density=10.0)) == pytest.approx(40 * mesh.volume)
  assert integrate_solid(mesh.vertices, mesh.faces)[0] == pytest.approx(mesh.volume, rel=1e-6)
