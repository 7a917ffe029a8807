"""From a scene to an example: simulated, annotated, rendered."""

from __future__ import annotations

import contextlib
import ctypes
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations import GEOMETRY_LAYERS, GroundTruth
from kubric_gen.example.records import camera_record, collision_records, instance_records
from kubric_gen.annotations.visibility import Visibility
from kubric_gen.annotations.surface import release_tracers
from kubric_gen.annotations.tracks import point_tracks
from kubric_gen.errors import KubricGenError
from kubric_gen.example.example import Example, View
from kubric_gen.example.frames import Frame, LazyFrames, Spool
from kubric_gen.versions import versions
from kubric_gen.system.interrupts import register
from kubric_gen.scene.layers import MOVI_LAYERS, check_layers
from kubric_gen.physics import simulate
from kubric_gen.render import CyclesRenderer, RenderSettings
from kubric_gen.scene.cameras import Camera
from kubric_gen.scene.motion import Motion
from kubric_gen.scene.scene import Scene

Progress = Callable[[str, int, int], None]
"""Told of each finished frame: the stage (`annotate` or `render`), frames done, frames in all."""

MAX_INSTANCES = 255
"""As many labels as a segmentation image of 8 bits can tell apart."""


def scene_metadata(scene: Scene, extra: Mapping[str, Any]) -> dict[str, Any]:
  """The metadata that holds for all views of a scene."""
  height, width = scene.resolution
  return {"background": "", "seed": None, "world": None, **scene.labels, "resolution": [width, height],
          "frame_rate": scene.frame_rate, "step_rate": scene.step_rate, "gravity": scene.gravity,
          "num_frames": scene.num_frames, "cameras": [camera.name for camera in scene.cameras],
          "view_transform": scene.view_transform, "versions": versions(), **extra}


def _relabel(order: list[int], num_objects: int) -> Callable[[Frame], Frame]:
  """From labels by the scene's order to labels by visibility."""
  table = np.zeros(num_objects + 1, np.uint16)
  table[np.asarray(order, np.intp) + 1] = np.arange(1, len(order) + 1)
  return lambda frame: table[frame]


def _annotate(truth: GroundTruth, layers: Iterable[str], folder: Path, report: Callable[[], None],
              ) -> tuple[dict[str, LazyFrames], Visibility]:
  """Spools the geometry layers of a view and counts what is visible."""
  wanted = [name for name in layers if name in GEOMETRY_LAYERS]
  spools = {name: Spool(folder, name) for name in wanted}
  seen = Visibility(len(truth.foreground))
  for t in range(truth.scene.num_frames):
    seen.add(truth.segmentation(t), truth.amodal_pixels(t))
    for name, spool in spools.items():
      frame: NDArray[Any] = truth.layer(name, t)
      spool.append(np.packbits(frame, axis=0) if name == "amodal_segmentation" else frame)
    report()
  frames = {name: spool.frames() for name, spool in spools.items()}
  order = seen.order()
  if "segmentation" in frames:
    frames["segmentation"] = frames["segmentation"].map(_relabel(order, len(truth.foreground)))
  if "amodal_segmentation" in frames:
    height = truth.resolution[0]
    frames["amodal_segmentation"] = frames["amodal_segmentation"].map(
        lambda packed: np.unpackbits(packed, axis=0, count=height).astype(bool)[..., order])
  return frames, seen


def _view_of_camera(scene: Scene, motion: Motion, camera: Camera, layers: tuple[str, ...], folder: Path, rng: np.random.Generator,
                    common: Mapping[str, Any], flags: Mapping[str, Any], report: Callable[[], None],
                    ) -> tuple[dict[str, LazyFrames], dict[str, Any]]:
  """The spooled geometry layers of a view, and everything else that a `View` has."""
  truth = GroundTruth(scene, motion, camera)
  frames, seen = _annotate(truth, layers, folder, report)
  return frames, {
      "metadata": {**common, "num_instances": len(seen.order())}, "flags": dict(flags),
      "camera": camera_record(scene, camera, truth.resolution),
      "instances": instance_records(truth, seen), "collisions": collision_records(truth, seen),
      "tracks": point_tracks(truth, rng, order=seen.order()) if "tracks" in layers else None}


