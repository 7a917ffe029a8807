"""What the annotation layers, tracks and records promise, on small scenes whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kubric_gen as kg
from kubric_gen.annotations.tracks import point_tracks
from kubric_gen.annotations.visibility import Visibility, visible_order
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.example.cameras import camera_data
from kubric_gen.example.events import collisions_of
from kubric_gen.example.instances import instances_of
from kubric_gen.scene.layers import check_layers
from kubric_gen.scene.transforms import rotation_matrix

DOWN = kg.PerspectiveCamera(position=(0, 0, 5), focal_length=36, sensor_width=36)  # sees 5 m by 5 m of the floor
TURN = ((1, 0, 0, 0), (0.6, 0.3, 0.7, 0.2))


def truth_of(objects: list[kg.Object], camera: kg.Camera = DOWN, resolution: tuple[int, int] = (40, 40),
             num_frames: int = 3) -> kg.GroundTruth:
  scene = kg.Scene(objects, cameras=[camera], resolution=resolution, num_frames=num_frames)
  return kg.GroundTruth(scene, kg.Motion.from_paths(scene))


def path(start: tuple[float, ...], end: tuple[float, ...], quaternions: tuple = ((1, 0, 0, 0),) * 2,
         frames: tuple[float, float] = (0, 4)) -> kg.Path:
  return kg.Path(frames, (start, end), quaternions)


def square(name: str, z: float, size: float, **more: object) -> kg.Object:
  return kg.Object(name, kg.Plane(), position=(0, 0, z), scale=(size, size, 1), static=True, **more)


@pytest.fixture
def moving() -> kg.GroundTruth:
  """A turning cube that passes before a turning sphere over a floor, seen by a camera that moves and turns."""
  camera = kg.PerspectiveCamera(path=path(
      (0, -6, 3), (1.5, -6, 2.5), (kg.PerspectiveCamera(position=(0, -6, 3), look_at=(0, 0, 0.5)).quaternion,
                                   kg.PerspectiveCamera(position=(1.5, -6, 2.5), look_at=(0, 0, 0.8)).quaternion)))
  return truth_of([
      kg.Object("floor", kg.Disc(), scale=20, static=True, background=True),
      kg.Object("cube", kg.Cube(), scale=(0.8, 1.2, 1.0), path=path((-1.2, -1.5, 0.8), (1.2, -1.5, 0.8), TURN)),
      kg.Object("sphere", kg.Sphere(), scale=1.4, path=path((0, 0.5, 0.7), (0.2, 0.7, 0.9), TURN)),
  ], camera, resolution=(60, 90))


# Stillness and emptiness.

@pytest.mark.parametrize("camera", [
    kg.PerspectiveCamera(position=(3, -4, 2.3), look_at=(0, 0, 0.4)),
    kg.OrthographicCamera(position=(3, -4, 2.3), look_at=(0, 0, 0.4))], ids=["perspective", "orthographic"])
def test_a_static_scene_has_exactly_no_flow(camera: kg.Camera) -> None:
  turned = (0.2, 0.4, -0.7, 0.55)
  truth = truth_of([kg.Object("cube", kg.Cube(), quaternion=turned, static=True),
                    kg.Object("path", kg.Sphere(), path=path((1, 0, 0), (1, 0, 0), (turned, turned))),
                    square("floor", -0.5, 8)],
                   camera)
  for t in range(3):
    for layer in (truth.forward_flow(t), truth.backward_flow(t), truth.flow(t, (t + 2) % 3)):
      assert layer.dtype == np.float32 and (layer == 0).all() and not np.signbit(layer).any()
    assert (truth.occlusion_forward(t) == 0).all() and (truth.occlusion_backward(t) == 0).all()


def test_what_moves_with_the_camera_has_exactly_no_flow_where_it_stands_still_too() -> None:
  """One object moves; the pixels of the others and of the background keep exact zeros."""
  truth = truth_of([square("floor", 0, 3), kg.Object("cube", kg.Cube(), path=path((-1, 0, 1), (1, 0, 1)))])
  flow, labels = truth.forward_flow(1), truth.segmentation(1)[..., 0]
  assert (flow[labels != 2] == 0).all()
  np.testing.assert_allclose(flow[labels == 2], np.tile([0, 0.5 * 40 / 5 * 5 / 3.5], ((labels == 2).sum(), 1)),
                             atol=1e-4)


def test_nothing_is_hit() -> None:
  truth = truth_of([])
  assert truth.segmentation(0).dtype == np.uint16
  expected = {"segmentation": 0, "depth": 1000, "z": 1000, "normal": 0, "object_coordinates": 0, "uv": 0,
              "forward_flow": 0, "backward_flow": 0, "occlusion_forward": 0, "occlusion_backward": 0}
  for name, value in expected.items():
    assert (truth.layer(name, 0) == value).all(), name
  assert truth.amodal_segmentation(0).shape == (40, 40, 0) and truth.amodal_pixels(0).shape == (0,)


def test_labels_count_the_foreground_only() -> None:
  truth = truth_of([square("floor", 0, 9, background=True), square("a", 1, 2), square("wall", 2, 0.5, background=True),
                    square("b", 3, 0.1)])
  labels = truth.segmentation(0)[..., 0]
  assert truth.foreground == (1, 3)
  assert labels[20, 20] == 2 and labels[20, 17] == 0 and labels[20, 12] == 1 and labels[0, 0] == 0
  assert truth.depth(0)[0, 0, 0] != 1000  # background is a surface like others
  assert truth.normal(0)[0, 0].tolist() == [0, 0, 1]


def test_depth_is_the_distance_and_z_is_the_distance_to_the_plane() -> None:
  for camera in (DOWN, kg.OrthographicCamera(position=(0, 0, 5), scale=5)):
    truth = truth_of([square("floor", 0, 20)], camera)
    rows, columns = np.mgrid[:40, :40] + 0.5
    aside = np.hypot(rows - 20, columns - 20) * 5 / 40
    np.testing.assert_allclose(truth.z(0)[..., 0], 5, rtol=1e-6)
    np.testing.assert_allclose(truth.depth(0)[..., 0], np.hypot(5, aside), rtol=1e-6)


def test_a_flat_object_has_no_coordinate_along_its_flat_axis() -> None:
  coordinates = truth_of([square("floor", 0, 5)]).object_coordinates(0)
  assert (coordinates[..., 2] == 0).all()
  np.testing.assert_allclose(coordinates[..., 0], np.tile((np.arange(40) + 0.5) / 40, (40, 1)), atol=1e-6)
  np.testing.assert_allclose(coordinates[..., 1], np.tile((np.arange(40)[::-1, None] + 0.5) / 40, (1, 40)), atol=1e-6)


def test_texture_coordinates_have_v_upwards() -> None:
  uv = truth_of([square("floor", 0, 5)]).uv(0)
  np.testing.assert_allclose(uv[..., 0], np.tile((np.arange(40) + 0.5) / 40, (40, 1)), atol=1e-6)
  np.testing.assert_allclose(uv[..., 1], np.tile((np.arange(40)[::-1, None] + 0.5) / 40, (1, 40)), atol=1e-6)


def test_the_upper_side_of_a_plane_faces_the_camera_from_both_sides() -> None:
  above = truth_of([square("floor", 0, 9)])
  below = truth_of([square("floor", 0, 9)], kg.PerspectiveCamera(position=(0, 0, -5), look_at=(0, 0, 0)))
  assert above.normal(0)[20, 20].tolist() == [0, 0, 1]
  assert below.normal(0)[20, 20].tolist() == [0, 0, -1]


# Holes and invisibility.

def alpha_texture(folder: Path, pixels: np.ndarray, mode: str = "L") -> kg.Texture:
  file = folder / f"alpha{len(list(folder.iterdir()))}.png"
  Image.fromarray(pixels.astype(np.uint8), mode).save(file)
  return kg.Texture(str(file), color_space="raw")


def test_alpha_textures_are_seen_through_and_every_layer_follows(tmp_path: Path) -> None:
  mask = np.zeros((2, 2))
  mask[0, 0] = 255  # opaque at the upper left only
  sheet = square("sheet", 1, 4, material=kg.PrincipledMaterial(alpha=alpha_texture(tmp_path, mask)))
  truth = truth_of([square("floor", 0, 8), sheet])
  labels = truth.segmentation(0)[..., 0]
  assert labels[5, 5] == 2 and (labels[:20, 20:] == 1).all() and (labels[20:] == 1).all()
  solid = labels == 2
  assert solid.sum() == 20 * 20
  np.testing.assert_allclose(truth.z(0)[solid], 4, rtol=1e-6)
  np.testing.assert_allclose(truth.z(0)[~solid], 5, rtol=1e-6)
  np.testing.assert_array_equal(truth.amodal_segmentation(0)[..., 1], solid)  # a hole is no part of the object
  np.testing.assert_array_equal(truth.amodal_pixels(0), [1600, 400])


@pytest.mark.parametrize("value, seen", [(127, False), (128, True)])
def test_alpha_counts_from_one_half(tmp_path: Path, value: int, seen: bool) -> None:
  texture = alpha_texture(tmp_path, np.full((4, 4), value))
  truth = truth_of([square("sheet", 0, 9, material=kg.PrincipledMaterial(alpha=texture))])
  assert (truth.segmentation(0) == int(seen)).all()


def test_alpha_textures_repeat(tmp_path: Path) -> None:
  mask = np.zeros((2, 2))
  mask[:, 0] = 255
  texture = alpha_texture(tmp_path, mask)
  repeated = kg.Texture(texture.path, color_space="raw", repeat=4.0)
  labels = truth_of([square("sheet", 0, 5, material=kg.PrincipledMaterial(alpha=repeated))]).segmentation(0)[..., 0]
  np.testing.assert_array_equal(labels, np.tile(np.repeat([1, 0, 1, 0, 1, 0, 1, 0], 5), (40, 1)))


@pytest.mark.parametrize("scale", [0.02, 1.0, 50.0])
def test_the_far_side_of_an_object_shows_through_the_holes_of_its_near_side(tmp_path: Path, scale: float) -> None:
  """Both faces have the same texture; where the upper one has holes, the lower one is shifted by perspective."""
  mask = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((4, 4))) * 255
  box = kg.Object("box", kg.Cube(), scale=scale, static=True,
                  material=kg.PrincipledMaterial(alpha=alpha_texture(tmp_path, mask)))
  camera = kg.PerspectiveCamera(position=(0, 0, 1.6 * scale), near=0.01 * scale, far=100 * scale, focal_length=36,
                                sensor_width=36)
  truth = truth_of([box], camera, resolution=(64, 64))
  coordinates, labels = truth.object_coordinates(0), truth.segmentation(0)[..., 0]
  z, hit = coordinates[..., 2], labels == 1
  assert (hit & np.isclose(z, 1)).sum() > 500 and (hit & np.isclose(z, 0)).sum() > 200 and (~hit).sum() > 100
  rows, columns = np.mgrid[:64, :64] + 0.5
  x, y = (columns - 32) / 64 * 1.1, (32 - rows) / 64 * 1.1  # on the upper face
  upper = (np.maximum(np.abs(x), np.abs(y)) < 0.5)
  cell_x, cell_y = (x + 0.5) * 8, (0.5 - y) * 8
  clear = upper & (np.abs(cell_x - np.round(cell_x)) > 0.05) & (np.abs(cell_y - np.round(cell_y)) > 0.05)
  opaque = (np.floor(cell_x) + np.floor(cell_y)) % 2 == 1
  np.testing.assert_array_equal(np.isclose(z, 1)[clear] & hit[clear], opaque[clear])


def test_a_hole_does_not_occlude_and_its_rim_does(tmp_path: Path) -> None:
  mask = np.full((3, 3), 255)
  mask[1, 1] = 0
  material = kg.PrincipledMaterial(alpha=alpha_texture(tmp_path, mask))
  keys = kg.Path((0, 1, 2, 3), ((0, 0, 0), (0, 0, 0), (0.5, 0, 0), (1.2, 0, 0)), ((1, 0, 0, 0),) * 4)
  dot = kg.Object("dot", kg.Sphere(), scale=0.2, path=keys)
  truth = truth_of([square("frame", 1, 3, material=material), dot], num_frames=2)
  labels = truth.segmentation(0)[..., 0]
  assert labels[20, 20] == 2
  assert (truth.occlusion(0, 1)[labels == 2] == 0).all()  # still within the hole
  assert (truth.occlusion(0, 2)[labels == 2] == 1).all()  # behind the rim


@pytest.mark.parametrize("before, occluded", [(0.5e-3, 0), (0.9e-3, 0), (1.1e-3, 1), (2e-3, 1)])
def test_what_is_nearer_by_a_thousandth_of_the_distance_occludes(before: float, occluded: int) -> None:
  """A sheet slides in just above the floor, 5 m below the camera."""
  height = 5 * before
  keys = kg.Path((1, 2), ((20, 0, height), (0, 0, height)), ((1, 0, 0, 0),) * 2)
  truth = truth_of([square("floor", 0, 20), kg.Object("sheet", kg.Plane(), scale=(9, 9, 1), path=keys)])
  assert (truth.segmentation(0) == 1).all() and (truth.segmentation(1) == 2).all()
  assert (truth.occlusion_forward(0) == occluded).all()


def test_an_invisible_material_leaves_no_trace() -> None:
  floor = square("floor", 0, 8)
  ghosts = [square("alpha", 1, 2, material=kg.PrincipledMaterial(alpha=0)),
            square("hidden", 2, 2, visibility=kg.RayVisibility(camera=False))]
  truth, alone = truth_of([floor, *ghosts]), truth_of([floor])
  for layer in ("segmentation", "depth", "normal", "object_coordinates"):
    np.testing.assert_array_equal(truth.layer(layer, 0), alone.layer(layer, 0))
  np.testing.assert_array_equal(truth.amodal_pixels(0), [1600, 0, 0])
  assert (truth.occlusion_forward(0) == 0).all()
  faint = truth_of([floor, square("alpha", 1, 2, material=kg.PrincipledMaterial(alpha=0.01))])
  assert faint.segmentation(0)[20, 20, 0] == 2  # there, however faintly
  holdout = truth_of([floor, square("hole", 1, 2, material=kg.FlatMaterial(holdout=True))])
  assert holdout.segmentation(0)[20, 20, 0] == 2  # a holdout still hides what is behind it


def test_one_invisible_material_among_several_of_a_mesh_file(tmp_path: Path) -> None:
  """Two squares in one file, the right one with an alpha of 0."""
  import trimesh

  def part(x: float, alpha: int) -> trimesh.Trimesh:
    mesh = trimesh.Trimesh([[x, 0, 0], [x + 1, 0, 0], [x + 1, 0, -2], [x, 0, -2]], [[0, 1, 2], [0, 2, 3]],
                           process=False)
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=[200, 30, 30, alpha], alphaMode="BLEND")
    mesh.visual = trimesh.visual.TextureVisuals(uv=np.zeros((4, 2)), material=material)
    return mesh

  file = tmp_path / "two.glb"
  trimesh.Scene([part(-1, 255), part(0, 0)]).export(file)
  truth = truth_of([kg.Object("mesh", kg.MeshFile(str(file)), static=True, mass=1)],
                   kg.PerspectiveCamera(position=(0, 0, 2), focal_length=36, sensor_width=36))
  labels = truth.segmentation(0)[..., 0]
  assert (labels[:, :20] == 1).all() and (labels[:, 20:] == 0).all()


def test_an_alpha_texture_that_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
  file = tmp_path / "broken.png"
  file.write_bytes(b"\x89PNG\r\n\x1a\n garbage")
  with pytest.raises(AssetError, match="broken.png"):
    truth_of([square("sheet", 0, 1, material=kg.PrincipledMaterial(alpha=kg.Texture(str(file), "raw")))])


# In front, behind, around.

def test_what_is_behind_the_camera_or_beyond_far_is_not_seen() -> None:
  camera = kg.PerspectiveCamera(position=(0, 0, 5), near=1.0, far=6.0)
  objects = [kg.Object("behind", kg.Cube(), position=(0, 0, 8), static=True),
             kg.Object("too near", kg.Sphere(), position=(0, 0, 4.5), scale=0.5, static=True),
             kg.Object("too far", kg.Cube(), position=(0, 0, -3), static=True)]
  truth = truth_of(objects, camera)
  assert (truth.segmentation(0) == 0).all() and (truth.depth(0) == 1000).all()
  assert truth.amodal_pixels(0).tolist() == [0, 0, 0]
  assert (truth_of(objects, kg.PerspectiveCamera(position=(0, 0, 5))).segmentation(0)[20, 20] == 2).all()


def test_a_point_that_gets_behind_the_camera_has_no_flow_and_is_outside() -> None:
  truth = truth_of([kg.Object("cube", kg.Cube(), path=path((0, 0, 0), (0, 0, 40)))], num_frames=2)
  labels = truth.segmentation(-1)[..., 0]
  assert (labels == 1).sum() > 20
  assert (truth.flow(-1, 2)[labels == 1] == 0).all()
  assert (truth.occlusion(-1, 2)[labels == 1] == 2).all()
  assert (truth.occlusion(-1, 2)[labels == 0] == 0).all()


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_inside_a_dome_only_the_dome_and_its_floor_are_seen_with_normals_turned_inwards(scale: float) -> None:
  dome = kg.Object("dome", kg.Dome(), scale=scale, static=True, background=True, visibility=kg.BACKDROP)
  floor = kg.Object("floor", kg.Disc(), scale=scale, static=True, background=True)
  outside = kg.Object("outside", kg.Cube(), position=(3 * scale, 0, 0), scale=scale, static=True)
  centre = np.array([0.1, 0.05, 0.2]) * scale
  for target in ((1, 0, 0.1), (-1, 0.4, -0.3), (0.1, 0, 1), (0, 0.2, -1)):
    camera = kg.PerspectiveCamera(position=centre, look_at=centre + target, focal_length=12, near=0.01)
    truth = truth_of([dome, floor, outside], camera)
    index, depth, normal = truth.samples(0).object_index, truth.depth(0), truth.normal(0)
    assert set(np.unique(index)) <= {0, 1}  # closed: no pixel sees through a seam
    assert (truth.segmentation(0) == 0).all() and (depth < 1.5 * scale).all()
    _, directions = camera.rays(truth.sampler.pixels, (40, 40))
    world = directions @ truth.sampler.camera_rotations[1].T
    assert (np.einsum("ijk,ijk->ij", normal, world) < 0).all()
    points = centre + world * depth
    assert (np.hypot(points[..., 0], points[..., 1]) <= 0.7501 * scale).all()
    assert (points[..., 2] >= -1e-5 * scale).all() and (points[..., 2] <= 0.7501 * scale).all()
    sideways = (index == 0) & (points[..., 2] < 0.6 * scale)
    assert (np.einsum("ijk,ijk->ij", normal[..., :2], points[..., :2])[sideways] <= 1e-3 * scale).all()  # to the axis


# Points in motion.

def test_warp_by_the_flow_lands_where_the_coordinates_match(moving: kg.GroundTruth) -> None:
  """A point moved by flow t → s is, where visible, the same point of the same object in frame s."""
  from scipy.ndimage import map_coordinates
  for t, s in [(0, 1), (1, 2), (2, 1), (0, 2), (2, 0), (0, -1), (2, 3)]:
    there = moving.sampler.pixels + moving.flow(t, s)
    labels, later = moving.segmentation(t)[..., 0], moving.segmentation(s)[..., 0]
    coordinates, target = moving.object_coordinates(t), moving.object_coordinates(s)
    grid = np.moveaxis(there - 0.5, -1, 0)
    warped = np.stack([map_coordinates(target[..., k], grid, order=1, mode="nearest") for k in range(3)], axis=-1)
    low = np.clip(np.floor(grid).astype(int), 0, np.array([58, 88])[:, None, None])
    around = np.stack([later[low[0] + r, low[1] + c] for r in (0, 1) for c in (0, 1)])
    normal = moving.normal(s)
    corner = np.stack([normal[low[0] + r, low[1] + c] for r in (0, 1) for c in (0, 1)])
    smooth = (np.ptp(corner, axis=0) < 0.1).all(axis=-1)
    view = moving.sampler.ray_directions @ moving.sampler.camera_rotations[s + 1].T
    facing = -np.einsum("ijk,ijk->ij", normal, view)[low[0], low[1]] > 0.4
    keep = (moving.occlusion(t, s)[..., 0] == 0) & (around == labels).all(axis=0) & smooth & facing & (labels > 0)
    assert keep.sum() > 300 and len(np.unique(labels[keep])) == 2
    keep &= ((there >= 0.5) & (there <= np.array(moving.resolution) - 0.5)).all(axis=-1)  # between four centres
    error = np.abs(warped - coordinates)[keep]
    assert error.max() < 5e-3  # bilinear interpolation of a perspective, curved image is not exact
    assert np.median(error) < 2e-4


def test_backward_flow_is_the_negative_of_the_flow_to_the_frame_before(moving: kg.GroundTruth) -> None:
  for t in range(3):
    np.testing.assert_array_equal(moving.backward_flow(t), -moving.flow(t, t - 1))
    assert not np.isnan(moving.forward_flow(t)).any()


def test_frames_can_be_asked_in_any_order(moving: kg.GroundTruth) -> None:
  forwards = [moving.depth(t) for t in (0, 1, 2)]
  backwards = [moving.depth(t) for t in (2, 1, 0)][::-1]
  np.testing.assert_array_equal(forwards, backwards)


@pytest.mark.parametrize("t", [-2, 4])
def test_frames_beyond_the_known_ones_are_refused(moving: kg.GroundTruth, t: int) -> None:
  for call in (moving.samples, moving.segmentation, lambda frame: moving.flow(0, frame),
               lambda frame: moving.occlusion(0, frame)):
    with pytest.raises(KubricGenError, match=f"frame {t} "):
      call(t)


def test_another_resolution_samples_its_own_pixel_centres(moving: kg.GroundTruth) -> None:
  """Three times the pixels: the middle of each 3 × 3 block is the coarse pixel's centre."""
  fine = kg.GroundTruth(moving.scene, moving.motion, resolution=(180, 270))
  np.testing.assert_array_equal(fine.segmentation(1)[1::3, 1::3], moving.segmentation(1))
  np.testing.assert_allclose(fine.depth(1)[1::3, 1::3], moving.depth(1), rtol=1e-5)
  np.testing.assert_allclose(fine.forward_flow(1)[1::3, 1::3], 3 * moving.forward_flow(1), atol=1e-3)


