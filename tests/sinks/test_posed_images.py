"""Exports of posed images: each format read back by its own library or by readers of its description, and held against an
analytic oracle."""

from __future__ import annotations

import itertools
import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sinks.posed import (BALL, CUBE, MOVING, SIZE, SPLITS, STILL, VIEWS, Array, Shot, Thing, colour, example_of, oracle,
                               posed_scene, read_nerfstudio, read_ply, read_png)

import kubric_gen as kg
from kubric_gen.errors import KubricGenError
from kubric_gen.example.frames import LazyFrames
from kubric_gen.sinks import example_sink
from kubric_gen.sinks.lenses import Lens
from kubric_gen.sinks.posed_frames import posed_frames
from kubric_gen.sinks.surface_points import surface_points

FORMATS = ("nerfstudio", "blender", "colmap")
NAMES = [f"view_{t:03d}" for t in range(VIEWS)]


def export(name: str, example: kg.Example, target: Path) -> Path:
  with example_sink(name)(target) as sink:
    sink.add("7", example)
    sink.finish()
  return target / "7"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
  """A scene of which one object moves, in all formats."""
  folder = tmp_path_factory.mktemp("exported")
  with example_of(posed_scene(MOVING)) as example:
    return {name: export(name, example, folder / name) for name in FORMATS}


@pytest.fixture(scope="module")
def shots(exported: dict[str, Path]) -> dict[str, Shot]:
  return read_nerfstudio(exported["nerfstudio"])[1]


@pytest.fixture(scope="module")
def model(exported: dict[str, Path]) -> Any:
  pycolmap = pytest.importorskip("pycolmap")  # the image has none
  return pycolmap.Reconstruction(str(exported["colmap"] / "sparse" / "0"))


# --- nerfstudio ------------------------------------------------------------------------------------------------------------


def test_nerfstudio_has_all_views(exported: dict[str, Path]) -> None:
  described, shots = read_nerfstudio(exported["nerfstudio"])
  focal = 50 / 36 * SIZE[1]
  assert {name: described[name] for name in ("fl_x", "fl_y", "cx", "cy", "w", "h", "k1", "k2", "p1", "p2")} == {
      "fl_x": pytest.approx(focal), "fl_y": pytest.approx(focal), "cx": SIZE[1] / 2, "cy": SIZE[0] / 2,
      "w": SIZE[1], "h": SIZE[0], "k1": 0, "k2": 0, "p1": 0, "p2": 0}
  assert list(shots) == NAMES
  splits = [SPLITS.get(t, "train") for t in range(VIEWS)]
  assert [shot.described["split"] for shot in shots.values()] == splits
  for short, split in (("train", "train"), ("val", "validation"), ("test", "test")):
    assert described[f"{short}_filenames"] == [f"images/{name}.png" for name, each in zip(NAMES, splits) if each == split]
  for t, shot in enumerate(shots.values()):
    np.testing.assert_array_equal(shot.image, colour(t))
  text = (exported["nerfstudio"] / "transforms.json").read_text()
  assert text == json.dumps(json.loads(text), indent=1) + "\n"


def test_nerfstudio_has_depth_to_the_plane_and_masks_of_what_moves(shots: dict[str, Shot]) -> None:
  for t, shot in enumerate(shots.values()):
    seen = oracle(MOVING, t).look(0)
    # A ball is a mesh, at whose silhouette a pixel may show what is behind
    same = (shot.z > 0) == seen.hit
    assert same.mean() > 0.995
    difference = np.abs(shot.z + seen.point[..., 2])[same & seen.hit]
    assert np.quantile(difference, 0.9) < 6e-4 and (difference < 0.01).mean() > 0.995
    assert (shot.mask == np.where(seen.index == MOVING.index(MOVING[-1]), 0, 255)).mean() > 0.998
  assert sum((shot.mask == 0).any() for shot in shots.values()) > VIEWS // 2


def _interpolated(shot: Shot, at: Array) -> tuple[Array, Array]:
  """Depth between pixel centres, linear in 1 / z, and the four neighbours' heights (N, 4) in the world."""
  low = np.clip(np.floor(at - 0.5).astype(int), 0, np.array(SIZE[::-1]) - 2)
  part = at - 0.5 - low
  inverse, heights = np.zeros(len(at)), []
  for down, right in np.ndindex(2, 2):
    column, row = low[:, 0] + right, low[:, 1] + down
    z = shot.z[row, column]
    inverse += np.abs(1 - right - part[:, 0]) * np.abs(1 - down - part[:, 1]) / np.where(z > 0, z, np.inf)
    heights.append(shot.unproject(np.stack([column, row], axis=1) + 0.5, z)[:, 2])
  return 1 / np.maximum(inverse, 1e-9), np.stack(heights, axis=1)


