"""Ranges that a config states as two fields."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.scene import Vector3
from kubric_gen.world import WorldConfig, check_ranges, check_regions, setting


@dataclass(frozen=True, kw_only=True)
class Config(WorldConfig):
  least: int = setting(1, "")
  most: int = setting(2, "")
  box_min: Vector3 = setting((0.0, 0.0, 0.0), "")
  box_max: Vector3 = setting((1.0, 1.0, 1.0), "")

  def __post_init__(self) -> None:
    super().__post_init__()
    check_ranges(self, ("least", "most"))
    check_regions(self, "box")


def test_ranges_that_make_sense() -> None:
  assert Config(least=2).least == 2 and Config(box_min=(0.9, -1.0, 0.0)).most == 2


@pytest.mark.parametrize(("fields", "text"), [
    ({"least": 3}, "least must not exceed most, got 3 and 2"),
    ({"box_min": (0.0, 1.0, 0.0)}, r"box_min \(0.0, 1.0, 0.0\) must lie below box_max \(1.0, 1.0, 1.0\)"),
    ({"box_max": (0.0, 1.0, 1.0)}, "box_min .* must lie below box_max")])
def test_ranges_that_make_none(fields: dict[str, object], text: str) -> None:
  with pytest.raises(KubricGenError, match=text):
    Config(**fields)  # type: ignore[arg-type]
