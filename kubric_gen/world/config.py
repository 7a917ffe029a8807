"""Configs of worlds: every number of a distribution as a field with its unit and its bounds."""

from __future__ import annotations

import dataclasses
import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.limits import (MAX_ACCELERATION, MAX_FRAME_RATE, MAX_FRAMES, MAX_METRES, MAX_MILLIMETRES, MAX_NUMBER,
                                      MAX_RADIANS, MAX_SECONDS, MAX_SIDE, MAX_SPEED, MAX_STEP_RATE, MAX_STEPS, MIN_METRES,
                                      MIN_MILLIMETRES, MIN_NUMBER)

UNITS: Mapping[str, tuple[float, float]] = {
    "": (MIN_NUMBER, MAX_NUMBER), "metres": (MIN_METRES, MAX_METRES), "mm": (MIN_MILLIMETRES, MAX_MILLIMETRES),
    "m/s": (MIN_NUMBER, MAX_SPEED), "m/s²": (MIN_NUMBER, MAX_ACCELERATION), "seconds": (MIN_NUMBER, MAX_SECONDS),
    "radians": (MIN_NUMBER, MAX_RADIANS)}
"""By unit: the least value of what has to be greater than zero, and the greatest of all, in either direction."""


def setting(default: Any, text: str, *, unit: str = "", choices: tuple[str, ...] = (), minimum: float | None = None,
            maximum: float | None = None, above: float | None = None) -> Any:
  """A config field with its help text and the values it may take.

  Args:
    text: what it is; it names the unit, unless that is given.
    unit: one of `UNITS`, which bounds the value where nothing narrower is said; it is added to the text.
    choices: of a text. minimum, maximum: of a number, or of each of a tuple. above: it has to be greater than this.

  Raises:
    KubricGenError: another unit.
  """
  if unit not in UNITS:
    raise KubricGenError(f"unknown unit {shown(unit)} of a setting: choose from {', '.join(filter(None, UNITS))}, or name it in "
                         "its text")
  least, most = UNITS[unit]
  return dataclasses.field(default=default, metadata={
      "help": f"{text}, {unit}" if unit else text, "choices": choices, "above": above,
      "minimum": (least if above == 0 else -most) if minimum is None else minimum,
      "maximum": most if maximum is None else maximum})


def parse_resolution(text: str | int | tuple[int, int]) -> tuple[int, int]:
  """(height, width) of '120x160', or of one number for a square.

  Raises:
    KubricGenError: anything else, or a side that is no number from 1 to `MAX_SIDE`.
  """
  sides: tuple[Any, ...] = text if isinstance(text, tuple) else (text,) * 2
  if isinstance(text, str):
    found = re.fullmatch(r"([0-9]{1,6})(?:x([0-9]{1,6}))?", text.strip().lower())
    sides = tuple(int(side or found[1]) for side in found.groups()) if found else ()
  if len(sides) != 2 or not all(isinstance(side, numbers.Integral) and 1 <= int(side) <= MAX_SIDE for side in sides):
    raise KubricGenError(f"resolution must be HEIGHTxWIDTH or one number, from 1 to {MAX_SIDE}, got {shown(text)}")
  return int(sides[0]), int(sides[1])


def shown_number(value: Any) -> str:
  """A number for people."""
  return f"{value:g}" if isinstance(value, float) else shown(value)


def _check_kind(name: str, value: Any, default: Any) -> None:
  """Makes sure that a value is a text, a number, or so many numbers, where the default is."""
  wanted = default if isinstance(default, tuple) else (default,)
  found = value if isinstance(default, tuple) and isinstance(value, tuple) else (value,)
  if len(found) != len(wanted):
    raise KubricGenError(f"{name} must be {len(wanted)} numbers, got {shown(value)}")
  for number, example in zip(found, wanted):
    if isinstance(example, str) and not isinstance(number, str):
      raise KubricGenError(f"{name} must be text, got {shown(number)}")
    if isinstance(example, int) and not isinstance(number, numbers.Integral):
      raise KubricGenError(f"{name} must be a whole number, got {shown(number)}")
    if isinstance(example, float) and not isinstance(number, numbers.Real):
      raise KubricGenError(f"{name} must be a number, got {shown(number)}")


def _check_number(name: str, number: Any, limits: Mapping[str, Any]) -> None:
  """Makes sure that a number keeps its bounds."""
  low, high, above = limits.get("minimum"), limits.get("maximum"), limits.get("above")
  if isinstance(number, float) and not math.isfinite(number):
    raise KubricGenError(f"{name} must be finite, got {number}")
  if above is not None and number <= above:
    raise KubricGenError(f"{name} must be greater than {shown_number(above)}, got {shown_number(number)}")
  if low is not None and not low <= number <= high:
    raise KubricGenError(f"{name} must be in [{shown_number(low)}, {shown_number(high)}], got {shown_number(number)}")


@dataclass(frozen=True, kw_only=True)
class StaticWorldConfig:
  """What every world lets you choose: all that there is where nothing moves."""

  resolution: tuple[int, int] = setting((256, 256), "image size in pixels as HEIGHTxWIDTH, or one number for a square")

  def __post_init__(self) -> None:
    object.__setattr__(self, "resolution", parse_resolution(self.resolution))
    for field in dataclasses.fields(self):
      value, limits = getattr(self, field.name), field.metadata
      if limits.get("choices") and value not in limits["choices"]:
        raise KubricGenError(f"unknown {field.name} {shown(value)}: choose from {', '.join(limits['choices'])}")
      _check_kind(field.name, value, field.default)
      for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, numbers.Real):
          _check_number(field.name, number, limits)


@dataclass(frozen=True, kw_only=True)
class WorldConfig(StaticWorldConfig):
  """What every world lets you choose whose scenes are clips; a world's own config adds the numbers of its distribution."""

  num_frames: int = setting(24, "rendered frames", minimum=1, maximum=MAX_FRAMES)
  frame_rate: int = setting(12, "frames per second", minimum=1, maximum=MAX_FRAME_RATE)
  step_rate: int = setting(240, "physics steps per second, a multiple of the frame rate", minimum=1, maximum=MAX_STEP_RATE)

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.step_rate % self.frame_rate:
      raise KubricGenError(f"step_rate must be a multiple of frame_rate, got {self.step_rate} and {self.frame_rate} "
                           f"(try --step_rate={self.frame_rate * max(1, 240 // self.frame_rate)})")
    steps = (self.num_frames + 1) * (self.step_rate // self.frame_rate)
    if steps > MAX_STEPS:
      raise KubricGenError(f"{self.num_frames} frames at {self.step_rate} steps and {self.frame_rate} frames per second are "
                           f"{steps} steps, and there may be {MAX_STEPS}: give fewer frames, or a smaller step_rate")


Config = TypeVar("Config", bound=StaticWorldConfig)
