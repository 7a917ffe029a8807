"""Posed views: named frames of one camera's path over a scene that stays as it is, from the scene to its directory and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.errors import KubricGenError, SceneError
from kubric_gen.scene import PosedView
from kubric_gen.scene.layers import LAYERS
from kubric_gen.scene.serialization import from_json, to_json

CAMERA = kg.PerspectiveCamera(path=kg.Path((1, 2), ((0, -6, 2), (6, 0, 2)), ((0.9, 0.4, 0, 0), (0.6, 0.3, 0.4, 0.6))))
CUBE = kg.Object("cube", kg.Cube(), static=True)
VIEWS = (PosedView("train_000", labels={"clean": True, "tags": ["a", 1]}), PosedView("test_000", "test"))
NAMES = ("rgba", "depth", "segmentation")
GEOMETRY = ("depth", "segmentation")


def scene(**fields: Any) -> kg.Scene:
  return kg.Scene(**{"objects": (CUBE,), "cameras": (CAMERA,), "num_frames": 2, "resolution": (8, 10), "posed_views": VIEWS,
                     **fields})


# --- what a scene is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fields", "word"), [
    ({"num_frames": 3}, r"got 2 \(2 names\) for 3 frames"), ({"num_frames": 1}, "for 1 frames"),
    ({"posed_views": (VIEWS[0], PosedView("train_000", "test"))}, r"got 2 \(1 names\)"),
    ({"cameras": (CAMERA, kg.PerspectiveCamera("other"))}, "one camera's path, got 2 cameras"),
    ({"objects": (CUBE, kg.Object("ball", kg.Sphere()))}, "make the object 'ball' static, or give it a path"),
    ({"cameras": (dataclasses.replace(CAMERA, shutter=0.5),)}, "the shutter of 'camera' must be 0, got 0.5"),
    ({"posed_views": ("train_000", "test_000")}, "posed_views must hold posed_views")])
def test_what_is_no_scene_of_posed_views_is_refused_in_one_line(fields: dict[str, Any], word: str) -> None:
  with pytest.raises(SceneError, match=word) as caught:
    scene(**fields)
  assert "\n" not in str(caught.value)


def test_objects_may_be_elsewhere_by_a_path_but_have_no_velocity(tmp_path: Path) -> None:
  path = kg.Path((1, 2), ((0, 0, 0), (1, 0, 0)), ((1, 0, 0, 0),) * 2)
  found = scene(objects=(CUBE, kg.Object("ball", kg.Sphere(), path=path)))
  for state in (None, tmp_path / "scene.bullet"):
    motion = kg.simulate(found, save_state=state)
    assert motion.positions[1:3, 1, 0].tolist() == [0, 1] and not motion.velocities.any() and not motion.collisions
  assert (tmp_path / "scene.bullet").stat().st_size > 0
  clip = dataclasses.replace(found, posed_views=())
  assert kg.simulate(clip).velocities[1, 1, 0] > 0


@pytest.mark.parametrize(("fields", "word"), [
    ({"name": ""}, "name of a posed view"), ({"name": "a/b"}, "name of a posed view"), ({"name": ".."}, "name of a posed view"),
    ({"name": 3}, "name of a posed view"), ({"split": "a/b"}, "split of a posed view"),
    ({"split": None}, "split of a posed view"),
    ({"labels": {"split": "x"}}, "has a label 'split'"), ({"labels": {"name": "x"}}, "has a label 'name'"),
    ({"labels": 3}, "labels")])
def test_what_is_no_view_is_refused_in_one_line(fields: dict[str, Any], word: str) -> None:
  with pytest.raises(SceneError, match=word) as caught:
    PosedView(**{"name": "a", **fields})
  assert "\n" not in str(caught.value)


def test_scenes_survive_json() -> None:
  assert from_json(to_json(scene())) == scene()
  plain = kg.Scene((CUBE,), (), (CAMERA,))
  assert from_json(to_json(plain)) == plain and plain.posed_views == ()


def test_resized_scenes_keep_their_views() -> None:
  assert scene().resized((16, 20)).posed_views == VIEWS


# --- layers ----------------------------------------------------------------------------------------------------------------


def test_layers_that_relate_frames_are_not_made() -> None:
  clip = {name for name, spec in LAYERS.items() if spec.needs_clip}
  assert clip == {"forward_flow", "backward_flow", "occlusion_forward", "occlusion_backward", "tracks"}
  for name in sorted(clip):
    with pytest.raises(KubricGenError, match=f"they have no layer {name}: leave it out") as caught:
      kg.make_example(scene(), layers=("depth", name))
    assert "\n" not in str(caught.value)


def test_all_other_layers_are() -> None:
  names = [name for name, spec in LAYERS.items() if not spec.needs_clip and not spec.rendered]
  with kg.make_example(scene(), layers=names) as example:
    assert set(example.layers) == set(names) >= {"z", "uv", "amodal_segmentation"} and not example.main.arrays


def test_by_default_there_are_the_layers_of_movi_but_flow() -> None:
  with kg.make_example(scene(), settings=kg.RenderSettings(samples_per_pixel=1, device="cpu")) as example:
    assert list(example.layers) == ["rgba", "segmentation", "depth", "normal", "object_coordinates"]
    assert example.stack("rgba").shape == (2, 8, 10, 4)


# --- the directory ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
  with kg.make_example(scene(), layers=GEOMETRY) as example:
    return kg.write_scene(example, tmp_path_factory.mktemp("posed") / "scene")


def test_the_directory_says_what_each_frame_is(folder: Path) -> None:
  described = json.loads((folder / "metadata.json").read_text())["metadata"]
  assert described["views"] == [{"name": "train_000", "split": "train", "clean": True, "tags": ["a", 1]},
                                {"name": "test_000", "split": "test"}]
  found = kg.read_scene(folder).metadata
  assert found.views == VIEWS and found.num_frames == 2
  assert found.views[0].labels["clean"] is True


def test_it_has_a_sheet_and_no_film(folder: Path) -> None:
  assert {path.name for path in folder.iterdir()} >= {"contact_sheet.png", "depth_00001.tiff", "segmentation_00001.png"}
  assert not list(folder.glob("preview.*")) and not list(folder.glob("*flow*")) and not (folder / "data_ranges.json").exists()


def test_clips_have_no_key_views(tmp_path: Path) -> None:
  clip = kg.Scene((CUBE,), (), (CAMERA,), num_frames=2, resolution=(8, 10))
  with kg.make_example(clip, layers=("depth",)) as example:
    kg.write_scene(example, tmp_path / "scene", preview=False)
  described = json.loads((tmp_path / "scene" / "metadata.json").read_text())["metadata"]
  assert "views" not in described and kg.read_scene(tmp_path / "scene").metadata.views == ()


def _change(key: str, value: Any) -> Callable[[list[Any]], object]:
  return lambda views: views[1].update({key: value})


@pytest.mark.parametrize("damage", [
    _change("split", 3), _change("split", None), _change("split", "a/b"), _change("name", 7), _change("name", ""),
    _change("name", "../up"), _change("name", "train_000"), lambda views: views[1].pop("name"),
    lambda views: views[0].pop("split"), lambda views: views.pop(),
    lambda views: views.append(dict(views[0], name="more")), lambda views: views.__setitem__(0, "a"),
    lambda views: views.__setitem__(0, None)])
def test_damaged_views_are_one_line(folder: Path, tmp_path: Path, damage: Callable[[list[Any]], object]) -> None:
  _damaged(folder, tmp_path, lambda metadata: damage(metadata["views"]))


@pytest.mark.parametrize("views", [{}, {"a": "b"}, "train_000", 3, True, None, [[]], [3]])
def test_views_that_are_no_list_of_objects_are_one_line(folder: Path, tmp_path: Path, views: Any) -> None:
  _damaged(folder, tmp_path, lambda metadata: metadata.update(views=views))


def _damaged(folder: Path, target: Path, damage: Callable[[Any], object]) -> None:
  described = json.loads((folder / "metadata.json").read_text())
  damage(described["metadata"])
  for path in folder.iterdir():
    (target / path.name).write_bytes(path.read_bytes())
  (target / "metadata.json").write_text(json.dumps(described))
  with pytest.raises(KubricGenError) as caught:
    kg.read_scene(target)
  assert "\n" not in str(caught.value) and str(target) in str(caught.value) and "Metadata.views" in str(caught.value)


def test_a_label_called_views_is_refused() -> None:
  with pytest.raises(KubricGenError, match="label 'views'"):
    kg.make_example(scene(labels={"views": 3}), layers=("depth",))


# --- colour ----------------------------------------------------------------------------------------------------------------


def test_the_noise_of_a_view_follows_from_its_name_alone() -> None:
  """Grey fog of one sample a pixel: the same view under the same name has the same noise, wherever it stands."""
  pose = ((0, -6, 2),) * 3, ((0.9, 0.4, 0, 0),) * 3
  lamp = kg.PointLight("lamp", position=(1, -2, 3), radius=2.0, power=500)
  floor = kg.Object("floor", kg.Plane(), scale=(9, 9, 1), static=True, background=True)

  def rendered(*names: str) -> np.ndarray:
    camera = dataclasses.replace(CAMERA, path=kg.Path(tuple(range(1, len(names) + 1)), *(part[:len(names)] for part in pose)))
    made = scene(objects=(CUBE, floor), lights=(lamp,), cameras=(camera,), num_frames=len(names),
                 posed_views=tuple(PosedView(name) for name in names))
    with kg.make_example(made, layers=("rgba",), settings=kg.RenderSettings(
        samples_per_pixel=1, device="cpu", denoiser="none")) as example:
      return example.stack("rgba")

  one, other, third = rendered("a", "b", "c")
  assert (one != other).any() and (other != third).any() and (one != third).any()
  assert (rendered("c", "a") == np.stack([third, one])).all()
