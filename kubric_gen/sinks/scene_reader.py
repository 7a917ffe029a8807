"""Reads scene directories back, as the examples that they were written from."""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from kubric_gen.codecs.npz import decode_npz
from kubric_gen.codecs.storage import FRAME_CODECS
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
from kubric_gen.sinks.scene_directory import CAMERAS, EVENTS, INFO, METADATA, RANGES, frame_file, limits_of

_DAMAGE = (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError, zipfile.BadZipFile)


def _read_json(path: Path) -> Any:
  try:
    return json.loads(path.read_text())
  except FileNotFoundError:
    raise KubricGenError(f"{path.parent} is no scene directory: it has no {path.name}") from None
  except (OSError, ValueError, RecursionError) as error:
    raise KubricGenError(f"{path} cannot be read ({error}): make the scene again") from None


def _frames(name: str, folder: Path, length: int, ranges: Mapping[str, Any]) -> LazyFrames:
  spec, decode = LAYERS[name], FRAME_CODECS[LAYERS[name].storage].decode
  try:
    limits = limits_of(name, ranges)
  except (KeyError, TypeError):
    raise KubricGenError(f"{folder / RANGES} does not have the range of {name}: make the scene again") from None

  def load(t: int) -> Frame:
    path = folder / frame_file(name, t)
    try:
      return decode(path.read_bytes(), spec.dtype, spec.channels, limits)
    except FileNotFoundError:
      raise KubricGenError(f"{folder} is incomplete: {path.name} is missing; make the scene again") from None
    except (KubricGenError, *_DAMAGE) as error:
      raise KubricGenError(f"{path} cannot be read ({error}): make the scene again") from None

  return LazyFrames(length, load)


def _arrays(folder: Path) -> dict[str, Mapping[str, Frame]]:
  found: dict[str, Mapping[str, Frame]] = {}
  for name, spec in LAYERS.items():
    path = folder / f"{spec.stem}.npz"
    if not spec.has_frames and path.is_file():
      found[name] = decode_npz(path.read_bytes(), str(path))
  return found


def _check_layers(folder: Path, flags: Mapping[str, Any], there: Container[str]) -> None:
  """Refuses a view whose layers are gone, and warns of those that nobody here can read."""
  made = flags.get("layers", ())
  names = [str(name)[:40] for name in made] if isinstance(made, list) else []
  unknown = [name for name in names if name not in LAYERS]
  for name in names:
    if name not in there and name not in unknown and LAYERS[name].has_frames:
      raise KubricGenError(f"{folder} is incomplete: {frame_file(name, 0)} is missing; make the scene again")
  if unknown:
    warnings.warn(f"{folder} has the layer {unknown[0]}, which nothing that is loaded describes, so it is left out: import the "
                  f"module of the world {str(flags.get('world'))[:80]} first", stacklevel=4)


def _read_view(folder: Path) -> View:
  described, events = _read_json(folder / METADATA), _read_json(folder / EVENTS)
  ranges = _read_json(folder / RANGES) if (folder / RANGES).is_file() else {}
  try:
    metadata = Metadata.from_plain(described["metadata"])
    sizes: Sizes = {"T": metadata.num_frames}
    there = [name for name, spec in LAYERS.items() if spec.has_frames and (folder / frame_file(name, 0)).is_file()]
    _check_layers(folder, described["flags"], there)
    camera = CameraData.from_plain(described["camera"], sizes)
    return View(camera.name, {name: _frames(name, folder, metadata.num_frames, ranges) for name in there}, metadata, camera,
                tuple(Instance.from_plain(item, {**sizes}) for item in described["instances"]),
                tuple(CollisionEvent.from_plain(item) for item in events["collisions"]), labels(described["flags"], "flags"),
                _arrays(folder))
  except KubricGenError:
    raise
  except _DAMAGE as error:
    raise KubricGenError(f"{folder} is damaged, or of another version ({type(error).__name__}: {error}): make the scene again"
                         ) from None


def read_scene(path: str | os.PathLike[str]) -> Example:
  """Reads a scene directory back. Frames are decoded when they are asked for, to the units of the layer table.

  Raises:
    KubricGenError: no scene directory, or an incomplete or damaged one.
  """
  root = Path(path)
  main = _read_view(root)
  info = _read_json(root / INFO) if (root / INFO).is_file() else {}
  further = [_read_view(root / CAMERAS / file_name(name, "camera")) for name in main.metadata.cameras[1:]]
  return Example([main, *further], info=info if isinstance(info, Mapping) else {})
