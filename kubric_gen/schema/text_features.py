"""Features that are words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.schema.feature import INT, OTHER, Feature


@dataclass(frozen=True)
class Text(Feature):
  """A string."""

  @property
  def kind(self) -> str:
    return "text"

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    try:
      return [value.encode()]
    except (AttributeError, UnicodeEncodeError):
      raise KubricGenError(f"record: {name} is {shown(value)}, which is no text") from None

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    return items[0].decode() if count is None else [item.decode() for item in items]

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.Text()

  def counted(self, value: Any) -> Iterator[Any]:
    return iter(())


@dataclass(frozen=True)
class Label(Feature):
  """One out of some names, stored as its index."""

  names: tuple[str, ...]
  LIST: ClassVar[str] = INT

  def __post_init__(self) -> None:
    super().__post_init__()
    object.__setattr__(self, "names", tuple(self.names))

  @property
  def kind(self) -> str:
    return f"one of {', '.join(self.names)}"

  def encode(self, name: str, value: Any, record: Mapping[str, Any]) -> list[Any]:
    if not isinstance(value, str) or value not in self.names:
      raise KubricGenError(f"record: {name} is {shown(value)}, which is none of {', '.join(self.names)}")
    return [self.names.index(value)]

  def decode(self, name: str, items: list[Any], count: int | None) -> Any:
    array = np.array(items, np.int64).reshape(() if count is None else (count,))
    if np.any((array < 0) | (array >= len(self.names))):
      raise KubricGenError(f"the record has a label {name} beyond its {len(self.names)} names: {OTHER}")
    return array

  def tfds(self) -> Any:
    from tensorflow_datasets.core import features
    return features.ClassLabel(names=list(self.names))