def test_points_reproject_through_poses_and_depths(shots: dict[str, Shot]) -> None:
  """Of planes, because there is known what lies between pixel centres."""
  pixels = np.stack(np.indices(SIZE).reshape(2, -1)[::-1], axis=1) + 0.5
  there, back = [], []
  for one, other in itertools.permutations(shots.values(), 2):
    points = one.unproject(pixels, one.z.ravel())
    for height in (0.0, 1.0):  # the floor, and the top of the cube
      mine = np.flatnonzero((one.z.ravel() > 0) & (np.abs(points[:, 2] - height) < 1e-3))
      at, _ = other.project(points[mine])
      inside = ((at > 0.5) & (at < np.array(SIZE[::-1]) - 0.5)).all(axis=1)
      mine, at = mine[inside], at[inside]
      z, heights = _interpolated(other, at)
      seen = (np.abs(heights - height) < 1e-3).all(axis=1)
      mine, at, z = mine[seen], at[seen], z[seen]
      eye = one.to_world[:3, 3]
      ray = points[mine] - eye
      exact, _ = other.project(eye + ray * ((height - eye[2]) / ray[:, 2])[:, None])
      there.append(np.abs(exact - at).ravel())
      back.append(np.abs(one.project(other.unproject(at, z))[0] - pixels[mine]).ravel())
  assert len(np.concatenate(there)) > 50_000
  assert np.concatenate(there).max() < 0.05
  # Back again with the other view's depth, which is rounded, too
  assert np.quantile(np.concatenate(back), 0.999) < 0.05 and np.concatenate(back).max() < 0.1


def test_depth_beyond_its_range_is_unknown(tmp_path: Path) -> None:
  wall = kg.Object("wall", kg.Cube(), position=(0, 66, 0), scale=(20, 1, 200), static=True, background=True)
  camera = kg.PerspectiveCamera(position=(0, 0, 0), look_at=(0, 1, 0.12))
  with example_of(kg.Scene([wall], [], [camera], resolution=SIZE, num_frames=1)) as example:
    distance = example.stack("depth")[0, ..., 0]
    shot, = read_nerfstudio(export("nerfstudio", example, tmp_path))[1].values()
  assert (distance[:, 25:55] < 1000).all() and (distance == 1000).any()
  assert (shot.z[distance == 1000] == 0).all()
  assert shot.z.max() <= 65.535
  known = shot.z > 0
  assert known.any() and ((distance < 1000) & ~known).any()
  # The wall is a plane, tilted against the image: what is left out is what lies beyond
  points = shot.unproject(np.stack(np.nonzero(known)[::-1], axis=1) + 0.5, shot.z[known])
  np.testing.assert_allclose(points[:, 1], 65.5, atol=1e-3)


def test_a_still_scene_masks_nothing_and_a_clip_leaves_its_division_open(tmp_path: Path) -> None:
  scene = replace(posed_scene(STILL), posed_views=())
  with example_of(scene) as example:
    described, shots = read_nerfstudio(export("nerfstudio", example, tmp_path))
  assert all((shot.mask == 255).all() for shot in shots.values())
  assert list(shots) == [f"{t:05d}" for t in range(VIEWS)]
  assert {shot.described["split"] for shot in shots.values()} == {"train"}
  assert not [key for key in described if key.endswith("_filenames")]


def test_cameras_that_differ_have_their_own_intrinsics(tmp_path: Path) -> None:
  cameras = [kg.PerspectiveCamera("left", position=(0, -5, 2), look_at=(0, 0, 0)),
             kg.PerspectiveCamera("right", position=(1, -5, 2), look_at=(0, 0, 0), focal_length=35, resolution=(32, 40))]
  scene = kg.Scene([thing.object(2) for thing in STILL], [], cameras, resolution=SIZE, num_frames=2)
  with example_of(scene) as example:
    described, shots = read_nerfstudio(export("nerfstudio", example, tmp_path / "nerfstudio"))
    pycolmap = pytest.importorskip("pycolmap")  # the image has none
    found = pycolmap.Reconstruction(str(export("colmap", example, tmp_path / "colmap") / "sparse/0"))
  assert not set(described) & {"fl_x", "fl_y", "cx", "cy", "w", "h", "k1", "k2", "p1", "p2"}
  assert [(name, shot.image.shape[:2]) for name, shot in shots.items()] == [
      ("left_00000", SIZE), ("left_00001", SIZE), ("right_00000", (32, 40)), ("right_00001", (32, 40))]
  assert shots["right_00000"].described["fl_x"] == pytest.approx(35 / 36 * 40)
  assert {image.name: image.camera_id for image in found.images.values()} == {
      "left_00000.png": 1, "left_00001.png": 1, "right_00000.png": 2, "right_00001.png": 2}
  assert [camera.params.tolist() for _, camera in sorted(found.cameras.items())] == [
      pytest.approx([50 / 36 * 80] * 2 + [40, 32]), pytest.approx([35 / 36 * 40] * 2 + [20, 16])]
  assert found.compute_num_observations() > 1000


