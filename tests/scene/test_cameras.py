"""Projection, against the contract's formulas and OpenCV."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import kubric_gen as kg
from kubric_gen.errors import SceneError
from kubric_gen.scene.transforms import quaternion_from_matrix

reproducible = settings(derandomize=True, deadline=None, max_examples=40)

coordinate = st.floats(-50, 50)
vector = st.tuples(coordinate, coordinate, coordinate)
resolutions = st.tuples(st.integers(1, 2000), st.integers(1, 2000))


@st.composite
def poses(draw: st.DrawFn) -> dict[str, object]:
  q = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 4)))
  assume(np.linalg.norm(q) > 1e-2)
  return {"position": draw(vector), "quaternion": q}


@st.composite
def perspective(draw: st.DrawFn) -> kg.PerspectiveCamera:
  return kg.PerspectiveCamera(focal_length=draw(st.floats(5, 300)), sensor_width=draw(st.floats(5, 60)),
                              **draw(poses()))


@st.composite
def orthographic(draw: st.DrawFn) -> kg.OrthographicCamera:
  return kg.OrthographicCamera(scale=draw(st.floats(0.1, 100)), **draw(poses()))


cameras = st.one_of(perspective(), orthographic())


@reproducible
@given(cameras, resolutions,
       st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 1000)), min_size=1, max_size=8))
def test_project_undoes_rays(camera: kg.Camera, resolution: tuple[int, int], samples: list[tuple]) -> None:
  pixels = np.array([sample[:2] for sample in samples]) * resolution
  origins, directions = camera.rays(pixels, resolution)
  np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-12)
  assert (directions[:, 2] < 0).all()
  points = origins + directions * np.array([sample[2:] for sample in samples])
  np.testing.assert_allclose(camera.project(points, resolution), pixels, rtol=1e-9, atol=1e-6)


@reproducible
@given(cameras, resolutions, st.lists(st.tuples(coordinate, coordinate, st.floats(-50, -0.1)), min_size=1, max_size=8))
def test_rays_undo_project(camera: kg.Camera, resolution: tuple[int, int], points: list[tuple]) -> None:
  origins, directions = camera.rays(camera.project(points, resolution), resolution)
  nearest = origins + directions * np.einsum("ij,ij->i", np.array(points) - origins, directions)[:, None]
  np.testing.assert_allclose(nearest, points, atol=1e-8)


@reproducible
@given(cameras, resolutions, st.lists(st.tuples(coordinate, coordinate, st.floats(-50, -0.1)), min_size=1, max_size=8))
def test_intrinsics_project_like_project(camera: kg.Camera, resolution: tuple[int, int], points: list[tuple]) -> None:
  p = np.array(points)
  flat = p.copy()
  if isinstance(camera, kg.OrthographicCamera):
    flat[:, 2] = -1.0  # no division
  height, width = resolution
  pixels = camera.project(p, resolution)
  k = flat @ camera.intrinsics(resolution).T
  np.testing.assert_allclose((k[:, :2] / k[:, 2:]) * (width, height), pixels[:, ::-1], rtol=1e-9, atol=1e-6)
  cv = flat * (1, -1, -1) @ camera.intrinsics_cv(resolution).T
  np.testing.assert_allclose(cv[:, :2] / cv[:, 2:], pixels[:, ::-1], rtol=1e-9, atol=1e-6)


@reproducible
@given(perspective(), resolutions)
def test_k_is_the_contracts(camera: kg.PerspectiveCamera, resolution: tuple[int, int]) -> None:
  height, width = resolution
  sensor_height = camera.sensor_width * height / width
  expected = [[camera.focal_length / camera.sensor_width, 0, -0.5], [0, -camera.focal_length / sensor_height, -0.5],
              [0, 0, -1]]
  np.testing.assert_allclose(camera.intrinsics(resolution), expected, rtol=1e-12)
  cv = camera.intrinsics_cv(resolution)
  assert cv[0, 0] == pytest.approx(cv[1, 1])  # square pixels
  assert cv[0, 2] == width / 2 and cv[1, 2] == height / 2


@reproducible
@given(perspective(), st.tuples(*[st.floats(-3, 3)] * 3), resolutions, st.lists(vector, min_size=1, max_size=8))
def test_opencv_projects_world_points_alike(camera: kg.PerspectiveCamera, turn: tuple, resolution: tuple[int, int],
                                            points: list[tuple]) -> None:
  """OpenCV makes the rotation, of a turn vector; our camera takes its pose from that."""
  rotation, _ = cv2.Rodrigues(np.array(turn))
  q = quaternion_from_matrix(rotation.T @ np.diag([1, -1, -1]))  # our axes → OpenCV's → world
  camera = dataclasses.replace(camera, quaternion=q)
  extrinsics = camera.extrinsics_cv(1)[0]
  np.testing.assert_allclose(extrinsics[:3, :3], rotation, atol=1e-9)
  world = np.array(points)
  local = world @ rotation.T - rotation @ camera.position
  world, local = world[local[:, 2] > 0.5], local[local[:, 2] > 0.5]
  assume(len(world))
  expected, _ = cv2.projectPoints(world, np.array(turn), extrinsics[:3, 3], camera.intrinsics_cv(resolution), None)
  ours = camera.project(local * (1, -1, -1), resolution)
  np.testing.assert_allclose(ours[:, ::-1], expected[:, 0], rtol=1e-7, atol=1e-5)


@reproducible
@given(cameras)
def test_extrinsics_take_the_world_to_opencvs_axes(camera: kg.Camera) -> None:
  matrix = camera.extrinsics_cv(1)[0]
  positions, quaternions = camera.poses(1)
  w, x, y, z = quaternions[0]
  right = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)])
  up = np.array([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)])
  ahead = np.cross(up, right)  # -Z = Y × X

  def take(point: np.ndarray) -> np.ndarray:
    return (matrix @ np.append(point, 1))[:3]

  np.testing.assert_allclose(take(positions[0]), 0, atol=1e-9)
  np.testing.assert_allclose(take(positions[0] + 2 * right + 3 * up + 5 * ahead), (2, -3, 5), atol=1e-9)
  np.testing.assert_array_equal(matrix[3], (0, 0, 0, 1))
  assert np.linalg.det(matrix) == pytest.approx(1)


@reproducible
@given(vector, vector, resolutions, st.sampled_from([kg.PerspectiveCamera, kg.OrthographicCamera]))
def test_the_target_of_look_at_is_in_the_middle_of_the_image(position: tuple, target: tuple,
                                                             resolution: tuple[int, int],
                                                             kind: type) -> None:
  assume(np.linalg.norm(np.subtract(position, target)) > 0.1)
  camera = kind(position=position, look_at=target)
  local = (camera.extrinsics_cv(1)[0] @ np.append(target, 1))[:3] * (1, -1, -1)
  np.testing.assert_allclose(camera.project(local, resolution), np.array(resolution) / 2, atol=1e-6)


@pytest.mark.parametrize("resolution", [(240, 320), (320, 240), (7, 7), (1, 9)])
def test_the_image_plane_reaches_from_edge_to_edge(resolution: tuple[int, int]) -> None:
  height, width = resolution
  camera = kg.PerspectiveCamera(focal_length=35, sensor_width=32)
  x, y = 16 / 35, 16 / 35 * height / width
  corners = [(-x, y, -1), (x, y, -1), (-x, -y, -1), (x, -y, -1)]
  np.testing.assert_allclose(camera.project(corners, resolution), [(0, 0), (0, width), (height, 0), (height, width)],
                             atol=1e-9)
  flat = kg.OrthographicCamera(scale=6)
  corners = [(-3, 3 * height / width, -2), (3, -3 * height / width, -9)]
  np.testing.assert_allclose(flat.project(corners, resolution), [(0, 0), (height, width)], atol=1e-9)


def test_points_behind_a_perspective_camera_have_no_place() -> None:
  pixels = kg.PerspectiveCamera().project([[0, 0, 1], [0.1, 0, 0], [0, 0, -1]], (4, 4))
  assert np.isnan(pixels[:2]).all() and pixels[2].tolist() == [2, 2]


def test_field_of_view_is_horizontal() -> None:
  assert kg.PerspectiveCamera(focal_length=18, sensor_width=36).field_of_view == pytest.approx(np.pi / 2)


def test_projection_keeps_the_shape_of_what_it_is_given() -> None:
  for camera in (kg.PerspectiveCamera(), kg.OrthographicCamera()):
    assert camera.project(np.full((2, 3, 3), -1.0), (8, 8)).shape == (2, 3, 2)
    origins, directions = camera.rays(np.zeros((2, 3, 2)), (8, 8))
    assert origins.shape == directions.shape == (2, 3, 3)


def test_poses_come_from_the_path_where_there_is_one() -> None:
  path = kg.Path((1, 3), ((0, 0, 0), (2, 4, 6)), ((1, 0, 0, 0),) * 2)
  positions, quaternions = kg.PerspectiveCamera(path=path, position=(9, 9, 9)).poses([0, 1, 2, 3, 4])
  np.testing.assert_array_equal(positions, [(0, 0, 0), (0, 0, 0), (1, 2, 3), (2, 4, 6), (2, 4, 6)])
  assert quaternions.shape == (5, 4)
  still, _ = kg.PerspectiveCamera(position=(9, 8, 7)).poses(np.arange(3))
  np.testing.assert_array_equal(still, np.tile((9, 8, 7), (3, 1)))


@pytest.mark.parametrize("kind, field, value", [
    *[(kg.PerspectiveCamera, name, value)
      for name in ("focal_length", "sensor_width", "f_stop", "focus_distance", "near")
      for value in (0, -1, float("nan"), "wide")],
    *[(kg.OrthographicCamera, "scale", value) for value in (0, -2, float("inf"), None)],
    (kg.PerspectiveCamera, "far", 0.1), (kg.PerspectiveCamera, "far", float("inf")),
    (kg.PerspectiveCamera, "shutter", -0.1), (kg.PerspectiveCamera, "shutter", 2.5),
    (kg.PerspectiveCamera, "position", (1, 2)), (kg.PerspectiveCamera, "position", "abc"),
    (kg.PerspectiveCamera, "quaternion", (0, 0, 0, 0)), (kg.PerspectiveCamera, "quaternion", (1, 0, 0)),
    (kg.PerspectiveCamera, "path", 3),
    (kg.PerspectiveCamera, "path", ((0, 0, 0),)), (kg.PerspectiveCamera, "name", ""),
    (kg.PerspectiveCamera, "name", "a/b")])
def test_misuse_names_the_field_and_the_camera(kind: type, field: str, value: object) -> None:
  with pytest.raises(SceneError, match=f"(?s)camera.*{field}"):
    kind(**{field: value})


def test_a_quaternion_and_look_at_are_too_much() -> None:
  for q in ((0, 1, 0, 0), [0, 1, 0, 0], np.array([0, 1.0, 0, 0])):
    with pytest.raises(SceneError, match="'eye'.*quaternion or look_at"):
      kg.PerspectiveCamera("eye", quaternion=q, look_at=(0, 0, 1))
  assert kg.PerspectiveCamera(quaternion=[1, 0, 0, 0], look_at=(0, 0, -1)) == kg.PerspectiveCamera()


def test_look_at_must_differ_from_the_position() -> None:
  with pytest.raises(SceneError, match="look_at must differ from the position"):
    kg.PerspectiveCamera(look_at=(0, 0, 0))


def test_an_abstract_camera_cannot_be_made() -> None:
  with pytest.raises(TypeError):
    kg.Camera()  # type: ignore[abstract]


def test_all_rows_are_exposed_at_once() -> None:
  for camera in (kg.PerspectiveCamera(), kg.OrthographicCamera()):
    np.testing.assert_array_equal(camera.row_times(2.5, (3, 5)), [2.5] * 3)
