"""NeRF: scenes that stay as they are, cameras around them, distractors that do not stay; nothing here is rendered."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import Any

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.assets import load_mesh
from kubric_gen.errors import KubricGenError
from kubric_gen.physics import simulation
from kubric_gen.scene.serialization import from_json, to_json
from kubric_gen.scene.transforms import rotation_matrix
from worlds.nerf import WORLD, NerfConfig

FEW: dict[str, Any] = {"num_train_views": 5, "num_validation_views": 2, "num_test_views": 3, "resolution": (24, 32),
                       "settle_seconds": 2.0}
SEEDS = (0, 1, 2)
CENTRE = (0.0, 0.0, 0.25)


@functools.cache
def _scene(seed: int, **changes: Any) -> kg.Scene:
  return WORLD.scene(NerfConfig(**{**FEW, **changes}), seed)


def _plain(seed: int = 0, **changes: Any) -> kg.Scene:
  return _scene(seed, surroundings="sky", **changes)


def _robust(seed: int = 0, **changes: Any) -> kg.Scene:
  return _scene(seed, variant="robust", surroundings="sky", **{"num_train_views": 20, **changes})


def _named(scene: kg.Scene, prefix: str) -> list[kg.Object]:
  return [item for item in scene.objects if item.name.startswith(prefix)]


def _points(item: kg.Object, position: np.ndarray, quaternion: np.ndarray) -> np.ndarray:
  """The vertices of an object in a pose."""
  return load_mesh(item.shape).vertices @ (rotation_matrix(quaternion) * item.scale).T + position


# --- the scene -------------------------------------------------------------------------------------------------------------


def test_the_same_seed_is_the_same_scene_and_another_is_not() -> None:
  config = NerfConfig(**FEW, variant="robust", surroundings="sky", max_num_objects=5)
  one = WORLD.scene(config, 3)
  assert WORLD.scene(config, 3) == one != WORLD.scene(config, 4)
  assert from_json(to_json(one)) == one


@pytest.mark.parametrize("seed", SEEDS)
def test_as_many_objects_as_asked_lie_on_the_ground_near_the_centre(seed: int) -> None:
  """Those that roll away fall again."""
  scene, robust = _plain(seed), _robust(seed)
  assert 5 <= len(_named(scene, "object_")) <= 9
  assert (len(_named(robust, "object_")), len(_named(robust, "distractor_"))) == (5, 3)
  for item in (*_named(scene, "object_"), *_named(robust, "object_")):
    points = _points(item, np.array(item.position), np.array(item.quaternion))
    assert math.hypot(*item.position[:2]) < 1.8 and item.static and item.angular_velocity == (0, 0, 0)
    assert points[:, 2].min() > -0.02, f"{item.name} is sunk in the ground"
    assert 0.4 <= np.ptp(load_mesh(item.shape).vertices * item.scale, axis=0).max() <= 1.0 + 1e-9
    assert item.labels["category"]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_object_floats(seed: int) -> None:
  """Below the lowest point of each there is the ground, or another one's box."""
  scene = _plain(seed)
  boxes = {item.name: _points(item, np.array(item.position), np.array(item.quaternion)) for item in _named(scene, "object_")}
  for name, points in boxes.items():
    low = points.min(axis=0)[2]
    under = [other for key, other in boxes.items() if key != name and (other.min(axis=0) < points.max(axis=0)).all()
             and (other.max(axis=0) > points.min(axis=0) - 0.02).all()]
    assert low < 0.02 or under, f"{name} floats at {low:.2f} m"


def test_one_that_always_rolls_away_is_one_line() -> None:
  with pytest.raises(KubricGenError, match="'object_0' rolled further than 0.005 m in 20 falls") as caught:
    WORLD.scene(NerfConfig(**{**FEW, "settle_seconds": 0.0}, max_num_objects=5, camera_inner=0.01, surroundings="sky"), 0)
  assert "\n" not in str(caught.value)


def test_there_is_one_camera_one_name_for_each_view_and_nothing_dynamic() -> None:
  for scene in (_plain(), _robust()):
    count = scene.num_frames
    assert len(scene.cameras) == 1 and len({view.name for view in scene.posed_views}) == count == len(scene.posed_views)
    assert [view.split for view in scene.posed_views] == ["train"] * (count - 5) + ["validation"] * 2 + ["test"] * 3
    assert all(item.static or item.path is not None for item in scene.objects)
  assert all(item.static for item in _plain().objects)
  assert all(not view.labels for view in _plain().posed_views)
  assert all(set(view.labels) == {"clean"} for view in _robust().posed_views)


