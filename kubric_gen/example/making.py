"""From a scene to an example: simulated, annotated, rendered.

Two passes: what each view sees is counted while its frames are put aside; then the ids, which belong to the scene and so need
all views, are written into them.
"""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations import GroundTruth
from kubric_gen.annotations.surface import release_tracers
from kubric_gen.annotations.visibility import Visibility, visible_order
from kubric_gen.errors import KubricGenError
from kubric_gen.example.cameras import camera_data
from kubric_gen.example.events import collisions_of
from kubric_gen.example.example import Example, View
from kubric_gen.example.frames import Frame, LazyFrames, Spool
from kubric_gen.example.instances import instances_of
from kubric_gen.example.metadata import metadata_of
from kubric_gen.example.room import Need, check_room
from kubric_gen.physics import simulate
from kubric_gen.render import CyclesRenderer, RenderSettings
from kubric_gen.scene.layers import DEFAULT_LAYERS, LAYERS, Storage, check_layers, check_need_no_clip
from kubric_gen.scene.motion import Motion
from kubric_gen.scene.randomness import Key, generator
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.validation import labels
from kubric_gen.system.scratch import Scratch

Progress = Callable[[str, int, int], None]
"""Told of the start of each stage (`annotate` or `render`) and of each finished frame: the stage, frames done, frames in all."""

MAX_PALETTE = 255
"""As many ids as a palette image of 8 bits can tell apart."""


@dataclass
class _Seen:
  """A view between the two passes: its frames with ids by the scene's order, and what is visible."""

  truth: GroundTruth
  folder: Path
  spools: dict[str, Spool] = field(default_factory=dict)
  visibility: Visibility = field(default_factory=lambda: Visibility(0))


def _look(truth: GroundTruth, layers: Sequence[str], folder: Path, report: Callable[[], None]) -> _Seen:
  """The first pass: puts the geometry layers of a view aside and counts what is visible."""
  folder.mkdir()
  seen = _Seen(truth, folder, {name: Spool(folder, name) for name in layers if _from_geometry(name)},
               visibility=Visibility(len(truth.foreground)))
  for t in range(truth.scene.num_frames):
    seen.visibility.add(truth.segmentation(t), truth.amodal_pixels(t))
    for name, spool in seen.spools.items():
      frame: NDArray[Any] = truth.layer(name, t)
      spool.append(np.packbits(frame, axis=0) if LAYERS[name].storage is Storage.MASKS else frame)
    report()
  truth.release()
  return seen


def _from_geometry(name: str) -> bool:
  return not LAYERS[name].rendered and LAYERS[name].has_frames


def _with_ids(name: str, frames: LazyFrames, order: Sequence[int], truth: GroundTruth) -> LazyFrames:
  """The second pass: frames whose values or channels are foreground objects in the scene's order, by instance."""
  storage, height = LAYERS[name].storage, truth.resolution[0]
  if storage is Storage.PALETTE:
    table = np.zeros(len(truth.foreground) + 1, np.uint16)
    table[np.asarray(order, np.intp) + 1] = np.arange(1, len(order) + 1)
    return frames.map(lambda frame: table[frame])
  if storage is Storage.MASKS:
    return frames.map(lambda packed: np.unpackbits(packed, axis=0, count=height).astype(bool)[..., list(order)])
  return frames


def _view(seen: _Seen, order: Sequence[int], layers: Sequence[str], key: Key, given: Mapping[str, Any],
          flags: Mapping[str, Any]) -> View:
  """A view whose ids are known."""
  truth, camera = seen.truth, seen.truth.camera
  frames: dict[str, LazyFrames] = {name: _with_ids(name, spool.frames(), order, truth) for name, spool in seen.spools.items()}
  objects = [truth.foreground[k] for k in order]
  arrays: dict[str, Mapping[str, Frame]] = {
      name: truth.arrays(name, generator(*key, name, camera.name), objects) for name in layers if not LAYERS[name].has_frames}
  truth.release()
  return View(
      camera.name, {name: frames[name] for name in layers if name in frames},
      metadata_of(truth.scene, truth.resolution, len(order), given), camera_data(truth.scene, camera, truth.resolution),
      instances_of(truth, seen.visibility, order), collisions_of(truth, order), labels(flags, "flags"), arrays)


def _return_free_memory() -> None:
  """Gives what the annotations have freed back to the system before Blender asks for more; glibc keeps it otherwise."""
  with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(None).malloc_trim(0)


def _check_ids(layers: Iterable[str], count: int) -> None:
  """Refuses before anything is rendered what no palette image can hold."""
  for name in layers:
    if LAYERS[name].storage is Storage.PALETTE and count > MAX_PALETTE:
      raise KubricGenError(f"{count} instances do not fit into a {name} image of 8 bits: use at most {MAX_PALETTE} objects, or "
                           f"leave out the layer {name}")


