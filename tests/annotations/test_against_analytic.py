"""Annotations against an analytic ray caster (`analytic.py`) that shares no code with the package.

What is left out, and why. The product traces meshes: a cylinder of unit diameter is a prism that lies at most
0.5·(1 - cos(π/192)) = 7e-5 inside the true surface, a sphere a polyhedron that lies at most twice as deep. So the two
may see different objects within a hundredth of a pixel of a silhouette or of a line where two objects cross; and next
to a cylinder's rim they may see its side or its cap. `interior` leaves out one pixel around each of these and nothing
else: the edges of boxes, planes and discs against themselves are exact and stay in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pytest
from tests.annotations.analytic import (NOTHING, Body, Keys, Look, Oracle, View, about, aim, multiply, random_world,
                                        same_around)

import kubric_gen as kg

NUM_FRAMES = 4
SHAPES = {"sphere": kg.Sphere(), "box": kg.Cube(), "cylinder": kg.Cylinder(), "plane": kg.Plane(), "disc": kg.Disc()}
WORLDS = [(seed, resolution, orthographic) for seed, (resolution, orthographic) in enumerate([
    ((48, 80), False), ((80, 44), False), ((64, 64), False), ((33, 97), False), ((48, 80), True), ((80, 44), True)])]


def product(oracle: Oracle) -> kg.GroundTruth:
  """The same world in the package's terms."""

  def path(keys: Keys) -> dict[str, object]:
    if len(keys.frames) == 1:
      return {"position": keys.positions[0], "quaternion": keys.quaternions[0]}
    return {"path": kg.Path(keys.frames, keys.positions, keys.quaternions)}

  objects = [kg.Object(f"{body.kind}{i}", SHAPES[body.kind], scale=body.scale, background=body.background,
                       static=len(body.keys.frames) == 1, **path(body.keys)) for i, body in enumerate(oracle.bodies)]
  view = oracle.view
  common = {"near": view.near, "far": view.far, **path(view.keys)}
  camera = (kg.PerspectiveCamera(focal_length=view.focal_length, sensor_width=view.sensor_width, **common)
            if view.scale is None else kg.OrthographicCamera(scale=view.scale, **common))
  scene = kg.Scene(objects, cameras=[camera], resolution=oracle.resolution, num_frames=oracle.num_frames)
  return kg.GroundTruth(scene, kg.Motion.from_paths(scene))


@dataclass(frozen=True)
class Pair:
  """One world seen by both, with what the oracle sees in every frame and one beyond each end."""

  oracle: Oracle
  truth: kg.GroundTruth

  @cached_property
  def looks(self) -> dict[int, Look]:
    return {t: self.oracle.look(t) for t in range(-1, self.oracle.num_frames + 1)}

  @cached_property
  def interiors(self) -> dict[int, np.ndarray]:
    """Per frame the pixels whose 3 × 3 neighbourhood shows one object, and of a cylinder one of its three faces."""
    round_kinds = np.array([body.kind == "cylinder" for body in self.oracle.bodies] + [False])
    return {t: same_around(np.where(round_kinds[look.index], 10 * look.index + look.feature, 10 * look.index))
            for t, look in self.looks.items()}

  def rows(self, t: int) -> tuple[Look, np.ndarray, np.ndarray]:
    """The oracle's look, the interior, and the part of the interior where something is hit; most of the image."""
    look, interior = self.looks[t], self.interiors[t]
    assert interior.mean() > 0.5 and (interior & look.hit).mean() > 0.15
    return look, interior, interior & look.hit


@cache
def make_pair(seed: int, resolution: tuple[int, int], orthographic: bool) -> Pair:
  oracle = random_world(seed, resolution, NUM_FRAMES, orthographic)
  return Pair(oracle, product(oracle))


@pytest.fixture(params=WORLDS, ids=lambda w: f"{'ortho' if w[2] else 'persp'}{w[0]}-{w[1][0]}x{w[1][1]}")
def pair(request: pytest.FixtureRequest) -> Pair:
  return make_pair(*request.param)


def flow_error(pair: Pair, t: int, s: int, produced: np.ndarray, sign: int = 1) -> np.ndarray:
  """Euclidean errors in pixels over the interior; what gets behind the camera must be zero."""
  look, interior, _ = pair.rows(t)
  expected = sign * pair.oracle.flow(t, s, look)
  behind = np.isnan(expected).any(axis=-1)
  assert (produced[interior & behind] == 0).all()
  return np.linalg.norm(produced - expected, axis=-1)[interior & ~behind]


