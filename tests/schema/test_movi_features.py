"""The features of records are those of the published MOVi datasets, and an example fills them as MOVi's readers expect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.example.cameras import CameraData
from kubric_gen.example.events import CollisionEvent
from kubric_gen.example.example import Example, View
from kubric_gen.example.frames import LazyFrames
from kubric_gen.example.instances import Instance
from kubric_gen.example.metadata import Metadata
from kubric_gen.schema.features import Box, Features, Image, Label, Sequence, Tensor, Text, Video, leaves
from kubric_gen.schema.tf_example import decode, encode
from worlds.movi import WORLD, MoviConfig

PUBLISHED = json.loads((Path(__file__).parent / "movi_features.json").read_text())
"""By variant, of movi_a/128x128:1.0.0 and so on: per feature its kind, its length or shape, and its type or names."""


def _movi(height: int, width: int, frames: int, variant: str = "a") -> Features:
  assert WORLD.dataset is not None
  config = MoviConfig(variant=variant, num_frames=frames)
  return WORLD.dataset(config).schema.features(config, (height, width))


def _records(view: View, scene_id: str, *further: View) -> dict[str, Mapping[str, Any]]:
  assert WORLD.dataset is not None
  return dict(WORLD.dataset(MoviConfig()).schema.records(Example([view, *further]), scene_id))


def _described(feature: Any) -> Any:
  match feature:
    case Mapping():
      return {name: _described(part) for name, part in feature.items()}
    case Sequence(feature=inner, length=length):
      return ["Sequence", length, _described(inner)]
    case Tensor(shape=shape, dtype=dtype):
      return ["Tensor", list(shape), dtype]
    case Text():
      return ["Text", [], "str"]
    case Label(names=names):
      return ["ClassLabel", len(names), list(names)]
    case Box():
      return ["BBoxFeature", [4], "float32"]
    case Image(shape=shape, dtype=dtype):
      return ["Image", list(shape), dtype]
    case Video(shape=shape, dtype=dtype):
      return ["Video", list(shape), dtype]


def _described_by_tfds(feature: Any) -> Any:
  from tensorflow_datasets.core import features as tfds
  match feature:
    case tfds.FeaturesDict():
      return {name: _described_by_tfds(part) for name, part in feature.items()}
    case tfds.Video():
      return ["Video", list(feature.shape), np.dtype(feature.np_dtype).name]
    case tfds.Sequence():
      return ["Sequence", feature._length, _described_by_tfds(feature.feature)]
    case tfds.ClassLabel():
      return ["ClassLabel", feature.num_classes, feature.names]
    case tfds.Text():
      return ["Text", [], "str"]
  kind = "Tensor" if type(feature).__name__ == "Scalar" else type(feature).__name__
  return [kind, list(feature.shape), np.dtype(feature.np_dtype).name]


@pytest.mark.parametrize("variant", PUBLISHED)
def test_names_shapes_and_types_are_those_of_the_published_dataset(variant: str) -> None:
  ours = _described(_movi(128, 128, 24, variant))
  if variant not in ("a", "b"):
    assert ours["instances"][2].pop("asset_category") == ["Text", [], "str"]  # beyond MOVi, under a name of its own
  assert ours == PUBLISHED[variant]


def test_the_panning_variant_has_the_features_of_e() -> None:
  assert _described(_movi(128, 128, 24, "panning_e")) == _described(_movi(128, 128, 24, "e"))


@pytest.mark.parametrize("variant", PUBLISHED)
def test_tfds_understands_them_alike(variant: str) -> None:
  from kubric_gen.schema.features import tfds_features
  features = _movi(128, 128, 24, variant)
  assert _described_by_tfds(tfds_features(features)) == _described(features)


def test_other_sizes_change_nothing_but_the_sizes() -> None:
  other = json.dumps(_described(_movi(48, 64, 7)), sort_keys=True)
  swapped = json.dumps(PUBLISHED["a"], sort_keys=True).replace("128, 128", "48, 64").replace("[24", "[7").replace("24, [", "7, [")
  assert other == swapped
  assert {name for name, _ in leaves(_movi(4, 4, 1))} >= {"metadata/video_name", "instances/bboxes", "events/collisions/force"}


# --- values ----------------------------------------------------------------------------------------------------------------


def _view(labels: np.ndarray, name: str = "camera", **layers: np.ndarray) -> View:
  frames, height, width = labels.shape[:3]
  rng = np.random.default_rng(2)
  one, two, three, four = ((frames, height, width, channels) for channels in (1, 2, 3, 4))
  given = {"depth": rng.uniform(3, 40, one), "normal": rng.uniform(-1, 1, three), "object_coordinates": rng.random(three),
           "forward_flow": rng.normal(size=two), "backward_flow": np.zeros(two), **layers}
  stacks = {"segmentation": labels, "rgba": np.random.default_rng(1).integers(0, 256, four).astype(np.uint8),
            **{layer: values.astype(np.float32) for layer, values in given.items()}}
  poses = {"positions": rng.normal(size=(frames, 3)), "quaternions": rng.normal(size=(frames, 4))}
  item = Instance(
      name="ball", asset_id="sphere", mass=2.5, friction=0.4, restitution=0.3, **poses, velocities=np.zeros((frames, 3)),
      angular_velocities=np.zeros((frames, 3)), bboxes_3d=np.zeros((frames, 8, 3)), image_positions=np.zeros((frames, 2)),
      bboxes=np.array([[0.0, 0.25, 0.5, 1.0]]), bbox_frames=np.array([0]), visibility=np.array([70_000] + [3] * (frames - 1)),
      visibility_fraction=np.ones(frames), labels={
          "shape": "sphere", "size_label": "large", "color": (0.1, 0.2, 0.3), "color_label": "red", "material": "metal",
          "more": "is left out"})
  event = CollisionEvent((0, -1), 1, 3.5, np.array([1.0, 2, 3]), np.array([0.5, 0.25]), np.array([0.0, 0, 1]), 0.1)
  camera = CameraData(name, "pinhole", (width, height), **poses, K=np.eye(3), R=np.eye(4), intrinsics_cv=np.eye(3),
                      extrinsics_cv=np.zeros((frames, 4, 4)), focal_length=35.0, sensor_width=32.0, field_of_view=0.86)
  metadata = Metadata(resolution=(width, height), frame_rate=12, step_rate=240, gravity=(0.0, 0.0, -10.0), num_frames=frames,
                      num_instances=1, cameras=(name,), view_transform="Standard", versions={})
  return View(name, {layer: LazyFrames(frames, values.__getitem__) for layer, values in stacks.items()}, metadata, camera,
              (item,), (event,))


def test_values_of_a_record_mean_what_they_mean_in_movi() -> None:
  labels = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 1)).astype(np.uint16)
  view = _view(labels)
  features, records = _movi(4, 6, 2), _records(view, "movi_a_7")
  assert list(records) == ["movi_a_7"]
  record = decode(features, encode(features, records["movi_a_7"]))
  assert record["metadata"]["video_name"] == "movi_a_7"
  assert [int(record["metadata"][name]) for name in ("height", "width", "num_frames", "num_instances")] == [4, 6, 2, 1]
  np.testing.assert_array_equal(record["video"], view.stack("rgba")[..., :3])
  np.testing.assert_array_equal(record["segmentations"], labels)
  for name in ("depth", "forward_flow", "backward_flow"):
    low, high = record["metadata"][f"{name}_range"].astype(np.float64)
    truth = view.stack(name)
    assert (low, high) == (truth.min(), truth.max())
    np.testing.assert_allclose(record[name] / 65535 * (high - low) + low, truth, atol=0.51 * (high - low) / 65535 + 1e-6)
  np.testing.assert_allclose(record["normal"] / 65535 * 2 - 1, view.stack("normal"), atol=1.01 / 65535)
  np.testing.assert_allclose(record["object_coordinates"] / 65535, view.stack("object_coordinates"), atol=0.51 / 65535)
  items, events = record["instances"], record["events"]["collisions"]
  assert items["visibility"].tolist() == [[65535, 3]] and items["mass"].tolist() == [2.5]
  assert [items[name].tolist() for name in ("shape_label", "size_label", "color_label", "material_label")] == [[2], [1], [6], [0]]
  assert items["bboxes"][0].tolist() == [[0, 0.25, 0.5, 1]] and items["bbox_frames"][0].tolist() == [0]
  assert events["instances"].tolist() == [[0, 65535]] and events["frame"].tolist() == [1]
  assert events["force"].tolist() == [3.5] and events["position"].tolist() == [[1, 2, 3]]
  assert float(record["camera"]["focal_length"]) == 35
  np.testing.assert_array_equal(record["camera"]["positions"], view.camera.positions.astype(np.float32))


def test_each_view_of_a_scene_has_its_record() -> None:
  features, labels = _movi(2, 2, 1), np.zeros((1, 2, 2, 1), np.uint16)
  left, right = (_view(labels, name, depth=np.full((1, 2, 2, 1), depth)) for name, depth in (("left", 3.0), ("right", 4.0)))
  records = _records(left, "train/7", right)
  assert list(records) == ["train/7/left", "train/7/right"]
  for (key, record), depth in zip(records.items(), (3.0, 4.0)):
    found = decode(features, encode(features, record))
    assert found["metadata"]["video_name"] == key and found["metadata"]["depth_range"].tolist() == [depth, depth]


def test_ids_beyond_eight_bits_are_refused_rather_than_wrapped() -> None:
  labels = np.full((1, 2, 2, 1), 256, np.uint16)
  with pytest.raises(KubricGenError, match="segmentations"):
    encode(_movi(2, 2, 1), _records(_view(labels), "x")["x"])


@pytest.mark.parametrize(("layer", "reason"), [("depth", "data range"), ("normal", "NaN")])
def test_values_that_are_not_finite_are_refused(layer: str, reason: str) -> None:
  view = _view(np.zeros((1, 2, 2, 1), np.uint16), **{layer: np.full((1, 2, 2, {"depth": 1, "normal": 3}[layer]), np.nan)})
  with pytest.raises(KubricGenError, match=reason):
    encode(_movi(2, 2, 1), _records(view, "x")["x"])