def test_layers_are_checked_by_name() -> None:
  assert check_layers(["z", "rgba", "z"]) == ("rgba", "z")
  with pytest.raises(KubricGenError, match="deepness"):
    check_layers(["depth", "deepness"])


# Tracks.

def test_tracks_have_the_layout_of_tap_vid(moving: kg.GroundTruth) -> None:
  tracks = point_tracks(moving, np.random.default_rng(0), 50)
  assert {name: (array.shape, array.dtype.name) for name, array in tracks.items()} == {
      "query_points": ((50, 3), "float32"), "points": ((50, 3, 2), "float32"), "occluded": ((50, 3), "bool"),
      "positions": ((50, 3, 3), "float32"), "instance": ((50,), "int32")}
  again = point_tracks(moving, np.random.default_rng(0), 50)
  for name in tracks:
    np.testing.assert_array_equal(tracks[name], again[name])
  assert set(tracks["query_points"][:, 0]) == {0, 1, 2} and set(tracks["instance"]) == {-1, 0, 1}


def test_tracks_pass_through_their_queries_and_follow_the_rigid_motion(moving: kg.GroundTruth) -> None:
  tracks = point_tracks(moving, np.random.default_rng(1), 120)
  frames = tracks["query_points"][:, 0].astype(int)
  each = np.arange(120)
  flows, lost = ({(t, s): layer(t, s) for t in range(3) for s in range(3)} for layer in (moving.flow, moving.occlusion))
  labels = [moving.segmentation(t) for t in range(3)]
  np.testing.assert_allclose(tracks["points"][each, frames], tracks["query_points"][:, :0:-1], atol=1e-3)  # (x, y)
  assert not tracks["occluded"][each, frames].any()
  for n in each:
    k, t = tracks["instance"][n], frames[n]
    row, column = (tracks["query_points"][n, 1:] - 0.5).astype(int)
    assert labels[t][row, column, 0] == k + 1
    index = 0 if k < 0 else moving.foreground[k]
    poses = [(moving.motion.positions[f + 1, index], moving.sampler.rotations[f + 1, index]) for f in range(3)]
    body = (tracks["positions"][n, t] - poses[t][0]) @ poses[t][1]
    np.testing.assert_allclose(tracks["positions"][n], [r @ body + p for p, r in poses], atol=1e-5)
    for s in range(3):  # tracks, flow and occlusion tell one story
      moved = flows[t, s][row, column] + (row + 0.5, column + 0.5)
      np.testing.assert_allclose(tracks["points"][n, s], moved[::-1], atol=1e-3)
      assert tracks["occluded"][n, s] == (lost[t, s][row, column, 0] > 0)


