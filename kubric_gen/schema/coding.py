"""How floats become the integers that a record stores, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.quantization import quantize_normal, quantize_range, quantize_unit
from kubric_gen.errors import KubricGenError

KINDS = ("unit", "signed", "range")
STEPS = 65535


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
      raise KubricGenError(f"a coding is unit, signed, or range with the name of the feature that has its limits, got {self!r}")

  def encode(self, values: NDArray[Any], record: Mapping[str, Any]) -> NDArray[np.uint16]:
    """The integers for floats; a record is asked for the limits.

    Raises:
      KubricGenError: the record lacks the limits, or a value is not finite.
    """
    if self.kind == "unit":
      return quantize_unit(values)
    if self.kind == "signed":
      return quantize_normal(values)
    low, high = (float(value) for value in self._limits(record))
    return quantize_range(values, low, high)

  def decode(self, values: Any, record: Mapping[str, Any]) -> Any:
    """The float32 values of integers: NumPy arrays, or tensors of TensorFlow inside of `tf.data`."""
    if isinstance(values, np.ndarray):
      scaled = values.astype(np.float64) / STEPS
      as_float = np.float64
    else:
      import tensorflow
      scaled = tensorflow.cast(values, tensorflow.float32) / STEPS
      as_float = None
    if self.kind == "signed":
      scaled = scaled * 2 - 1
    elif self.kind == "range":
      limits = self._limits(record)
      low, high = (limits[0], limits[1]) if as_float is None else np.asarray(limits, np.float64)
      scaled = scaled * (high - low) + low
    return scaled if as_float is None else scaled.astype(np.float32)

  def _limits(self, record: Mapping[str, Any]) -> Any:
    value: Any = record
    try:
      for part in self.limits.split("/"):
        value = value[part]
      return value
    except (KeyError, TypeError):
      raise KubricGenError(f"the record has no {self.limits}, the limits of a range: take records with that feature") from None
