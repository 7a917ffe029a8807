"""Annotation layers as colours for people: each function takes one frame and returns (height, width, 3) uint8 RGB."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.palette import PALETTE

RGBImage = NDArray[np.uint8]

BACKGROUND_DEPTH = 1000.0
"""Depth in metres that stands for "nothing is hit"; it is left out of what colours are fitted to."""

_GREY = 128
_INFERNO = np.ascontiguousarray(
    cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO)[:, 0, ::-1])
_OCCLUSION = np.array([(225, 225, 225), (214, 60, 60), (66, 103, 210)], np.uint8)


def _color_wheel(steps: int = 360) -> NDArray[np.float32]:
  """(steps, 3) colours of the Middlebury flow wheel in [0, 1], by direction from right (red) over down (yellow)."""
  corners = np.array([(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)], np.float64)
  widths = np.array([15, 6, 4, 11, 13, 6])  # after Baker et al., so that equal steps look equal
  at = np.concatenate([[0], np.cumsum(widths)]) / widths.sum() * steps
  return np.stack([np.interp(np.arange(steps), at, corners[:, i]) for i in range(3)], axis=1).astype(np.float32)


_WHEEL = _color_wheel()


def rgba_to_rgb(rgba: NDArray[np.uint8]) -> RGBImage:
  """A (H, W, 3 or 4) uint8 image laid over neutral grey where it is transparent."""
  if rgba.shape[2] == 3:
    return rgba
  alpha = rgba[..., 3:]
  if alpha.min() == 255:
    return np.ascontiguousarray(rgba[..., :3])
  opacity = alpha.astype(np.uint32)
  return ((rgba[..., :3] * opacity + _GREY * (255 - opacity) + 127) // 255).astype(np.uint8)


def depth_range(frames: Iterable[NDArray[np.float32]]) -> tuple[float, float]:
  """(near, far) in metres that suit all the frames: the 0.5th and 99th percentile of what is not background.

  Where there is nothing but background they are (1, 1000).
  """
  samples = [frame[::2, ::2].ravel() for frame in frames]
  depth = np.concatenate([sample[(sample > 0) & (sample < 0.999 * BACKGROUND_DEPTH)] for sample in samples]
                         or [np.zeros(0, np.float32)])
  if not depth.size:
    return 1.0, BACKGROUND_DEPTH
  near, far = np.percentile(depth, (0.5, 99.0)).tolist()
  return near, far


def depth_to_rgb(depth: NDArray[np.float32], near: float | None = None, far: float | None = None) -> RGBImage:
  """Depth (H, W, 1) in metres: near is bright, far is dark, equal ratios of distance are equal steps.

  Without `near` and `far` they are fitted to this frame; give those of `depth_range` to make frames comparable.
  """
  if near is None or far is None:
    fitted = depth_range([depth])
    near, far = fitted[0] if near is None else near, fitted[1] if far is None else far
  near = max(near, 1e-6)
  span = np.log(max(far / near, 1.001))  # one flat depth stays one colour rather than amplified rounding
  level = np.log(np.maximum(depth[..., 0], 1e-6) / np.float32(near)) * np.float32(255 / span)
  return _INFERNO[255 - np.clip(level, 0, 255).astype(np.uint8)]


def labels_to_rgb(labels: NDArray[np.integer]) -> RGBImage:
  """Ids (H, W, 1) in the colours of the palette PNG; ids above 255 use the 255 colours again."""
  ids = labels[..., 0]
  if ids.max(initial=0) > 255:
    ids = np.where(ids > 255, (ids - 1) % 255 + 1, ids)
  return PALETTE[ids]


def normals_to_rgb(normal: NDArray[np.float32]) -> RGBImage:
  """Components (H, W, 3) from -1 to 1 as 0 to 255; where nothing is hit it is grey."""
  return np.clip(normal * 127.5 + 128.0, 0, 255).astype(np.uint8)


def coordinates_to_rgb(coordinates: NDArray[np.float32]) -> RGBImage:
  """Object coordinates (H, W, 3) from 0 to 1 as 0 to 255."""
  return np.clip(coordinates * 255.0 + 0.5, 0, 255).astype(np.uint8)


def uv_to_rgb(uv: NDArray[np.float32]) -> RGBImage:
  """Texture coordinates (H, W, 2) as red and green; beyond [0, 1] they start again, as a texture does."""
  wrapped = np.where(np.abs(uv - 0.5) > 0.5001, uv - np.floor(uv), uv)  # rounding at the edges stays there
  return coordinates_to_rgb(np.concatenate([wrapped, np.zeros_like(wrapped[..., :1])], axis=-1))


def occlusion_to_rgb(occlusion: NDArray[np.uint8]) -> RGBImage:
  """Occlusion states (H, W, 1): visible is light grey, occluded red, outside the other image blue."""
  return _OCCLUSION[np.minimum(occlusion[..., 0], 2)]


def flow_radius(frames: Iterable[NDArray[np.float32]]) -> float:
  """Length in pixels that suits all the flow frames: 99 % of what moves is shorter. At least 0.1, not to amplify rounding."""
  lengths = [np.hypot(frame[::2, ::2, 0], frame[::2, ::2, 1]).ravel() for frame in frames]
  moving = np.concatenate([length[length > 0.1] for length in lengths]) if lengths else np.zeros(0)
  return max(0.1, float(np.percentile(moving, 99.0))) if len(moving) else 0.1


def flow_to_rgb(flow: NDArray[np.float32], radius: float | None = None) -> RGBImage:
  """Flow (H, W, 2), (Δrow, Δcolumn) in pixels, on the Middlebury colour wheel.

  No motion is white, `radius` pixels and more have the full colour. Right is red, down yellow, left
  cyan, up violet. Without `radius` it is fitted to this frame.
  """
  radius = flow_radius([flow]) if radius is None else max(radius, 1e-6)
  length, angle = cv2.cartToPolar(np.ascontiguousarray(flow[..., 1]), np.ascontiguousarray(flow[..., 0]),
                                  angleInDegrees=True)
  colour = _WHEEL[np.rint(angle).astype(np.int32) % len(_WHEEL)]
  length = np.minimum(length * np.float32(1 / radius), 1)[..., None]
  shade = 1 - length * (1 - colour)
  return (shade * np.float32(255) + np.float32(0.5)).astype(np.uint8)
