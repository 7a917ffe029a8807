"""Colours: linear RGB inside, sRGB hex strings and CSS-like names as a convenience."""

from __future__ import annotations

import colorsys
import string
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.validation import floats

RGB = tuple[float, float, float]

NAMED_COLORS = {"black": "#000000", "white": "#ffffff", "gray": "#808080", "red": "#ff0000", "green": "#008000",
                "blue": "#0000ff", "yellow": "#ffff00", "cyan": "#00ffff", "magenta": "#ff00ff", "orange": "#ffa500"}


def srgb_to_linear(value: ArrayLike) -> NDArray[np.float64]:
  """sRGB values in [0, 1] to linear light (IEC 61966-2-1)."""
  v = np.asarray(value, np.float64)
  return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: ArrayLike) -> NDArray[np.float64]:
  """Linear light to sRGB values; what lies outside [0, 1] is clipped."""
  v = np.clip(np.asarray(value, np.float64), 0.0, 1.0)
  return np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)


def color(value: Any, name: str = "color") -> RGB:
  """Linear RGB of three linear values, of an sRGB string '#rrggbb', or of one of the `NAMED_COLORS`.

  Raises:
    SceneError: the value is none of these, or a component is negative.
  """
  if isinstance(value, str):
    text = NAMED_COLORS.get(value, value)
    try:
      if len(text) != 7 or text[0] != "#" or not set(text[1:]) <= set(string.hexdigits):
        raise ValueError
      components = [int(text[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    except ValueError:
      raise SceneError(f"{name} must be three numbers, '#rrggbb' or one of {', '.join(NAMED_COLORS)}, "
                       f"got {shown(value)}") from None
    r, g, b = srgb_to_linear(components).tolist()
    return (r, g, b)
  r, g, b = floats(value, name, 3)
  if min(r, g, b) < 0:
    raise SceneError(f"{name} must not be negative, got {(r, g, b)}")
  return (r, g, b)


def hsv_to_rgb(hue: float, saturation: float = 1.0, value: float = 1.0) -> RGB:
  """RGB of a hue, saturation and value in [0, 1]."""
  return colorsys.hsv_to_rgb(hue, saturation, value)
