"""The features of records are those of the published MOVi datasets, and an example fills them as MOVi's readers expect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.example import LazyFrames, View
from kubric_gen.schema.features import Box, Features, Image, Label, Sequence, Tensor, Text, Video, leaves
from kubric_gen.schema.movi import movi_features, movi_record
from kubric_gen.schema.tf_example import decode, encode
from worlds.movi import WORLD, MoviConfig

PUBLISHED = json.loads((Path(__file__).parent / "movi_features.json").read_text())
"""By variant, of movi_a/128x128:1.0.0 and so on: per feature its kind, its length or shape, and its type or names."""


def _movi(height: int, width: int, frames: int, variant: str = "a") -> Features:
  assert WORLD.dataset is not None
  return movi_features(WORLD.dataset(MoviConfig(variant=variant)), (height, width), frames)


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
  from kubric_gen.shards.tfds_features import tfds_features
  features = _movi(128, 128, 24, variant)
  assert _described_by_tfds(tfds_features(features)) == _described(features)


def test_other_sizes_change_nothing_but_the_sizes() -> None:
  other = json.dumps(_described(_movi(48, 64, 7)), sort_keys=True)
  swapped = json.dumps(PUBLISHED["a"], sort_keys=True).replace("128, 128", "48, 64").replace("[24", "[7").replace("24, [", "7, [")
  assert other == swapped
  assert {name for name, _ in leaves(_movi(4, 4, 1))} >= {"metadata/video_name", "instances/bboxes", "events/collisions/force"}


# --- values ----------------------------------------------------------------------------------------------------------------


def _view(labels: np.ndarray, **layers: np.ndarray) -> View:
  frames, height, width = labels.shape[:3]
  rng = np.random.default_rng(2)
  one, two, three = ((frames, height, width, channels) for channels in (1, 2, 3))
  given = {"depth": rng.uniform(3, 40, one), "normal": rng.uniform(-1, 1, three), "object_coordinates": rng.random(three),
           "forward_flow": rng.normal(size=two), "backward_flow": np.zeros(two), **layers}
  stacks = {"segmentation": labels, **{name: values.astype(np.float32) for name, values in given.items()}}
  poses = {"positions": rng.normal(size=(frames, 3)), "quaternions": rng.normal(size=(frames, 4))}
  item = {"mass": 2.5, "friction": 0.4, "restitution": 0.3, **poses, "velocities": np.zeros((frames, 3)),
          "angular_velocities": np.zeros((frames, 3)), "bboxes_3d": np.zeros((frames, 8, 3)),
          "image_positions": np.zeros((frames, 2)), "bboxes": [[0.0, 0.25, 0.5, 1.0]], "bbox_frames": [0],
          "visibility": [70_000] + [3] * (frames - 1), "shape": "sphere", "size_label": "large",
          "color": (0.1, 0.2, 0.3), "color_label": "red", "material": "metal", "more": "is left out"}
  event = {"instances": [0, -1], "frame": 1, "force": 3.5, "position": (1, 2, 3), "image_position": (0.5, 0.25),
           "contact_normal": (0, 0, 1), "time": 0.1}
  return View("camera", {name: LazyFrames(frames, values.__getitem__) for name, values in stacks.items()},
              {"resolution": [width, height], "num_frames": frames, "num_instances": 1},
              {"focal_length": 35.0, "sensor_width": 32.0, "field_of_view": 0.86, **poses}, [item], [event])


def test_values_of_a_record_mean_what_they_mean_in_movi() -> None:
  labels = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 1)).astype(np.uint16)
  view, rgb = _view(labels), np.random.default_rng(1).integers(0, 256, (2, 4, 6, 3)).astype(np.uint8)
  features = _movi(4, 6, 2)
  record = decode(features, encode(features, movi_record(view, rgb, "movi_a_7")))
  assert record["metadata"]["video_name"] == "movi_a_7"
  assert [int(record["metadata"][name]) for name in ("height", "width", "num_frames", "num_instances")] == [4, 6, 2, 1]
  np.testing.assert_array_equal(record["video"], rgb)
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


def test_ids_beyond_eight_bits_are_refused_rather_than_wrapped() -> None:
  labels = np.full((1, 2, 2, 1), 256, np.uint16)
  with pytest.raises(KubricGenError, match="segmentations"):
    encode(_movi(2, 2, 1), movi_record(_view(labels), np.zeros((1, 2, 2, 3), np.uint8), "x"))


def test_values_that_are_not_finite_are_refused() -> None:
  view = _view(np.zeros((1, 2, 2, 1), np.uint16), depth=np.full((1, 2, 2, 1), np.nan))
  with pytest.raises(KubricGenError, match="data range"):
    encode(_movi(2, 2, 1), movi_record(view, np.zeros((1, 2, 2, 3), np.uint8), "x"))
