"""Configs of all worlds with values beyond reason: a config, or one short line; and what is accepted ends."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.limits import MAX_FRAMES, MAX_METRES, MAX_NUMBER, MAX_RADIANS, MAX_SECONDS, MAX_SIDE, MAX_SPEED, MIN_METRES
from kubric_gen.scene import Scene
from kubric_gen.world import WorldConfig, setting
from kubric_gen.world import sampling as drawing
from kubric_gen.world.config import parse_resolution
from kubric_gen.world.loading import load_world, world_names
from kubric_gen.world.world import World

WORLDS = [load_world(name) for name in world_names()]
NUMBERS = (1e308, -1e308, math.nan, math.inf, -math.inf, 1e-320, -1e-320, 0, -0.0, -1, 10 ** 400, -10 ** 400, 10 ** 5000)
WORDS = ("", "x" * 100_000, "a\nb\x1b[2J\0", "\ud800", ",", "../" * 1000, "9" * 5000, "é\u202e", None, 3, b"bytes", ())
CHEAP = {"num_frames": 1, "settle_seconds": 0.1, "min_num_objects": 1, "max_num_objects": 2, "min_num_static": 1,
         "max_num_static": 1, "min_num_dynamic": 1, "max_num_dynamic": 1, "num_static": 1, "num_distractors": 1,
         "num_train_views": 2, "num_validation_views": 1, "num_test_views": 1}
"""What makes a scene quick to draw, where a world has such a field."""


def hostile(field: dataclasses.Field[Any]) -> Iterator[object]:
  """Values that a field might be given."""
  default: Any = field.default
  if field.name == "resolution":
    yield from (0, -1, 10 ** 400, 10 ** 5000, (0, 1), (1,), (1, 2, 3), (1.5, 2), ("4", "4"), (10 ** 9, 10 ** 9), "1x2x3")
  elif isinstance(default, tuple):
    for number in NUMBERS:
      yield from ((*default[:place], number, *default[place + 1:]) for place in range(len(default)))
      yield (number,) * len(default)
    yield from (default[:-1], (*default, 1.0), list(default), (None,) * len(default))
  elif isinstance(default, (int, float)):
    yield from (*NUMBERS, 0.5, (1.0,), 1j)
  yield from WORDS


def refused_in_short(world: World[Any], **fields: object) -> bool:
  """Whether a config is refused, in one short line."""
  try:
    world.config(**fields)
  except KubricGenError as error:
    assert len(str(error)) <= 300 and str(error).isprintable(), error
    return True
  return False


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_every_field_takes_a_value_or_tells_in_short(world: World[Any]) -> None:
  refused = 0
  for field in dataclasses.fields(world.config):
    for value in hostile(field):
      refused += refused_in_short(world, **{field.name: value})
  assert refused > 10 * len(dataclasses.fields(world.config))


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_no_number_is_without_bounds(world: World[Any]) -> None:
  for field in dataclasses.fields(world.config):
    if isinstance(field.default, (int, float)) and not isinstance(field.default, bool):
      for value in (1e10, -1e10) if isinstance(field.default, float) else (10 ** 10, -10 ** 10):
        assert refused_in_short(world, **{field.name: value}), field.name


def at_its_ends(world: World[Any]) -> Iterator[Any]:
  """Configs in which one number is as small or as large as it may be, alone or with the other end of its range."""
  fields = {field.name: field for field in dataclasses.fields(world.config)}
  cheap = {name: value for name, value in CHEAP.items() if name in fields}
  for number, (name, field) in enumerate(fields.items()):
    if not isinstance(field.default, (float, tuple)) or name in ("resolution", "settle_seconds"):
      continue  # large counts and times take long, but end
    for end in ("minimum", "maximum"):
      value = field.metadata[end] * 1.0
      wanted = (value,) * len(field.default) if isinstance(field.default, tuple) else value
      partners = {name.replace(a, b) for a, b in (("min", "max"), ("max", "min"), ("inner", "outer"), ("outer", "inner"))}
      for changed in ({name}, {name, *partners & set(fields)}):
        variant = world.variants[(number + len(changed)) % len(world.variants)]
        try:
          yield world.config(**{**cheap, **variant, **dict.fromkeys(changed, wanted)})
        except KubricGenError:
          continue


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_what_is_accepted_ends(world: World[Any], monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.setattr(drawing, "MAX_DRAWS", 1000)
  made = refused = 0
  for config in at_its_ends(world):
    try:
      assert isinstance(world.scene(config, 0), Scene)
      made += 1
    except KubricGenError as error:
      assert len(str(error)) < 400
      refused += 1
  assert made > refused > 0


@dataclass(frozen=True, kw_only=True)
class Config(WorldConfig):
  """Numbers of which nothing is said but their units."""

  plain: float = setting(1.0, "a number")
  size: float = setting(1.0, "a size", unit="metres", above=0)
  place: tuple[float, float, float] = setting((0.0, 0.0, 0.0), "a place", unit="metres")
  speed: float = setting(1.0, "a speed", unit="m/s")
  turn: float = setting(1.0, "an angle", unit="radians")
  wait: float = setting(1.0, "a time", unit="seconds", minimum=0)
  near: float = setting(1.0, "less than its unit allows", unit="metres", maximum=5)


@pytest.mark.parametrize(("name", "low", "high"), [
    ("plain", -MAX_NUMBER, MAX_NUMBER), ("size", MIN_METRES, MAX_METRES), ("speed", -MAX_SPEED, MAX_SPEED),
    ("turn", -MAX_RADIANS, MAX_RADIANS), ("wait", 0, MAX_SECONDS), ("near", -MAX_METRES, 5), ("num_frames", 1, MAX_FRAMES)])
def test_units_bound_what_nothing_else_bounds(name: str, low: float, high: float) -> None:
  for value in (low, high):
    assert getattr(Config(**{"step_rate": 12, name: value}), name) == value  # type: ignore[arg-type]
  for value in (low - 1, math.nextafter(high, math.inf) if isinstance(high, float) else high + 1):
    with pytest.raises(KubricGenError, match=f"{name} must be "):
      Config(**{name: value})  # type: ignore[arg-type]


def test_units_are_part_of_the_help_and_have_to_be_known() -> None:
  helps = {field.name: field.metadata["help"] for field in dataclasses.fields(Config)}
  assert helps["size"] == "a size, metres" and helps["plain"] == "a number"
  with pytest.raises(KubricGenError, match="unknown unit 'furlongs'.*metres, mm, m/s"):
    setting(1.0, "a length", unit="furlongs")


def test_steps_are_bounded_together() -> None:
  assert Config(num_frames=MAX_FRAMES - 1, step_rate=1200).num_frames == MAX_FRAMES - 1
  with pytest.raises(KubricGenError, match="are 10000100 steps, and there may be 10000000: give fewer frames"):
    Config(num_frames=MAX_FRAMES, step_rate=1200)


@pytest.mark.parametrize("given", [64, "64", " 64X64 ", (64, 64), "064x64"])
def test_resolutions(given: Any) -> None:
  assert parse_resolution(given) == (64, 64) and parse_resolution(f"1x{MAX_SIDE}") == (1, MAX_SIDE)


@pytest.mark.parametrize("given", [
    "", "x", "64x", "x64", "1_0", "\u0661\u0662", "+4", "4 x 4", "1e2", str(MAX_SIDE + 1), MAX_SIDE + 1, -4, 4.0, None])
def test_what_is_no_resolution(given: Any) -> None:
  with pytest.raises(KubricGenError, match="resolution must be HEIGHTxWIDTH"):
    parse_resolution(given)


@pytest.mark.parametrize("draw", [
    lambda rng: drawing.half_shell(rng, 1, 2, offset=50.0), lambda rng: drawing.line_in_shell(rng, 1.0, 2.0, 2.0),
    lambda rng: drawing.line_past_centre(rng, height=-1.0)])
def test_draws_that_nothing_fulfils_end(draw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
  import numpy as np
  monkeypatch.setattr(drawing, "MAX_DRAWS", 1000)
  with pytest.raises(KubricGenError, match="of 1000 "):
    draw(np.random.default_rng(0))
