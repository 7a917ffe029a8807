"""Random draws that worlds share."""

from __future__ import annotations

import colorsys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kubric_gen.world import (half_shell, line_in_shell, line_past_centre, pick, pick_item, random_count, random_hue,
                              uniform_vector)

reproducible = settings(derandomize=True, deadline=None, max_examples=50)
generators = st.integers(0, 2 ** 32).map(np.random.default_rng)


def test_counts_are_uniform_and_include_both_ends() -> None:
  rng = np.random.default_rng(0)
  counts = Counter(random_count(rng, 3, 6) for _ in range(400))
  assert set(counts) == {3, 4, 5, 6} and stats.chisquare(list(counts.values())).pvalue > 1e-3
  assert random_count(rng, 2, 2) == 2


def test_hues_are_uniform_and_saturated() -> None:
  rng = np.random.default_rng(0)
  found = [colorsys.rgb_to_hsv(*random_hue(rng)) for _ in range(300)]
  assert all((saturation, value) == (1, 1) for _, saturation, value in found)
  assert stats.kstest([hue for hue, _, _ in found], "uniform").pvalue > 1e-3


def test_a_pick_is_one_of_the_options() -> None:
  rng = np.random.default_rng(0)
  assert {pick(rng, "abc") for _ in range(50)} == set("abc")
  assert {pick_item(rng, {"a": 1, "b": 2}) for _ in range(50)} == {("a", 1), ("b", 2)}


@reproducible
@given(generators)
def test_a_vector_lies_between_its_corners(rng: np.random.Generator) -> None:
  low, high = np.array((-1.0, 2.0, 5.0)), (1.0, 2.5, 5.0)
  point = uniform_vector(rng, low, high)
  assert all(isinstance(value, float) for value in point) and (low <= point).all() and np.all(np.array(point) <= high)


@reproducible
@given(generators, st.floats(0.1, 10), st.floats(0, 10), st.floats(0, 0.5))
def test_a_point_of_the_half_shell(rng: np.random.Generator, inner: float, thickness: float, offset: float) -> None:
  point = half_shell(rng, inner, inner + thickness, offset)
  assert inner * (1 - 1e-9) <= np.linalg.norm(point) <= (inner + thickness) * (1 + 1e-9) and point[2] > 0


@reproducible
@given(generators, st.floats(0, 6))
def test_a_line_in_the_shell(rng: np.random.Generator, longest: float) -> None:
  start, end = line_in_shell(rng, longest, 8.0, 12.0, 0.1)
  for point in (start, end):
    assert 8 - 1e-9 <= np.linalg.norm(point) <= 12 + 1e-9 and point[2] > 0
  assert np.linalg.norm(np.subtract(end, start)) <= longest + 1e-9 and end[2] > 0.1


@reproducible
@given(generators)
def test_a_line_past_the_centre(rng: np.random.Generator) -> None:
  a, b = map(np.array, line_past_centre(rng))
  along = np.clip(-(a @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
  assert np.linalg.norm(a + along * (b - a)) <= 1 + 1e-9
  assert min(np.linalg.norm(a), np.linalg.norm(b)) <= 4 + 1e-9


def test_the_same_seed_is_the_same_draw() -> None:
  for draw in (random_hue, line_past_centre, lambda rng: half_shell(rng, 1, 2), lambda rng: line_in_shell(rng, 1, 2, 3)):
    assert draw(np.random.default_rng(5)) == draw(np.random.default_rng(5)) != draw(np.random.default_rng(6))
  with pytest.raises(ValueError):
    pick(np.random.default_rng(0), ())
