"""Annotation layers as colours for people, one function for each kind of showing (`kubric_gen.scene.layers.Show`).

Each takes one frame (H, W, C) and returns (H, W, 3) uint8 RGB. `TO_RGB` has them by kind; those of `FITS` also take the values
that the colours span, so that frames can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.palette import PALETTE
from kubric_gen.scene.layers import NOTHING_HIT, Show

RGBImage = NDArray[np.uint8]
Limits = tuple[float, float]
"""The values that colours span, in the unit of the layer."""

_GREY = 128
_INFERNO = np.ascontiguousarray(
    cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO)[:, 0, ::-1])
_STATES = np.array([(225, 225, 225), (214, 60, 60), (66, 103, 210)], np.uint8)


def _color_wheel(steps: int = 360) -> NDArray[np.float32]:
  """(steps, 3) colours of the Middlebury flow wheel in [0, 1], by direction from right (red) over down (yellow)."""
  corners = np.array([(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)], np.float64)
  widths = np.array([15, 6, 4, 11, 13, 6])  # after Baker et al., so that equal steps look equal
  at = np.concatenate([[0], np.cumsum(widths)]) / widths.sum() * steps
  return np.stack([np.interp(np.arange(steps), at, corners[:, i]) for i in range(3)], axis=1).astype(np.float32)


_WHEEL = _color_wheel()


def color_to_rgb(image: NDArray) -> RGBImage:
  """A colour image (H, W, 1, 3 or 4), uint8 or floats from 0 to 1, laid over neutral grey where it is transparent."""
  if image.dtype.kind == "f":
    image = _bytes_of_unit(image)
  if image.shape[2] < 3:
    return _three_channels(image)
  if image.shape[2] == 3:
    return np.ascontiguousarray(image)
  alpha = image[..., 3:]
  if alpha.min() == 255:
    return np.ascontiguousarray(image[..., :3])
  opacity = alpha.astype(np.uint32)
  return ((image[..., :3] * opacity + _GREY * (255 - opacity) + 127) // 255).astype(np.uint8)


def distance_range(frames: Iterable[NDArray[np.float32]]) -> Limits:
  """(near, far) in metres that suit all the frames: the 0.5th and 99th percentile of what is not background.

  Where there is nothing but background they are (1, 1000).
  """
  samples = [frame[::2, ::2].ravel() for frame in frames]
  distance = np.concatenate([sample[(sample > 0) & (sample < 0.999 * NOTHING_HIT)] for sample in samples]
                            or [np.zeros(0, np.float32)])
  if not distance.size:
    return 1.0, NOTHING_HIT
  near, far = np.percentile(distance, (0.5, 99.0)).tolist()
  return near, far


def distance_to_rgb(distance: NDArray[np.float32], limits: Limits | None = None) -> RGBImage:
  """Distances (H, W, 1) in metres: near is bright, far is dark, equal ratios of distance are equal steps.

  Without `limits` they are fitted to this frame; give those of `distance_range` to make frames comparable.
  """
  near, far = distance_range([distance]) if limits is None else limits
  near = max(near, 1e-6)
  span = np.log(max(far / near, 1.001))  # one flat distance stays one colour rather than amplified rounding
  level = np.log(np.maximum(distance[..., 0], 1e-6) / np.float32(near)) * np.float32(255 / span)
  return _INFERNO[255 - np.clip(level, 0, 255).astype(np.uint8)]


def labels_to_rgb(labels: NDArray[np.integer]) -> RGBImage:
  """Ids (H, W, 1) in the colours of the palette PNG; ids above 255 use the 255 colours again."""
  ids = labels[..., 0]
  if ids.max(initial=0) > 255:
    ids = np.where(ids > 255, (ids - 1) % 255 + 1, ids)
  return PALETTE[ids]


def direction_to_rgb(direction: NDArray[np.float32]) -> RGBImage:
  """Components (H, W, 1 to 3) from -1 to 1 as 0 to 255; where nothing is hit it is grey."""
  return _three_channels(np.clip(direction * 127.5 + 128.0, 0, 255).astype(np.uint8), 128)


def unit_to_rgb(values: NDArray[np.float32]) -> RGBImage:
  """Values (H, W, 1 to 3) from 0 to 1 as 0 to 255: one channel is grey, two are red and green."""
  return _three_channels(_bytes_of_unit(values))


def texture_to_rgb(uv: NDArray[np.float32]) -> RGBImage:
  """Texture coordinates (H, W, 2) as red and green; beyond [0, 1] they start again, as a texture does."""
  return unit_to_rgb(np.where(np.abs(uv - 0.5) > 0.5001, uv - np.floor(uv), uv))  # rounding at the edges stays there


def scalar_range(frames: Iterable[NDArray[np.float32]]) -> Limits:
  """(least, greatest) value that suits all the frames: the 0.5th and 99.5th percentile."""
  samples = [frame[::2, ::2].ravel() for frame in frames]
  values = np.concatenate(samples) if samples else np.zeros(1)
  low, high = np.percentile(values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1), (0.5, 99.5)).tolist()
  return low, high


def scalar_to_rgb(values: NDArray, limits: Limits | None = None) -> RGBImage:
  """One number (H, W, 1): the least is dark, the greatest bright, equal differences are equal steps.

  Without `limits` they are fitted to this frame.
  """
  low, high = scalar_range([values]) if limits is None else limits
  span = max(high - low, 1e-12)
  level = np.nan_to_num((values[..., 0].astype(np.float64) - low) / span) * 255
  return _INFERNO[np.clip(level, 0, 255).astype(np.uint8)]


def states_to_rgb(states: NDArray[np.uint8]) -> RGBImage:
  """States (H, W, 1): 0 is light grey (visible), 1 red (occluded), 2 and more blue (outside the other image)."""
  return _STATES[np.minimum(states[..., 0], 2)]


def flow_range(frames: Iterable[NDArray[np.float32]]) -> Limits:
  """(0, radius) in pixels that suits all the flow frames: 99 % of what moves is shorter.

  The radius is at least 0.1, not to amplify rounding.
  """
  lengths = [np.hypot(frame[::2, ::2, 0], frame[::2, ::2, 1]).ravel() for frame in frames]
  moving = np.concatenate([length[length > 0.1] for length in lengths]) if lengths else np.zeros(0)
  return 0.0, max(0.1, float(np.percentile(moving, 99.0))) if len(moving) else 0.1


def flow_to_rgb(flow: NDArray[np.float32], limits: Limits | None = None) -> RGBImage:
  """Flow (H, W, 2), (Δrow, Δcolumn) in pixels, on the Middlebury colour wheel.

  No motion is white, the greater of `limits` and more has the full colour. Right is red, down yellow, left
  cyan, up violet. Without `limits` they are fitted to this frame.
  """
  radius = flow_range([flow])[1] if limits is None else max(limits[1], 1e-6)
  length, angle = cv2.cartToPolar(np.ascontiguousarray(flow[..., 1]), np.ascontiguousarray(flow[..., 0]),
                                  angleInDegrees=True)
  colour = _WHEEL[np.rint(angle).astype(np.int32) % len(_WHEEL)]
  length = np.minimum(length * np.float32(1 / radius), 1)[..., None]
  shade = 1 - length * (1 - colour)
  return (shade * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def _bytes_of_unit(values: NDArray) -> NDArray[np.uint8]:
  return np.clip(values * 255.0 + 0.5, 0, 255).astype(np.uint8)


def _three_channels(image: NDArray[np.uint8], rest: int = 0) -> RGBImage:
  """One channel (H, W, 1) repeated, or two with a third of `rest`."""
  if image.shape[2] == 1:
    return np.repeat(image, 3, axis=2)
  if image.shape[2] == 2:
    return np.concatenate([image, np.full_like(image[..., :1], rest)], axis=2)
  return np.ascontiguousarray(image)


TO_RGB: dict[Show, Callable[..., RGBImage]] = {
    Show.COLOR: color_to_rgb, Show.LABELS: labels_to_rgb, Show.DISTANCE: distance_to_rgb, Show.DIRECTION: direction_to_rgb,
    Show.UNIT: unit_to_rgb, Show.TEXTURE: texture_to_rgb, Show.FLOW: flow_to_rgb, Show.STATES: states_to_rgb,
    Show.SCALAR: scalar_to_rgb}
"""How a frame becomes colours, by kind; those of `FITS` take limits as a second argument. `Show.NONE` is missing."""

FITS: dict[Show, Callable[[Iterable[NDArray]], Limits]] = {
    Show.DISTANCE: distance_range, Show.FLOW: flow_range, Show.SCALAR: scalar_range}
"""The limits that suit frames, for the kinds whose colours span some."""

SHARED_FITS = frozenset({Show.FLOW})
"""Kinds whose layers all have the same limits, so that they can be compared with each other."""