# --- NeRF's synthetic format -----------------------------------------------------------------------------------------------


def test_blender_has_the_splits(exported: dict[str, Path], shots: dict[str, Shot]) -> None:
  folder, found = exported["blender"], {}
  for short, split in (("train", "train"), ("val", "validation"), ("test", "test")):
    described = json.loads((folder / f"transforms_{short}.json").read_text())
    assert described["camera_angle_x"] == pytest.approx(2 * np.arctan(18 / 50), abs=1e-12)
    for frame in described["frames"]:
      name = Path(frame["file_path"]).name
      assert frame["file_path"] == f"./{short}/{name}" and shots[name].described["split"] == split
      assert frame["transform_matrix"] == shots[name].described["transform_matrix"]
      np.testing.assert_array_equal(read_png(folder / f"{frame['file_path']}.png"), shots[name].image)
      found[name] = frame
  assert sorted(found) == NAMES
  assert sorted(path.name for path in folder.iterdir()) == ["test", "train", *(f"transforms_{split}.json" for split in (
      "test", "train", "val")), "val"]


def test_blender_has_files_of_splits_without_views(tmp_path: Path) -> None:
  with example_of(replace(posed_scene(STILL), posed_views=())) as example:
    folder = export("blender", example, tmp_path)
  assert [len(json.loads((folder / f"transforms_{split}.json").read_text())["frames"]) for split in ("train", "val", "test")] == [
      VIEWS, 0, 0]


# --- COLMAP ----------------------------------------------------------------------------------------------------------------


def test_colmap_reads_cameras_and_poses(model: Any, shots: dict[str, Shot], exported: dict[str, Path]) -> None:
  camera, = model.cameras.values()
  assert camera.model.name == "PINHOLE" and (camera.width, camera.height) == SIZE[::-1]
  assert sorted(image.name for image in model.images.values()) == [f"{name}.png" for name in NAMES]
  for image in model.images.values():
    shot = shots[image.name.removesuffix(".png")]
    np.testing.assert_array_equal(read_png(exported["colmap"] / "images" / image.name), shot.image)
    pose = np.vstack([image.cam_from_world().matrix(), [0, 0, 0, 1]])
    np.testing.assert_allclose(pose @ shot.to_world, np.diag([1, -1, -1, 1]), atol=1e-12)


def test_points_lie_where_their_observations_say(model: Any, shots: dict[str, Shot]) -> None:
  worst, ours = 0.0, 0.0
  for point in model.points3D.values():
    for element in point.track.elements:
      image = model.images[element.image_id]
      seen = image.points2D[element.point2D_idx].xy
      worst = max(worst, np.abs(image.project_point(point.xyz) - seen).max())
      ours = max(ours, np.abs(shots[image.name.removesuffix(".png")].project(point.xyz[None])[0] - seen).max())
      assert (seen > 0).all() and (seen < SIZE[::-1]).all()
  assert worst < 1e-3 and ours < 1e-3
  assert model.compute_mean_reprojection_error() < 1e-9
  assert sum(len(image.points2D) for image in model.images.values()) == model.compute_num_observations()


def test_points_lie_on_surfaces_and_are_seen_where_they_say(model: Any) -> None:
  for image in model.images.values():
    t = NAMES.index(image.name.removesuffix(".png"))
    points = [model.points3D[each.point3D_id].xyz for each in image.points2D]
    looking = oracle(MOVING, t)
    look = looking.cast(0, np.array([each.xy[::-1] for each in image.points2D]))
    distance = np.linalg.norm(np.array(points) - looking.view.keys.positions[0], axis=1)
    assert (np.abs(look.distance / distance - 1) < 3e-3).mean() > 0.999  # a ball is a mesh
    assert len(points) > 2000


