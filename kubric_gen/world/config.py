"""Configs of worlds: every number of a distribution as a field with its unit and its bounds."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, TypeVar

from kubric_gen.errors import KubricGenError


def setting(default: Any, text: str, *, choices: tuple[str, ...] = (), minimum: float | None = None,
            maximum: float | None = None, above: float | None = None) -> Any:
  """A config field with its help text (which names the unit) and the values it may take."""
  return dataclasses.field(default=default, metadata={"help": text, "choices": choices, "minimum": minimum,
                                                      "maximum": maximum, "above": above})


def parse_resolution(text: str | int | tuple[int, int]) -> tuple[int, int]:
  """(height, width) of '120x160', or of one number for a square.

  Raises:
    KubricGenError: anything else, or a side below 1.
  """
  if isinstance(text, tuple):
    return text
  parts = str(text).lower().split("x")
  try:
    height, width = (int(part) for part in (parts if len(parts) == 2 else parts * 2))
    if min(height, width) < 1 or max(height, width) > 1 << 14 or len(parts) > 2:
      raise ValueError
  except ValueError:
    raise KubricGenError(f"resolution must be HEIGHTxWIDTH or one number, from 1 to {1 << 14}, got {text!r}") from None
  return height, width


@dataclass(frozen=True, kw_only=True)
class StaticWorldConfig:
  """What every world lets you choose: all that there is where nothing moves."""

  resolution: tuple[int, int] = setting((256, 256), "image size in pixels as HEIGHTxWIDTH, or one number for a square")

  def __post_init__(self) -> None:
    object.__setattr__(self, "resolution", parse_resolution(self.resolution))
    for field in dataclasses.fields(self):
      value, limits = getattr(self, field.name), field.metadata
      if limits.get("choices") and value not in limits["choices"]:
        raise KubricGenError(f"unknown {field.name} {value!r}: choose from {', '.join(limits['choices'])}")
      for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, float) and not math.isfinite(number):
          raise KubricGenError(f"{field.name} must be finite, got {number}")
        low, high, above = limits.get("minimum"), limits.get("maximum"), limits.get("above")
        if (low is not None and number < low) or (high is not None and number > high):
          bounds = f"at least {low:g}" if high is None else f"at most {high:g}" if low is None else f"in [{low:g}, {high:g}]"
          raise KubricGenError(f"{field.name} must be {bounds}, got {number:g}")
        if above is not None and number <= above:
          raise KubricGenError(f"{field.name} must be greater than {above:g}, got {number:g}")


@dataclass(frozen=True, kw_only=True)
class WorldConfig(StaticWorldConfig):
  """What every world lets you choose whose scenes are clips; a world's own config adds the numbers of its distribution."""

  num_frames: int = setting(24, "rendered frames", minimum=1)
  frame_rate: int = setting(12, "frames per second", minimum=1)
  step_rate: int = setting(240, "physics steps per second, a multiple of the frame rate", minimum=1)

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.step_rate % self.frame_rate:
      raise KubricGenError(f"step_rate must be a multiple of frame_rate, got {self.step_rate} and {self.frame_rate} "
                           f"(try --step_rate={self.frame_rate * max(1, 240 // self.frame_rate)})")


Config = TypeVar("Config", bound=StaticWorldConfig)
