"""The pinhole camera, with or without depth of field."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kubric_gen.errors import shown
from kubric_gen.scene.cameras.camera import Array, Camera, Resolution
from kubric_gen.scene.validation import Vector3, assign, number


@dataclass(frozen=True, repr=False)
class PerspectiveCamera(Camera):
  """A pinhole or thin-lens camera with square pixels.

  Attributes:
    focal_length, sensor_width: millimetres.
    f_stop: aperture for depth of field, or None for a pinhole. focus_distance: metres along the optical axis.
  """

  _: KW_ONLY
  focal_length: float = 50.0
  sensor_width: float = 36.0
  f_stop: float | None = None
  focus_distance: float = 10.0

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    super().__post_init__(look_at_target)
    who = f"camera {shown(self.name)}"
    assign(self, focal_length=number(self.focal_length, f"{who}: focal_length", minimum=1),
           sensor_width=number(self.sensor_width, f"{who}: sensor_width", minimum=1),
           focus_distance=number(self.focus_distance, f"{who}: focus_distance", above=0))
    if self.f_stop is not None:
      assign(self, f_stop=number(self.f_stop, f"{who}: f_stop", above=0))

  @property
  def model(self) -> str:
    return "pinhole"

  def lens(self, resolution: Resolution) -> dict[str, Any]:
    height, width = resolution
    return {"projection": "perspective", "focal_length": self.focal_length, "sensor_width": self.sensor_width,
            "field_of_view": self.field_of_view, "sensor_height": self.sensor_width * height / width}

  @property
  def field_of_view(self) -> float:
    """Horizontal angle of view, radians."""
    return 2 * math.atan2(self.sensor_width / 2, self.focal_length)

  def intrinsics(self, resolution: Resolution) -> Array:
    height, width = resolution
    fx = self.focal_length / self.sensor_width
    return np.array([[fx, 0.0, -0.5], [0.0, -fx * width / height, -0.5], [0.0, 0.0, -1.0]])

  def project(self, points: ArrayLike, resolution: Resolution) -> Array:
    height, width = resolution
    p = np.asarray(points, np.float64)
    focal = self.focal_length / self.sensor_width * width
    depth = np.where(p[..., 2] < 0, -p[..., 2], np.nan)
    return np.stack([height / 2 - focal * p[..., 1] / depth, width / 2 + focal * p[..., 0] / depth], axis=-1)

  def rays(self, pixels: ArrayLike, resolution: Resolution) -> tuple[Array, Array]:
    height, width = resolution
    p = np.asarray(pixels, np.float64)
    focal = self.focal_length / self.sensor_width * width
    directions = np.stack([(p[..., 1] - width / 2) / focal, (height / 2 - p[..., 0]) / focal,
                           np.full(p.shape[:-1], -1.0)], axis=-1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return np.zeros_like(directions), directions