def test_worlds_show_every_kind_of_body_and_the_sky() -> None:
  kinds: set[str] = set()
  for world in WORLDS:
    pair = make_pair(*world)
    for look in pair.looks.values():
      kinds |= {"sky" if i == NOTHING else pair.oracle.bodies[i].kind for i in np.unique(look.index)}
  assert kinds == {"sky", *SHAPES}


def test_segmentation(pair: Pair) -> None:
  for t in range(NUM_FRAMES):
    look, interior, _ = pair.rows(t)
    labels = pair.truth.segmentation(t)
    assert labels.dtype == np.uint16 and labels.shape == (*pair.oracle.resolution, 1)
    np.testing.assert_array_equal(labels[interior][:, 0], pair.oracle.labels[look.index][interior])
    same = labels[..., 0] == pair.oracle.labels[look.index]
    assert same.mean() > 0.998  # and even on silhouettes it is a rare pixel whose centre lies that near to one


def test_depth_and_z(pair: Pair) -> None:
  for t in range(NUM_FRAMES):
    look, interior, hit = pair.rows(t)
    depth, z = pair.truth.depth(t), pair.truth.z(t)
    assert depth.dtype == z.dtype == np.float32 and depth.shape == z.shape == (*pair.oracle.resolution, 1)
    np.testing.assert_allclose(depth[hit][:, 0], np.linalg.norm(look.point[hit], axis=-1), rtol=1e-3)
    np.testing.assert_allclose(z[hit][:, 0], -look.point[hit][:, 2], rtol=1e-3)
    assert (depth[interior & ~hit] == 1000).all() and (z[interior & ~hit] == 1000).all()


def test_normal(pair: Pair) -> None:
  for t in range(NUM_FRAMES):
    look, interior, hit = pair.rows(t)
    normal = pair.truth.normal(t)
    assert normal.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(normal[hit], axis=-1), 1, atol=1e-6)
    chord = np.linalg.norm(normal[hit] - look.normal[hit], axis=-1)
    assert np.degrees(2 * np.arcsin(chord / 2)).max() < 0.5
    assert (normal[interior & ~hit] == 0).all()


def test_object_coordinates(pair: Pair) -> None:
  for t in range(NUM_FRAMES):
    look, interior, _ = pair.rows(t)
    coordinates = pair.truth.object_coordinates(t)
    assert coordinates.dtype == np.float32 and coordinates.min() >= 0 and coordinates.max() <= 1
    error = np.abs(coordinates - pair.oracle.object_coordinates(look))[interior]
    assert error.max() < 2e-3


def test_forward_flow(pair: Pair) -> None:
  for t in range(NUM_FRAMES):
    assert flow_error(pair, t, t + 1, pair.truth.forward_flow(t)).max() < 0.02


def test_backward_flow_is_what_the_point_has_moved_since_the_frame_before(pair: Pair) -> None:
  for t in range(NUM_FRAMES):
    assert flow_error(pair, t, t - 1, pair.truth.backward_flow(t), sign=-1).max() < 0.02


@pytest.mark.parametrize("t, s", [(0, 3), (3, 0), (-1, 4), (4, -1), (1, 3)])
def test_flow_between_any_two_frames(pair: Pair, t: int, s: int) -> None:
  assert flow_error(pair, t, s, pair.truth.flow(t, s)).max() < 0.02


def test_flow_to_the_same_frame_is_zero(pair: Pair) -> None:
  assert (pair.truth.flow(2, 2) == 0).all()


@pytest.mark.parametrize("t, s", [(0, 1), (3, 4), (0, -1), (-1, 4)])
def test_occlusion(pair: Pair, t: int, s: int) -> None:
  look, _, _ = pair.rows(t)
  expected, sure = pair.oracle.occlusion(t, s, look, blur=0.1)
  sure &= pair.interiors[t]
  assert sure.mean() > 0.4
  assert len(np.unique(expected[sure])) > 1  # something becomes hidden or leaves
  produced = pair.truth.occlusion(t, s)
  assert produced.dtype == np.uint8
  np.testing.assert_array_equal(produced[sure][:, 0], expected[sure])
  if abs(s - t) == 1:
    layer = pair.truth.occlusion_forward(t) if s > t else pair.truth.occlusion_backward(t)
    np.testing.assert_array_equal(layer, produced)