def test_tracks_of_an_empty_scene_are_occluded_everywhere() -> None:
  tracks = point_tracks(truth_of([]), np.random.default_rng(0), 5)
  assert tracks["occluded"].all() and (tracks["instance"] == -1).all()


def test_a_track_is_occluded_behind_the_camera_outside_the_image_and_beyond_far() -> None:
  keys = kg.Path((1, 2, 3, 4), ((0, 0, 0), (0, 0, 10), (9, 0, 0), (0, 0, -10)), ((1, 0, 0, 0),) * 4)
  truth = truth_of([kg.Object("cube", kg.Cube(), path=keys)], kg.PerspectiveCamera(position=(0, 0, 5), far=10.0),
                   num_frames=4)
  tracks = point_tracks(truth, np.random.default_rng(0), 64)
  first = (tracks["query_points"][:, 0] == 0) & (tracks["instance"] == 0)
  assert first.sum() > 5
  np.testing.assert_array_equal(tracks["occluded"][first], np.tile([False, True, True, True], (first.sum(), 1)))
  assert (truth.occlusion(0, 3)[truth.segmentation(0)[..., 0] == 1] == 2).all()
  assert np.isfinite(tracks["points"]).all()


# What is known of instances, cameras and events.

def image_positions(points: np.ndarray, camera: kg.Camera, resolution: tuple[int, int]) -> np.ndarray:
  """Of points (n, 3) in world space."""
  positions, quaternions = camera.poses(np.ones(len(points)))
  local = np.einsum("ti,tij->tj", points - positions, rotation_matrix(quaternions))
  return camera.image_positions(local, resolution)


