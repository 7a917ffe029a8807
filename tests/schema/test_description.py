"""The description of features beside a dataset's records: there and back, and what must not be trusted."""

from __future__ import annotations

import dataclasses
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.errors import KubricGenError
from kubric_gen.schema import Box, Coding, Feature, Features, Image, Label, Sequence, Tensor, Text, Video, physical
from kubric_gen.schema.description import LAYOUT, features_from_plain, features_to_plain
from kubric_gen.schema.feature import NUMBERS
from kubric_gen.schema.tf_example import decode
from kubric_gen.shards.reader import features_of
from tests.schema.handmade import finished_scene, small_recipe

reproducible = settings(derandomize=True, deadline=None, max_examples=150)


def there_and_back(features: Features) -> Features:
  return features_from_plain(json.loads(json.dumps(features_to_plain(features))), "metadata.json")


# --- sound ones ------------------------------------------------------------------------------------------------------------


words = st.text(max_size=12)
names = st.text(st.characters(exclude_characters="/", codec="utf-8"), min_size=1, max_size=8)
said = st.fixed_dictionaries({}, optional={"unit": words, "meaning": words})
codings = st.none() | st.sampled_from([Coding("unit"), Coding("signed")]) | words.filter(bool).map(
    lambda name: Coding("range", name))
sides = st.integers(0, 9)


def _images(make: Callable[..., Feature], rank: int) -> st.SearchStrategy[Feature]:
  shapes = st.tuples(*[sides] * (rank - 1), st.sampled_from([1, 3, 4]))
  return (st.builds(lambda shape, dtype, more: make(shape, dtype, **more), shapes, st.sampled_from(["uint8", "uint16"]), said)
          | st.builds(lambda shape, coding, more: make(shape, "uint16", coding=coding, **more), shapes, codings, said))


shapes = st.lists(sides, max_size=4).map(tuple)
leaf = st.one_of(
    st.builds(lambda dtype, shape, zlib, more: Tensor(dtype, shape, zlib, **more), st.sampled_from(NUMBERS), shapes,
              st.booleans(), said),
    st.builds(lambda shape, coding, more: Tensor("uint16", shape, coding=coding, **more), shapes, codings, said),
    st.builds(lambda more: Text(**more), said), st.builds(lambda more: Box(**more), said),
    st.builds(lambda some, more: Label(tuple(some), **more), st.lists(words, max_size=4), said),
    _images(Image, 3), _images(Video, 4))


def _repeated(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Feature]:
  return st.builds(lambda part, length, more: Sequence(part, length, **more), inner, st.none() | st.integers(0, 5), said)


feature = leaf | _repeated(leaf) | _repeated(_repeated(leaf)) | _repeated(
    st.dictionaries(names, leaf | _repeated(leaf), max_size=3))
random_features = st.dictionaries(names, st.recursive(
    feature, lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=8), max_size=4)


@given(random_features)
@reproducible
def test_any_features_come_back_as_they_were(features: Features) -> None:
  assert there_and_back(features) == features


def test_the_features_of_a_dataset_come_back_and_read_its_records() -> None:
  recipe = small_recipe()
  features = recipe.features((32, 32))
  found = there_and_back(features)
  assert _without_keys(features) == found and list(found) == list(features)  # where a world's values have it, no reader needs
  assert features["instances"] != found["instances"]


def _without_keys(value: Any) -> Any:
  if isinstance(value, Mapping):
    return {name: _without_keys(part) for name, part in value.items()}
  if isinstance(value, Sequence):
    return dataclasses.replace(value, key="", feature=_without_keys(value.feature))
  return dataclasses.replace(value, key="")


# --- hostile ones ----------------------------------------------------------------------------------------------------------


def _described(**features: Any) -> dict[str, Any]:
  return {"layout": LAYOUT, "features": features}


def _nested(depth: int, kind: str) -> dict[str, Any]:
  value: dict[str, Any] = {"kind": "text"}
  for _ in range(depth):
    value = {"kind": "group", "features": {"x": value}} if kind == "group" else {"kind": "sequence", "feature": value}
  return value


