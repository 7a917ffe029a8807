"""Checks of ranges that a config states as two fields, for its `__post_init__`."""

from __future__ import annotations

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.world.config import StaticWorldConfig, shown_number


def check_ranges(config: StaticWorldConfig, *pairs: tuple[str, str]) -> None:
  """Make sure that of each pair of fields the first does not exceed the second.

  Raises:
    KubricGenError: one does.
  """
  for low, high in pairs:
    if getattr(config, low) > getattr(config, high):
      raise KubricGenError(f"{low} must not exceed {high}, got {shown_number(getattr(config, low))} and "
                           f"{shown_number(getattr(config, high))}")


def check_regions(config: StaticWorldConfig, *names: str) -> None:
  """Make sure that the corner `<name>_min` of each region lies below its corner `<name>_max` along all axes.

  Raises:
    KubricGenError: one does not.
  """
  for name in names:
    low, high = getattr(config, f"{name}_min"), getattr(config, f"{name}_max")
    if any(a >= b for a, b in zip(low, high)):
      raise KubricGenError(f"{name}_min {shown(low)} must lie below {name}_max {shown(high)}")
