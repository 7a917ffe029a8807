"""The lenses that other programs know as OpenCV's: a pinhole, with or without OpenCV's distortion."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError
from kubric_gen.example.cameras import CameraData

Array = NDArray[np.float64]

MODELS = ("pinhole", "brown_conrady")
COEFFICIENTS = ("k1", "k2", "p1", "p2", "k3")
"""Of the distortion, in OpenCV's order."""

_MOST = 1e9
"""No size in pixels or metres is larger where it makes sense."""
_STEPS = 30
_CLOSE = 1e-9
"""In units of the focal length: far below a thousandth of a pixel."""


@dataclass(frozen=True)
class Lens:
  """A lens in pixels, for pixel centres at half-integers. Camera coordinates have OpenCV's axes: +X right, +Y down, +Z forward.

  Attributes:
    width, height: of the image. fx, fy: focal lengths. cx, cy: principal point.
    distortion: five coefficients in the order of `COEFFICIENTS`; none for a lens without.
  """

  width: int
  height: int
  fx: float
  fy: float
  cx: float
  cy: float
  distortion: tuple[float, ...] = ()

  def project(self, points: Array) -> Array:
    """Pixel positions (N, 2) as (x, y) of points (N, 3) in camera coordinates; NaN where the lens does not see that way."""
    depth = np.where(points[:, 2] > 0, points[:, 2], np.nan)
    plane = points[:, :2] / depth[:, None]
    bent = self._distort(plane)
    if self.distortion:  # far outside the image, the polynomial folds back into it
      with np.errstate(invalid="ignore"):
        bent[~(np.abs(self._undistort(bent) - plane).max(axis=1) < 1e-6)] = np.nan
    return bent * (self.fx, self.fy) + (self.cx, self.cy)

  def directions(self, pixels: Array) -> Array:
    """Directions (N, 3), of length 1 along +Z, of the rays through pixel positions (N, 2); NaN where the distortion has no
    inverse."""
    plane = self._undistort((pixels - (self.cx, self.cy)) / (self.fx, self.fy))
    return np.concatenate([plane, np.ones((len(plane), 1))], axis=1)

  def _distort(self, plane: Array) -> Array:
    if not self.distortion:
      return plane.copy()
    k1, k2, p1, p2, k3 = self.distortion
    x, y = plane.T
    square = x * x + y * y
    radial = 1 + square * (k1 + square * (k2 + square * k3))
    return np.stack([x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x),
                     y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y], axis=1)

  def _undistort(self, bent: Array) -> Array:
    """The inverse of `_distort`, by Newton's method."""
    if not self.distortion:
      return bent.copy()
    k1, k2, p1, p2, k3 = self.distortion
    plane = bent.copy()
    with np.errstate(all="ignore"):  # what runs away is told by the check at the end
      for _ in range(_STEPS):
        x, y = plane.T
        square = x * x + y * y
        radial = 1 + square * (k1 + square * (k2 + square * k3))
        slope = k1 + square * (2 * k2 + 3 * k3 * square)
        xx = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
        xy = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
        yy = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
        left, area = bent - self._distort(plane), xx * yy - xy * xy
        plane += np.stack([yy * left[:, 0] - xy * left[:, 1], xx * left[:, 1] - xy * left[:, 0]], axis=1) / area[:, None]
        if not (np.abs(left) > _CLOSE * 1e-3).any():
          break
      # Where the polynomial turns the image over it is no lens any more
      right = (np.abs(self._distort(plane) - bent).max(axis=1) < _CLOSE) & (area > 0) & (radial > 0)
      plane[~right] = np.nan
    return plane


@functools.lru_cache(maxsize=2)
def pixel_directions(lens: Lens) -> Array:
  """Directions (H, W, 3), of length 1 along +Z, of the rays through all pixel centres. Not to be changed."""
  rows, columns = np.mgrid[:lens.height, :lens.width] + 0.5
  return lens.directions(np.stack([columns.ravel(), rows.ravel()], axis=1)).reshape(lens.height, lens.width, 3)


def lens_of(camera: CameraData, sink: str) -> Lens:
  """The lens of a camera.

  Args:
    sink: that wants it, named in errors.

  Raises:
    KubricGenError: another model, a rolling shutter, or numbers that make no sense.
  """
  who = f"the camera {camera.name}"
  if camera.model not in MODELS:
    raise KubricGenError(f"{sink} has no cameras like {who}, whose model is {camera.model}: use a perspective camera")
  if camera.readout:
    raise KubricGenError(f"{sink} has no cameras like {who}, whose shutter rolls: set its readout to 0")
  matrix, coefficients = camera.intrinsics_cv, camera.distortion
  (fx, skew, cx), (zero, fy, cy), last = matrix.tolist()
  width, height = camera.resolution
  if (not np.isfinite(matrix).all() or (skew, zero, *last) != (0, 0, 0, 0, 1) or not 0 < fx < _MOST or not 0 < fy < _MOST
      or max(abs(cx), abs(cy)) > _MOST or not 0 < width < _MOST or not 0 < height < _MOST):
    raise KubricGenError(f"{who} has intrinsics or a resolution that no camera has: make the scene again")
  if len(coefficients) not in (0, 4, 5) or not np.isfinite(coefficients).all():
    raise KubricGenError(f"{who} has {len(coefficients)} coefficients of distortion, where {sink} knows 4 or 5 finite ones: make "
                         "the scene again")
  distortion = (*coefficients, 0.0)[:5] if any(coefficients) else ()
  return Lens(width, height, fx, fy, cx, cy, distortion)
