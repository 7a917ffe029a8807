"""Checks shared by the scene dataclasses: each returns the normalised value or raises `SceneError` with the reason."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kubric_gen.errors import SceneError, shown
from kubric_gen.limits import MAX_SIDE

Vector3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]


def number(value: Any, name: str, *, minimum: float = -math.inf, maximum: float = math.inf,
           above: float | None = None) -> float:
  """A finite float in [minimum, maximum], and greater than `above` where that is given."""
  try:
    result = float(value)
  except (TypeError, ValueError):
    raise SceneError(f"{name} must be a number, got {shown(value)}") from None
  except OverflowError:
    raise SceneError(f"{name} must be finite, got a number that is too large") from None
  if not math.isfinite(result):
    raise SceneError(f"{name} must be finite, got {result}")
  if above is not None and result <= above:
    raise SceneError(f"{name} must be greater than {above:g}, got {result:g}")
  if not minimum <= result <= maximum:
    raise SceneError(f"{name} must lie in [{minimum:g}, {maximum:g}], got {result:g}")
  return result


def integer(value: Any, name: str, *, minimum: int, maximum: int | None = None) -> int:
  """An int in [minimum, maximum]; floats are refused rather than truncated."""
  if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
    raise SceneError(f"{name} must be a whole number, got {shown(value)}")
  if value < minimum:
    raise SceneError(f"{name} must be at least {minimum}, got {shown(value)}")
  if maximum is not None and value > maximum:
    raise SceneError(f"{name} must be at most {maximum}, got {shown(value)}")
  return int(value)


def floats(value: Any, name: str, length: int) -> tuple[float, ...]:
  """A tuple of `length` finite floats."""
  try:
    items = () if isinstance(value, (str, Mapping)) else tuple(value)
  except TypeError:  # not iterable
    items = ()
  if not items:
    raise SceneError(f"{name} must be {length} numbers, got {shown(value)}")
  if len(items) != length:
    raise SceneError(f"{name} must be {length} numbers, got {len(items)}")
  return tuple(number(item, name) for item in items)


def vector3(value: Any, name: str) -> Vector3:
  x, y, z = floats(value, name, 3)
  return (x, y, z)


def quaternion(value: Any, name: str) -> Quaternion:
  """A unit quaternion (w, x, y, z); anything but a zero one is normalised."""
  items = floats(value, name, 4)
  norm = number(math.hypot(*items), f"length of {name}")
  if norm < 1e-9:
    raise SceneError(f"{name} must not be zero")
  if abs(norm - 1.0) < 1e-12:  # already unit: keep every digit, so that a stored scene equals itself
    norm = 1.0
  w, x, y, z = (item / norm for item in items)
  return (w, x, y, z)


def scale(value: Any, name: str) -> Vector3:
  """Three positive factors; one number stands for all three."""
  result = vector3((value,) * 3 if isinstance(value, (int, float, np.number)) else value, name)
  if min(result) <= 0:
    raise SceneError(f"{name} must be positive, got {shown(value)}")
  return result


def choice(value: Any, name: str, options: Iterable[str]) -> str:
  options = tuple(options)
  if value not in options:
    raise SceneError(f"{name} must be one of {', '.join(options)}, got {shown(value)}")
  return value


def identifier(value: Any, name: str) -> str:
  """A non-empty name without path separators or control characters (names become file and folder names)."""
  if not isinstance(value, str) or not value or any(c in "/\\" or ord(c) < 32 for c in value) or value in (".", ".."):
    raise SceneError(f"{name} must be a non-empty name without slashes, got {shown(value)}")
  return value


MAX_FILE_NAME = 200
"""Bytes; file systems take 255, of which endings and temporary marks need some."""


def file_name(value: Any, name: str) -> str:
  """An identifier that is a good file name everywhere: printable, not hidden, without spaces at its ends, not too long."""
  text = identifier(value, name)
  if (not text.isprintable() or text[0] == "." or text != text.strip() or text[-1] == "."
      or len(text.encode(errors="surrogatepass")) > MAX_FILE_NAME):
    raise SceneError(f"{name} must be fit for a file name (printable, at most {MAX_FILE_NAME} bytes, no dot or space at its "
                     f"ends), got {shown(text)}")
  return text


def resolution(value: Any, name: str) -> tuple[int, int]:
  """(height, width) in pixels."""
  items = tuple(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else ()
  if len(items) != 2:
    raise SceneError(f"{name} must be (height, width), got {shown(value)}")
  return integer(items[0], name, minimum=1, maximum=MAX_SIDE), integer(items[1], name, minimum=1, maximum=MAX_SIDE)


def instance(value: Any, name: str, kind: type) -> Any:
  """The value itself, if it is of the kind."""
  if not isinstance(value, kind):
    raise SceneError(f"{name} must be of type {kind.__name__}, got {shown(value)}")
  return value


def labels(value: Any, name: str) -> dict[str, Any]:
  """A deep copy of a mapping that JSON can hold, with lists as tuples and NumPy values as Python's.

  Raises:
    SceneError: not a mapping, a key that is no string, or a value that JSON cannot hold.
  """
  if not isinstance(value, Mapping):
    raise SceneError(f"{name} must be a mapping, got {shown(value)}")
  return _plain(value, name)


def _plain(value: Any, name: str) -> Any:
  if isinstance(value, np.ndarray):
    value = value.tolist()
  if isinstance(value, np.generic):
    value = value.item()
  if isinstance(value, Mapping):
    if not all(isinstance(key, str) for key in value):
      raise SceneError(f"{name} must have strings as keys, got {shown(list(value))}")
    return {key: _plain(item, f"{name}[{shown(key)}]") for key, item in value.items()}
  if isinstance(value, (list, tuple)):
    return tuple(_plain(item, name) for item in value)
  if value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value)):
    return value
  raise SceneError(f"{name} must hold strings, finite numbers, lists and mappings, got {shown(value)}")


class Described:
  """A `repr` that names only the fields that differ from their defaults."""

  def __repr__(self) -> str:
    parts = []
    for field in dataclasses.fields(self):  # type: ignore[arg-type]
      value = getattr(self, field.name)
      default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
      if value != default:
        parts.append(f"{field.name}={value!r}")
    return f"{type(self).__name__}({', '.join(parts)})"


def assign(instance: Any, **values: Any) -> None:
  """Set fields of a frozen dataclass from its `__post_init__`."""
  for field, value in values.items():
    object.__setattr__(instance, field, value)
