"""An example that was written and read back is of the same types, shapes, dtypes and names."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.cli.generating import make_seed
from kubric_gen.cli.task import Task
from kubric_gen.errors import KubricGenError
from kubric_gen.example.metadata import Metadata
from kubric_gen.example.parts import Part
from kubric_gen.scene.layers import LAYERS
from worlds.movi import WORLD, MoviConfig

SETTINGS = kg.RenderSettings(samples_per_pixel=1, device="cpu")


def same(one: Any, other: Any, name: str = "") -> None:
  """Asserts that two values are of one type, all the way down, and equal where they are no frames."""
  assert type(one) is type(other), f"{name}: {type(one).__name__}, read back {type(other).__name__}"
  if isinstance(one, Part):
    for field in dataclasses.fields(one):  # type: ignore[arg-type]
      same(getattr(one, field.name), getattr(other, field.name), f"{name}.{field.name}")
  elif isinstance(one, np.ndarray):
    assert (one.dtype, one.shape) == (other.dtype, other.shape), name
    np.testing.assert_array_equal(one, other, err_msg=name)
  elif isinstance(one, Mapping):
    assert set(one) == set(other), name
    for key in one:
      same(one[key], other[key], f"{name}[{key!r}]")
  elif isinstance(one, (tuple, list)):
    assert len(one) == len(other), name
    for number, pair in enumerate(zip(one, other)):
      same(*pair, f"{name}[{number}]")
  else:
    assert one == other, name


def same_example(one: kg.Example, other: kg.Example) -> None:
  assert [view.name for view in one.views] == [view.name for view in other.views]
  for made, read in zip(one.views, other.views):
    assert list(made.layers) == list(read.layers)
    for layer, frames in made.layers.items():
      assert len(frames) == len(read.layers[layer])
      for before, after in zip(frames, read.layers[layer]):
        assert (before.dtype, before.shape) == (after.dtype, after.shape), layer
    for field in ("metadata", "camera", "instances", "collisions", "flags", "arrays"):
      same(getattr(made, field), getattr(read, field), f"{made.name}.{field}")


@pytest.mark.parametrize("variant", ["a", "e"])
def test_movi(tmp_path: Path, variant: str) -> None:
  config = MoviConfig(variant=variant, resolution=(24, 32), num_frames=2)
  with make_seed(Task.of(WORLD, config, (3,), tmp_path, layers=LAYERS, settings=SETTINGS), 3) as example:
    assert example.collisions or variant != "a"
    same_example(example, kg.read_scene(kg.write_scene(example, tmp_path / "scene", preview=False)))


def test_views_of_several_resolutions_and_labels_of_every_kind(tmp_path: Path) -> None:
  ball = kg.Object("ball", kg.Sphere(), position=(0, 0, 1), labels={
      "text": "käse", "number": 3, "real": 0.5, "none": None, "truth": True, "list": [1, [2.5, "x"]], "map": {"a": (1, 2)}})
  floor = kg.Object("floor", kg.Plane(), scale=(9, 9, 1), static=True, background=True)
  scene = kg.Scene([floor, ball], [], [
      kg.PerspectiveCamera("main", position=(0, -5, 1), look_at=(0, 0, 0)),
      kg.OrthographicCamera("plan", position=(0, 0, 9), look_at=(0, 0.1, 0), resolution=(10, 6)),
      kg.PerspectiveCamera("nothing", position=(0, 0, 50), quaternion=(0, 1, 0, 0))],
      resolution=(12, 20), num_frames=2, labels={"background": "bare", "weather": ["fair", 1]})
  layers = [name for name, spec in LAYERS.items() if not spec.rendered]
  with kg.make_example(scene, layers=layers, metadata={"seed": 5, "mood": "calm"}, flags={"layers": layers}) as example:
    back = kg.read_scene(kg.write_scene(example, tmp_path / "scene"))
    same_example(example, back)
  assert [view.metadata.resolution for view in back.views] == [(20, 12), (6, 10), (20, 12)]
  for view, place in zip(back.views, ("", "cameras/plan", "cameras/nothing")):
    width, height = view.metadata.resolution
    plain = json.loads((tmp_path / "scene" / place / "metadata.json").read_text())["metadata"]
    assert (plain["width"], plain["height"]) == (width, height) == (view.metadata.width, view.metadata["height"])
    assert not {"width", "height"} & set(view.metadata.labels) and {**view.metadata}["width"] == width
  assert back.metadata["weather"] == ("fair", 1) and back.metadata["mood"] == "calm"
  assert back.instances[0]["list"] == (1, (2.5, "x"))
  assert [len(view.instances) for view in back.views] == [1, 1, 1]
  assert back.views[2].instances[0].visibility.tolist() == [0, 0] and back.views[2].instances[0].bboxes.shape == (0, 4)


def test_metadata_of_before_they_had_width_and_height_can_be_read(tmp_path: Path) -> None:
  scene = kg.Scene([], [], [kg.PerspectiveCamera()], resolution=(8, 12), num_frames=1)
  with kg.make_example(scene, layers=("depth",)) as example:
    plain = example.metadata.plain()
  older = {name: value for name, value in plain.items() if name not in ("width", "height")}
  for known in (plain, older):
    metadata = Metadata.from_plain(json.loads(json.dumps(known)))
    assert metadata.plain() == plain and (metadata.width, metadata.height) == (12, 8)
  for name, value in (("width", 8), ("height", "8"), ("height", None), ("width", [12])):
    with pytest.raises(ValueError, match=f"Metadata.{name} must be that of Metadata.resolution"):
      Metadata.from_plain({**plain, name: value})


def test_an_example_without_objects(tmp_path: Path) -> None:
  scene = kg.Scene([], [], [kg.PerspectiveCamera()], resolution=(8, 8), num_frames=1)
  with kg.make_example(scene, layers=("depth", "tracks", "amodal_segmentation")) as example:
    same_example(example, kg.read_scene(kg.write_scene(example, tmp_path / "scene")))


def test_labels_that_say_what_is_said_anyway_are_refused() -> None:
  camera = kg.PerspectiveCamera(position=(0, -5, 0), look_at=(0, 0, 0))
  ball = kg.Object("ball", kg.Sphere(), labels={"mass": 3})
  with pytest.raises(KubricGenError, match="label 'mass'"):
    kg.make_example(kg.Scene([ball], [], [camera], num_frames=1, resolution=(8, 8)), layers=("depth",))
  for name in ("num_frames", "width"):
    with pytest.raises(KubricGenError, match=f"label '{name}'"):
      kg.make_example(kg.Scene([], [], [camera], num_frames=1, resolution=(8, 8), labels={name: 3}), layers=("depth",))


def test_parts_can_be_read_by_name() -> None:
  ball = kg.Object("ball", kg.Sphere(), labels={"color_label": "red"})
  with kg.make_example(kg.Scene([ball], [], [kg.PerspectiveCamera(position=(0, -5, 0), look_at=(0, 0, 0))], num_frames=1,
                                resolution=(8, 8)), layers=("depth",)) as example:
    item = example.instances[0]
  assert item["mass"] == item.mass and item["color_label"] == "red" and item.get("nothing", 5) == 5
  assert "color_label" in item and "labels" not in item and {**item}["name"] == "ball"
  with pytest.raises(KeyError):
    item["nothing"]