def test_image_positions_are_normalised_projections() -> None:
  camera = kg.PerspectiveCamera(position=(1, 2, 3), look_at=(0, 0, 0))
  points = np.random.default_rng(0).normal(size=(7, 3))
  for resolution in ((30, 50), (50, 30)):
    found = image_positions(points, camera, resolution)
    matrix = camera.intrinsics_cv(resolution) @ camera.extrinsics_cv(1)[0, :3]
    h = np.concatenate([points, np.ones((7, 1))], axis=1) @ matrix.T
    np.testing.assert_allclose(found, h[:, :2] / h[:, 2:] / resolution[::-1])


def test_image_positions_of_an_orthographic_camera() -> None:
  camera = kg.OrthographicCamera(position=(0, 0, 5), scale=4)
  points = np.array([[0, 0, 0], [2, 0, 1], [-2, 1, -3]])
  found = image_positions(points, camera, (20, 40))
  np.testing.assert_allclose(found, [[0.5, 0.5], [1, 0.5], [0, 0]])


def test_points_behind_the_camera_are_mirrored_and_never_infinite() -> None:
  camera = kg.PerspectiveCamera(focal_length=36, sensor_width=36)
  points = np.array([[0.25, 0.1, -1], [-0.25, -0.1, 1], [1, 1, 0]])
  found = image_positions(points, camera, (10, 10))
  np.testing.assert_allclose(found[1], found[0])
  assert np.isfinite(found).all()