def _tensor(**changes: Any) -> dict[str, Any]:
  return {"kind": "tensor", "dtype": "uint16", "shape": [2], **changes}


HUGE = 10**30
NO_DESCRIPTION: list[Any] = [None, 7, "text", [], {}, [_described()], {"features": {}}, {"LAYOUT": LAYOUT, "features": {}}]
OTHER_LAYOUT: list[Any] = [{**_described(), "layout": layout} for layout in (
    1, 3, 0, -1, HUGE, "2", None, [2], {"a": "b\nc"}, "line\nline" * 1000)]
HOSTILE_FEATURES: dict[str, Any] = {
    "a number": 7, "a text": "text", "a list": [], "no kind": {}, "an unknown kind": {"kind": "audio"},
    "a kind of two lines": {"kind": "a\nb" * 10_000}, "a kind that is a list": {"kind": []},
    "a kind that is a number": {"kind": 7}, "a kind that is an object": {"kind": {"kind": "text"}}, "no type": {"kind": "tensor"},
    "an unknown type": _tensor(dtype="float1024"), "a type that is a list": _tensor(dtype=["uint16"]),
    "a long type": _tensor(dtype="x" * 1_000_000),
    "a huge side": _tensor(shape=[HUGE]), "many sides": _tensor(shape=[100_000] * 4), "huge and empty": _tensor(shape=[HUGE, 0]),
    "large and empty": _tensor(shape=[1 << 33, 1 << 33, 0]), "a shape of many dimensions": _tensor(shape=[1] * 1_000_000),
    "a negative side": _tensor(shape=[-1]), "half a pixel": _tensor(shape=[0.5]),
    "a side that is a text": _tensor(shape=["1\n2"]), "a side that is true": _tensor(shape=[True]),
    "a shape that is a number": _tensor(shape=7),
    "a shape that is a text": _tensor(shape="22"), "a shape that is an object": _tensor(shape={"a": 1}),
    "an image of two dimensions": {"kind": "image", "shape": [2, 2]}, "an image without a shape": {"kind": "image"},
    "a huge image": {"kind": "image", "shape": [1 << 20] * 3},
    "an image of floats": {"kind": "image", "shape": [2, 2, 3], "dtype": "float32"},
    "a video without dimensions": {"kind": "video", "shape": []},
    "a video of many frames": {"kind": "video", "shape": [1 << 32, 64, 64, 3]},
    "a sequence of nothing": {"kind": "sequence"}, "a sequence of a number": {"kind": "sequence", "feature": 7},
    "a sequence of huge length": {"kind": "sequence", "feature": _tensor(), "length": HUGE},
    "a sequence of half a length": {"kind": "sequence", "feature": _tensor(), "length": 0.5},
    "groups in a sequence's group": {"kind": "sequence", "feature": _nested(2, "group")},
    "no names": {"kind": "label"}, "names that are a number": {"kind": "label", "names": 7},
    "names that are a text": {"kind": "label", "names": "abc"}, "names that are numbers": {"kind": "label", "names": [1, 2]},
    "more than a million names": {"kind": "label", "names": ["a"] * ((1 << 20) + 1)},
    "an unknown coding": _tensor(coding={"kind": "half", "limits": ""}),
    "a range without limits": _tensor(coding={"kind": "range", "limits": ""}),
    "a coding that is a text": _tensor(coding="unit"), "half a coding": _tensor(coding={"kind": "unit"}),
    "a coding of numbers": _tensor(coding={"kind": 1, "limits": 2}),
    "a coding of a text": {"kind": "text", "coding": {"kind": "unit", "limits": ""}},
    "a coding of bytes": _tensor(dtype="uint8", coding={"kind": "unit", "limits": ""}),
    "a unit that is a list": _tensor(unit=["m"]), "a meaning that is a number": _tensor(meaning=7),
    "a field of two lines": _tensor(**{"a\nb": "c"}), "a field that is none": _tensor(LIST="x"),
    "deep groups": _nested(50, "group"), "deep sequences": _nested(50, "sequence"), "very deep groups": _nested(400, "group"),
    "a group without features": {"kind": "group"}, "a group of a list": {"kind": "group", "features": [1]}}
