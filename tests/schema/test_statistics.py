"""Statistics taken piece by piece and merged are those of everything at once."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.schema.coding import Coding
from kubric_gen.schema.features import Box, Features, Image, Label, Sequence, Tensor, Text, Video
from kubric_gen.schema.statistics import Moments, Statistics, record_statistics

reproducible = settings(derandomize=True, deadline=None, max_examples=200)
numbers = st.lists(st.floats(-1e6, 1e6, width=32), max_size=30)


def _merged(moments: list[Moments], order: list[int]) -> Moments:
  """Merges two neighbours at a time until one is left, at the places that `order` says."""
  moments = list(moments)
  for place in order:
    if len(moments) > 1:
      place %= len(moments) - 1
      moments[place].merge(moments.pop(place + 1))
  for other in moments[1:]:
    moments[0].merge(other)
  return moments[0]


@given(st.lists(numbers, min_size=1, max_size=6), st.lists(st.integers(0, 9), max_size=6))
@reproducible
def test_any_grouping_gives_what_numpy_gives(groups: list[list[float]], order: list[int]) -> None:
  parts = []
  for values in groups:
    parts.append(Moments())
    parts[-1].add(np.array(values, np.float32))
  result, everything = _merged(parts, order), np.array([value for values in groups for value in values], np.float64)
  assert result.count == everything.size
  if everything.size:
    scale = max(1.0, np.abs(everything).max())
    assert result.mean == pytest.approx(everything.mean(), abs=1e-12 * scale)
    assert result.deviation == pytest.approx(everything.std(), abs=1e-7 * scale)
    assert (result.minimum, result.maximum) == (everything.min(), everything.max())
  else:
    assert result == Moments() and result.deviation == 0


def test_a_small_spread_around_a_large_mean_is_not_lost() -> None:
  rng = np.random.default_rng(0)
  values = 1e9 + rng.normal(size=(100, 50))
  result = Moments()
  for row in values:
    part = Moments()
    part.add(row)
    result.merge(part)
  assert result.deviation == pytest.approx(values.std(), rel=1e-6)


@pytest.mark.parametrize("values", [True, 7, [[1, 2], [3, 4]], np.arange(256, dtype=np.uint8), np.array([0, 65535], np.uint16),
                                    np.array([-2**31, 2**31 - 1], np.int32), np.ones((2, 3), bool), np.float32(0.1)])
def test_arrays_of_any_shape_and_type(values: Any) -> None:
  result, array = Moments(), np.asarray(values, np.float64)
  result.add(values)
  assert (result.count, result.minimum, result.maximum) == (array.size, array.min(), array.max())
  assert result.mean == pytest.approx(array.mean()) and result.deviation == pytest.approx(array.std())


def _statistics(values: list[float], labels: list[str]) -> Statistics:
  result = Statistics()
  result.add_numbers("depth", values)
  result.add_numbers("always", [1.0])
  for label in labels:
    result.add_label("shape", label)
  return result


@given(numbers, numbers, st.lists(st.sampled_from(["cube", "sphere"])), st.lists(st.sampled_from(["cube", "cone"])))
@reproducible
def test_plain_and_back(one: list[float], two: list[float], labels: list[str], more: list[str]) -> None:
  first = _statistics(one, labels)
  plain = json.loads(json.dumps(first.plain()))
  back = Statistics.from_plain(plain)
  assert back.plain() == plain and back.labels == first.labels
  assert back.numbers == {name: moments for name, moments in first.numbers.items() if moments.count}
  before = first.plain()
  back.merge(_statistics(two, more))
  assert back.labels.get("shape", {}) == {name: (labels + more).count(name) for name in {*labels, *more}}
  assert back.numbers["always"].count == 2 and first.plain() == before


def test_merging_leaves_the_other_one_alone() -> None:
  one, two = _statistics([1, 2], ["cube"]), _statistics([3], ["cube", "cone"])
  empty = Statistics()
  empty.merge(two)
  empty.merge(one)
  assert two.plain() == _statistics([3], ["cube", "cone"]).plain() and one.plain() == _statistics([1, 2], ["cube"]).plain()
  assert empty.labels == {"shape": {"cube": 2, "cone": 1}} and empty.numbers["depth"].count == 3


@pytest.mark.parametrize("value", [
    None, 7, [], {}, {"numbers": {}}, {"labels": {}}, {"numbers": [], "labels": {}}, {"numbers": {}, "labels": []},
    *({"numbers": {"x": wrong}, "labels": {}} for wrong in (3, [], [1, 2, 3, 4, 5, 6], ["one"], [float("inf")])),
    *({"numbers": {}, "labels": {"x": wrong}} for wrong in (3, {"cube": "many"}, ["cube"]))],
    ids=lambda value: repr(value)[:40])
def test_what_plain_has_not_made_is_refused(value: Any) -> None:
  with pytest.raises((KeyError, TypeError, ValueError)):
    Statistics.from_plain(value)


FEATURES: Features = {
    "name": Text(), "about": {"limits": Tensor("float32", (2,)), "size": Tensor("float32", key="extent")},
    "depth": Sequence(Image((1, 2, 1), "uint16", coding=Coding("range", "about/limits")), 2), "video": Video((2, 1, 1, 3)),
    "shape": Label(("cube", "cone"), key="kind"), "frames": Sequence(Tensor("int32")), "boxes": Sequence(Box()),
    "items": Sequence({"mass": Tensor("float32"), "color": Label(("red", "blue")), "frames": Sequence(Tensor("int32")),
                       "name": Text()})}


def test_statistics_of_a_record_are_of_its_values_before_they_are_coded() -> None:
  depth = [np.array([[[3.0], [4.0]]]), np.array([[[5.5], [7.5]]])]
  record = {"name": "x", "about": {"limits": [3.0, 7.5], "extent": 2.0}, "depth": depth, "kind": "cone", "frames": [1, 2, 3],
            "video": [np.full((1, 1, 3), 10, np.uint8), np.full((1, 1, 3), 30, np.uint8)], "boxes": [[0.0, 0.0, 0.5, 1.0]],
            "items": [{"mass": 1.0, "color": "red", "frames": [0, 1], "name": "a"},
                      {"mass": 3.0, "color": "red", "frames": [], "name": "b"}]}
  found = record_statistics(FEATURES, record)
  told = {name: (item.count, item.mean, item.minimum, item.maximum) for name, item in found.numbers.items() if item.count}
  assert told == {
      "about/limits": (2, 5.25, 3.0, 7.5), "about/size": (1, 2.0, 2.0, 2.0), "depth": (4, 5.0, 3.0, 7.5),
      "video": (6, 20.0, 10, 30), "frames": (3, 2.0, 1, 3), "boxes": (4, 0.375, 0.0, 1.0), "items": (1, 2.0, 2, 2),
      "items/mass": (2, 2.0, 1.0, 3.0), "items/frames": (2, 0.5, 0, 1)}
  assert found.labels == {"shape": {"cone": 1}, "items/color": {"red": 2}}
  empty = record_statistics(FEATURES, {**record, "items": [], "frames": []})
  assert empty.numbers["items"].maximum == 0 and "items/mass" not in empty.numbers and "items/color" not in empty.labels
