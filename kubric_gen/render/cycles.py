"""Blender Cycles: the only module that imports bpy.

Blender is one global state per process, so there is one `CyclesRenderer` at a time; opening it empties Blender first,
and a process makes any number of scenes one after another.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError
from kubric_gen.limits import MIN_RENDERED_SIDE
from kubric_gen.render.build import build_scene
from kubric_gen.render.devices import select_device
from kubric_gen.render.saving import save_blend
from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.cameras import Camera
from kubric_gen.scene.motion import Motion
from kubric_gen.scene.scene import Scene
from kubric_gen.system.console import captured_console
from kubric_gen.system.resources import cpu_count
from kubric_gen.system.scratch import MEMORY, Scratch

SCRATCH_BYTES = 1 << 28


def _scratch_folder() -> Scratch:
  """A folder for one image at a time: in memory where the system has such a place."""
  usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > SCRATCH_BYTES
  return Scratch("render", MEMORY if usable else None)


class CyclesRenderer:
  """A scene in Blender, ready to render any of its frames.

  Use as a context manager.

  Attributes:
    device: the backend that renders, `cpu` or a GPU's. device_names: its GPUs.
  """

  def __init__(self, scene: Scene, motion: Motion, settings: RenderSettings | None = None) -> None:
    for height, width in map(scene.resolution_of, scene.cameras):
      if min(height, width) < MIN_RENDERED_SIDE:
        raise KubricGenError(f"resolution must be at least {MIN_RENDERED_SIDE}x{MIN_RENDERED_SIDE} to be rendered, got "
                             f"{height}x{width}")
    self.scene, self.motion, self.settings = scene, motion, settings or RenderSettings()
    self.device = ""
    self.device_names: tuple[str, ...] = ()
    self._scratch: Scratch | None = None
    self._cameras: dict[str, Any] = {}
    self._bpy: Any = None

  def __enter__(self) -> CyclesRenderer:
    with captured_console():
      import bpy
      self._bpy = bpy
      bpy.ops.wm.read_factory_settings(use_empty=True)
      bpy.context.preferences.edit.use_global_undo = False
      bpy.context.scene.render.engine = "CYCLES"
      self.device, self.device_names = select_device(bpy, self.settings.device)
      self._cameras = build_scene(bpy, self.scene, self.motion)
      self._configure()
    self._scratch = _scratch_folder()
    return self

  def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    if self._scratch is not None:
      self._scratch.close()
    with captured_console():
      self._bpy.ops.wm.read_factory_settings(use_empty=True)

  def _configure(self) -> None:
    target, settings = self._bpy.context.scene, self.settings
    render, cycles = target.render, target.cycles
    target.frame_start, target.frame_end = 1, self.scene.num_frames
    render.fps = self.scene.frame_rate
    render.resolution_percentage = 100
    render.use_persistent_data = True
    render.use_compositing = render.use_sequencer = False
    render.threads_mode = "FIXED"
    render.threads = settings.threads or cpu_count()
    render.film_transparent = self.scene.transparent_background
    render.dither_intensity = 0.0
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGBA"
    render.image_settings.color_depth = "8"
    render.image_settings.compression = 0
    target.display_settings.display_device = "sRGB"
    target.view_settings.view_transform = self.scene.view_transform
    target.view_settings.look = "None"
    target.view_settings.exposure, target.view_settings.gamma = 0.0, 1.0
    preset = settings.effective
    cycles.samples = preset.samples
    cycles.use_adaptive_sampling = preset.adaptive_threshold > 0
    if cycles.use_adaptive_sampling:
      cycles.adaptive_threshold, cycles.adaptive_min_samples = preset.adaptive_threshold, preset.adaptive_min_samples
    cycles.seed = 0
    # Another noise for each frame, the same for the same frame; a posed view has its own, whatever others are rendered
    cycles.use_animated_seed = not self.scene.posed_views
    cycles.use_denoising = preset.denoiser != "none"
    if cycles.use_denoising:
      cycles.denoiser = "OPENIMAGEDENOISE"
      cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
      cycles.denoising_prefilter = "ACCURATE" if preset.denoiser == "accurate" else "NONE"
      cycles.denoising_quality = "HIGH"

  def save_blend(self, path: str | os.PathLike[str]) -> None:
    """Writes what is rendered as a .blend file, textures packed."""
    with captured_console():
      save_blend(self._bpy, path)

  def frames(self, camera: Camera | None = None, indices: Iterable[int] | None = None) -> Iterator[NDArray[np.uint8]]:
    """Renders frames one by one.

    Args:
      camera: one of the scene's; the main one by default.
      indices: array indices t of the frames; all by default.

    Yields:
      Images (H, W, 4), uint8 RGBA through the scene's view transform, with straight alpha.

    Raises:
      KubricGenError: Blender failed; what it said is written to standard error.
    """
    camera = camera or self.scene.camera
    target = self._bpy.context.scene
    target.camera = self._cameras[camera.name]
    target.render.resolution_y, target.render.resolution_x = self.scene.resolution_of(camera)
    target.render.use_motion_blur = camera.shutter > 0
    if camera.shutter > 0:
      target.render.motion_blur_shutter = camera.shutter
      target.render.motion_blur_position = "CENTER"
    assert self._scratch is not None, "it is not open"
    path = self._scratch.path / "frame.png"
    target.render.filepath = str(path)
    for t in range(self.scene.num_frames) if indices is None else indices:
      path.unlink(missing_ok=True)
      with captured_console() as console:
        target.frame_set(t + 1)
        if self.scene.posed_views:
          target.cycles.seed = _noise_seed(self.scene.posed_views[t].name)
        # Or Cycles keeps the noise of the frame before where nothing moves; a tag without TIME makes it read the HDRI anew
        target.update_tag(refresh={"TIME"})
        self._bpy.ops.render.render(write_still=True)
        if not path.is_file():
          raise KubricGenError(f"Blender rendered no image for frame {t}: {(console.tail().splitlines() or ['?'])[-1]}")
      yield _read_rgba(path)


def _noise_seed(name: str) -> int:
  """What Cycles' noise follows from in the posed view of this name."""
  return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") >> 1


def _read_rgba(path: Path) -> NDArray[np.uint8]:
  from PIL import Image
  with Image.open(path) as image:
    return np.array(image.convert("RGBA"), np.uint8)


def render_frames(scene: Scene, motion: Motion, settings: RenderSettings | None = None,
                  camera: Camera | None = None) -> Iterator[NDArray[np.uint8]]:
  """Renders a scene frame by frame: `CyclesRenderer.frames` in one call."""
  with CyclesRenderer(scene, motion, settings) as renderer:
    yield from renderer.frames(camera)