def test_points_are_seen_in_nearly_all_views_that_could(model: Any) -> None:
  """Those at edges are left out, where not all pixels around show the same."""
  points = np.array([point.xyz for point in model.points3D.values()])
  tracks = [{element.image_id for element in point.track.elements} for point in model.points3D.values()]
  assert all(len(track) >= 2 for track in tracks)
  wanted = found = 0
  for image in model.images.values():
    looking = oracle(MOVING, NAMES.index(image.name.removesuffix(".png")))
    at = np.array([image.project_point(point) for point in points])
    inside = ((at > 0) & (at < SIZE[::-1])).all(axis=1)
    distance = np.linalg.norm(points - looking.view.keys.positions[0], axis=1)
    visible = inside & (np.abs(looking.cast(0, at[:, ::-1]).distance / distance - 1) < 1e-3)
    wanted += visible.sum()
    found += sum(image.image_id in track for track, sees in zip(tracks, visible) if sees)
  assert found > 0.85 * wanted > 0


def test_what_moves_has_no_points(model: Any) -> None:
  points = np.array([point.xyz for point in model.points3D.values()])
  low, high = np.array([-0.25, -1.55, 0.002]), np.array([0.25, 1.55, 0.51])  # all places of the object that moves
  assert not ((points > low) & (points < high)).all(axis=1).any()
  assert ((np.abs(points[:, 2]) < 1e-3) & (np.abs(points[:, 0]) < 0.2)).any()  # but the floor beneath has


def test_points_have_the_colour_of_the_view_that_they_come_from(model: Any) -> None:
  for point in list(model.points3D.values())[::50]:
    t = int(point.color[2])  # as `colour` has it
    element, = [each for each in point.track.elements if model.images[each.image_id].name == f"{NAMES[t]}.png"]
    column, row = model.images[element.image_id].points2D[element.point2D_idx].xy
    assert (row, column) == pytest.approx((point.color[0] + 0.5, point.color[1] + 0.5), abs=1e-6)
    assert t not in SPLITS


def test_depths_and_points_agree(model: Any, shots: dict[str, Shot]) -> None:
  """A pixel of the view that a point comes from, carried by nerfstudio's depth and poses, arrives where COLMAP has it."""
  worst = []
  for point in model.points3D.values():
    t = int(point.color[2])
    row, column = (int(value) for value in point.color[:2])
    carried = shots[NAMES[t]].unproject(np.array([[column, row]]) + 0.5, shots[NAMES[t]].z[[row], [column]])
    for element in point.track.elements:
      image = model.images[element.image_id]
      at, _ = shots[image.name.removesuffix(".png")].project(carried)
      worst.append(np.abs(at[0] - image.points2D[element.point2D_idx].xy).max())
  assert max(worst) < 0.05


def test_both_formats_have_the_same_points(model: Any, exported: dict[str, Path]) -> None:
  positions, colors = read_ply(exported["nerfstudio"] / "sparse_pc.ply")
  points = [point for _, point in sorted(model.points3D.items())]
  np.testing.assert_array_equal(positions, [point.xyz for point in points])
  np.testing.assert_array_equal(colors, [point.color for point in points])


# --- points ----------------------------------------------------------------------------------------------------------------


def test_points_are_spread_evenly() -> None:
  camera = kg.PerspectiveCamera(position=(0, -1, 5), look_at=(0, 0, 0))
  scene = kg.Scene([Thing("floor", "plane", (100, 100, 1), (0, 0, 0)).object(3)], [], [camera], resolution=(64, 64), num_frames=3)
  with example_of(scene) as example:
    frames = posed_frames(example, "test")
    points = surface_points(frames, 3 * 64)
  assert len(points) == 3 * 64
  for t, frame in enumerate(frames):
    mine = points.positions[points.colors[:, 2] == t]
    column, row = frame.lens.project(frame.to_camera(mine)).T
    counts, *_ = np.histogram2d(row, column, bins=4, range=((0, 64), (0, 64)))
    assert counts.sum() == 64 and counts.min() >= 2 and counts.max() <= 6


