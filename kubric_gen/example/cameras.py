"""What is known of the camera of a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kubric_gen.example.parts import Part, array
from kubric_gen.scene.cameras import Camera, Resolution
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.transforms import pose_matrix
from kubric_gen.scene.validation import labels

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CameraData(Part):
  """Projection and poses of a camera at the T rendered frames.

  Attributes:
    name: of the camera, and so of its view.
    model: of the lens: `pinhole`, `orthographic`, …
    resolution: (width, height) in pixels.
    positions (T, 3): metres, world space. quaternions (T, 4): (w, x, y, z), local to world; it looks along local -Z.
    K (3, 3): camera coordinates to normalised image positions, in MOVi's form.
    R (4, 4): camera to world at the first frame.
    intrinsics_cv (3, 3): pixels, in OpenCV's form, for pixel centres at half-integers.
    extrinsics_cv (T, 4, 4): world to camera, in OpenCV's axes.
    focal_length, sensor_width: millimetres; None for a lens that has none. field_of_view: horizontal, radians.
    distortion: coefficients in OpenCV's order; none for a lens without. readout: of a rolling shutter, in frames.
    lens: what else the lens has.
  """

  EXTRA: ClassVar[str] = "lens"

  name: str
  model: str
  resolution: tuple[int, int]
  positions: Array = array("float64", "T", 3)
  quaternions: Array = array("float64", "T", 4)
  K: Array = array("float64", 3, 3)
  R: Array = array("float64", 4, 4)
  intrinsics_cv: Array = array("float64", 3, 3)
  extrinsics_cv: Array = array("float64", "T", 4, 4)
  focal_length: float | None = None
  sensor_width: float | None = None
  field_of_view: float | None = None
  distortion: tuple[float, ...] = ()
  readout: float = 0.0
  lens: Mapping[str, Any] = field(default_factory=dict)

  def camera_to_world(self, t: int) -> Array:
    """The pose (4, 4) of frame t; the camera looks along local -Z, +Y up."""
    return pose_matrix(self.positions[t], self.quaternions[t])


def camera_data(scene: Scene, camera: Camera, resolution: Resolution) -> CameraData:
  """What is known of one of a scene's cameras, for images of (height, width) pixels."""
  frames = np.arange(1, scene.num_frames + 1)
  positions, quaternions = camera.poses(frames)
  height, width = resolution
  lens = camera.lens(resolution)
  known = {name: lens.pop(name) for name in tuple(lens) if name in CameraData.names()}
  return CameraData(
      camera.name, camera.model, (width, height), positions, quaternions, camera.intrinsics(resolution),
      pose_matrix(positions[0], quaternions[0]), camera.intrinsics_cv(resolution), camera.extrinsics_cv(frames), **known,
      lens=labels(lens, "lens"))