class _Clock:
  """Seconds per stage."""

  def __init__(self) -> None:
    self.seconds: dict[str, float] = {}
    self._last = time.perf_counter()

  def lap(self, stage: str) -> None:
    now = time.perf_counter()
    self.seconds[stage], self._last = self.seconds.get(stage, 0.0) + now - self._last, now


class _Counter:
  """Tells of finished frames."""

  def __init__(self, progress: Progress | None, stage: str, total: int) -> None:
    self._progress, self._stage, self._total, self._done = progress, stage, total, 0
    self._tell()

  def __call__(self) -> None:
    self._done += 1
    self._tell()

  def _tell(self) -> None:
    if self._progress is not None:
      self._progress(self._stage, self._done, self._total)


def _render(scene: Scene, motion: Motion, settings: RenderSettings | None, views: Mapping[str, Path], report: Callable[[], None],
            blend: Path | None) -> tuple[dict[str, Spool], dict[str, Any]]:
  """Images of each camera that has a folder, and with which device they were made."""
  spools = {}
  with CyclesRenderer(scene, motion, settings) as renderer:
    info = {"device": renderer.device, "device_names": renderer.device_names}
    if blend is not None:
      renderer.save_blend(blend)
    for camera in scene.cameras:
      if camera.name in views:
        spools[camera.name] = Spool(views[camera.name], "_rendered")
        for frame in renderer.frames(camera):
          spools[camera.name].append(frame)
          report()
  return spools, info


def _layers_of(scene: Scene, asked: Iterable[str] | None) -> tuple[str, ...]:
  """The layers that are to be made of a scene, after making sure that it can have them."""
  if asked is None:
    return tuple(name for name in DEFAULT_LAYERS if not (scene.posed_views and LAYERS[name].needs_clip))
  names = check_layers(asked)
  if scene.posed_views:
    check_need_no_clip(names)
  return names


def make_example(scene: Scene, motion: Motion | None = None, *, layers: Iterable[str] | None = None,
                 settings: RenderSettings | None = None, metadata: Mapping[str, Any] | None = None,
                 flags: Mapping[str, Any] | None = None, key: Key = (), progress: Progress | None = None,
                 save_state: bool = False) -> Example:
  """Simulates, annotates and renders a scene.

  Args:
    scene: the scene.
    motion: its motion; simulated where not given.
    layers: names out of `kubric_gen.scene.layers.LAYERS`; by default those of MOVi, as far as the scene can have them. Without
      one that is rendered no renderer is started.
    settings: how to render.
    metadata: what else the metadata say: further fields of `Metadata`, or labels.
    flags: what the scene was made from, for `metadata.json`.
    key: tells this scene from others: layers that need random numbers (`tracks`) draw them by it, and by view and layer.
    progress: told of each finished frame.
    save_state: attach `scene.blend`, and `scene.bullet` where it is simulated here.

  Returns:
    An example whose frames are in a temporary folder until it is closed.

  Raises:
    KubricGenError: an unknown layer, or one that posed views cannot have; an unusable asset, an unknown device, more
      instances than fit their ids, or more frames or pixels than this machine has room for.
  """
  names, clock = _layers_of(scene, layers), _Clock()
  check_room(Need.of(scene, names))
  folder = Scratch("frames")
  attachments: dict[str, Path] = {}
  try:
    place = folder.path
    if motion is None:
      state = place / "scene.bullet" if save_state else None
      motion = simulate(scene, save_state=state)
      clock.lap("simulate")
      if state is not None:
        attachments[state.name] = state
    total = scene.num_frames * len(scene.cameras)
    report = _Counter(progress, "annotate", total)
    seen = [_look(GroundTruth(scene, motion, camera), names, place / str(number), report)
            for number, camera in enumerate(scene.cameras)]
    order = visible_order([part.visibility for part in seen])
    _check_ids(names, len(order))
    views = [_view(part, order, names, key, metadata or {}, flags or {}) for part in seen]
    folders = {part.truth.camera.name: part.folder for part in seen}
    seen.clear()
    colour = [name for name in names if LAYERS[name].rendered]
    if colour:
      release_tracers()
      _return_free_memory()
    clock.lap("annotate")
    info: dict[str, Any] = {"seconds": clock.seconds}
    if colour or save_state:
      blend = place / "scene.blend" if save_state else None
      spools, device = _render(scene, motion, settings, folders if colour else {}, _Counter(progress, "render", total), blend)
      info |= device
      if blend is not None:
        attachments[blend.name] = blend
      clock.lap("render")
      for number, view in enumerate(views):
        frames = {**view.layers, **{name: spools[view.name].frames() for name in colour}}
        views[number] = replace(view, layers={name: frames[name] for name in names if name in frames})
    return Example(views, folder, info, attachments)
  except BaseException:
    folder.close()
    raise
