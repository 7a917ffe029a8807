"""The colours of labels."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray


def _make_palette() -> NDArray[np.uint8]:
  """Black, then 255 colours: golden-ratio steps around the hue circle, each in another of six tones.

  Hues come close again after 3, 5, 8, 13, 21, ... steps. Six divides none of these below 144, so that such
  neighbours differ in tone. Offset and tones were searched for: any two of the first 26 are 19 apart in CIELAB.
  """
  tones = ((0.6, 0.85), (0.8, 1.0), (0.7, 0.85), (0.7, 0.55), (0.5, 0.75), (0.3, 1.0))  # saturation, value
  colours = [(0.0, 0.0, 0.0)]
  for k in range(255):
    colours.append(colorsys.hsv_to_rgb((0.1 + k * 0.618033988749895) % 1.0, *tones[k % len(tones)]))
  return np.rint(np.array(colours) * 255).astype(np.uint8)


PALETTE: NDArray[np.uint8] = _make_palette()
"""(256, 3) RGB of the label ids 0..255; 0 is black."""
PALETTE.flags.writeable = False
