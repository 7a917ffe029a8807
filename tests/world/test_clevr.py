"""CLEVR's looks."""

from __future__ import annotations

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.world import CLEVR_COLORS, CLEVR_MATERIALS, CLEVR_SHAPES, ClevrLights, clevr_material


def test_shapes_colors_and_materials() -> None:
  assert (len(CLEVR_SHAPES), len(CLEVR_COLORS), CLEVR_MATERIALS) == (3, 8, ("metal", "rubber"))
  metal, rubber = (clevr_material(name, CLEVR_COLORS["red"]) for name in CLEVR_MATERIALS)
  assert metal.color == rubber.color == CLEVR_COLORS["red"]
  assert metal.metallic == 1 and rubber.metallic == 0 and metal.roughness < rubber.roughness
  with pytest.raises(kg.KubricGenError, match="'wood'.*metal, rubber"):
    clevr_material("wood", CLEVR_COLORS["red"])


def test_lights_are_at_their_places_plus_an_offset() -> None:
  still = ClevrLights(jitter=0.0).draw(np.random.default_rng(0))
  assert [light.name for light in still] == ["sun", "lamp_back", "lamp_key", "lamp_fill"]
  assert still == ClevrLights(jitter=0.0).draw(np.random.default_rng(1))
  for seed in range(5):
    moved = ClevrLights(jitter=2.0).draw(np.random.default_rng(seed))
    offsets = np.array([np.subtract(a.position, b.position) for a, b in zip(moved, still)])
    assert (offsets >= 0).all() and (offsets <= 2).all() and len(np.unique(offsets)) == offsets.size


def test_lights_have_the_strength_that_is_asked_for() -> None:
  sun, back, key, fill = ClevrLights(sun_strength=0.1, sun_angle=0.3, back_power=1.0, key_power=2.0,
                                     fill_power=3.0).draw(np.random.default_rng(0))
  assert isinstance(sun, kg.SunLight) and (sun.strength, sun.angle) == (0.1, 0.3)
  assert [light.power for light in (back, key, fill) if isinstance(light, kg.AreaLight)] == [1.0, 2.0, 3.0]