def _return_free_memory() -> None:
  """Gives what the annotations have freed back to the system before Blender asks for more; glibc keeps it otherwise."""
  with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(None).malloc_trim(0)


def make_example(scene: Scene, motion: Motion | None = None, *, layers: Iterable[str] = MOVI_LAYERS,
                 settings: RenderSettings | None = None, metadata: Mapping[str, Any] | None = None,
                 flags: Mapping[str, Any] | None = None, rng: np.random.Generator | None = None, progress: Progress | None = None,
                 save_blend: str | Path | None = None) -> Example:
  """Simulates, annotates and renders a scene.

  Args:
    scene: the scene.
    motion: its motion; simulated where not given.
    layers: names out of `kubric_gen.scene.layers.LAYERS`. Without `rgba` no renderer is started.
    settings: how to render.
    metadata, flags: further entries for the metadata, and what the scene was made from.
    rng: chooses the query points of `tracks`; one seeded with 0 by default.
    progress: told of each finished frame.
    save_blend: also write what is rendered as a .blend file here.

  Returns:
    The example; its frames wait in a temporary folder until it is closed.

  Raises:
    KubricGenError: an unknown layer, an asset that cannot be read, a device that is not there, a failed simulation.
  """
  names = check_layers(layers)
  settings = settings or RenderSettings()
  rng = rng or np.random.default_rng(0)
  clock = time.perf_counter()
  seconds: dict[str, float] = {}

  def lap(stage: str) -> None:
    nonlocal clock
    now = time.perf_counter()
    seconds[stage], clock = now - clock, now

  if motion is None:
    motion = simulate(scene)
    lap("simulate")
  total = scene.num_frames * len(scene.cameras)
  folder = tempfile.TemporaryDirectory(prefix="kubric_gen_frames_")
  register(folder.name)
  info: dict[str, Any] = {"seconds": seconds}
  try:
    done = 0

    def report(stage: str) -> None:
      nonlocal done
      done += 1
      if progress is not None:
        progress(stage, done, total)

    views: list[tuple[Camera, dict[str, LazyFrames], dict[str, Any]]] = []
    common = scene_metadata(scene, metadata or {})
    for number, camera in enumerate(scene.cameras):
      place = Path(folder.name) / str(number)
      place.mkdir()
      views.append((camera, *_view_of_camera(scene, motion, camera, names, place, rng, common, flags or {},
                                             lambda: report("annotate"))))
    if "rgba" in names:
      release_tracers()
      _return_free_memory()
    lap("annotate")
    for _, _, rest in views:
      if "segmentation" in names and len(rest["instances"]) > MAX_INSTANCES:
        raise KubricGenError(f"{len(rest['instances'])} instances do not fit into a segmentation image of 8 bits: use "
                             f"at most {MAX_INSTANCES} objects, or leave out the layer segmentation")
    if "rgba" in names or save_blend is not None:
      done = 0
      with CyclesRenderer(scene, motion, settings) as renderer:
        info |= {"device": renderer.device, "device_names": renderer.device_names}
        if save_blend is not None:
          renderer.save_blend(save_blend)
        for number, (camera, frames, _) in enumerate(views if "rgba" in names else ()):
          spool = Spool(Path(folder.name) / str(number), "rgba")
          for frame in renderer.frames(camera):
            spool.append(frame)
            report("render")
          frames["rgba"] = spool.frames()
      lap("render")
    made = [View(camera.name, {name: frames[name] for name in names if name in frames}, **rest)
            for camera, frames, rest in views]
    return Example(made, folder, info)
  except BaseException:
    folder.cleanup()
    raise
