"""Posed views as records: each view with its image, its geometry, its camera, and its split."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.errors import KubricGenError
from kubric_gen.scene import PosedView
from kubric_gen.schema import PosedViews, Record, Tensor, Text
from kubric_gen.schema.features import Image
from kubric_gen.schema.statistics import record_statistics
from kubric_gen.schema.tf_example import encode
from kubric_gen.world import path_through

SIZE = (12, 16)
PLACES = ((0.0, -5.0, 1.0), (3.0, 4.0, 2.0), (-4.0, 0.5, 3.0))
VIEWS = (PosedView("train_000", labels={"clean": False}), PosedView("train_001", labels={"clean": True}),
         PosedView("test_000", "test", {"clean": True}))
SCHEMA = PosedViews({"background": Text(), "weight": Tensor("float32")}, {"clean": Tensor("bool")})
FEATURES = SCHEMA.features(SimpleNamespace(), SIZE)


@pytest.fixture(scope="module")
def example() -> Iterator[kg.Example]:
  ball = kg.Object("ball", kg.Sphere(), position=(0.3, 0, 0.5), static=True)
  floor = kg.Object("floor", kg.Plane(), scale=(9, 9, 1), static=True, background=True)
  camera = kg.PerspectiveCamera("eye", path=path_through(PLACES, (0, 0, 0.5)), focal_length=30, sensor_width=32)
  scene = kg.Scene([floor, ball], [kg.SunLight("sun")], [camera], resolution=SIZE, num_frames=3, posed_views=VIEWS,
                   labels={"background": "bare", "weight": 2.5})
  with kg.make_example(scene, layers=SCHEMA.layers, settings=kg.RenderSettings(samples_per_pixel=1, device="cpu")) as made:
    yield made


@pytest.fixture(scope="module")
def records(example: kg.Example) -> dict[str, dict[str, Any]]:
  """By their keys, encoded and decoded again, in units."""
  return {key: Record(FEATURES, encode(FEATURES, record)).values(in_units=True)
          for key, record in SCHEMA.records(example, "posed_7")}


def test_a_record_is_named_by_its_scene_and_view(records: dict[str, dict[str, Any]]) -> None:
  assert list(records) == ["posed_7/train_000", "posed_7/train_001", "posed_7/test_000"]
  assert [(record["scene"], record["view"], record["split"], bool(record["clean"])) for record in records.values()] == [
      ("posed_7", "train_000", "train", False), ("posed_7", "train_001", "train", True), ("posed_7", "test_000", "test", True)]
  assert all(set(record) == set(FEATURES) and record["background"] == "bare" and record["weight"] == 2.5
             for record in records.values())


def test_features_are_as_published(records: dict[str, dict[str, Any]]) -> None:
  assert isinstance(FEATURES["image"], Image) and FEATURES["image"].shape == (*SIZE, 3)
  record = records["posed_7/test_000"]
  shapes = {name: (value.shape, str(value.dtype)) for name, value in record.items() if hasattr(value, "shape")}
  assert shapes == {"image": ((*SIZE, 3), "uint8"), "depth": ((*SIZE, 1), "float32"), "segmentation": ((*SIZE, 1), "uint8"),
                    "K": ((3, 3), "float32"), "intrinsics": ((3, 3), "float32"), "camera_to_world": ((4, 4), "float32"),
                    "clean": ((), "bool"), "weight": ((), "float32")}


def test_a_record_has_the_layers_of_its_view(example: kg.Example, records: dict[str, dict[str, Any]]) -> None:
  for t, record in enumerate(records.values()):
    layers = example.main.layers
    np.testing.assert_array_equal(record["image"], layers["rgba"][t][..., :3])
    np.testing.assert_array_equal(record["depth"], layers["depth"][t])
    np.testing.assert_array_equal(record["segmentation"], layers["segmentation"][t])
  images = [record["image"] for record in records.values()]
  assert (images[0] != images[1]).any() and (images[1] != images[2]).any()


def test_its_camera_says_where_the_ball_is(records: dict[str, dict[str, Any]]) -> None:
  """The nearest point of the ball lies half a metre before its centre, on the ray that the numbers of the record give."""
  height, width = SIZE
  for place, record in zip(PLACES, records.values()):
    pose, intrinsics = record["camera_to_world"].astype(float), record["intrinsics"].astype(float)
    np.testing.assert_allclose(pose[:3, 3], place, atol=1e-6)
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(intrinsics, [[15, 0, 8], [0, 15, 6], [0, 0, 1]], atol=1e-5)
    local = pose[:3, :3].T @ (np.array([0.3, 0, 0.5]) - place)
    x, y = record["K"].astype(float)[:2] @ (local / local[2])
    column, row, _ = intrinsics @ (local * (1, -1, -1) / -local[2])
    np.testing.assert_allclose((-x * width, -y * height), (column, row), atol=1e-5)
    hit = record["depth"][int(row), int(column), 0]
    assert np.linalg.norm(local) - 0.5 <= hit < np.linalg.norm(local) - 0.4
    assert record["segmentation"][int(row), int(column), 0] == 1 and record["segmentation"][0, 0, 0] == 0


def test_statistics_are_of_each_view(example: kg.Example) -> None:
  for _, record in SCHEMA.records(example, "posed_7"):
    counted = record_statistics(FEATURES, record).numbers["depth"]
    assert counted.count == SIZE[0] * SIZE[1] and counted.maximum == pytest.approx(record["depth"].max())


def test_scenes_without_posed_views_have_no_records() -> None:
  scene = kg.Scene([], [], [kg.PerspectiveCamera()], resolution=(8, 8), num_frames=1)
  with kg.make_example(scene, layers=("depth",)) as clip, pytest.raises(KubricGenError, match="posed_views") as caught:
    list(SCHEMA.records(clip, "clip_0"))
  assert "\n" not in str(caught.value)
