"""Scene directories with damage of every kind: what is read is what was written, or one line tells that it cannot be.

Without checksums, a TIFF and the digits of a JSON file may have changed unnoticed: then at least all has its type and shape.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.example.test_round_trip import same

import kubric_gen as kg
from kubric_gen.codecs.npz import encode_npz
from kubric_gen.codecs.png import encode_png
from kubric_gen.codecs.tiff import decode_tiff, encode_tiff
from kubric_gen.errors import KubricGenError
from kubric_gen.example.frames import LazyFrames
from kubric_gen.scene.layers import LAYERS

SIZE, FRAMES = (16, 16), 2
MADE = ("segmentation", "depth", "normal", "forward_flow", "amodal_segmentation", "uv", "occlusion_forward", "tracks")
SECONDS = 2.0
HARM = "harm"


def _scene() -> kg.Scene:
  ball = kg.Object("ball", kg.Sphere(), path=kg.Path((1, FRAMES), ((0, 0, 0), (0.5, 0, 0)), ((1, 0, 0, 0),) * 2),
                   labels={"color_label": "red", "sizes": [1, 2.5]})
  cube = kg.Object("cube", kg.Cube(), position=(0.5, 2, 0), static=True)
  cameras = [kg.PerspectiveCamera(name, position=position, look_at=(0, 0, 0)) for name, position in
             (("front", (0, -6, 1)), ("side", (6, 0, 1)))]
  return kg.Scene([ball, cube], [], cameras, resolution=SIZE, num_frames=FRAMES)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
  path = tmp_path_factory.mktemp("scene") / "scene"
  with kg.make_example(_scene(), layers=MADE, flags={"layers": ["rgba", *MADE], "world": "none"}) as example:
    colour = LazyFrames(FRAMES, lambda t: np.full((*SIZE, 4), 40 * t, np.uint8))
    example.views = tuple(replace(view, layers={"rgba": colour, **view.layers}) for view in example.views)
    return kg.write_scene(example, path, preview=False)


@pytest.fixture
def scene(written: Path, tmp_path: Path) -> Path:
  """A copy that may be damaged."""
  return Path(shutil.copytree(written, tmp_path / HARM))


class _Found:
  """All that is read of a scene."""

  def __init__(self, path: Path, verify: bool = False) -> None:
    with kg.read_scene(path, verify=verify) as example:
      self.views = example.views
      self.frames = [{name: frames[:] for name, frames in view.layers.items()} for view in example.views]

  def assert_same(self, other: _Found, but: str = "") -> None:
    """But for the layer `but`, of which only types and shapes are the same."""
    assert len(self.views) == len(other.views)
    for one, two, frames, wanted in zip(self.views, other.views, self.frames, other.frames):
      for field in ("name", "metadata", "camera", "instances", "collisions", "flags", "arrays"):
        same(getattr(one, field), getattr(two, field), field)
      assert set(frames) == set(wanted)
      for name in frames:
        for frame, other_frame in zip(frames[name], wanted[name], strict=True):
          assert (frame.dtype, frame.shape) == (other_frame.dtype, other_frame.shape)
          assert name == but or np.array_equal(frame, other_frame), name

  def assert_typed(self) -> None:
    """Whatever its values are, all that a reader gives has the types and shapes that it promises."""
    for view, frames in zip(self.views, self.frames):
      width, height = view.metadata.resolution
      for name, found in frames.items():
        channels = LAYERS[name].channels
        shape = (height, width, len(view.instances) if channels is None else channels)
        assert [(frame.shape, frame.dtype) for frame in found] == [(shape, np.dtype(LAYERS[name].dtype))] * FRAMES
      for item in view.instances:
        assert item.positions.shape == (FRAMES, 3) and np.isfinite(item.positions).all()
        assert set(item.bbox_frames) <= set(range(FRAMES))


def _read(path: Path, verify: bool = False) -> _Found | None:
  """What is read, or None where it is refused, as it must be: in one line, that names a place, soon."""
  started = time.process_time()
  try:
    return _Found(path, verify)
  except KubricGenError as error:
    text = str(error)
    assert "\n" not in text and len(text) < 1200 and HARM in text, text
    return None
  finally:
    assert time.process_time() - started < SECONDS


@pytest.fixture(scope="module")
def wanted(written: Path) -> _Found:
  return _Found(written)


# --- bytes ------------------------------------------------------------------------------------------------------------------


def _bit(data: bytes, rng: random.Random) -> bytes:
  at = rng.randrange(len(data))
  return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def _early_bytes(data: bytes, rng: random.Random) -> bytes:
  """Where headers are."""
  changed = bytearray(data)
  for _ in range(rng.randint(1, 4)):
    changed[rng.randrange(min(len(data), 256))] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
  return bytes(changed)


def _late_bytes(data: bytes, rng: random.Random) -> bytes:
  return _early_bytes(data[::-1], rng)[::-1]


def _cut(data: bytes, rng: random.Random) -> bytes:
  return data[:rng.randrange(len(data))]


def _zeros(data: bytes, rng: random.Random) -> bytes:
  at = rng.randrange(len(data))
  return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64:]


def _twice(data: bytes, rng: random.Random) -> bytes:
  at = rng.randrange(len(data))
  return data[:at] + data[at // 2:]


def _noise(data: bytes, rng: random.Random) -> bytes:
  return rng.randbytes(rng.randrange(2 * len(data)))


DAMAGES = (_bit, _bit, _early_bytes, _late_bytes, _cut, _zeros, _twice, _noise)


def _files(folder: Path) -> list[Path]:
  """One of each kind in the main view, and in a further one what is not the same code."""
  names = ["rgba_00001.png", "segmentation_00000.png", "depth_00001.tiff", "uv_00000.tiff", "normal_00000.png",
           "forward_flow_00001.png", "amodal_00000.npz", "occlusion_forward_00001.png", "tracks.npz", "data_ranges.json",
           "metadata.json", "events.json", "run.json", "checksums.json", "cameras/side/metadata.json",
           "cameras/side/depth_00000.tiff"]
  paths = [folder / name for name in names]
  assert all(path.is_file() for path in paths)
  return paths


@pytest.mark.parametrize("number", range(16))
def test_damaged_bytes(scene: Path, wanted: _Found, number: int) -> None:
  path = _files(scene)[number]
  data, rng = path.read_bytes(), random.Random(number)
  refused = 0
  for round_ in range(24):
    damaged = DAMAGES[round_ % len(DAMAGES)](data, rng)
    if damaged == data:
      continue
    path.write_bytes(damaged)
    assert _read(scene, verify=True) is None, path.name
    found = _read(scene)
    refused += found is None
    if found is None or path.name in ("run.json", "checksums.json"):  # which say nothing of the data
      continue
    found.assert_typed()
    if path.suffix in (".png", ".npz"):
      found.assert_same(wanted)
    elif path.suffix == ".tiff":
      found.assert_same(wanted, but=path.name.partition("_")[0])
  assert refused or path.name == "checksums.json"


def test_the_header_of_a_tiff_cannot_move_its_samples(scene: Path, wanted: _Found) -> None:
  data = (scene / "depth_00001.tiff").read_bytes()
  for at in range(len(data) - SIZE[0] * SIZE[1] * 4):
    for bit in range(8):
      try:
        frame = decode_tiff(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:], size=SIZE)
      except KubricGenError:
        continue
      np.testing.assert_array_equal(frame, wanted.frames[0]["depth"][1])


def test_files_in_the_places_of_others(scene: Path, wanted: _Found) -> None:
  rng, paths = random.Random(0), sorted(path for path in scene.rglob("*") if path.is_file())
  for _ in range(60):
    one, other = rng.sample(paths, 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    if first != second:
      assert _read(scene, verify=True) is None
    found = _read(scene)
    if found is not None:
      found.assert_typed()
    one.write_bytes(first)
    other.write_bytes(second)
  _Found(scene, verify=True).assert_same(wanted)


# --- JSON --------------------------------------------------------------------------------------------------------------------

HUGE = "9" * 4000
VALUES = ("null", "true", '"x"', '"5"', "-1", "0", "0.5", "1000000000", HUGE, "1e308", "1e999", "NaN", "-Infinity", "[]", "{}",
          "[" * 900 + "]" * 900, '{"a":' * 300 + "1" + "}" * 300, '{"%s": [1e999]}' % ("k" * 2000), '"%s"' % ("x" * 100_000),
          '"\\ud800"', '["front"]', '["front", "side", "side"]', "[[[[1]]]]", "[1, [2, 3]]", '"../../x"', '[true, 1.5, 2, 3]')


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
  items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
  for key, item in items:
    yield (*path, key)
    yield from _places(item, (*path, key))


def _with(value: Any, path: tuple[Any, ...], text: str | None) -> str:
  """JSON in which one value is replaced by a text, or left out."""
  value = json.loads(json.dumps(value))
  inner = value
  for key in path[:-1]:
    inner = inner[key]
  if text is None:
    del inner[path[-1]]
    return json.dumps(value)
  inner[path[-1]] = "HERE"
  return json.dumps(value).replace('"HERE"', text)


@pytest.mark.filterwarnings("ignore:.*nothing that is loaded describes:UserWarning")
@pytest.mark.parametrize("name", ["metadata.json", "events.json", "data_ranges.json", "cameras/side/metadata.json"])
def test_json_of_other_values(scene: Path, name: str) -> None:
  path, rng = scene / name, random.Random(name)
  described = json.loads(path.read_text())
  if name == "events.json":
    described = {"collisions": [{"instances": [0, -1], "frame": 1, "force": 1.0, "position": [0.0, 0.0, 0.0],
                                 "image_position": [0.5, 0.5], "contact_normal": [0.0, 0.0, 1.0]}]}
    path.write_text(json.dumps(described))
    assert _read(scene) is not None
  places = list(_places(described))
  for _ in range(80):
    path.write_text(_with(described, rng.choice(places), rng.choice((*VALUES, None))))
    assert _read(scene, verify=True) is None
    found = _read(scene)
    if found is not None:
      found.assert_typed()


def _change(**values: Any) -> Callable[[dict[str, Any]], None]:
  return lambda described: described["metadata"].update(values)


def _first(**values: Any) -> Callable[[dict[str, Any]], None]:
  return lambda described: described["instances"][0].update(values)


@pytest.mark.parametrize(("harm", "word"), [
    (_change(num_frames=10 ** 9), "shape"), (_change(num_frames=1), "shape"),
    (_change(resolution=[10 ** 8, 10 ** 8]), "pixels|resolution"),
    (_change(resolution=[15, 16]), "resolution"), (_change(resolution=[0, 16]), "pixels|resolution"),
    (_change(num_instances=3), "instances are promised"), (_change(num_instances=10 ** 18), "instances are promised"),
    (_change(cameras=["front"] + ["side"] * 10 ** 6), "cameras"), (_change(cameras=["side", "front"]), "cameras"),
    (_change(cameras=["front", "../front"]), "camera"), (_change(cameras=["front", "no"]), "no metadata.json"),
    (_first(bbox_frames=[0, 7]), "frames that are not there"), (_first(visibility=[True, 4]), "whole numbers"),
    (_first(positions=[[0, 0, "0"]] * 2), "numbers"), (_first(positions=[[0, 0, True]] * 2), "numbers"),
    (_first(mass="1"), "mass"), (lambda d: d["instances"].pop(), "instances are promised"),
    (lambda d: d.update(instances={}), "list"), (lambda d: d.update(flags=3), "flags"),
    (lambda d: d["flags"].update(layers=["rgba", "z"]), "z_00000.tiff"), (lambda d: d["camera"].pop("K"), "missing")])
def test_descriptions_that_contradict_the_files(scene: Path, harm: Callable[[dict[str, Any]], Any], word: str) -> None:
  described = json.loads((scene / "metadata.json").read_text())
  harm(described)
  (scene / "metadata.json").write_text(json.dumps(described))
  with pytest.raises(KubricGenError, match=word):
    _Found(scene)
  assert _read(scene) is None


# --- sizes -------------------------------------------------------------------------------------------------------------------


def _npz_that_claims(shape: tuple[int, ...], dtype: str, held: int) -> bytes:
  said = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117)
  content = b"\x93NUMPY\1\0" + struct.pack("<H", 118) + said.encode() + b"\n"
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("points.npy", content + bytes(held))
  return buffer.getvalue()


HOSTILE = {
    "rgba_00000.png": lambda: encode_png(np.zeros((4000, 4000, 4), np.uint8)),
    "segmentation_00000.png": lambda: encode_png(np.zeros((9000, 9000, 1), np.uint8)),
    "depth_00000.tiff": lambda: encode_tiff(np.zeros((500, 500, 1), np.float32)),
    "amodal_00000.npz": lambda: encode_npz({"masks": np.zeros((1000, 1 << 17), np.uint8), "shape": (1000, 1024, 1024)}),
    "amodal_00001.npz": lambda: encode_npz({"masks": np.zeros((40_000, 32), np.uint8), "shape": (40_000, 16, 16)}),
    "tracks.npz": lambda: _npz_that_claims((1 << 26,), "<f4", 1 << 28),
    "cameras/side/tracks.npz": lambda: _npz_that_claims((1 << 40,), "|S0", 0)}


@pytest.mark.parametrize("name", HOSTILE)
def test_small_files_of_large_arrays(scene: Path, name: str) -> None:
  data = HOSTILE[name]()
  (scene / name).write_bytes(data)
  _read(scene)  # what is imported on first use is no matter
  tracemalloc.start()
  try:
    assert _read(scene) is None
    assert tracemalloc.get_traced_memory()[1] < 10 * max(len(data), 1_000_000)
  finally:
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["rgba_00000.png", "metadata.json", "tracks.npz", "checksums.json", "depth_00001.tiff"])
@pytest.mark.parametrize("put", [
    lambda path: path.mkdir(), lambda path: os.mkfifo(path), lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to(path), lambda path: (path.touch(), os.truncate(path, 1 << 40))],
    ids=["folder", "pipe", "device", "circle", "hole"])
def test_what_is_no_file_or_far_too_large(scene: Path, name: str, put: Callable[[Path], Any]) -> None:
  (scene / name).unlink()
  put(scene / name)
  assert name == "checksums.json" or _read(scene) is None
  if name == "checksums.json" or not (scene / name).is_file():  # hashing a terabyte takes its time
    assert _read(scene, verify=True) is None
