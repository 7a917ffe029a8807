"""The checks that all scene classes share, and colours."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.errors import KubricGenError, SceneError
from kubric_gen.scene.color import NAMED_COLORS, color, hsv_to_rgb, linear_to_srgb, srgb_to_linear
from kubric_gen.scene.validation import (choice, floats, identifier, instance, integer, labels, number, quaternion,
                                         scale, vector3)

reproducible = settings(derandomize=True, deadline=None, max_examples=40)

BAD_NUMBERS = [None, "one", "", [], {}, object(), math.nan, math.inf, -math.inf, 10 ** 400, 1j, np.array([1.0, 2.0])]


def test_a_scene_error_is_a_user_error_and_a_value_error() -> None:
  assert issubclass(SceneError, KubricGenError) and issubclass(SceneError, ValueError)


@pytest.mark.parametrize("value", [0, 1.5, -3, np.float32(0.5), np.int64(7), "2.5", Fraction(1, 2), np.array(4.0)])
def test_numbers(value: object) -> None:
  result = number(value, "x")
  assert type(result) is float and result == float(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=lambda value: repr(value)[:20])
def test_what_is_no_finite_number_is_refused_by_name(value: object) -> None:
  with pytest.raises(SceneError, match="^mass must be"):
    number(value, "mass")


def test_limits_of_numbers() -> None:
  assert number(0, "x", minimum=0, maximum=1) == 0 and number(1, "x", minimum=0, maximum=1) == 1
  for value, limits in [(-0.1, {"minimum": 0}), (1.1, {"maximum": 1}), (0, {"above": 0}), (-1, {"above": 0})]:
    with pytest.raises(SceneError, match="^friction must"):
      number(value, "friction", **limits)


@pytest.mark.parametrize("value", [1.0, "3", True, None, np.float64(2), 0, -1])
def test_integers_are_not_truncated(value: object) -> None:
  with pytest.raises(SceneError, match="^num_frames must be"):
    integer(value, "num_frames", minimum=1)


def test_integers() -> None:
  assert type(integer(np.int32(5), "x", minimum=1)) is int and integer(1, "x", minimum=1) == 1


@pytest.mark.parametrize("value", [(1, 2), (1, 2, 3, 4), "123", "abc", 7, None, np.array(1.0), {"x": 1, "y": 2, "z": 3},
                                   [], (1, 2, None), (1, 2, math.nan), np.zeros((3, 2))],
                         ids=lambda value: repr(value)[:20])
def test_vectors_of_another_kind_are_refused_by_name(value: object) -> None:
  with pytest.raises(SceneError, match="^position must be"):
    vector3(value, "position")


@reproducible
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
def test_vectors_keep_every_digit(values: list[float]) -> None:
  for given_as in (values, tuple(values), np.array(values), iter(values)):
    result = vector3(given_as, "x")
    assert result == tuple(values) and all(type(item) is float for item in result)


def test_floats_count() -> None:
  assert floats(range(5), "x", 5) == (0, 1, 2, 3, 4)


@reproducible
@given(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 1e-6))
def test_quaternions_become_unit_and_then_stay_what_they_are(values: list[float]) -> None:
  q = quaternion(values, "q")
  assert math.hypot(*q) == pytest.approx(1, abs=1e-12)
  np.testing.assert_allclose(np.array(q) * np.linalg.norm(values), values, rtol=1e-9, atol=1e-9)
  assert quaternion(q, "q") == q  # to the bit: a stored scene equals itself


@pytest.mark.parametrize("value", [(0, 0, 0, 0), (1e-12, 0, 0, 0), (1, 0, 0), (1, 0, 0, math.nan), None,
                                   (1.7e308, 1.7e308, 1.7e308, 1.7e308)])
def test_quaternions_that_are_no_rotation_are_refused(value: object) -> None:
  with pytest.raises(SceneError, match="quaternion"):
    quaternion(value, "quaternion")


def test_large_quaternions_do_not_vanish() -> None:
  assert quaternion((1e308, 0, 0, 1e308), "q") == pytest.approx((math.sqrt(0.5), 0, 0, math.sqrt(0.5)))


def test_scales() -> None:
  assert scale(2, "s") == (2, 2, 2) and scale(np.float32(0.5), "s") == (0.5,) * 3 and scale((1, 2, 3), "s") == (1, 2, 3)


@pytest.mark.parametrize("value", [0, -1, (1, 1, 0), (1, -1, 1), math.nan, None, "2", (1, 2), np.array(2.0)],
                         ids=lambda value: repr(value)[:20])
def test_scales_that_are_not_three_positive_numbers_are_refused(value: object) -> None:
  with pytest.raises(SceneError, match="^scale must"):
    scale(value, "scale")


def test_choices_name_the_options() -> None:
  assert choice("a", "mode", iter("ab")) == "a"
  with pytest.raises(SceneError, match="mode must be one of a, b, got 'c'"):
    choice("c", "mode", ("a", "b"))


@pytest.mark.parametrize("value", ["", "a/b", "a\\b", ".", "..", "a\nb", "a\0b", None, 3, b"name"])
def test_names_that_cannot_be_file_names_are_refused(value: object) -> None:
  with pytest.raises(SceneError, match="object name must be") as caught:
    identifier(value, "object name")
  assert "\n" not in str(caught.value)


@reproducible
@given(st.text("aZ0 .-_:é漢🙂", min_size=1).filter(lambda s: s not in (".", "..")))
def test_other_names_are_kept(name: str) -> None:
  assert identifier(name, "name") == name


def test_instances_are_checked_by_type() -> None:
  assert instance(3, "x", int) == 3
  with pytest.raises(SceneError, match="path must be of type str, got 3"):
    instance(3, "path", str)


def test_labels_are_a_deep_copy_in_pythons_own_types() -> None:
  source = {"size": np.float64(0.5), "ids": [1, np.int64(2)], "flags": np.array([True, False]),
            "more": {"x": None, "s": "t"}}
  result = labels(source, "labels")
  assert result == {"size": 0.5, "ids": (1, 2), "flags": (True, False), "more": {"x": None, "s": "t"}}
  assert type(result["size"]) is float and type(result["ids"][1]) is int and type(result["flags"][0]) is bool
  source["ids"].append(3)
  source["more"]["x"] = 1
  assert result["ids"] == (1, 2) and result["more"]["x"] is None


@pytest.mark.parametrize("value", [5, "text", [1, 2], None, {1: 2}, {"a": {2: 3}}, {"a": math.nan}, {"a": object()},
                                   {"a": [1, {3}]}, {"a": b"bytes"}, {"a": np.array([math.inf])}],
                         ids=lambda v: repr(v)[:20])
def test_labels_that_json_cannot_hold_are_refused(value: object) -> None:
  with pytest.raises(SceneError, match="labels"):
    labels(value, "labels")


def test_nested_labels_are_named_by_their_place() -> None:
  with pytest.raises(SceneError, match=r"labels\['a'\]\['b'\]"):
    labels({"a": {"b": math.inf}}, "labels")


# Colours.

@reproducible
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_srgb_and_linear_are_inverse(values: list[float]) -> None:
  np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(values)), values, atol=1e-6)
  np.testing.assert_allclose(srgb_to_linear(linear_to_srgb(values)), values, atol=1e-6)
  order = np.sort(values)
  assert (np.diff(srgb_to_linear(order)) >= 0).all()


def test_srgb_at_known_places() -> None:
  np.testing.assert_allclose(srgb_to_linear([0, 0.04045, 0.5, 1]), [0, 0.04045 / 12.92, 0.21404114, 1], rtol=1e-6)
  np.testing.assert_allclose(linear_to_srgb([-1, 2]), [0, 1], atol=1e-12)


def test_colors_of_all_forms() -> None:
  assert color("#ff0000") == color("red") == color((1, 0, 0)) == color(np.array([1, 0, 0])) == (1, 0, 0)
  assert color("#808080")[0] == pytest.approx(0.21586050)
  assert color((5, 0, 0)) == (5, 0, 0)  # emission may be brighter than white
  assert all(len(color(name)) == 3 for name in NAMED_COLORS)


@pytest.mark.parametrize("value", ["#ff00", "ff0000", "#gg0000", "#+f0010", "# f0000", "mauve", "", (1, 2),
                                   (1, 0, -0.1), (1, 0, math.nan), None, 1.0])
def test_other_colors_are_refused_by_name(value: object) -> None:
  with pytest.raises(SceneError, match="^tint must"):
    color(value, "tint")


def test_hsv() -> None:
  np.testing.assert_allclose([hsv_to_rgb(0), hsv_to_rgb(1 / 3), hsv_to_rgb(0.5, 0, 0.25)],
                             [(1, 0, 0), (0, 1, 0), (0.25,) * 3],
                             atol=1e-12)