def test_surroundings_are_what_is_asked() -> None:
  sky, picture = _plain(1), _scene(1, surroundings="hdri", max_num_objects=5)
  assert [item.name for item in sky.objects[:1]] == ["floor"] and [item.name for item in picture.objects[:2]] == ["floor", "dome"]
  assert isinstance(sky.objects[0].material, kg.PrincipledMaterial) and "_" in sky.labels["background"]
  assert picture.labels["background"] and "_" not in picture.labels["background"]
  assert {_scene(seed, settle_seconds=0.1, num_static=1, num_distractors=0, variant="robust").labels["background"].count("_") > 0
          for seed in range(6)} == {True, False}


@pytest.mark.parametrize(("changes", "word"), [
    ({"variant": "z"}, "variant"), ({"surroundings": "fog"}, "surroundings"), ({"distractor_motion": "fly"}, "distractor_motion"),
    ({"min_num_objects": 9, "max_num_objects": 3}, "min_num_objects"), ({"min_extent": 2.0}, "min_extent"),
    ({"camera_inner": 5.0}, "camera_inner"), ({"min_elevation": 1.4}, "min_elevation"), ({"max_elevation": 1.6}, "max_elevation"),
    ({"clean_fraction": 1.1}, "clean_fraction"), ({"max_step": 0.0}, "max_step"), ({"object_min": (2.0, 0.0, 0.0)}, "object_min"),
    ({"settle_seconds": 1e9}, "settle_seconds"), ({"num_train_views": 0}, "num_train_views")])
def test_config_refuses_nonsense(changes: dict[str, Any], word: str) -> None:
  with pytest.raises(KubricGenError, match=word) as caught:
    NerfConfig(**changes)
  assert "\n" not in str(caught.value)


# --- some of the views -----------------------------------------------------------------------------------------------------


def _poses(scene: kg.Scene) -> dict[str, tuple[Any, ...]]:
  """By view where the camera and the distractors are."""
  moving = [scene.camera, *(item for item in scene.objects if item.path is not None)]
  return {view.name: tuple((item.path.positions[t], item.path.quaternions[t]) for item in moving if item.path is not None)
          for t, view in enumerate(scene.posed_views)}


def _staying(scene: kg.Scene) -> tuple[Any, ...]:
  return (tuple(item for item in scene.objects if item.path is None), scene.environment, scene.labels)


@pytest.mark.parametrize("changes", [{}, {"variant": "robust"}, {"variant": "robust", "distractor_motion": "wander"}])
def test_some_views_are_those_of_all(changes: dict[str, Any]) -> None:
  whole = _scene(2, surroundings="sky", **changes)
  part = _scene(2, surroundings="sky", views="test_001,train_003,train_001", **changes)
  assert [view.name for view in part.posed_views] == ["train_001", "train_003", "test_001"]
  wanted = {view.name: view for view in whole.posed_views}
  assert part.posed_views == tuple(wanted[view.name] for view in part.posed_views)
  assert _staying(part) == _staying(whole)
  assert _poses(part) == {name: _poses(whole)[name] for name in _poses(part)}


@pytest.mark.parametrize(("split", "more"), [("train", 9), ("validation", 4), ("test", 6), ("validation", 0)])
def test_more_views_of_a_split_change_no_other(split: str, more: int) -> None:
  before, after = _plain(2), _plain(2, **{f"num_{split}_views": more})
  assert _staying(before) == _staying(after)
  ours, theirs = _poses(before), _poses(after)
  assert len(theirs) == len(ours) + more - FEW[f"num_{split}_views"]
  assert all(ours[name] == theirs[name] for name in set(ours) & set(theirs))


def test_more_views_for_testing_leave_the_distractors_where_they_are() -> None:
  before, after = _robust(2), _robust(2, num_test_views=6, num_validation_views=1)
  assert {view.name: view.labels for view in before.posed_views if view.split == "train"} == {
      view.name: view.labels for view in after.posed_views if view.split == "train"}
  ours, theirs = _poses(before), _poses(after)
  assert all(ours[name] == theirs[name] for name in set(ours) & set(theirs))


# --- cameras ---------------------------------------------------------------------------------------------------------------


def _cameras(scene: kg.Scene) -> tuple[np.ndarray, np.ndarray]:
  path = scene.camera.path
  assert path is not None
  return np.array(path.positions), np.stack([rotation_matrix(quaternion) for quaternion in path.quaternions])


