"""Reads scene directories back, as the examples that they were written from.

The files are hostile input: whatever is wrong with one ends as one line that names it, before much memory or time is spent on it.
A changed digit, sample of a TIFF or a file in the place of another shows only where checksums are verified.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from kubric_gen.codecs.checks import MAX_PIXELS
from kubric_gen.codecs.npz import MAX_BYTES, decode_npz
from kubric_gen.codecs.storage import FRAME_CODECS, Limits
from kubric_gen.errors import KubricGenError
from kubric_gen.example.cameras import CameraData
from kubric_gen.example.events import CollisionEvent
from kubric_gen.example.example import Example, View
from kubric_gen.example.frames import Frame, LazyFrames
from kubric_gen.example.instances import Instance
from kubric_gen.example.metadata import Metadata
from kubric_gen.example.parts import Sizes
from kubric_gen.scene.layers import LAYERS
from kubric_gen.scene.validation import file_name, labels
from kubric_gen.sinks.scene_directory import (CAMERAS, EVENTS, INFO, MAX_JSON, METADATA, RANGES, frame_file, limits_of,
                                              scene_damage)
from kubric_gen.system.checksums import CHECKSUMS, read_checksums, read_plain

WAY_OUT = "make the scene again"
MAX_KEY = 1000
"""Characters of a name in JSON."""
_DAMAGE = (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError, RecursionError, MemoryError,
           zipfile.BadZipFile)
_SLACK = 1 << 20
"""Bytes of a file beyond what its content needs."""


def _one_line(error: BaseException) -> str:
  """What an error says, without the way out that a codec names, in a line that is not too long."""
  text = " ".join((getattr(error, "strerror", None) or str(error))[:2000].split()) or type(error).__name__
  return text.removeprefix("the file cannot be read (").partition("): write it again")[0][:300]


class _Folder:
  """The folder of a view, whose files are plain ones, no larger than they can be, and as they were written where that can be
  told.

  Args:
    path: of the folder.
    sums: the SHA-256 of each of its files; None where they are not to be verified.
  """

  def __init__(self, path: Path, sums: Mapping[str, str] | None) -> None:
    self.path, self._sums = path, sums

  def has(self, name: str) -> bool:
    return (self.path / name).is_file()

  def read(self, name: str, limit: int) -> bytes:
    """The bytes of a file.

    Raises:
      OSError: it cannot be read, or is larger. ValueError: it is not as it was written.
    """
    data = read_plain(self.path / name, limit)
    if self._sums is not None and hashlib.sha256(data).hexdigest() != self._sums.get(name):
      raise ValueError(f"its SHA-256 is not that in {CHECKSUMS}")
    return data

  def below(self, name: str) -> _Folder:
    """A folder below this one."""
    sums = self._sums
    if sums is not None:
      sums = {file.removeprefix(f"{name}/"): digest for file, digest in sums.items() if file.startswith(f"{name}/")}
    return _Folder(self.path / name, sums)

  def fail(self, name: str, error: BaseException) -> NoReturn:
    """Tells that a file cannot be read."""
    raise KubricGenError(f"{self.path / name} cannot be read ({_one_line(error)}): {WAY_OUT}") from None


def _with_short_keys(value: dict[str, Any]) -> dict[str, Any]:
  """An object of JSON as it is; names of values are put together from its keys, so these must not be long."""
  if any(len(key) > MAX_KEY for key in value):
    raise ValueError("it has a name of too many characters")
  return value


def _no_number(name: str) -> NoReturn:
  raise ValueError(f"it has the value {name}")


def _read_json(folder: _Folder, name: str) -> Any:
  try:
    return json.loads(folder.read(name, MAX_JSON), object_hook=_with_short_keys, parse_constant=_no_number)
  except (FileNotFoundError, NotADirectoryError):
    raise KubricGenError(f"{folder.path} is no scene directory: it has no {name}") from None
  except _DAMAGE as error:
    folder.fail(name, error)


def _limits(folder: _Folder, layer: str, ranges: Any) -> Limits | None:
  """The range by which a layer is stored."""
  try:
    limits = limits_of(layer, ranges)
  except (KeyError, TypeError):
    raise KubricGenError(f"{folder.path / RANGES} does not have the range of {layer}: {WAY_OUT}") from None
  if limits is not None and not all(type(limit) in (int, float) and abs(limit) < 1e300 for limit in limits):
    raise KubricGenError(f"{folder.path / RANGES} has a range of {layer} that is none: {WAY_OUT}")
  return limits


def _frames(layer: str, folder: _Folder, metadata: Metadata, count: int, ranges: Any) -> LazyFrames:
  """The frames of a layer; `count` is that of the instances."""
  spec, decode, limits = LAYERS[layer], FRAME_CODECS[LAYERS[layer].storage].decode, _limits(folder, layer, ranges)
  width, height = metadata.resolution
  channels = count if spec.channels is None else spec.channels
  most = 8 * max(channels, 1) * height * width + _SLACK  # twice what a sample takes, not compressed

  def load(t: int) -> Frame:
    name = frame_file(layer, t)
    try:
      return decode(folder.read(name, most), spec.dtype, channels, limits, (height, width))
    except FileNotFoundError:
      raise KubricGenError(f"{folder.path} is incomplete: {name} is missing; {WAY_OUT}") from None
    except (KubricGenError, *_DAMAGE) as error:
      folder.fail(name, error)

  return LazyFrames(metadata.num_frames, load)


def _arrays(folder: _Folder, metadata: Metadata) -> dict[str, Mapping[str, Frame]]:
  """The layers without frames."""
  width, height = metadata.resolution
  found: dict[str, Mapping[str, Frame]] = {}
  for layer, spec in LAYERS.items():
    name = f"{spec.stem}.npz"
    if not spec.has_frames and folder.has(name):
      try:
        data = folder.read(name, MAX_BYTES)
        # As much as a float image in each frame, or what compresses as numbers do: archives can claim a thousand times their size
        most = max(64 * metadata.num_frames * height * width + (1 << 24), 64 * len(data))
        found[layer] = decode_npz(data, "the file", min(most, MAX_BYTES))
      except (KubricGenError, *_DAMAGE) as error:
        folder.fail(name, error)
  return found


def _check_layers(folder: _Folder, flags: Mapping[str, Any]) -> None:
  """Refuses a view whose layers are gone, and warns of those that nobody here can read."""
  made = flags.get("layers", ())
  names = [str(name)[:40] for name in made] if isinstance(made, (list, tuple)) else []
  unknown = [name for name in names if name not in LAYERS]
  for name in names:
    if name not in unknown:
      first = frame_file(name, 0) if LAYERS[name].has_frames else f"{LAYERS[name].stem}.npz"
      if not folder.has(first):
        raise KubricGenError(f"{folder.path} is incomplete: {first} is missing; {WAY_OUT}")
  if unknown:
    warnings.warn(f"{folder.path} has the layer {unknown[0]}, which nothing that is loaded describes, so it is left out: import "
                  f"the module of the world {str(flags.get('world'))[:80]} first", stacklevel=5)


def _list(value: Any, name: str) -> Sequence[Any]:
  if not isinstance(value, list):
    raise ValueError(f"{name} must be a list")
  return value


def _check_metadata(metadata: Metadata, camera: CameraData) -> None:
  """Refuses sizes that cannot be, and those that are not those of the camera."""
  width, height = metadata.resolution
  if width < 1 or height < 1 or width * height > MAX_PIXELS or metadata.num_frames < 1:
    raise ValueError(f"{metadata.num_frames} frames of {height}x{width} pixels are none, or too large")
  if camera.resolution != metadata.resolution:
    raise ValueError("the camera has another resolution than the metadata")


def _check_indices(instances: Sequence[Instance], collisions: Sequence[CollisionEvent], metadata: Metadata) -> None:
  """Refuses numbers of frames and instances that are not there."""
  frames = range(metadata.num_frames)
  if metadata.num_instances != len(instances):
    raise ValueError(f"{metadata.num_instances} instances are promised, and {len(instances)} described")
  for item in instances:
    if item.bbox_frames.size and not (item.bbox_frames.min() in frames and item.bbox_frames.max() in frames):
      raise ValueError("an instance has bounding boxes in frames that are not there")
  for event in collisions:
    if event.frame not in frames or not all(-1 <= index < len(instances) for index in event.instances):
      raise ValueError("a collision is of a frame or an instance that is not there")


def _view(folder: _Folder, described: Any, events: Any, ranges: Any) -> View:
  """The view that its JSON files describe; any of `_DAMAGE` means that they do not."""
  metadata = Metadata.from_plain(described["metadata"])
  sizes: Sizes = {"T": metadata.num_frames}
  camera = CameraData.from_plain(described["camera"], sizes)
  _check_metadata(metadata, camera)
  flags = labels(described["flags"], "flags")
  there = [name for name, spec in LAYERS.items() if spec.has_frames and folder.has(frame_file(name, 0))]
  _check_layers(folder, flags)
  instances = tuple(Instance.from_plain(item, {**sizes}) for item in _list(described["instances"], "instances"))
  collisions = tuple(CollisionEvent.from_plain(item) for item in _list(events["collisions"], "collisions"))
  _check_indices(instances, collisions, metadata)
  layers = {name: _frames(name, folder, metadata, len(instances), ranges) for name in there}
  return View(camera.name, layers, metadata, camera, instances, collisions, flags, _arrays(folder, metadata))


def _read_view(folder: _Folder) -> View:
  described, events = _read_json(folder, METADATA), _read_json(folder, EVENTS)
  ranges = _read_json(folder, RANGES) if folder.has(RANGES) else {}
  try:
    return _view(folder, described, events, ranges)
  except KubricGenError as error:
    if not isinstance(error, ValueError):
      raise
    problem: BaseException = error  # of a description: it names no file
  except _DAMAGE as error:
    problem = error
  raise KubricGenError(f"{folder.path} is damaged, or of another version ({type(problem).__name__}: {_one_line(problem)}): "
                       f"{WAY_OUT}")


def _further_views(root: _Folder, main: View) -> list[View]:
  """The views of all cameras but the first."""
  names = main.metadata.cameras
  try:
    if names[:1] != (main.name,) or len(set(names)) < len(names):
      raise ValueError("its cameras are not those of its metadata")
    for name in names[1:]:
      file_name(name, "a camera's name")
  except ValueError as error:
    raise KubricGenError(f"{root.path} is damaged ({_one_line(error)}): {WAY_OUT}") from None
  views = []
  for name in names[1:]:
    folder = root.below(f"{CAMERAS}/{name}")
    view = _read_view(folder)
    same = [(each.name, each.metadata.cameras, each.metadata.num_frames, len(each.instances)) for each in (view, main)]
    if same[0] != (name, *same[1][1:]):
      raise KubricGenError(f"{folder.path} is damaged (it is not of the same scene as {root.path}): {WAY_OUT}")
    views.append(view)
  return views


def read_scene(path: str | os.PathLike[str], verify: bool = False) -> Example:
  """Reads a scene directory back. Frames are decoded when they are asked for, to the units of the layer table.

  Args:
    path: of the directory.
    verify: read all its files first, and make sure that they are as they were written; frames are looked at once more when
      they are asked for. Without it, what is decoded is checked as far as its format tells.

  Raises:
    KubricGenError: no scene directory, or an incomplete or damaged one; with `verify` also one without checksums.
  """
  place = Path(path)
  sums = None
  if verify:
    damage = next(scene_damage(place), None)
    if damage is not None:
      raise KubricGenError(f"{damage}: {WAY_OUT}")
    sums = read_checksums(place)
  root = _Folder(place, sums)
  main = _read_view(root)
  info = _read_json(root, INFO) if root.has(INFO) else {}
  return Example([main, *_further_views(root, main)], info=info if isinstance(info, Mapping) else {})
