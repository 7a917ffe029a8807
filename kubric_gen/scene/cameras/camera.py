"""What all cameras share.

A camera looks along its local -Z with +Y up and +X right. A resolution is (height, width) in pixels; the centre of
the pixel in row r and column c lies at (r + 0.5, c + 0.5), the image's origin is its top left corner, and normalised
image positions (x, y) run from 0 to 1 to the right and down.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.path import Path
from kubric_gen.scene.transforms import IDENTITY, look_at, rotation_matrix
from kubric_gen.scene.validation import (Described, Quaternion, Vector3, assign, file_name, instance, number,
                                         quaternion, resolution, vector3)

Array = NDArray[np.float64]
Resolution = tuple[int, int]
Window = tuple[slice, slice]
"""Rows and columns of a part of an image."""

OPENCV_AXES = np.array([1.0, -1.0, -1.0])
"""From our camera axes to OpenCV's (+X right, +Y down, +Z forward), and back."""


@dataclass(frozen=True, repr=False)
class Camera(Described, ABC):
  """What all cameras share: a pose, and the relation between points in camera coordinates, rays and pixels.

  Whatever depends on the lens is asked of the camera: projection, rays, depth limits, the bounds of a box in the image, and when
  each row is exposed.

  Attributes:
    name: unique in its scene, and fit for a file name; further cameras write into a folder of this name.
    position, quaternion: pose, unless a path is given. look_at: the point to look at, instead of a quaternion.
    path: keyframed motion.
    near, far: distances in metres to the camera's plane between which surfaces are seen.
    resolution: (height, width) in pixels of its images; that of the scene where not given.
    shutter: how long the shutter is open, in frames, at most 2; 0 gives sharp images. The exposure is centred on the frame,
      so annotations are those of mid-shutter.
  """

  name: str = "camera"
  _: KW_ONLY
  position: Vector3 = (0.0, 0.0, 0.0)
  quaternion: Quaternion = IDENTITY
  path: Path | None = None
  near: float = 0.1
  far: float = 1000.0
  shutter: float = 0.0
  resolution: Resolution | None = None
  look_at: InitVar[Vector3 | None] = None

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    who = f"camera {shown(self.name)}"
    position = vector3(self.position, f"{who}: position")
    if look_at_target is not None:
      if quaternion(self.quaternion, f"{who}: quaternion") != IDENTITY:
        raise SceneError(f"{who}: give a quaternion or look_at, not both")
      assign(self, quaternion=look_at(position, look_at_target))
    if self.path is not None:
      instance(self.path, f"{who}: path", Path)
    near = number(self.near, f"{who}: near", above=0)
    if self.resolution is not None:
      assign(self, resolution=resolution(self.resolution, f"{who}: resolution"))
    assign(self, name=file_name(self.name, "camera name"), position=position, near=near,
           quaternion=quaternion(self.quaternion, f"{who}: quaternion"), far=number(self.far, f"{who}: far", above=near),
           shutter=number(self.shutter, f"{who}: shutter", minimum=0, maximum=2))

  def poses(self, frames: ArrayLike) -> tuple[Array, Array]:
    """Positions (T, 3) and quaternions (T, 4) at frame numbers (1 is the first rendered frame)."""
    path = self.path or Path((0,), (self.position,), (self.quaternion,))
    return path.at(frames)

  @property
  @abstractmethod
  def model(self) -> str:
    """What the lens is called in metadata, such as `pinhole`."""

  @property
  def central(self) -> bool:
    """Whether all rays go through the camera's centre."""
    return True

  @abstractmethod
  def lens(self, resolution: Resolution) -> dict[str, Any]:
    """What metadata say of the lens beside its matrices."""

  @abstractmethod
  def intrinsics(self, resolution: Resolution) -> Array:
    """K (3, 3): camera coordinates to normalised image positions, after division by the third component.

    In the form that MOVi publishes, [[fx, 0, -0.5], [0, -fy, -0.5], [0, 0, -1]] with fx, fy in units of the image's
    width and height. For an orthographic camera the third component is to be taken as -1 (no division).
    """

  def intrinsics_cv(self, resolution: Resolution) -> Array:
    """K (3, 3) in pixels for OpenCV's camera axes and for pixel centres at half-integers."""
    height, width = resolution
    k = self.intrinsics(resolution)
    return np.array([[k[0, 0] * width, 0.0, width / 2], [0.0, -k[1, 1] * height, height / 2], [0.0, 0.0, 1.0]])

  def extrinsics_cv(self, frames: ArrayLike) -> Array:
    """World → camera matrices (T, 4, 4) in OpenCV's camera axes."""
    positions, quaternions = self.poses(frames)
    # Without LAPACK, whose last digits differ between its kernels; + 0.0 leaves no negative zeros
    turn = OPENCV_AXES[:, None] * np.swapaxes(rotation_matrix(quaternions), -1, -2) + 0.0
    matrix = np.zeros((*turn.shape[:-2], 4, 4))
    matrix[..., :3, :3] = turn
    matrix[..., :3, 3] = 0.0 - (turn * positions[..., None, :]).sum(axis=-1)
    matrix[..., 3, 3] = 1.0
    return matrix

  def row_times(self, t: float, resolution: Resolution) -> Array:
    """When each row (H,) of frame t is exposed, in frames, at mid-shutter: all at once."""
    return np.full(resolution[0], float(t))

  def depth_limits(self, directions: ArrayLike) -> tuple[Array, Array]:
    """Distances (...) along rays of unit directions (..., 3) between which surfaces are seen."""
    along = -np.asarray(directions, np.float64)[..., 2]
    return self.near / along, self.far / along

  def within_depth(self, points: ArrayLike) -> NDArray[np.bool_]:
    """Whether points (..., 3) in camera coordinates lie where the camera sees surfaces."""
    depth = -np.asarray(points, np.float64)[..., 2]
    return (depth >= self.near) & (depth <= self.far)

  def beyond_near(self, points: ArrayLike) -> NDArray[np.bool_]:
    """Whether points (..., 3) in camera coordinates are in front of the camera and not too near to be seen."""
    return -np.asarray(points, np.float64)[..., 2] >= self.near

  def window(self, corners: ArrayLike, resolution: Resolution) -> Window | None:
    """The part of the image that a box can cover, given its corners (8, 3) in camera coordinates; None where it is outside."""
    height, width = resolution
    local = np.asarray(corners, np.float64)
    in_front = self.beyond_near(local)
    if not in_front.any():
      return None
    if not in_front.all():  # it reaches behind the camera: its projection has no bounds
      return slice(0, height), slice(0, width)
    at = self.project(local, resolution)
    low = np.clip(np.floor(at.min(axis=0) - 0.5), 0, resolution).astype(int)
    high = np.clip(np.ceil(at.max(axis=0) + 0.5), 0, resolution).astype(int)
    if (low >= high).any():
      return None
    return slice(low[0], high[0]), slice(low[1], high[1])

  def image_positions(self, points: ArrayLike, resolution: Resolution) -> Array:
    """Normalised (x, y) of points (N, 3) in camera coordinates; those behind the camera are mirrored, as in MOVi."""
    local = np.asarray(points, np.float64)
    depth = self._divisor(local)
    projected = np.concatenate([local[:, :2], depth[:, None]], axis=1) @ self.intrinsics(resolution).T
    return projected[:, :2] / projected[:, 2:]

  def _divisor(self, points: Array) -> Array:
    """What the products with `intrinsics` are divided by, with the opposite sign."""
    return np.where(np.abs(points[:, 2]) < 1e-9, -1e-9, points[:, 2])

  @abstractmethod
  def project(self, points: ArrayLike, resolution: Resolution) -> Array:
    """Pixel positions (..., 2) as (row, column) of points (..., 3) in camera coordinates; NaN where behind the camera."""

  @abstractmethod
  def rays(self, pixels: ArrayLike, resolution: Resolution) -> tuple[Array, Array]:
    """Origins and unit directions (..., 3) in camera coordinates of the rays through pixel positions (..., 2)."""