def test_frames_are_loaded_one_at_a_time(tmp_path: Path) -> None:
  alive: weakref.WeakSet[Any] = weakref.WeakSet()
  most = 0

  class Tracked(np.ndarray):
    __hash__ = object.__hash__

  def tracked(frames: LazyFrames) -> LazyFrames:
    def load(t: int) -> Any:
      nonlocal most
      frame = frames[t].copy().view(Tracked)
      alive.add(frame)
      most = max(most, len(alive))
      return frame
    return LazyFrames(len(frames), load)

  with example_of(posed_scene(MOVING, views=4, size=(16, 16))) as example:
    example.views = tuple(replace(view, layers={name: tracked(frames) for name, frames in view.layers.items()})
                          for view in example.views)
    for name in FORMATS:
      export(name, example, tmp_path / name)
  assert 0 < most <= 4


# --- lenses ----------------------------------------------------------------------------------------------------------------

BENT = (-0.2, 0.05, 0.001, -0.002, 0.01)


@pytest.mark.parametrize("distortion", [(), (*BENT[:4], 0.0), BENT, (0.4, 0.1, 0.001, -0.002, 0.01)])
def test_lenses_are_opencvs(distortion: tuple[float, ...]) -> None:
  import cv2
  lens = Lens(128, 96, 150.0, 151.0, 63.0, 49.0, distortion)
  pixels = np.random.default_rng(0).uniform((0, 0), (128, 96), (500, 2))
  points = lens.directions(pixels) * 3.1
  np.testing.assert_allclose(lens.project(points), pixels, atol=1e-9)
  k = np.array([[150.0, 0, 63], [0, 151, 49], [0, 0, 1]])
  there, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), k, np.array(distortion or (0.0,) * 4))
  np.testing.assert_allclose(there[:, 0], pixels, atol=1e-9)
  assert np.isnan(lens.project(-points)).all()


def test_what_a_lens_folds_back_into_the_image_is_not_seen() -> None:
  lens = Lens(100, 100, 100.0, 100.0, 50.0, 50.0, (-0.3, 0.0, 0.0, 0.0, 0.0))
  assert np.isnan(lens.project(np.array([[1.8, 0.0, 1.0]]))).all()
  assert np.isnan(lens.directions(np.array([[1000.0, 50.0]]))[:, :2]).all()


def _with_camera(example: kg.Example, **changes: Any) -> kg.Example:
  example.views = tuple(replace(view, camera=replace(view.camera, **changes)) for view in example.views)
  return example


@pytest.mark.parametrize(("distortion", "model_name"), [(BENT[:4], "OPENCV"), (BENT, "FULL_OPENCV")])
def test_distortion_is_handed_on(distortion: tuple[float, ...], model_name: str, tmp_path: Path) -> None:
  pycolmap = pytest.importorskip("pycolmap")  # the image has none
  with _with_camera(example_of(posed_scene(STILL, views=2)), distortion=distortion) as example:
    described, _ = read_nerfstudio(export("nerfstudio", example, tmp_path / "nerfstudio"))
    found = pycolmap.Reconstruction(str(export("colmap", example, tmp_path / "colmap") / "sparse/0"))
  assert [described[name] for name in ("k1", "k2", "p1", "p2")] == list(BENT[:4])
  assert described.get("k3", 0.0) == (BENT[4] if len(distortion) == 5 else 0.0)
  camera, = found.cameras.values()
  assert camera.model.name == model_name
  assert camera.params[4:8].tolist() == list(BENT[:4])
  for point in found.points3D.values():
    for element in point.track.elements:
      image = found.images[element.image_id]
      assert np.abs(image.project_point(point.xyz) - image.points2D[element.point2D_idx].xy).max() < 1e-6


# --- what a format has no way to say ---------------------------------------------------------------------------------------