def test_cameras_stand_in_the_shell_and_look_at_the_centre_with_a_level_horizon() -> None:
  places, turns = _cameras(_plain(num_train_views=200))
  distance = np.linalg.norm(places, axis=1)
  elevation = np.arcsin(places[:, 2] / distance)
  assert 3.6 <= distance.min() < 3.7 and 4.3 < distance.max() <= 4.4
  assert 0.2 <= elevation.min() < 0.3 and 1.05 < elevation.max() <= 1.2
  away = (places - CENTRE) / np.linalg.norm(places - CENTRE, axis=1)[:, None]
  np.testing.assert_allclose(turns[:, :, 2], away, atol=1e-9)
  assert np.abs(turns[:, 2, 0]).max() < 1e-9 and turns[:, 2, 1].min() > 0
  assert len(np.unique(places.round(6), axis=0)) == len(places)
  sides = np.histogram(np.arctan2(places[:, 1], places[:, 0]), 8, (-np.pi, np.pi))[0]
  assert sides.min() > 5  # all around


def test_views_agree_on_where_things_are() -> None:
  """A point that one view sees lies, by the numbers of another that sees the same thing there, as far away as that one says."""
  scene = _plain(1, resolution=(48, 64), num_train_views=3)
  with kg.make_example(scene, layers=("depth", "segmentation")) as example:
    camera, depth, labels = example.main.camera, example.stack("depth")[..., 0], example.stack("segmentation")[..., 0]
  fx, fy, cx, cy = camera.intrinsics_cv[[0, 1, 0, 1], [0, 1, 2, 2]]
  height, width = depth.shape[1:]
  assert (cx, cy) == (32, 24) and fx == fy == pytest.approx(35 / 32 * width)
  row, column = np.mgrid[:height, :width] + 0.5
  rays = np.stack([(column - cx) / fx, -(row - cy) / fy, -np.ones_like(row)], -1).reshape(-1, 3)
  rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
  places, turns = _cameras(scene)
  points = []
  for t in range(scene.num_frames):
    pose = camera.camera_to_world(t)
    np.testing.assert_allclose(pose, np.block([[turns[t], places[t][:, None]], [0, 0, 0, 1]]), atol=1e-6)
    points.append(places[t] + rays * depth[t].reshape(-1, 1) @ turns[t].T)
    ground = (labels[t].ravel() == 0) & ((rays @ turns[t].T)[:, 2] < -0.05)
    assert ground.sum() > 1000 and np.abs(points[t][ground, 2]).max() < 1e-3
  of_ground, of_things = [], []
  for one, other in itertools.permutations(range(scene.num_frames), 2):
    local = (points[one] - places[other]) @ turns[other]
    published = camera.K @ (local / local[:, 2:]).T  # normalised, after division by the third component
    column, row = camera.intrinsics_cv[:2] @ (local * (1, -1, -1) / -local[:, 2:]).T
    front = local[:, 2] < -0.1
    published = published[:2] / published[2] * [[width], [height]]
    np.testing.assert_allclose(published[:, front], [column[front], row[front]], atol=1e-6)
    inside = np.flatnonzero(front & (np.abs(column % 1 - 0.5) < 0.05) & (np.abs(row % 1 - 0.5) < 0.05) & (column > 0)
                            & (column < width) & (row > 0) & (row < height))
    there = row[inside].astype(int), column[inside].astype(int)
    off = depth[other][there] / np.linalg.norm(local[inside], axis=1) - 1
    steep = (local[inside] @ turns[other].T)[:, 2] / np.linalg.norm(local[inside], axis=1) < -0.15
    assert (off[steep] < 0.02).all()  # nothing is seen through
    same = labels[one].ravel()[inside] == labels[other][there]
    of_ground.append(off[same & steep & (labels[other][there] == 0)])
    of_things.append(off[same & (labels[other][there] > 0)])
  ground, things = np.abs(np.concatenate(of_ground)), np.abs(np.concatenate(of_things))
  assert len(ground) > 100 and ground.max() < 0.01
  assert len(things) > 100 and np.mean(things < 0.01) > 0.6 and np.median(things) < 0.003  # others hide themselves


# --- distractors -----------------------------------------------------------------------------------------------------------


def _present(scene: kg.Scene) -> list[int]:
  return [t for t, view in enumerate(scene.posed_views) if not view.labels["clean"]]


@pytest.mark.parametrize(("fraction", "count"), [(0.0, 0), (0.2, 4), (0.33, 7), (1.0, 20)])
def test_as_many_training_views_are_clean_as_asked_and_all_others(fraction: float, count: int) -> None:
  views = _robust(0, clean_fraction=fraction).posed_views
  assert sum(view.labels["clean"] for view in views if view.split == "train") == count
  assert all(view.labels["clean"] is True for view in views if view.split != "train")


def test_which_are_clean_is_random() -> None:
  clean = {tuple(t for t, view in enumerate(_robust(seed).posed_views) if view.labels["clean"] and view.split == "train")
           for seed in SEEDS}
  assert len(clean) == 3 and all(part != (0, 1, 2, 3) for part in clean)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("motion", ["teleport", "wander"])
