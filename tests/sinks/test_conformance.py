"""The contract of sinks, for every sink there is: whole or not at all, the same bytes twice, several views, nothing in sight,
more objects than a palette has colours, and read back by the format's own library.

A new sink needs one entry in `READERS`. What a format does not hold, its reader leaves out, and nothing is asked of it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sinks.posed import read_nerfstudio, read_png

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


@dataclass(frozen=True, eq=False)
class Found:
  """What is read back of a view.

  Attributes:
    labels (T, H, W): ids of instances. count: of instances.
    hit (T, H, W) bool: where something is seen. some_hit: the same, but only somewhere of it.
    colours (T, H, W, 4) uint8.
  """

  labels: NDArray[Any] | None = None
  count: int | None = None
  hit: NDArray[np.bool_] | None = None
  some_hit: NDArray[np.bool_] | None = None
  colours: NDArray[np.uint8] | None = None


def _scene_directory(folder: Path) -> dict[str, Found]:
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
      found[f"{file.parent.name}/{camera}"] = Found(np.stack(labels), len(described["instances"]))
  return found


def _of_records(records: Iterator[bytes]) -> dict[str, Found]:
  import tensorflow as tf
  found = {}
  for data in records:
    features = tf.train.Example.FromString(data).features.feature
    (key,) = features["metadata/video_name"].bytes_list.value
    labels = [tf.io.decode_png(item).numpy()[..., 0] for item in features["segmentations"].bytes_list.value]
    found[key.decode()] = Found(np.stack(labels), features["metadata/num_instances"].int64_list.value[0])
  return found


def _tfrecord(file: Path) -> dict[str, Found]:
  import tensorflow as tf
  return _of_records(item.numpy() for item in tf.data.TFRecordDataset(str(file)))


def _array_record(file: Path) -> dict[str, Found]:
  from array_record.python.array_record_module import ArrayRecordReader
  reader = ArrayRecordReader(str(file))
  return _of_records(iter(reader.read_all()))


def _parquet(file: Path) -> dict[str, Found]:
  import pyarrow.parquet
  return _of_records(iter(pyarrow.parquet.read_table(file)["data"].to_pylist()))


def _by_camera(key: str, frames: Sequence[tuple[str, dict[str, NDArray[Any]]]]) -> dict[str, Found]:
  """Frames, each with its name and some fields of `Found`, put together by the cameras that their names begin with."""
  cameras = sorted({name.rpartition("_")[0] for name, _ in frames})
  return {f"{key}/{camera}": Found(**{
      field: np.stack([values[field] for name, values in sorted(frames) if name.rpartition("_")[0] == camera])
      for field in frames[0][1]}) for camera in cameras}


def _nerfstudio(folder: Path) -> dict[str, Found]:
  found = {}
  for place in folder.iterdir():
    _, shots = read_nerfstudio(place)
    assert all((shot.mask == 255).all() for shot in shots.values())
    found.update(_by_camera(place.name, [(name, {"hit": shot.z > 0, "colours": shot.image}) for name, shot in shots.items()]))
  return found


def _blender(folder: Path) -> dict[str, Found]:
  found = {}
  for place in folder.iterdir():
    files = [f"{frame['file_path']}.png" for split in ("train", "val", "test")
             for frame in json.loads((place / f"transforms_{split}.json").read_text())["frames"]]
    found.update(_by_camera(place.name, [(Path(file).stem, {"colours": read_png(place / file)}) for file in files]))
  return found


def _colmap(folder: Path) -> dict[str, Found]:
  pycolmap = pytest.importorskip("pycolmap")  # the image has none
  found = {}
  for place in folder.iterdir():
    frames = []
    for image in pycolmap.Reconstruction(str(place / "sparse" / "0")).images.values():
      colours = read_png(place / "images" / image.name)
      seen = np.zeros(colours.shape[:2], bool)
      for point in image.points2D:
        column, row = point.xy.astype(int)
        seen[row, column] = True
      frames.append((Path(image.name).stem, {"some_hit": seen, "colours": colours}))
    found.update(_by_camera(place.name, frames))
  return found


READERS: dict[str, Callable[[Path], dict[str, Found]]] = {
    "scene_directory": _scene_directory, "tfrecord": _tfrecord, "array_record": _array_record, "parquet": _parquet,
    "nerfstudio": _nerfstudio, "blender": _blender, "colmap": _colmap}
HOLD_IDS = {"scene_directory", "tfrecord", "array_record", "parquet"}
"""The formats that hold the ids of instances: their readers give labels and counts."""
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


def _colour(t: int, size: tuple[int, int]) -> NDArray[np.uint8]:
  return np.full((*size, 4), 40 * t, np.uint8)


def _example(scene: kg.Scene) -> kg.Example:
  example = kg.make_example(scene, layers=[name for name in LAYERS if name != "rgba"])
  views = []
  for view in example.views:  # colour that needs no renderer
    colour = LazyFrames(FRAMES, lambda t: _colour(t, scene.resolution))
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

  def write(self, **scenes: kg.Scene) -> dict[str, Found]:
    """Everything that was read back."""
    with self.open() as sink:
      for key, scene in scenes.items():
        with _example(scene) as example:
          self.add(sink, key, example)
      sink.finish()
    return self.read()

  def read(self) -> dict[str, Found]:
    found = READERS[self.name](self.target)
    for each in found.values():
      assert (each.labels is not None and each.count is not None) == (self.name in HOLD_IDS)
      arrays = [each.labels, each.hit, each.some_hit, each.colours]
      assert {len(array) for array in arrays if array is not None} == {FRAMES}
      if each.colours is not None:
        assert all((image == _colour(t, image.shape[:2])).all() for t, image in enumerate(each.colours))
    return found

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
  wanted = np.stack([truth.segmentation(t)[..., 0] for t in range(FRAMES)])
  assert wanted.any()
  for each in found.values():
    if each.labels is not None:
      assert each.count == 1
      np.testing.assert_array_equal(each.labels, wanted)
    if each.hit is not None:
      np.testing.assert_array_equal(each.hit, wanted > 0)
    if each.some_hit is not None:
      assert each.some_hit.any() and not each.some_hit[wanted == 0].any()


def test_two_views_have_the_same_ids(case: _Case) -> None:
  small = kg.Object("small", kg.Cube(), scale=0.5, position=(0, -1.2, 0), static=True)
  found = case.write(**{"3": _scene(small, BALL, views=2)})
  assert len(found) == 2 and {key.rpartition("/")[2] for key in found} == {"front", "side"}
  if case.name in HOLD_IDS:
    assert {each.count for each in found.values()} == {2}
    assert all(set(np.unique(each.labels)) == {0, 1, 2} for each in found.values())


def test_nothing_in_sight(case: _Case) -> None:
  each, = case.write(**{"3": _scene(kg.Object("away", kg.Cube(), position=(0, -90, 0), static=True))}).values()
  assert not each.count
  assert not any(array.any() for array in (each.labels, each.hit, each.some_hit) if array is not None)


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

      def stop(t: int, frames: LazyFrames) -> np.ndarray:
        if t:
          raise RuntimeError("stop")
        return frames[t]

      stopping = {name: LazyFrames(FRAMES, functools.partial(stop, frames=frames)) for name, frames in example.layers.items()}
      example.views = (replace(example.main, layers=stopping),)
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
      assert len(case.read()) == 1


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
