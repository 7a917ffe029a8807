"""What all features of records share.

What a feature is in memory, in a record and in TensorFlow Datasets (TFDS) stands together in its class; the encoder of records,
statistics, dataset cards, TFDS builders and readers ask it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.coding import Coding

NUMBERS = ("float32", "int32", "int64", "uint8", "uint16", "bool")
BYTES, FLOAT, INT = "bytes_list", "float_list", "int64_list"
"""The lists of a `tf.train.Feature`."""
OTHER = "it was made with other features"


def fits(array: NDArray[Any], dtype: str) -> bool:
  """Whether the type can hold every value of an array of numbers."""
  if dtype == "float32":
    return array.dtype.kind in "iub" or array.dtype.kind == "f" and not np.any(
        np.isfinite(array) & (np.abs(array) > np.finfo(np.float32).max))
  low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
  return not array.size or array.dtype.kind in "iub" and bool(array.min() >= low and array.max() <= high)


@dataclass(frozen=True, kw_only=True)
class Feature(ABC):
  """What all features share.

  Attributes:
    key: where a record's values have it, if not under the feature's own name.
    unit: of its values, such as m or px; "" where they have none. meaning: one line for people.
    coding: how floats become the integers that are stored; None where values are stored as they are.
  """

  key: str = ""
  unit: str = ""
  meaning: str = ""
  coding: Coding | None = None

  LIST: ClassVar[str] = BYTES

  def __post_init__(self) -> None:
    if self.coding is not None and getattr(self, "dtype", None) != "uint16":
      raise KubricGenError("what has a coding is stored as 16-bit integers: give the coding to a feature of the type uint16")

  @property
  def list_kind(self) -> str:
    """The list that the values are stored in, even if there are none."""
    return self.LIST

  @property
  def width(self) -> int:
    """Stored items of one value."""
    return 1

  @property
  def dimensions(self) -> tuple[int | str, ...]:
    """Of one value."""
    return ()

  @property
  @abstractmethod
  def kind(self) -> str:
    """What it is, for people."""

  @abstractmethod
  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    """The stored items of one value.

    Args:
      name: of the feature, for errors. value: as in memory, floats where there is a coding. record: the whole record.
    """

  @abstractmethod
  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    """`count` values stacked, from their stored items; one value, not stacked, where the count is None."""

  @abstractmethod
  def tfds(self) -> Any:
    """The same feature of TFDS."""

  def counted(self, value: Any) -> Iterator[Any]:
    """What statistics count of one value: arrays of numbers, and labels as text."""
    yield value


def checked_array(name: str, value: Any, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
  """A value as an array of this type and shape.

  Args:
    name: of the feature, for errors.

  Raises:
    KubricGenError: it is none.
  """
  try:
    array = np.asarray(value)
  except ValueError:  # rows of several lengths
    raise KubricGenError(f"record: {name} holds values that are no {dtype} of shape {shape}") from None
  if array.shape != shape:
    raise KubricGenError(f"record: {name} has shape {array.shape}, not {shape}")
  if not fits(array, dtype):
    raise KubricGenError(f"record: {name} holds values that are no {dtype}")
  return array.astype(dtype)
