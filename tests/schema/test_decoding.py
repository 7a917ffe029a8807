"""Coded values in their units: what comes back is what was given, within half a step, in NumPy and within `tf.data`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.errors import KubricGenError
from kubric_gen.schema import Coding, Features, Image, Label, Record, Sequence, Tensor, Text, Video, physical
from kubric_gen.schema.tf_example import decode, encode
from tests.schema.handmade import random_record
from tests.shards.small_dataset import RECIPE, SEEDS, Made, packed, truth

reproducible = settings(derandomize=True, deadline=None, max_examples=100)
STEPS = 65535
UNIT, SIGNED, RANGE = Coding("unit"), Coding("signed"), Coding("range", "about/limits")

CODED: Features = {
    "about": {"name": Text(), "limits": Tensor("float32", (2,)), "number": Tensor("uint16", coding=UNIT)},
    "tensor": Tensor("uint16", (2, 3), coding=RANGE), "packed": Tensor("uint16", (4,), zlib=True, coding=SIGNED),
    "image": Image((3, 2, 1), "uint16", coding=RANGE), "video": Video((2, 3, 2, 3), "uint16", coding=SIGNED),
    "frames": Sequence(Image((3, 2, 1), "uint16", coding=UNIT), 2), "flow": Sequence(
        Tensor("uint16", (3, 2), zlib=True, coding=RANGE)),
    "rows": Sequence(Sequence(Tensor("uint16", (2,), coding=SIGNED))),
    "items": Sequence({"kind": Label(("cube", "cone")), "place": Tensor("uint16", (3,), coding=UNIT),
                       "path": Sequence(Tensor("uint16", coding=RANGE)), "count": Tensor("uint16")}),
    "plain": Tensor("uint16", (2,)), "colour": Image((2, 2, 3))}


def values(coding: Coding, low: float, high: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
  """Floats that the coding can hold, its ends among them."""
  least, most = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0), "range": (low, high)}[coding.kind]
  found = np.clip(rng.uniform(least, most, shape), least, most)  # rounding may lead out of a tiny range
  return np.where(rng.random(shape) < 0.2, rng.choice([least, most], shape), found)


def coded_record(low: float, high: float, sizes: tuple[int, int, int], seed: int) -> dict[str, Any]:
  rng = np.random.default_rng(seed)

  def some(coding: Coding, *shape: int) -> np.ndarray:
    return values(coding, low, high, shape, rng)

  return {
      "about": {"name": "x", "limits": [low, high], "number": some(UNIT)}, "tensor": some(RANGE, 2, 3),
      "packed": some(SIGNED, 4), "image": some(RANGE, 3, 2, 1), "video": some(SIGNED, 2, 3, 2, 3),
      "frames": some(UNIT, 2, 3, 2, 1), "flow": some(RANGE, sizes[0], 3, 2), "rows": [some(SIGNED, size, 2) for size in sizes],
      "items": [{"kind": "cone", "place": some(UNIT, 3), "path": some(RANGE, size), "count": size} for size in sizes],
      "plain": [7, STEPS], "colour": np.full((2, 2, 3), 9, np.uint8)}


limits = st.tuples(*[st.floats(-2.0**100, 2.0**100, width=32)] * 2).map(sorted) | st.tuples(
    st.floats(-50, 50, width=32), st.floats(0, 50, width=32)).map(lambda pair: [pair[0], float(np.float32(pair[0] + pair[1]))])


@given(limits, st.tuples(*[st.integers(0, 3)] * 3), st.integers(0, 2**32))
@reproducible
def test_what_was_given_comes_back_within_half_a_step(ends: list[float], sizes: tuple[int, int, int], seed: int) -> None:
  low, high = ends
  given_record = coded_record(low, high, sizes, seed)
  found = physical(CODED, decode(CODED, encode(CODED, given_record)))

  def close(name: str, coding: Coding, value: Any, wanted: Any) -> None:
    span, size = {"unit": (1.0, 1.0), "signed": (2.0, 1.0), "range": (high - low, max(abs(low), abs(high)))}[coding.kind]
    assert value.dtype == np.float32 and value.shape == np.shape(wanted), name
    slack = 2e-7 * size + 1e-45  # of float32 itself
    np.testing.assert_allclose(value.astype(np.float64), wanted, rtol=0, atol=0.5 * span / STEPS + slack, err_msg=name)

  close("about/number", UNIT, found["about"]["number"], given_record["about"]["number"])
  for name, coding in (("tensor", RANGE), ("packed", SIGNED), ("image", RANGE), ("video", SIGNED), ("frames", UNIT),
                       ("flow", RANGE)):
    close(name, coding, found[name], given_record[name])
  assert len(found["rows"]) == len(found["items"]["path"]) == 3
  for row, wanted in zip(found["rows"], given_record["rows"]):
    close("rows", SIGNED, row, wanted)
  for path, item in zip(found["items"]["path"], given_record["items"]):
    close("items/path", RANGE, path, item["path"])
  close("items/place", UNIT, found["items"]["place"], [item["place"] for item in given_record["items"]])
  # What has no coding is left alone
  assert found["items"]["kind"].tolist() == [1] * 3 and found["items"]["count"].tolist() == list(sizes)
  assert found["plain"].tolist() == [7, STEPS] and found["plain"].dtype == np.uint16 and found["about"]["name"] == "x"
  assert found["colour"].dtype == np.uint8 and found["about"]["limits"].tolist() == [low, high]


def test_a_record_gives_its_values_either_way() -> None:
  record = Record(CODED, encode(CODED, coded_record(-3.0, 4.0, (1, 2, 0), 0)))
  assert record.values()["tensor"].dtype == np.uint16 and record.values(in_units=True)["tensor"].dtype == np.float32


def test_the_ends_of_codings_are_exact() -> None:
  record = {"about": {"limits": np.array([-3, 4], np.float32)}}
  for coding, ends in ((UNIT, [0, 1]), (SIGNED, [-1, 1]), (RANGE, [-3, 4])):
    assert coding.decode(np.array([0, STEPS], np.uint16), record).tolist() == ends
  constant = {"about": {"limits": np.array([2.5, 2.5], np.float32)}}
  assert RANGE.decode(np.zeros(2, np.uint16), constant).tolist() == [2.5, 2.5]


def test_features_that_a_record_lacks_are_left_out() -> None:
  record = decode(CODED, encode(CODED, coded_record(0.0, 1.0, (1, 1, 1), 3)))
  part = physical(CODED, {name: record[name] for name in ("about", "packed")})
  assert set(part) == {"about", "packed"}
  more = physical(CODED, {"packed": record["packed"], "of the user": [1, 2]})
  assert more["of the user"] == [1, 2]


@pytest.mark.parametrize("record", [{}, {"about": {}}, {"about": 7}, {"about": {"name": "x"}}])
def test_a_missing_range_is_told_in_one_line(record: dict[str, Any]) -> None:
  with pytest.raises(KubricGenError, match="the record has no about/limits, the limits of a range") as caught:
    physical({"tensor": CODED["tensor"]}, {**record, "tensor": np.zeros((2, 3), np.uint16)})
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "limits_of"), [("half", ""), ("range", ""), ("unit", "about/limits"), ("", "")])
def test_codings_that_make_no_sense_are_refused(kind: str, limits_of: str) -> None:
  with pytest.raises(KubricGenError, match="a coding is unit, signed, or range"):
    Coding(kind, limits_of)


def test_only_what_is_stored_in_16_bits_has_a_coding() -> None:
  for make in (lambda: Tensor("float32", coding=UNIT), lambda: Image((2, 2, 3), coding=UNIT), lambda: Text(coding=UNIT),
               lambda: Sequence(Tensor("uint16"), coding=UNIT), lambda: Label(("a",), coding=UNIT)):
    with pytest.raises(KubricGenError, match="16-bit integers"):
      make()


# --- TFDS ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
  """A dataset for TFDS."""
  result = packed(tmp_path_factory.mktemp("units"), ("tfrecord",), seeds={"train": SEEDS["train"][:3]})
  result.finish(failed=())
  return result


def given_to(seed: int) -> dict[str, Any]:
  """The record that a scene made by hand was encoded from."""
  return random_record(RECIPE.features((32, 32)), np.random.default_rng(seed))


CODED_LAYERS = {"depth": 2.0, "forward_flow": 2.0, "backward_flow": 2.0, "normal": 2.0, "object_coordinates": 1.0}
"""With the span of their values."""


def test_values_are_in_units_within_tf_data(made: Made) -> None:
  import tensorflow_datasets as tfds

  import kubric_gen.datasets
  in_units = kubric_gen.datasets.in_units
  videos = tfds.load("movi_a/32x32", data_dir=made.roots["tfrecord"], split="train", shuffle_files=False)
  builder = tfds.builder_from_directory(str(made.folder("tfrecord")))
  folder = made.folder("tfrecord")
  for convert in (in_units("movi_a/32x32", data_dir=made.roots["tfrecord"]), in_units(builder), in_units(folder)):
    records = list(tfds.as_numpy(videos.map(convert)))
    assert len(records) == 3
    for record in records:
      seed = int(record["metadata"]["video_name"].decode().removeprefix("movi_a_"))
      wanted, plain = given_to(seed), physical(RECIPE.features((32, 32)), truth(RECIPE, seed, (32, 32)))
      for name, span in CODED_LAYERS.items():
        assert record[name].dtype == np.float32
        np.testing.assert_allclose(record[name], wanted[name], rtol=0, atol=0.5 * span / STEPS + 3e-7, err_msg=name)
        np.testing.assert_allclose(record[name], plain[name], rtol=0, atol=3e-7, err_msg=name)
      for name in ("video", "segmentations"):
        np.testing.assert_array_equal(record[name], plain[name])


def test_records_of_tfds_as_numpy_are_converted_alike(made: Made) -> None:
  import tensorflow_datasets as tfds

  from kubric_gen.datasets import in_units
  convert = in_units(made.folder("tfrecord"))
  builder = tfds.builder_from_directory(str(made.folder("tfrecord")))
  for record in tfds.as_numpy(builder.as_dataset(split="train", shuffle_files=False)):
    found = convert(record)
    seed = int(record["metadata"]["video_name"].decode().removeprefix("movi_a_"))
    plain = physical(RECIPE.features((32, 32)), truth(RECIPE, seed, (32, 32)))
    for name in CODED_LAYERS:
      np.testing.assert_array_equal(found[name], plain[name])


def test_rows_of_any_length_are_converted_within_tf_data() -> None:
  import tensorflow as tf
  record = coded_record(-2.0, 5.0, (2, 0, 3), 1)
  data = encode(CODED, record)
  from kubric_gen.schema.features import tfds_features
  found = physical(CODED, tfds_features(CODED).deserialize_example(tf.constant(data)))
  wanted = physical(CODED, decode(CODED, data))
  for name in ("rows", "items/path"):
    ragged, rows = found, wanted
    for part in name.split("/"):
      ragged, rows = ragged[part], rows[part]
    assert [len(row) for row in ragged.to_list()] == [len(row) for row in rows]
    np.testing.assert_allclose(ragged.flat_values.numpy(), np.concatenate(rows), atol=1e-6)


def test_a_range_that_was_dropped_is_one_line_within_tf_data(made: Made) -> None:
  import tensorflow_datasets as tfds

  from kubric_gen.datasets import in_units
  videos = tfds.load("movi_a/32x32", data_dir=made.roots["tfrecord"], split="train")
  with pytest.raises(KubricGenError, match="the record has no metadata/depth_range") as caught:
    videos.map(lambda record: {"depth": record["depth"]}).map(in_units(made.folder("tfrecord")))
  assert "\n" not in str(caught.value)


def test_datasets_that_do_not_say_what_they_hold_are_one_line(made: Made, tmp_path: Path) -> None:
  import tensorflow_datasets as tfds

  from kubric_gen.datasets import in_units
  older = tmp_path / "movi_a" / "32x32" / "1.0.0"
  shutil.copytree(made.folder("tfrecord"), older)
  (older / "metadata.json").unlink()
  for dataset in (older, "movi_a/32x32", tfds.builder_from_directory(str(older))):
    with pytest.raises(KubricGenError, match=r"metadata.json does not describe the features") as caught:
      in_units(dataset, data_dir=tmp_path)
    assert "\n" not in str(caught.value)
  for name in ("movi_a/64x64", "movi_a/128x128", "no_such_dataset", str(tmp_path / "nowhere")):
    with pytest.raises(KubricGenError, match="there is no dataset") as caught:
      in_units(name, data_dir=tmp_path)
    assert "\n" not in str(caught.value)
