"""The common ground of what an example says of instances, cameras, events and itself: typed, and the same after JSON.

In JSON a part is one flat object: its fields, and beside them what a world or a lens adds. An array's dtype and shape are stated
with its field, so that a part read back has the types of the one that was written, and a damaged one is noticed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from kubric_gen.errors import shown
from kubric_gen.scene.serialization import to_plain
from kubric_gen.scene.validation import labels

PartType = TypeVar("PartType", bound="Part")
Sizes = dict[str, int]
"""What the letters in the shapes of arrays stand for; the same letter is the same number in all parts of a scene."""


def array(dtype: str, *shape: int | str) -> Any:
  """A field that is an array of this dtype and shape, in which letters stand for any number."""
  return dataclasses.field(metadata={"dtype": dtype, "shape": shape})


def _numbers(name: str, value: Any, kinds: set[type]) -> np.ndarray:
  """The numbers of an array of any shape, or of lists of numbers, all of these types and finite."""
  if not isinstance(value, np.ndarray):
    value = np.asarray(value, object)  # as they are: NumPy would take a text or a truth value for a number
    if not kinds.issuperset(map(type, value.ravel())):
      raise ValueError(f"{name} must hold {'whole numbers' if kinds == {int} else 'numbers'} alone")
  found = np.asarray(value, np.int64 if kinds == {int} else np.float64)
  if not np.isfinite(found).all():
    raise ValueError(f"{name} holds a number that is not finite")
  return found


def _checked_array(name: str, value: Any, field: dataclasses.Field[Any], sizes: Sizes) -> np.ndarray:
  dtype, shape = field.metadata["dtype"], field.metadata["shape"]
  found = _numbers(name, value, {int} if dtype.startswith("int") else {int, float})
  if not found.size and len(shape) > 1:  # JSON cannot tell (0,) from (0, 4)
    found = found.reshape(*(size if isinstance(size, int) else 0 for size in shape))
  if found.ndim != len(shape) or any(
      sizes.setdefault(wanted, size) != size if isinstance(wanted, str) and wanted.isupper() else
      isinstance(wanted, int) and wanted != size for wanted, size in zip(shape, found.shape)):
    raise ValueError(f"{name} has shape {found.shape}, not {tuple(sizes.get(str(size), size) for size in shape)}")
  return found.astype(dtype)


def _checked(name: str, value: Any, kind: str) -> Any:
  """A plain value of the annotated kind; lists become tuples, whole numbers floats where floats are meant."""
  if value is None and kind.endswith("| None"):
    return None
  base = kind.removesuffix(" | None")
  if base == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
    if not math.isfinite(value):
      raise ValueError(f"{name} must be finite, got {value}")
    return float(value)
  if base == "int" and isinstance(value, int) and not isinstance(value, bool):
    return value
  if base == "str" and isinstance(value, str):
    return value
  if base.startswith("tuple[") and isinstance(value, (list, tuple)):
    item, more = base[6:-1].split(", ")[0], base.endswith("...]")
    if more or len(value) == len(base.split(", ")):
      return tuple(_checked(name, part, item) for part in value)
  if base.startswith("Mapping") and isinstance(value, Mapping):
    return labels(value, name)
  raise ValueError(f"{name} must be of type {kind}, got {shown(value)}")


class Part:
  """A dataclass whose values can also be had by name, `part["mass"]`, those that a world has added among them."""

  EXTRA: ClassVar[str] = "labels"
  """The field that holds what is added."""

  def __getitem__(self, name: str) -> Any:
    if name in self.names():
      return getattr(self, name)
    return getattr(self, self.EXTRA)[name]

  def get(self, name: str, default: Any = None) -> Any:
    """The value of this name, or the default."""
    try:
      return self[name]
    except KeyError:
      return default

  def __contains__(self, name: object) -> bool:
    return name in self.names() or name in getattr(self, self.EXTRA)

  def __iter__(self) -> Iterator[str]:
    return iter(self.keys())

  def keys(self) -> list[str]:
    """All names; with it a part unpacks as a mapping does."""
    return [*getattr(self, self.EXTRA), *self.names()]

  @classmethod
  def names(cls) -> tuple[str, ...]:
    """Of the fields, but the one that holds what is added."""
    return tuple(field.name for field in dataclasses.fields(cls) if field.name != cls.EXTRA)  # type: ignore[arg-type]

  def plain(self) -> dict[str, Any]:
    """As JSON knows it."""
    return {name: to_plain(self[name]) for name in self.keys()}

  @classmethod
  def from_plain(cls: type[PartType], value: Any, sizes: Sizes | None = None) -> PartType:
    """The inverse of `plain`.

    Args:
      sizes: what is known of the letters in shapes; the others are added.

    Raises:
      ValueError: a field is missing, or of another type or shape.
    """
    if not isinstance(value, Mapping):
      raise ValueError(f"{cls.__name__} must be an object, got {shown(value)}")
    sizes = {} if sizes is None else sizes
    known: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
      if field.name == cls.EXTRA:
        continue
      name = f"{cls.__name__}.{field.name}"
      if field.name not in value:
        if field.default is dataclasses.MISSING:
          raise ValueError(f"{name} is missing")
      elif "dtype" in field.metadata:
        known[field.name] = _checked_array(name, value[field.name], field, sizes)
      else:
        known[field.name] = _checked(name, value[field.name], str(field.type))
    extra = {key: item for key, item in value.items() if key not in cls.names()}
    return cls(**known, **{cls.EXTRA: labels(extra, f"{cls.__name__}.{cls.EXTRA}")})
