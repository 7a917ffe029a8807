"""What images in files have in common: how large they may be, and how arrays that are none are refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError

MAX_PIXELS = 1 << 28
"""No image file has more, whether written or read."""

Size = tuple[int, int]
"""(height, width) in pixels."""


def size_problem(found: Size, wanted: Size | None) -> str:
  """Why an image whose header says one size cannot be one of the wanted size; "" where it can, or none is wanted."""
  if wanted is None or found == wanted:
    return ""
  return f"it has {found[0]}x{found[1]} pixels where {wanted[0]}x{wanted[1]} are wanted"


def check_image(array: NDArray, dtypes: tuple[str, ...], channels: tuple[int, ...], kind: str) -> None:
  """Refuses what is no array (height, width, one of `channels`) of one of the dtypes, in an error about `kind`.

  Raises:
    KubricGenError: another shape or dtype, or too many pixels.
  """
  allowed = ", ".join(map(str, channels))
  if not isinstance(array, np.ndarray) or array.ndim != 3 or array.shape[2] not in channels or not array.size:
    raise KubricGenError(f"{kind} needs an array of shape (height, width, {allowed}), got shape {np.shape(array)}")
  if array.dtype.name not in dtypes:
    raise KubricGenError(f"{kind} needs values of type {' or '.join(dtypes)}, got {array.dtype}: convert them first")
  if array.shape[0] * array.shape[1] > MAX_PIXELS:
    raise KubricGenError(f"{kind} of {array.shape[0]}x{array.shape[1]} pixels is more than the limit of {MAX_PIXELS}")