def test_distractors_overlap_nothing_and_the_others_stay(seed: int, motion: str) -> None:
  scene = _robust(seed, distractor_motion=motion)
  found = kg.simulate(scene)
  positions, turns = found.positions[1:-1], found.quaternions[1:-1]
  lying = {item.name: k for k, item in enumerate(scene.objects) if item.name.startswith("object_")}
  moving = {item.name: k for k, item in enumerate(scene.objects) if item.name.startswith("distractor_")}
  for k, item in enumerate(scene.objects):
    if k not in moving.values():
      assert (positions[:, k] == item.position).all() and (turns[:, k] == item.quaternion).all()

  def circle(k: int, t: int) -> tuple[np.ndarray, float]:
    points = _points(scene.objects[k], positions[t, k], turns[t, k])
    return positions[t, k, :2], float(np.linalg.norm(points[:, :2] - positions[t, k, :2], axis=1).max())

  for t in _present(scene):
    for k in moving.values():
      place, reach = circle(k, t)
      assert np.linalg.norm(place) <= 1.9 and -0.02 < _points(scene.objects[k], positions[t, k], turns[t, k])[:, 2].min() < 0.02
      for other in (*lying.values(), *moving.values()):
        if other != k:
          centre, far = circle(other, t)
          assert np.linalg.norm(place - centre) > reach + far
  paths = positions[_present(scene)][:, list(moving.values()), :2]
  steps = np.abs(np.diff(paths, axis=0))
  if motion == "wander":
    assert steps.max() <= 0.5 and steps.max(axis=(0, 2)).min() > 0.1
  else:
    assert steps.max() > 0.5
  assert (steps.max(axis=-1) > 0).mean() > 0.9  # elsewhere from view to view


@pytest.mark.parametrize("motion", ["teleport", "wander"])
def test_clean_views_show_no_distractor_and_the_others_do(motion: str) -> None:
  """Not even behind something: alone each would be no pixel of a clean view. Seen from high up, where that is hardest."""
  scene = _robust(1, distractor_motion=motion, clean_fraction=0.4, min_elevation=1.1, resolution=(48, 48))
  with kg.make_example(scene, layers=("segmentation", "amodal_segmentation")) as example:
    pixels = np.stack([item.visibility for item in example.instances])
    ours = np.array([item["distractor"] for item in example.instances])
    assert [item.name.startswith("distractor_") for item in example.instances] == ours.tolist() and ours.sum() == 3
    assert all(item["category"] for item in example.instances)
    labels = example.stack("segmentation")[..., 0]
    full = example.stack("amodal_segmentation")
    for t, view in enumerate(scene.posed_views):
      shown = set(np.unique(labels[t]).tolist()) & set((np.flatnonzero(ours) + 1).tolist())
      if view.labels["clean"]:
        assert not shown and pixels[ours, t].max() == 0 and not full[t][..., ours].any()
      else:
        assert shown and full[t][..., ours].any(axis=(0, 1)).sum() >= 2


def test_finished_scenes_need_no_physics(monkeypatch: pytest.MonkeyPatch) -> None:
  scenes = (_plain(), _robust())

  def never(*args: object, **fields: object) -> None:
    raise AssertionError("PyBullet was asked")

  monkeypatch.setattr(simulation, "BulletWorld", never)
  for scene in scenes:
    found = kg.simulate(scene)
    assert found.positions.shape == (scene.num_frames + 2, len(scene.objects), 3) and not found.collisions
    assert not found.velocities.any() and not found.angular_velocities.any()  # views do not follow one another in time
  thrown = dataclasses.replace(scenes[0], posed_views=(), objects=(kg.Object("ball", kg.Sphere()),))
  with pytest.raises(AssertionError, match="PyBullet was asked"):  # it would be
    kg.simulate(thrown)


def test_without_distractors_all_views_are_of_the_same_things() -> None:
  scene = _robust(0, num_distractors=0)
  assert not _named(scene, "distractor_") and all(item.static for item in scene.objects)


# --- the dataset -----------------------------------------------------------------------------------------------------------


def test_its_datasets() -> None:
  from kubric_gen.schema import Text
  plain, robust = (WORLD.dataset_of(NerfConfig(variant=variant)) for variant in ("plain", "robust"))
  assert (plain.name, robust.name) == ("nerf", "nerf_robust")
  for dataset in (plain, robust):
    assert dataset.of_records and [split.name for split in dataset.splits] == ["train", "validation", "test"]
    assert set(dataset.schema.layers) == {"rgba", "depth", "segmentation"}
  features = [dataset.schema.features(NerfConfig(), (8, 12)) for dataset in (plain, robust)]
  assert set(features[1]) - set(features[0]) == {"clean"} and isinstance(features[0]["background"], Text)