def refused(name: str, example: kg.Example, target: Path) -> str:
  """The one line by which an export is refused, and nothing is left behind."""
  with example, pytest.raises(KubricGenError) as caught:
    export(name, example, target)
  assert "\n" not in str(caught.value) and not list(target.rglob("*"))
  return str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_other_cameras_are_refused(name: str, tmp_path: Path) -> None:
  camera = kg.OrthographicCamera("flat", position=(0, -5, 1), look_at=(0, 0, 0))
  scene = kg.Scene([CUBE.object(1)], [], [camera], resolution=SIZE, num_frames=1)
  line = refused(name, example_of(scene), tmp_path)
  assert name in line and "flat" in line and "orthographic" in line
  still = posed_scene(STILL, views=2)
  assert "readout" in refused(name, _with_camera(example_of(still), readout=0.5), tmp_path)
  assert "3 coefficients" in refused(name, _with_camera(example_of(still), distortion=(0.1, 0.2, 0.3)), tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_scenes_without_training_views_are_refused(name: str, tmp_path: Path) -> None:
  scene = posed_scene(STILL, views=2)
  scene = replace(scene, posed_views=tuple(replace(view, split="test") for view in scene.posed_views))
  assert refused(name, example_of(scene), tmp_path) == (
      f"the scene 7 has no training views for {name}: make it with some")


@pytest.mark.parametrize(("name", "layer"), [("nerfstudio", "depth"), ("nerfstudio", "segmentation"), ("colmap", "depth"),
                                             ("colmap", "rgba"), ("blender", "rgba")])
def test_missing_layers_are_named(name: str, layer: str, tmp_path: Path) -> None:
  example = example_of(posed_scene(STILL, views=2))
  example.views = tuple(replace(view, layers={key: frames for key, frames in view.layers.items() if key != layer})
                        for view in example.views)
  assert f"{name} needs the layer {layer}" in refused(name, example, tmp_path)


def test_blender_refuses_what_one_angle_does_not_say(tmp_path: Path) -> None:
  still = posed_scene(STILL, views=2)
  assert "no distortion" in refused("blender", _with_camera(example_of(still), distortion=BENT), tmp_path)
  k = np.array([[100.0, 0, 41], [0, 100, 32], [0, 0, 1]])
  assert "principal point" in refused("blender", _with_camera(example_of(still), intrinsics_cv=k), tmp_path)
  cameras = [kg.PerspectiveCamera(name, position=(0, -5, 2), look_at=(0, 0, 0), focal_length=focal)
             for name, focal in (("wide", 24), ("long", 80))]
  line = refused("blender", example_of(kg.Scene([BALL.object(1)], [], cameras, resolution=SIZE, num_frames=1)), tmp_path)
  assert "wide" in line and "long" in line and "field of view" in line


def test_blender_refuses_splits_with_names_of_its_files(tmp_path: Path) -> None:
  scene = posed_scene(STILL, views=2)
  first, second = scene.posed_views
  scene = replace(scene, posed_views=(first, replace(second, split="transforms_train.json")))
  assert "'transforms_train.json'" in refused("blender", example_of(scene), tmp_path)


def test_colmap_refuses_spaces_in_names(tmp_path: Path) -> None:
  scene = posed_scene(STILL, views=2)
  scene = replace(scene, posed_views=tuple(replace(view, name=f"my {view.name}") for view in scene.posed_views))
  assert "'my view_000'" in refused("colmap", example_of(scene), tmp_path)


def _nan(shape: tuple[int, ...]) -> Array:
  return np.full(shape, np.nan)


@pytest.mark.parametrize(("changes", "word"), [
    ({"positions": _nan((2, 3))}, "poses"), ({"positions": np.full((2, 3), 1e300)}, "poses"),
    ({"quaternions": np.zeros((2, 4))}, "poses"), ({"quaternions": np.full((2, 4), 1e200)}, "poses"),
    ({"intrinsics_cv": _nan((3, 3))}, "intrinsics"), ({"intrinsics_cv": np.zeros((3, 3))}, "intrinsics"),
    ({"resolution": (-80, 64)}, "resolution"), ({"resolution": (100_000_000, 100_000_000)}, "pixels"),
    ({"distortion": (float("nan"),) * 4}, "distortion")])
def test_cameras_that_make_no_sense_are_refused(changes: dict[str, Any], word: str, tmp_path: Path) -> None:
  for name in ("nerfstudio", "colmap"):
    assert word in refused(name, _with_camera(example_of(posed_scene(STILL, views=2)), **changes), tmp_path)


def _of_view(change: Callable[[Any], Any]) -> Callable[[kg.Example], None]:
  def apply(example: kg.Example) -> None:
    example.views = tuple(change(view) for view in example.views)
  return apply


@pytest.mark.parametrize(("damage", "word"), [
    (_of_view(lambda view: replace(view, instances=view.instances[:1])), "instance"),
    (_of_view(lambda view: replace(view, metadata=replace(view.metadata, views=(view.metadata.views[0],) * 2))), "same name"),
    (_of_view(lambda view: replace(view, metadata=replace(view.metadata, views=(), num_frames=5))), "frames")])
def test_scenes_that_contradict_themselves_are_refused(damage: Callable[[kg.Example], None], word: str, tmp_path: Path) -> None:
  for name in ("nerfstudio", "colmap"):
    example = example_of(posed_scene(STILL, views=2))
    damage(example)
    assert word in refused(name, example, tmp_path)
