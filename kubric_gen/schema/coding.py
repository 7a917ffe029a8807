"""How floats become the integers that a record stores, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.quantization import (STEPS, dequantize_normal, dequantize_range, dequantize_unit, quantize_normal,
                                            quantize_range, quantize_unit)
from kubric_gen.errors import KubricGenError, shown

KINDS = ("unit", "signed", "range")


@dataclass(frozen=True)
class Coding:
  """Floats as uint16.

  Attributes:
    kind: `unit` for values in [0, 1], `signed` for [-1, 1], `range` for those between two numbers that the record itself has.
    limits: full name of the feature with these two numbers, such as `metadata/depth_range`.
  """

  kind: str
  limits: str = ""

  def __post_init__(self) -> None:
    if self.kind not in KINDS or bool(self.limits) != (self.kind == "range"):
      raise KubricGenError(f"a coding is unit, signed, or range with the name of the feature that has its limits, got "
                           f"{shown(self)}")

  def encode(self, values: NDArray[Any], record: Mapping[str, Any]) -> NDArray[np.uint16]:
    """The integers for floats; a record is asked for the limits.

    Raises:
      KubricGenError: the record lacks the limits, or a value is not finite.
    """
    if self.kind == "unit":
      return quantize_unit(values)
    if self.kind == "signed":
      return quantize_normal(values)
    return quantize_range(values, *self._numbers(record))

  def decode(self, values: Any, record: Mapping[str, Any]) -> Any:
    """The float32 values of integers: NumPy arrays, or tensors of TensorFlow inside of `tf.data`."""
    if not isinstance(values, np.ndarray):
      return self._decode_tensor(values, record)
    if self.kind == "unit":
      return dequantize_unit(values)
    if self.kind == "signed":
      return dequantize_normal(values)
    return dequantize_range(values, *self._numbers(record))

  def _decode_tensor(self, values: Any, record: Mapping[str, Any]) -> Any:
    import tensorflow
    scaled = tensorflow.cast(values, tensorflow.float32) / STEPS
    if self.kind == "unit":
      return scaled
    if self.kind == "signed":
      return scaled * 2 - 1
    limits = self._limits(record)
    return scaled * (limits[1] - limits[0]) + limits[0]

  def _numbers(self, record: Mapping[str, Any]) -> tuple[float, float]:
    """The limits of a range, as numbers."""
    limits = self._limits(record)
    try:
      low, high = map(float, limits)
      return low, high
    except (TypeError, ValueError):
      raise KubricGenError(f"the record has {self.limits}, the limits of a range, as {shown(limits)}, which are no two "
                           "numbers: take records with that feature") from None

  def _limits(self, record: Mapping[str, Any]) -> Any:
    value: Any = record
    try:
      for part in self.limits.split("/"):
        value = value[part]
      return value
    except (KeyError, TypeError):
      raise KubricGenError(f"the record has no {self.limits}, the limits of a range: take records with that feature") from None
