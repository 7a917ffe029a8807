"""The camera of parallel rays."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kubric_gen.errors import shown
from kubric_gen.scene.cameras.camera import Array, Camera, Resolution
from kubric_gen.scene.validation import Vector3, assign, number


@dataclass(frozen=True, repr=False)
class OrthographicCamera(Camera):
  """A camera with parallel rays whose image is `scale` metres wide."""

  _: KW_ONLY
  scale: float = 6.0

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    super().__post_init__(look_at_target)
    assign(self, scale=number(self.scale, f"camera {shown(self.name)}: scale", above=0))

  @property
  def model(self) -> str:
    return "orthographic"

  @property
  def central(self) -> bool:
    return False

  def lens(self, resolution: Resolution) -> dict[str, Any]:
    return {"projection": "orthographic", "focal_length": None, "sensor_width": None, "field_of_view": None,
            "orthographic_scale": self.scale}

  def _divisor(self, points: Array) -> Array:
    return np.full(len(points), -1.0)

  def intrinsics(self, resolution: Resolution) -> Array:
    height, width = resolution
    return np.array([[1 / self.scale, 0.0, -0.5], [0.0, -width / height / self.scale, -0.5], [0.0, 0.0, -1.0]])

  def project(self, points: ArrayLike, resolution: Resolution) -> Array:
    height, width = resolution
    p = np.asarray(points, np.float64)
    return np.stack([height / 2 - p[..., 1] * width / self.scale, width / 2 + p[..., 0] * width / self.scale], axis=-1)

  def rays(self, pixels: ArrayLike, resolution: Resolution) -> tuple[Array, Array]:
    height, width = resolution
    p = np.asarray(pixels, np.float64)
    origins = np.stack([(p[..., 1] - width / 2) * self.scale / width, (height / 2 - p[..., 0]) * self.scale / width,
                        np.zeros(p.shape[:-1])], axis=-1)
    return origins, np.broadcast_to(np.array([0.0, 0.0, -1.0]), origins.shape)
