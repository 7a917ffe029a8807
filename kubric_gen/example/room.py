"""Whether this machine has the room for a scene, asked before anything is made of it.

What is counted is less than what is needed, so that nothing is refused that would work: frames are put aside as plain bytes, of
which each is counted; of the memory, only what every image needs at once.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kubric_gen.errors import KubricGenError
from kubric_gen.scene.cameras import Resolution
from kubric_gen.scene.layers import LAYERS, Storage
from kubric_gen.scene.scene import Scene
from kubric_gen.system.resources import available_memory
from kubric_gen.system.scratch import outer_tempdir

PIXEL_BYTES = 100
"""Of memory for each pixel of an image that is made: its ray, and what that hits. Measured: 110 where nothing is hit, 310 in a
scene; rendering takes 75 without the denoiser, and 750 with it."""
MOTION_BYTES = 13 * 8
"""Of memory for each object in each frame: where it is, how it is turned, and its velocities."""


@dataclass(frozen=True)
class Need:
  """What is to be made.

  Attributes:
    num_frames: of each camera. resolutions: of the images of each camera. layers: names of what is made.
    num_objects: in the scene. num_ids: those of them that are no background.
  """

  num_frames: int
  resolutions: Sequence[Resolution]
  layers: Sequence[str]
  num_objects: int = 0
  num_ids: int = 0

  @classmethod
  def of(cls, scene: Scene, layers: Sequence[str]) -> Need:
    """What layers of a scene need."""
    ids = sum(not item.background for item in scene.objects)
    return cls(scene.num_frames, [scene.resolution_of(camera) for camera in scene.cameras], layers, len(scene.objects), ids)

  def disk(self) -> int:
    """Bytes of the frames that are put aside."""
    return self.num_frames * sum(self._layer_bytes(name, *resolution) for resolution in self.resolutions for name in self.layers)

  def _layer_bytes(self, name: str, height: int, width: int) -> int:
    """Bytes of a frame of a layer."""
    spec = LAYERS[name]
    if not spec.has_frames:
      return 0
    if spec.storage is Storage.MASKS:
      return -(-height // 8) * width * self.num_ids
    return height * width * (spec.channels or 1) * np.dtype(spec.dtype).itemsize

  def memory(self) -> int:
    """Bytes of memory that are needed at the same time, at least."""
    largest = max(map(math.prod, self.resolutions))
    return self.num_frames * self.num_objects * MOTION_BYTES + largest * PIXEL_BYTES


def check_room(need: Need) -> None:
  """Makes sure that there is room for the frames that are put aside, and in memory for the largest image.

  Raises:
    KubricGenError: there clearly is none.
  """
  folder, bytes_needed = outer_tempdir(), need.disk()
  try:
    free = shutil.disk_usage(folder).free
  except OSError as error:
    raise KubricGenError(f"cannot use {folder} for temporary files ({error.strerror}): point TMPDIR elsewhere") from None
  if bytes_needed > free:
    raise KubricGenError(f"the frames need {size_text(bytes_needed)} in {folder}, where {size_text(free)} are free: make fewer "
                         "frames, smaller images or fewer layers, or point TMPDIR to where there is more")

  bytes_needed, memory = need.memory(), available_memory()
  if memory is not None and bytes_needed > memory:
    height, width = max(need.resolutions, key=math.prod)
    raise KubricGenError(f"{need.num_frames} images of {height}x{width} need at least {size_text(bytes_needed)} of memory, and "
                         f"{size_text(memory)} are to be had: make smaller images or fewer frames, or give it more memory (a "
                         "container: --memory)")


def size_text(number: int) -> str:
  """Bytes for people."""
  size, unit = float(number), "bytes"
  for larger in ("kB", "MB", "GB", "TB", "PB", "EB"):
    if size < 999.5:
      break
    size, unit = size / 1000, larger
  return f"{size:.3g} {unit}"