def test_amodal_masks(pair: Pair) -> None:
  foreground = [i for i, body in enumerate(pair.oracle.bodies) if not body.background]
  for t in range(NUM_FRAMES):
    masks = pair.truth.amodal_segmentation(t)
    assert masks.dtype == bool and masks.shape == (*pair.oracle.resolution, len(foreground))
    for k, i in enumerate(foreground):
      alone = pair.oracle.look(t, [i]).hit
      clear = same_around(alone)
      np.testing.assert_array_equal(masks[..., k][clear], alone[clear])
      assert (masks[..., k] != alone).mean() < 1e-3
    np.testing.assert_array_equal(pair.truth.amodal_pixels(t), masks.sum(axis=(0, 1)))
    labels = pair.truth.segmentation(t)[..., 0]
    for k in range(len(foreground)):
      assert masks[..., k][labels == k + 1].all()  # what is seen of an object is part of all of it


@pytest.mark.parametrize("resolution", [(40, 72), (72, 40)])
def test_flow_of_the_background_is_the_homography_of_a_pure_rotation(resolution: tuple[int, int]) -> None:
  """H = K R Kᵀ⁻¹ on normalised positions: what a rotating camera does to points at infinity."""
  start = np.array([1.0, 0.0, 0.0, 0.0])
  end = multiply(about((0.3, 1.0, -0.5), 0.7), start)
  keys = Keys(((1, 2, 3), (1, 2, 3)), (tuple(start), tuple(end)), (0, 4))
  view = View(keys, focal_length=24.0, sensor_width=36.0)
  oracle = Oracle([], view, resolution, 3)
  truth = product(oracle)
  k = view.k(resolution)
  positions = np.concatenate([(oracle.pixels / resolution)[..., ::-1], np.ones((*resolution, 1))], axis=-1)
  for t, s in [(0, 1), (2, 3), (0, -1), (0, 3)]:
    relative = keys.at(s)[1].T @ keys.at(t)[1]  # camera axes of t to those of s
    moved = positions @ (k @ relative @ np.linalg.inv(k)).T
    expected = (moved[..., :2] / moved[..., 2:])[..., ::-1] * resolution - oracle.pixels
    assert np.abs(expected).max() > 3
    np.testing.assert_allclose(truth.flow(t, s), expected, atol=1e-4)
    assert (truth.segmentation(t) == 0).all()


def test_a_translating_camera_leaves_the_background_where_it_is() -> None:
  turn = tuple(aim((0, 0, 0), (1, 2, 0.5), 0.1))
  oracle = Oracle([], View(Keys(((0, 0, 0), (5, 3, 1)), (turn, turn), (0, 4))), (20, 30), 3)
  assert (product(oracle).forward_flow(1) == 0).all()


def test_a_body_that_reaches_through_the_near_plane_is_seen_from_inside() -> None:
  """Rays start at the near distance, so a body around the camera shows its inner wall, with normals turned inwards."""
  still = Keys(((0.1, 0.2, 0.05),), ((1, 0, 0, 0),))
  bodies = [Body("cylinder", (2.0, 3.0, 2.5), still),
            Body("box", (0.3, 0.2, 1.0), Keys(((0.2, 0, -0.3),), ((1, 0, 0, 0),)))]
  gaze = Keys(((0, 0, 0.2),), (tuple(aim((0, 0, 0.2), (0.3, 0.1, -1), 0.4)),))
  view = View(gaze, focal_length=14.0, near=0.15, far=1.6)
  pair = Pair(oracle := Oracle(bodies, view, (60, 50), 1), product(oracle))
  look, interior, hit = pair.rows(0)
  assert set(np.unique(look.index)) == {NOTHING, 0, 1}  # beyond the far plane there is nothing
  np.testing.assert_array_equal(pair.truth.segmentation(0)[interior][:, 0], oracle.labels[look.index][interior])
  np.testing.assert_allclose(pair.truth.z(0)[hit][:, 0], -look.point[hit][:, 2], rtol=1e-3)
  cosine = np.einsum("ij,ij->i", pair.truth.normal(0)[hit], look.normal[hit])
  assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.5