def test_boxes_are_tight_with_an_exclusive_maximum() -> None:
  seen = Visibility(3)
  labels = np.zeros((8, 16, 1), np.uint16)
  labels[2:5, 4:12] = 1
  labels[7, 15] = 3
  seen.add(labels, np.array([30, 4, 1]))
  seen.add(np.zeros_like(labels), np.array([1, 0, 0]))
  seen.add(np.full_like(labels, 1), np.array([128, 0, 0]))
  assert seen.boxes(0) == ([[2 / 8, 4 / 16, 5 / 8, 12 / 16], [0, 0, 1, 1]], [0, 2])
  assert seen.boxes(1) == ([], [])
  assert seen.boxes(2) == ([[7 / 8, 15 / 16, 1, 1]], [0])
  np.testing.assert_array_equal(seen.visibility, [[24, 0, 1], [0, 0, 0], [128, 0, 0]])
  np.testing.assert_array_equal(seen.amodal, [[30, 4, 1], [1, 0, 0], [128, 0, 0]])


def test_instances_come_by_visible_pixels_and_equal_ones_in_the_order_of_the_scene() -> None:
  seen = Visibility(5)
  seen.add(np.array([[[1], [2], [2], [4], [4], [5], [5], [5]]], np.uint16), np.ones(5, int))
  assert visible_order([seen]) == [4, 1, 3, 0]  # object 2 is never seen
  many = Visibility(60)
  many.add((np.arange(120).reshape(1, -1, 1) // 2 + 1).astype(np.uint16), np.full(60, 2))
  assert visible_order([many]) == list(range(60))


def test_the_order_is_one_for_all_views() -> None:
  near, behind = Visibility(3), Visibility(3)
  near.add(np.array([[[1], [1], [1], [2]]], np.uint16), np.ones(3, int))
  behind.add(np.array([[[3], [3], [2], [2], [2], [2]]], np.uint16), np.ones(3, int))
  assert visible_order([near, behind]) == visible_order([behind, near]) == [1, 0, 2]


def recorded(truth: kg.GroundTruth) -> Visibility:
  seen = Visibility(len(truth.foreground))
  for t in range(truth.scene.num_frames):
    seen.add(truth.segmentation(t), truth.amodal_pixels(t))
  return seen


def test_instances() -> None:
  """A small cube half behind a large one, and a third out of sight."""
  objects = [kg.Object("floor", kg.Plane(), scale=50, position=(0, 0, -3), static=True, background=True),
             kg.Object("small", kg.Cube(), scale=(1, 0.5, 0.5), path=path((0.5, 0, 0), (0.5, 0, 0.4)), density=200,
                       labels={"color_label": "red"}),
             kg.Object("gone", kg.Cube(), position=(99, 0, 0), static=True),
             kg.Object("large", kg.Cube(), scale=(1, 2, 1), position=(0, 0, 2), static=True, friction=0.25,
                       asset_id="box")]
  truth = truth_of(objects, resolution=(40, 60))
  seen = recorded(truth)
  records = instances_of(truth, seen, visible_order([seen]))
  assert [record["name"] for record in records] == ["large", "small"]
  large, small = records
  assert (large["asset_id"], small["asset_id"]) == ("box", "cube")
  assert large["friction"] == 0.25 and small["mass"] == pytest.approx(50) and small["color_label"] == "red"
  assert small["positions"].shape == (3, 3) and small["bboxes_3d"].shape == (3, 8, 3)
  np.testing.assert_allclose(small["positions"], [[0.5, 0, 0.1], [0.5, 0, 0.2], [0.5, 0, 0.3]])
  np.testing.assert_allclose(small["bboxes_3d"][0, :4, 2], [-0.15, 0.35, -0.15, 0.35])  # −−−, −−+, −+−, −++
  np.testing.assert_allclose(small["bboxes_3d"][0, :4, 0], 0)
  np.testing.assert_allclose(small["velocities"][1], [0, 0, 0.1 * 12])
  np.testing.assert_array_equal(small["visibility"], seen.visibility[:, 0])
  assert (small["visibility_fraction"] > 0).all() and (small["visibility_fraction"] < 1).all()
  assert (large["visibility_fraction"] == 1).all()
  assert small["bbox_frames"].tolist() == [0, 1, 2] and large["image_positions"][0].tolist() == [0.5, 0.5]
  labels = truth.segmentation(1)[..., 0]
  rows, columns = np.nonzero(labels == 1)
  assert small["bboxes"][1].tolist() == [rows.min() / 40, columns.min() / 60, (rows.max() + 1) / 40, (columns.max() + 1) / 60]


def test_camera_data() -> None:
  scene = kg.Scene([], cameras=[kg.PerspectiveCamera("p", focal_length=35, sensor_width=32, position=(1, 2, 3)),
                                kg.OrthographicCamera("o", scale=3)], num_frames=5)
  first, second = (camera_data(scene, camera, (40, 80)) for camera in scene.cameras)
  assert first["positions"].shape == (5, 3) and first["quaternions"].shape == (5, 4)
  assert first["extrinsics_cv"].shape == (5, 4, 4) and first["R"].shape == (4, 4)
  np.testing.assert_allclose(first["R"][:3, 3], (1, 2, 3))
  np.testing.assert_allclose(first["K"], [[35 / 32, 0, -0.5], [0, -35 / 16, -0.5], [0, 0, -1]])
  assert first["sensor_height"] == 16 and first["projection"] == "perspective"
  assert second["projection"] == "orthographic" and second["focal_length"] is None and second["orthographic_scale"] == 3


def test_collisions_outside_the_clip_are_left_out_and_named_by_instance() -> None:
  def event(objects: tuple[int, int], frame: float) -> kg.Collision:
    return kg.Collision(objects, frame / 12, frame, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 3.0, 0.5, 0.1)

  objects = [square("floor", -1, 9, background=True),
             kg.Object("a", kg.Cube(), static=True, scale=0.5, position=(1, 0, 0)),
             kg.Object("b", kg.Cube(), static=True), kg.Object("gone", kg.Cube(), position=(99, 0, 0), static=True)]
  scene = kg.Scene(objects, cameras=[DOWN], resolution=(40, 40), num_frames=3)
  still = kg.Motion.from_paths(scene)
  events = [event((0, 2), 0.99), event((0, 2), 1.0), event((1, 2), 2.99), event((3, 1), 3.0), event((1, 2), 3.01)]
  motion = kg.Motion(still.positions, still.quaternions, still.velocities, still.angular_velocities, tuple(events))
  truth = kg.GroundTruth(scene, motion)
  records = collisions_of(truth, visible_order([recorded(truth)]))
  assert [(record["instances"], record["frame"]) for record in records] == [((-1, 0), 0), ((1, 0), 1), ((-1, 1), 2)]
  assert records[0]["image_position"].tolist() == [0.5, 0.5] and records[0]["contact_normal"].tolist() == [0, 0, 1]
