"""Several cameras: ids belong to the scene, every camera has its own resolution, and adding one changes no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.errors import SceneError
from kubric_gen.scene.transforms import rotation_matrix
from worlds.movi import WORLD, MoviConfig

LAYERS = ("segmentation", "z", "forward_flow", "tracks")
BASELINE = 0.3


def _movi(variant: str, resolution: tuple[int, int] = (48, 64)) -> kg.Scene:
  return WORLD.scene(MoviConfig(variant=variant, resolution=resolution, num_frames=2), 3)


def _shifted(camera: kg.Camera, name: str, distance: float) -> kg.Camera:
  """The same camera, moved to its right."""
  positions, quaternions = camera.poses(np.arange(4))
  moved = positions + rotation_matrix(quaternions) @ [distance, 0, 0]
  path = kg.Path(tuple(range(4)), tuple(map(tuple, moved.tolist())), tuple(map(tuple, quaternions.tolist())))
  return replace(camera, name=name, path=path)


def _behind(camera: kg.Camera) -> kg.Camera:
  """The same camera on the other side of the scene."""
  (position,), _ = camera.poses([1])
  return kg.PerspectiveCamera("behind", position=(-position[0], -position[1], position[2]), look_at=(0, 0, 0))


@pytest.mark.parametrize("variant", ["a", "d", "e"])
def test_a_stereo_pair_and_a_view_from_behind_list_the_same_instances(variant: str) -> None:
  scene = _movi(variant)
  right = _shifted(scene.camera, "right", BASELINE)
  with kg.make_example(replace(scene, cameras=(scene.camera, right, _behind(scene.camera))), layers=LAYERS) as example:
    names = [[item.name for item in view.instances] for view in example.views]
    assert names[0] == names[1] == names[2] and len(names[0]) == example.metadata.num_instances > 2
    totals = np.sum([[item.visibility.sum() for item in view.instances] for view in example.views], axis=0)
    assert (np.diff(totals) <= 0).all() and totals.min() > 0
    for view in example.views:
      labels = view.stack("segmentation")
      for k, item in enumerate(view.instances, start=1):
        np.testing.assert_array_equal((labels == k).sum(axis=(1, 2, 3)), item.visibility)
        assert len(item.bboxes) == len(item.bbox_frames) == np.count_nonzero(item.visibility)
    _check_disparity(example)


def _check_disparity(example: kg.Example) -> None:
  """Where both cameras see a point of the same object, it lies f·B/z further left in the right image."""
  left, right = example.views[:2]
  focal = left.camera.intrinsics_cv[0, 0]
  depth, labels = left.stack("z")[0, ..., 0].astype(np.float64), left.stack("segmentation")[0, ..., 0]
  rows, columns = np.nonzero((depth < 100) & (labels > 0))
  disparity = focal * BASELINE / depth[rows, columns]
  # The point of each pixel, through the exported matrices of both cameras
  k, (first, second) = left.camera.intrinsics_cv, (view.camera.extrinsics_cv[0] for view in (left, right))
  at = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))])
  points = np.linalg.inv(k) @ at * depth[rows, columns]
  world = np.linalg.inv(first) @ np.vstack([points, np.ones(len(rows))])
  seen = right.camera.intrinsics_cv @ (second @ world)[:3]
  np.testing.assert_allclose(at[0] - seen[0] / seen[2], disparity, atol=0.01)
  np.testing.assert_allclose(seen[1] / seen[2], at[1], atol=0.01)
  # And the right image shows it there, but for what is hidden and for the pixels of edges
  inside = (seen[0] / seen[2] >= 0) & (seen[0] / seen[2] < labels.shape[1])
  there = np.clip((seen[0] / seen[2]).astype(int), 0, labels.shape[1] - 1)
  agree = right.stack("segmentation")[0, rows, there, 0] == labels[rows, columns]
  assert agree[inside].mean() > 0.8


def test_every_camera_has_its_own_resolution() -> None:
  scene = _movi("a")
  wide = replace(_behind(scene.camera), resolution=(20, 60))
  with kg.make_example(replace(scene, cameras=(scene.camera, wide)), layers=("rgba", "depth", "segmentation"),
                       settings=kg.RenderSettings(samples_per_pixel=1, device="cpu")) as example:
    first, second = example.views
    assert first.stack("rgba").shape == (2, 48, 64, 4) and second.stack("rgba").shape == (2, 20, 60, 4)
    assert second.stack("depth").shape == (2, 20, 60, 1)
    assert first.metadata.resolution == (64, 48) and second.camera.resolution == second.metadata.resolution == (60, 20)
    # Colour and geometry of the second camera belong together: its image is no enlarged one of the first
    truth = kg.GroundTruth(scene, kg.simulate(scene), wide)
    np.testing.assert_array_equal(second.layers["depth"][1], truth.depth(1))


def test_a_further_camera_changes_nothing_of_the_first() -> None:
  scene = _movi("a")
  settings = kg.RenderSettings(samples_per_pixel=1, device="cpu")
  with (kg.make_example(scene, layers=("rgba", *LAYERS), key=("w", 3), settings=settings) as alone,
        kg.make_example(replace(scene, cameras=(scene.camera, _behind(scene.camera))), layers=("rgba", *LAYERS), key=("w", 3),
                        settings=settings) as two):
    for layer in ("rgba", "z", "forward_flow"):
      np.testing.assert_array_equal(alone.stack(layer), two.stack(layer))
    assert alone.tracks is not None and two.tracks is not None
    for name in ("query_points", "points", "occluded"):
      np.testing.assert_array_equal(alone.tracks[name], two.tracks[name])
    other = two.views[1].tracks
    assert other is not None and not np.array_equal(other["query_points"], alone.tracks["query_points"])


def test_a_camera_in_between_changes_no_tracks_of_the_later_ones() -> None:
  scene = _movi("a")
  behind, between = _behind(scene.camera), _shifted(scene.camera, "between", BASELINE)
  found = []
  for cameras in ((scene.camera, behind), (scene.camera, between, behind), (between, behind, scene.camera)):
    with kg.make_example(replace(scene, cameras=cameras), layers=("tracks",), key=("w", 3)) as example:
      found.append({view.name: view.tracks for view in example.views})
  for other in found[1:]:
    for view, tracks in found[0].items():
      for name in ("query_points", "points", "occluded", "positions"):
        np.testing.assert_array_equal(tracks[name], other[view][name])
  queries = [tracks["query_points"].tobytes() for tracks in found[1].values()]
  assert len(set(queries)) == 3


def test_random_layers_differ_between_seeds() -> None:
  scene = _movi("a")
  found = []
  for key in (("w", 3), ("w", 4), ("w", 3)):
    with kg.make_example(scene, layers=("tracks",), key=key) as example:
      assert example.tracks is not None
      found.append(example.tracks["query_points"])
  np.testing.assert_array_equal(found[0], found[2])
  assert not np.array_equal(found[0], found[1])


def test_names_of_cameras_are_names_of_files_each_its_own() -> None:
  for name in ("", ".hidden", "a/b", "..", "ends ", "tab\t", "x" * 300, "dot."):
    with pytest.raises(SceneError, match="camera name"):
      kg.PerspectiveCamera(name)
  with pytest.raises(SceneError, match="more than once: twice"):
    kg.Scene([], [], [kg.PerspectiveCamera("twice"), kg.OrthographicCamera("twice")])
  for bad in ((0, 4), (4,), "4x4", (4.5, 4)):
    with pytest.raises(SceneError, match="resolution"):
      kg.PerspectiveCamera("c", resolution=bad)  # type: ignore[arg-type]


def test_a_scene_is_resized_with_all_its_cameras() -> None:
  scene = kg.Scene([], [], [kg.PerspectiveCamera("a"), kg.PerspectiveCamera("b", resolution=(8, 12))], resolution=(16, 16))
  small = scene.resized((8, 8))
  assert [small.resolution_of(camera) for camera in small.cameras] == [(8, 8), (4, 6)]
  with pytest.raises(SceneError, match="camera 'b'"):
    scene.resized((5, 5))
