"""The contract of sinks, for every sink there is: whole or not at all, the same bytes twice, several views, nothing in sight,
more objects than a palette has colours, and read back by the format's own library.

A new sink needs one entry in `READERS`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.errors import KubricGenError
from kubric_gen.example.frames import LazyFrames
from kubric_gen.schema import MoviSchema, Record
from kubric_gen.schema.features import Features
from kubric_gen.schema.tf_example import encode
from kubric_gen.sinks import ExampleSink, RecordSink, example_sink, record_sink, sinks
from kubric_gen.sinks.sink import need_layers

LAYERS = MoviSchema.layers
SIZE, FRAMES = (16, 20), 2


# --- what is read back, by libraries that know nothing of this package ---------------------------------------------------


def _scene_directory(folder: Path) -> dict[str, Any]:
  """By key: labels per view and frame, and the number of instances."""
  import tifffile
  from PIL import Image
  found = {}
  for file in sorted(folder.glob("*/metadata.json")):
    described = json.loads(file.read_text())
    cameras = described["metadata"]["cameras"]
    for camera in cameras:
      place = file.parent if camera == cameras[0] else file.parent / "cameras" / camera
      labels = [np.asarray(Image.open(path)) for path in sorted(place.glob("segmentation_*.png"))]
      depth = [tifffile.imread(path) for path in sorted(place.glob("depth_*.tiff"))]
      assert all(image.dtype == np.float32 and image.shape == SIZE for image in depth)
      assert len(json.loads((place / "metadata.json").read_text())["instances"]) == len(described["instances"])
      found[f"{file.parent.name}/{camera}"] = (np.stack(labels), len(described["instances"]))
  return found


def _of_records(records: Iterator[bytes]) -> dict[str, Any]:
  import tensorflow as tf
  found = {}
  for data in records:
    features = tf.train.Example.FromString(data).features.feature
    (key,) = features["metadata/video_name"].bytes_list.value
    labels = [tf.io.decode_png(item).numpy()[..., 0] for item in features["segmentations"].bytes_list.value]
    found[key.decode()] = (np.stack(labels), features["metadata/num_instances"].int64_list.value[0])
  return found


def _tfrecord(file: Path) -> dict[str, Any]:
  import tensorflow as tf
  return _of_records(item.numpy() for item in tf.data.TFRecordDataset(str(file)))


def _array_record(file: Path) -> dict[str, Any]:
  from array_record.python.array_record_module import ArrayRecordReader
  reader = ArrayRecordReader(str(file))
  return _of_records(iter(reader.read_all()))


def _parquet(file: Path) -> dict[str, Any]:
  import pyarrow.parquet
  return _of_records(iter(pyarrow.parquet.read_table(file)["data"].to_pylist()))


READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "scene_directory": _scene_directory, "tfrecord": _tfrecord, "array_record": _array_record, "parquet": _parquet}
OURS = sorted(name for name, sink in sinks().items() if sink.__module__.startswith("kubric_gen."))


def test_every_sink_is_held_to_the_contract() -> None:
  assert set(READERS) == set(OURS)


# --- what is written -------------------------------------------------------------------------------------------------------


def _scene(*objects: kg.Object, views: int = 1) -> kg.Scene:
  cameras = [kg.PerspectiveCamera(name, position=position, look_at=(0, 0, 0)) for name, position in
             (("front", (0, -6, 1)), ("side", (6, 0, 1)))][:views]
  return kg.Scene(objects, [], cameras, resolution=SIZE, num_frames=FRAMES)


BALL = kg.Object("ball", kg.Sphere(), static=True)
MANY = tuple(kg.Object(f"o{i}", kg.Cube(), position=((i % 20 - 9.5) / 6, 0, (i // 20 - 7) / 6), scale=0.1, static=True)
             for i in range(300))


def _example(scene: kg.Scene) -> kg.Example:
  example = kg.make_example(scene, layers=[name for name in LAYERS if name != "rgba"])
  views = []
  for view in example.views:  # colour that needs no renderer
    colour = LazyFrames(FRAMES, lambda t: np.full((*SIZE, 4), 40 * t, np.uint8))
    views.append(replace(view, layers={"rgba": colour, **view.layers}))
  example.views = tuple(views)
  return example


class _Case:
  """A sink and how it is fed."""

  def __init__(self, name: str, folder: Path) -> None:
    self.name, self.folder = name, folder
    self.target = folder / ("out" if sinks()[name].takes == "examples" else f"out.{name}")

  def open(self) -> ExampleSink | RecordSink:
    if sinks()[self.name].takes == "examples":
      return example_sink(self.name)(self.target)
    return record_sink(self.name)(self.target)

  def add(self, sink: Any, key: str, example: kg.Example) -> None:
    if sink.takes == "examples":
      sink.add(key, example)
      return
    schema = MoviSchema()
    features: Features = schema.features(_Config(), SIZE)
    for record_key, record in schema.records(example, key):
      sink.add(record_key, Record(features, encode(features, record)))

  def write(self, **scenes: kg.Scene) -> dict[str, Any]:
    """Everything that was read back."""
    with self.open() as sink:
      for key, scene in scenes.items():
        with _example(scene) as example:
          self.add(sink, key, example)
      sink.finish()
    return READERS[self.name](self.target)

  def files(self) -> dict[str, str]:
    return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*")) if path.is_file()}


class _Config:
  num_frames = FRAMES


@pytest.fixture(params=OURS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> _Case:
  return _Case(request.param, tmp_path)


def test_what_is_written_is_read_back(case: _Case) -> None:
  scene = _scene(BALL)
  found = case.write(**{"3": scene, "4": scene})
  assert len(found) == 2
  truth = kg.GroundTruth(scene, kg.Motion.from_paths(scene))
  for labels, count in found.values():
    assert count == 1
    np.testing.assert_array_equal(labels, [truth.segmentation(t)[..., 0] for t in range(FRAMES)])
    assert labels.any()


def test_two_views_have_the_same_ids(case: _Case) -> None:
  small = kg.Object("small", kg.Cube(), scale=0.5, position=(0, -1.2, 0), static=True)
  found = case.write(**{"3": _scene(small, BALL, views=2)})
  assert len(found) == 2 and {count for _, count in found.values()} == {2}
  assert {key.rpartition("/")[2] for key in found} == {"front", "side"}
  assert all(set(np.unique(labels)) == {0, 1, 2} for labels, _ in found.values())


def test_nothing_in_sight(case: _Case) -> None:
  (labels, count), = case.write(**{"3": _scene(kg.Object("away", kg.Cube(), position=(0, -90, 0), static=True))}).values()
  assert count == 0 and not labels.any()


def test_more_objects_than_a_palette_has_are_written_or_refused_in_one_line(case: _Case) -> None:
  scene = replace(_scene(*MANY), resolution=(120, 160))
  with kg.make_example(scene, layers=("depth",)) as counted:
    assert len(counted.instances) > 255
  with pytest.raises(KubricGenError, match="255") as caught, case.open() as sink:
    with _example(scene) as example:
      case.add(sink, "3", example)
  assert "\n" not in str(caught.value) and case.files() == {}


def test_the_same_items_give_the_same_bytes(case: _Case, tmp_path: Path) -> None:
  other = _Case(case.name, tmp_path / "other")
  other.folder.mkdir()
  for each in (case, other):
    each.write(**{"3": _scene(BALL, views=2)})
  varying = sinks()[case.name].varying
  one, two = ({name.removeprefix("other/"): digest for name, digest in each.items() if Path(name).name not in varying}
              for each in ({n: d for n, d in case.files().items() if not n.startswith("other")}, other.files()))
  assert one == two and one


def test_unfinished_items_leave_nothing(case: _Case) -> None:
  with pytest.raises(RuntimeError, match="stop"), case.open() as sink, _example(_scene(BALL)) as example:
    if sink.takes == "records":
      case.add(sink, "3", example)
    else:  # a scene is there as soon as it is added, so this one stops on its way

      def stop(t: int) -> np.ndarray:
        raise RuntimeError("stop")

      example.views = (replace(example.main, layers={**example.layers, "depth": LazyFrames(FRAMES, stop)}),)
      case.add(sink, "3", example)
    raise RuntimeError("stop")
  assert case.files() == {}


def test_a_reserved_place_without_an_item_stays_empty(case: _Case) -> None:
  with case.open() as sink:
    if isinstance(sink, ExampleSink):
      with sink.reserve("3"):
        pass
      with pytest.raises(RuntimeError), sink.reserve("3"):
        raise RuntimeError
      assert case.files() == {}
      with sink.reserve("3"), _example(_scene(BALL)) as example:
        case.add(sink, "3", example)
      assert len(READERS[case.name](case.target)) == 1


def test_a_place_that_cannot_be_written_to(case: _Case) -> None:
  case.target.parent.joinpath("file").write_text("x")
  case.target = case.folder / "file" / "below"
  with pytest.raises(KubricGenError, match="cannot"), case.open() as sink, _example(_scene(BALL)) as example:
    case.add(sink, "3", example)
  assert list(case.files()) == ["file"]


def test_what_a_scene_lacks_is_named() -> None:
  with kg.make_example(_scene(BALL), layers=("depth",)) as example:
    need_layers("somewhere", example.main, ["depth"])
    with pytest.raises(KubricGenError, match="somewhere needs the layer z, which the view front lacks"):
      need_layers("somewhere", example.main, ["depth", "z"])


def test_names_of_sinks_are_their_own() -> None:
  from kubric_gen.sinks import add_sink

  class Again(ExampleSink):
    name = "scene_directory"

    def add(self, key: str, item: kg.Example) -> None:
      pass

  with pytest.raises(KubricGenError, match="already"):
    add_sink(Again)
  for find in (example_sink, record_sink):
    with pytest.raises(KubricGenError, match="unknown sink .* 'nope'"):
      find("nope")
  assert set(sinks("examples")).isdisjoint(sinks("records"))
