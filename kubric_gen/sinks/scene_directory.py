"""The scene directory: one folder of standard image and JSON files per scene, in MOVi's layout.

`checksums.json` has the SHA-256 of every other file, by relative names: a flat object with a line for each, so that comparing
those of two runs line by line tells which files differ.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kubric_gen.codecs.npz import encode_npz
from kubric_gen.codecs.storage import FRAME_CODECS
from kubric_gen.errors import KubricGenError
from kubric_gen.example.example import Example, View
from kubric_gen.example.frames import LazyFrames
from kubric_gen.scene.layers import LAYERS
from kubric_gen.scene.serialization import to_plain
from kubric_gen.sinks.example_folders import ExampleFolders
from kubric_gen.sinks.sink import add_sink
from kubric_gen.system.checksums import CHECKSUMS, HashedFolder, find_damage, read_checksums, read_plain, strangers
from kubric_gen.system.resources import cpu_count
from kubric_gen.system.whole import whole_directory

MAX_ENCODERS = 4
METADATA, EVENTS, RANGES, INFO, CAMERAS = "metadata.json", "events.json", "data_ranges.json", "run.json", "cameras"
PREVIEWS = ("preview.mp4", "preview.gif", "contact_sheet.png")
MAX_JSON = 1 << 30
"""Bytes of a JSON file: a minute of video with a hundred objects needs a third."""

Ranges = Mapping[str, Mapping[str, float]]


def frame_file(layer: str, t: int | str) -> str:
  """The name of a layer's file of frame t."""
  spec = LAYERS[layer]
  number = f"{t:05d}" if isinstance(t, int) else t
  return f"{spec.stem}_{number}.{FRAME_CODECS[spec.storage].suffix}"


def limits_of(layer: str, ranges: Ranges) -> tuple[float, float] | None:
  """The range of a layer over the clip, for one that is stored by it."""
  return (ranges[layer]["min"], ranges[layer]["max"]) if FRAME_CODECS[LAYERS[layer].storage].needs_range else None


def _ranges(layers: Mapping[str, LazyFrames]) -> dict[str, dict[str, float]]:
  return {name: dict(zip(("min", "max"), frames.extremes())) for name, frames in layers.items()
          if FRAME_CODECS[LAYERS[name].storage].needs_range}


def _json(value: Any) -> bytes:
  return (json.dumps(to_plain(value), indent=1, allow_nan=False) + "\n").encode()


def _layer_files(view: View, ranges: Ranges) -> Iterator[tuple[str, Callable[[], bytes]]]:
  """File names and what makes their bytes."""
  for name, frames in view.layers.items():
    encode, limits = FRAME_CODECS[LAYERS[name].storage].encode, limits_of(name, ranges)
    for t in range(len(frames)):
      yield frame_file(name, t), lambda f=frames, t=t, e=encode, a=limits: e(f[t], a)  # type: ignore[misc]


def _write_view(view: View, folder: HashedFolder, prefix: str, pool: ThreadPoolExecutor) -> None:
  """Writes the files of a view; the prefix of their names is the folder in which they are."""
  (folder.path / prefix).mkdir(parents=True, exist_ok=True)
  ranges = _ranges(view.layers)

  def write(task: tuple[str, Callable[[], bytes]]) -> None:
    folder.write(prefix + task[0], task[1]())

  list(pool.map(write, _layer_files(view, ranges)))
  if ranges:
    folder.write(prefix + RANGES, _json(ranges))
  for name, arrays in view.arrays.items():
    folder.write(f"{prefix}{LAYERS[name].stem}.npz", encode_npz(arrays))
  folder.write(prefix + METADATA, _json({
      "flags": view.flags, "metadata": view.metadata.plain(), "camera": view.camera.plain(),
      "instances": [item.plain() for item in view.instances]}))
  folder.write(prefix + EVENTS, _json({"collisions": [event.plain() for event in view.collisions]}))