HOSTILE: dict[str, Any] = {
    "no features": {"layout": LAYOUT}, "features that are a list": {**_described(), "features": []},
    "features that are a text": {**_described(), "features": "text"},
    "features that are none": {**_described(), "features": None},
    **{name: _described(x=value) for name, value in HOSTILE_FEATURES.items()}}


def refused(value: Any, match: str = "metadata.json") -> None:
  """The value is refused in one line, and at once."""
  tracemalloc.start()
  started = time.process_time()
  with pytest.raises(KubricGenError, match=match) as caught:
    features_from_plain(value, "metadata.json")
  assert time.process_time() - started < 5  # of the processor: other processes do not count
  assert tracemalloc.get_traced_memory()[1] < 100_000_000
  tracemalloc.stop()
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize("value", NO_DESCRIPTION, ids=lambda value: repr(value)[:40])
def test_what_is_no_description_is_refused(value: Any) -> None:
  refused(value, r"metadata.json does not describe the features: .* older version.* read it with TFDS")


@pytest.mark.parametrize("value", OTHER_LAYOUT, ids=lambda value: repr(value["layout"])[:20])
def test_another_layout_is_refused(value: Any) -> None:
  refused(value, f"metadata.json is of the layout .*, not {LAYOUT}: make the dataset again")


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_description_is_refused(kind: str) -> None:
  refused(HOSTILE[kind], "metadata.json cannot be read .*: make the dataset again")


@pytest.mark.parametrize("text", ["", "{", "\udcff", "[" * 200_000, '{"a":' * 200_000, "NaN", "7" * 5000, "nul\0"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
  (tmp_path / "metadata.json").write_bytes(text.encode(errors="surrogateescape"))
  with pytest.raises(KubricGenError, match=r"metadata.json") as caught:
    features_of(tmp_path)
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_folder_without_a_description_is_told_from_none_at_all(tmp_path: Path) -> None:
  with pytest.raises(KubricGenError, match="does not describe the features"):
    features_of(tmp_path)
  with pytest.raises(KubricGenError, match="there is no dataset in"):
    features_of(tmp_path / "nowhere")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-1, 4) | st.floats() | st.text(max_size=5) | st.sampled_from(
        ["tensor", "image", "video", "label", "sequence", "group", "box", "text", *NUMBERS, "unit", "signed", "range"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["kind", "features", "feature", "shape", "dtype", "names", "length", "coding", "limits", "zlib", "x", "unit"]), inner,
        max_size=4), max_leaves=12)


@pytest.fixture(scope="module")
def sound() -> tuple[str, bytes]:
  """The description of a dataset as JSON, and a record of it."""
  recipe = small_recipe(resolutions=((4, 4),))
  (data,) = finished_scene(recipe, 3).records["4x4"].values()
  return json.dumps(features_to_plain(recipe.features((4, 4)))), data


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
  """All containers in a value, each with each of its keys."""
  if isinstance(value, (dict, list)):
    for key, item in (list(value.items()) if isinstance(value, dict) else list(enumerate(value))):
      yield value, key
      yield from _places(item)


@given(st.lists(st.tuples(st.integers(0, 10**6), json_values), min_size=1, max_size=2))
@settings(derandomize=True, deadline=None, max_examples=1000)
def test_a_description_with_anything_in_it_is_refused_or_describes_features(
    sound: tuple[str, bytes], changes: list[tuple[int, Any]]) -> None:
  text, data = sound
  value = json.loads(text)
  for number, item in changes:
    places = list(_places(value["features"]))
    container, key = places[number % len(places)]
    container[key] = item
  try:
    features = features_from_plain(value, "metadata.json")
    physical(features, decode(features, data))
  except KubricGenError as error:
    assert "\n" not in str(error) and len(str(error)) < 500
