"""Float layers as 16-bit integers and back.

Everything is rounded to the nearest integer, ties to even (as Python's `round`), in float64. Going there and back is
therefore within half a step, up to the rounding of the float32 result itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kubric_gen.errors import KubricGenError

STEPS = 65535


def _finite(values: ArrayLike) -> NDArray[np.float64]:
  """A float64 copy, to be worked on in place."""
  array = np.array(values, np.float64)
  if not np.isfinite(array).all():
    raise KubricGenError("a layer to be stored in 16 bits holds NaN or infinite values: leave that layer out, or mend "
                         "the mesh that they come from")
  return array


def _to_uint16(unit: NDArray[np.float64]) -> NDArray[np.uint16]:
  """Rounds STEPS times values that are meant to lie in [0, 1]; works in place."""
  np.clip(unit, 0.0, 1.0, out=unit)
  unit *= STEPS
  return np.rint(unit, out=unit).astype(np.uint16)


def quantize_unit(values: ArrayLike) -> NDArray[np.uint16]:
  """Values in [0, 1] as round(v * 65535); what lies outside is clipped.

  Raises:
    KubricGenError: a value is NaN or infinite.
  """
  return _to_uint16(_finite(values))


def dequantize_unit(stored: ArrayLike) -> NDArray[np.float32]:
  """The values in [0, 1] that uint16 integers stand for."""
  return (np.asarray(stored, np.float64) / STEPS).astype(np.float32)


def quantize_normal(normal: ArrayLike) -> NDArray[np.uint16]:
  """Components in [-1, 1] as round((n + 1) / 2 * 65535); what lies outside is clipped.

  Zero falls between two integers (32767.5) and is stored as the even one, 32768.

  Raises:
    KubricGenError: a value is NaN or infinite.
  """
  unit = _finite(normal)
  unit += 1.0
  unit *= 0.5
  return _to_uint16(unit)


def dequantize_normal(stored: ArrayLike) -> NDArray[np.float32]:
  """Components in [-1, 1], not normalised again: a zero vector comes back as 1.5e-5 in each component."""
  return (np.asarray(stored, np.float64) * (2.0 / STEPS) - 1.0).astype(np.float32)


def _check_range(minimum: float, maximum: float) -> tuple[float, float]:
  minimum, maximum = float(minimum), float(maximum)
  if not math.isfinite(maximum - minimum) or maximum < minimum:
    raise KubricGenError(f"a data range needs finite numbers, the minimum first, got {minimum:g} and {maximum:g}")
  return minimum, maximum


def quantize_range(values: ArrayLike, minimum: float, maximum: float) -> NDArray[np.uint16]:
  """Values in [minimum, maximum] as round((v - minimum) / (maximum - minimum) * 65535), clipped to the range.

  A constant field (maximum equal to minimum) is stored as zeros, which stand for exactly `minimum`.

  Raises:
    KubricGenError: a value or a limit is NaN or infinite, or the maximum is below the minimum.
  """
  minimum, maximum = _check_range(minimum, maximum)
  unit = _finite(values)
  if maximum == minimum:
    return np.zeros(unit.shape, np.uint16)
  unit -= minimum
  with np.errstate(over="ignore"):  # a value far outside a tiny range is clipped all the same
    unit /= maximum - minimum
  return _to_uint16(unit)


def dequantize_range(stored: ArrayLike, minimum: float, maximum: float) -> NDArray[np.float32]:
  """What integers in 0..65535 stand for: v / 65535 * (maximum - minimum) + minimum.

  Raises:
    KubricGenError: the limits are not finite or in the wrong order.
  """
  minimum, maximum = _check_range(minimum, maximum)
  return (np.asarray(stored, np.float64) / STEPS * (maximum - minimum) + minimum).astype(np.float32)
