"""Statistics per feature that can be taken scene by scene and merged in any order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.features import Features, Sequence, key_of


@dataclass
class Moments:
  """Count, mean, spread and extremes of numbers (Chan et al., "Updating formulae", 1979)."""

  count: int = 0
  mean: float = 0.0
  squares: float = 0.0
  minimum: float = math.inf
  maximum: float = -math.inf

  def add(self, values: ArrayLike) -> None:
    """Counts an array of any shape."""
    array = np.asarray(values)
    if not array.size:
      return
    mean = float(array.mean(dtype=np.float64))
    offset = array.astype(np.float64).ravel() - mean
    self.merge(Moments(array.size, mean, float(np.square(offset, out=offset).sum()), float(array.min()), float(array.max())))

  def merge(self, other: Moments) -> None:
    """Counts what another one has counted."""
    if not other.count:
      return
    total = self.count + other.count
    delta = other.mean - self.mean
    self.mean += delta * other.count / total
    self.squares += other.squares + delta * delta * self.count * other.count / total
    self.count = total
    self.minimum, self.maximum = min(self.minimum, other.minimum), max(self.maximum, other.maximum)

  @property
  def deviation(self) -> float:
    """Standard deviation."""
    return math.sqrt(self.squares / self.count) if self.count else 0.0


@dataclass
class Statistics:
  """Of each numeric feature its moments, of each label how often its names occur."""

  numbers: dict[str, Moments] = field(default_factory=dict)
  labels: dict[str, dict[str, int]] = field(default_factory=dict)

  def add_numbers(self, name: str, values: ArrayLike) -> None:
    self.numbers.setdefault(name, Moments()).add(values)

  def add_label(self, name: str, value: str, times: int = 1) -> None:
    counts = self.labels.setdefault(name, {})
    counts[value] = counts.get(value, 0) + times

  def merge(self, other: Statistics) -> None:
    for name, moments in other.numbers.items():
      self.numbers.setdefault(name, Moments()).merge(moments)
    for name, counts in other.labels.items():
      for value, times in counts.items():
        self.add_label(name, value, times)

  def plain(self) -> dict[str, Any]:
    """As JSON knows it; `from_plain` is the inverse."""
    return {"numbers": {name: [m.count, m.mean, m.squares, m.minimum, m.maximum]
                        for name, m in self.numbers.items() if m.count}, "labels": self.labels}

  @classmethod
  def from_plain(cls, value: Mapping[str, Any]) -> Statistics:
    """Raises KeyError, TypeError or ValueError where the value is none that `plain` made."""
    try:
      numbers = {}
      for name, (count, *rest) in value["numbers"].items():
        numbers[str(name)] = Moments(int(count), *map(float, rest))
      return cls(numbers, {str(name): {str(k): int(n) for k, n in counts.items()} for name, counts in value["labels"].items()})
    except (AttributeError, OverflowError) as error:
      raise ValueError(error) from None


def record_statistics(features: Features, record: Mapping[str, Any]) -> Statistics:
  """Statistics of one record, of the values before they are coded, in the features' units.

  Numbers count under a feature's full name, repeated groups also under their own: how many there are.
  """
  result = Statistics()
  _count(result, features, record, "")
  return result


def _count(result: Statistics, features: Mapping[str, Any], values: Mapping[str, Any], prefix: str) -> None:
  for name, feature in features.items():
    full, value = prefix + name, values[key_of(name, feature)]
    if isinstance(value, Iterator):
      raise KubricGenError(f"record: {full} is an iterator, which can be gone through only once: give a list")
    if isinstance(feature, Mapping):
      _count(result, feature, value, f"{full}/")
    elif isinstance(feature, Sequence) and isinstance(feature.feature, Mapping):
      elements = list(value)
      result.add_numbers(full, [len(elements)])
      for item in elements:
        _count(result, feature.feature, item, f"{full}/")
    else:
      for part in feature.counted(value):
        if isinstance(part, str):
          result.add_label(full, part)
        else:
          result.add_numbers(full, part)