def write_files(example: Example, folder: str | os.PathLike[str], preview: bool = True) -> None:
  """Writes an example's files into an existing folder: the main view at the top, further ones in `cameras/<name>/`."""
  root = HashedFolder(Path(folder))
  pool = ThreadPoolExecutor(min(MAX_ENCODERS, cpu_count()))
  try:
    for view in example.views:
      _write_view(view, root, "" if view is example.main else f"{CAMERAS}/{view.name}/", pool)
  finally:
    pool.shutdown(cancel_futures=True)  # an interruption does not wait for what is queued
  if preview:
    from kubric_gen.pictures.preview import make_preview  # its libraries would count against the memory of a render
    make_preview({view.name: view.layers for view in example.views}, example.metadata.frame_rate, root.path,
                 posed_views=example.metadata.views)
  for name, path in example.attachments.items():
    root.copy(name, path)
  root.write(INFO, _json(example.info))
  root.finish()


STATES = ("scene.blend", "scene.bullet")
"""Of the engines, where they were asked for."""


def _is_of_a_scene(name: str) -> bool:
  """Whether readers take a file of this relative name for one of a scene's; Kubric's goes by how the names of layers begin."""
  file = name.rpartition("/")[2]
  return (file in (METADATA, EVENTS, RANGES, INFO, CHECKSUMS, *PREVIEWS)
          or any(file.startswith(f"{spec.stem}_") or file == f"{spec.stem}.npz" for spec in LAYERS.values()))


def scene_damage(path: str | os.PathLike[str]) -> Iterator[str]:
  """What is wrong with the files of a scene directory, one line each: those that are not as they were written, that are missing,
  or that were not written there though readers would take them for the scene's. The lines name no way out."""
  yield from find_damage(Path(path), _is_of_a_scene)


def write_scene(example: Example, path: str | os.PathLike[str], *, overwrite: bool = False, preview: bool = True) -> Path:
  """Writes a scene directory, whole or not at all.

  Args:
    example: what to write.
    path: the directory to make.
    overwrite: replace an existing one.
    preview: also make `preview.mp4` and `contact_sheet.png`.

  Raises:
    KubricGenError: the directory exists or cannot be written.
  """
  with whole_directory(path, overwrite) as staging:
    write_files(example, staging, preview)
  return Path(path)


@add_sink
class SceneDirectories(ExampleFolders):
  """A scene directory `<target>/<key>/` per example, each of which appears when it is added.

  Previews and `run.json` differ from run to run, and so does a `scene.blend`. The lines of these in `checksums.json` then differ
  as well, and no others: people who compare two runs see in these files alone whether all the rest is equal.
  """

  name = "scene_directory"
  varying = (INFO, *PREVIEWS, "scene.blend", CHECKSUMS)
  mark, what, place = METADATA, "scene directory", "--output_dir"

  def made(self, key: str) -> Mapping[str, Any] | None:
    try:
      found = json.loads(read_plain(self.target / key / METADATA, MAX_JSON))["metadata"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
      return None
    return {**found, "files": {path.name for path in (self.target / key).iterdir()}} if isinstance(found, dict) else None

  def check(self, key: str) -> None:
    try:
      super().check(key)
    except KubricGenError:
      damage = next((line for line in self.damage(key) if line.startswith(f"{self.target / key / METADATA} ")), None)
      if damage is not None:
        raise KubricGenError(f"{damage}, so that nobody can tell what the scene was made from: move {self.target / key} away, or "
                             "choose another --output_dir") from None
      raise

  def is_made_from(self, key: str, config_hash: str) -> bool:
    try:  # as text, which a damaged file has as well
      return f'"{config_hash}"'.encode() in read_plain(self.target / key / METADATA, MAX_JSON)
    except OSError:
      return False

  def damage(self, key: str) -> Iterator[str]:
    yield from scene_damage(self.target / key)

  def make_again(self, key: str) -> None:
    folder = self.target / key
    try:
      others = strangers(folder, read_checksums(folder))
    except KubricGenError:  # nobody can tell, so that what no scene has is somebody's
      others = [name for name in strangers(folder, {}) if not _is_of_a_scene(name) and name not in STATES]
    if others and not self.overwrite:
      raise KubricGenError(f"{folder} is damaged, and {others[0]} in it is not of the scene: move that elsewhere, or pass "
                           "--overwrite to lose it")
    super().make_again(key)

  def write(self, item: Example, folder: Path) -> None:
    write_files(item, folder, self.preview)
