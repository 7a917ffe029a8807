"""Records as bytes: what TFDS's own serializer writes, and what TFDS and TensorFlow read from them."""

from __future__ import annotations

import tracemalloc
import warnings
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.codecs.png import decode_png, encode_png
from kubric_gen.errors import KubricGenError
from kubric_gen.schema.features import Box, Features, Image, Label, Sequence, Tensor, Text, Video
from kubric_gen.schema.tf_example import decode, encode
from tests.schema.handmade import random_record

reproducible = settings(derandomize=True, deadline=None, max_examples=40)

SHAPES = Label(("cube", "cylinder", "sphere"))
EVERYTHING: Features = {
    "metadata": {"name": Text(), "deeper": {"float": Tensor("float32"), "uint16": Tensor("uint16")}},
    "float32": Tensor("float32", (2, 3)), "int32": Tensor("int32", (3,)), "int64": Tensor("int64"),
    "uint8": Tensor("uint8", (4,)), "uint16": Tensor("uint16", (1, 2, 1)), "bool": Tensor("bool", (3,)),
    "packed": Tensor("uint16", (4, 3, 2), zlib=True), "packed_float": Tensor("float32", (5,), zlib=True),
    "label": SHAPES, "renamed": Label(("small", "large"), key="size"), "box": Box(),
    "image": Image((5, 4, 3)), "deep_image": Image((5, 4, 1), "uint16"), "alpha": Image((2, 3, 4)),
    "video": Video((3, 4, 5, 3)), "deep_video": Video((2, 4, 5, 3), "uint16"),
    "three": Sequence(Tensor("int32"), 3), "vectors": Sequence(Tensor("float32", (2,))), "texts": Sequence(Text()),
    "labels": Sequence(SHAPES), "boxes": Sequence(Box()), "images": Sequence(Image((3, 2, 1), "uint16"), 2),
    "flow": Sequence(Tensor("uint16", (3, 2, 2), zlib=True), 2), "rows": Sequence(Sequence(Tensor("int64"))),
    "pair": Sequence({"mass": Tensor("float32"), "place": Box()}, 2),
    "instances": Sequence({
        "mass": Tensor("float32"), "track": Tensor("float32", (2, 3)), "visible": Tensor("bool", (2,)), "name": Text(),
        "shape": SHAPES, "size": Label(("small", "large"), key="size_label"), "center": Box(),
        "bboxes": Sequence(Box()), "frames": Sequence(Tensor("int32")), "points": Sequence(Tensor("float32", (2,))),
        "names": Sequence(Text()), "shapes": Sequence(SHAPES), "counts": Sequence(Tensor("uint16"), key="how_many")})}


def _whole(feature: Any, values: list[Any]) -> Any:
  """The values of a sequence in the layout of TFDS."""
  if isinstance(feature, Sequence):
    return [_whole(feature.feature, value) for value in values]
  singles = [_layout(feature, value) for value in values]
  if isinstance(feature, Text) or singles:
    return singles if isinstance(feature, Text) else np.stack(singles)
  dtype = np.dtype({Label: "int64", Box: "float32"}.get(type(feature)) or feature.dtype)
  return np.zeros((0, *{Label: (), Box: (4,)}.get(type(feature), getattr(feature, "shape", ()))), dtype)


def _layout(feature: Any, value: Any) -> Any:
  """What TFDS makes of a value that `encode` takes, by the rules of its documentation."""
  match feature:
    case Mapping():
      return {name: _layout(part, value[getattr(part, "key", "") or name]) for name, part in feature.items()}
    case Sequence(feature=Mapping() as parts):
      return {name: _whole(part, [element[part.key or name] for element in value]) for name, part in parts.items()}
    case Sequence(feature=inner):
      return _whole(inner, value)
    case Label(names=names):
      return np.int64(names.index(value))
    case Text():
      return value
    case Box():
      return np.array(value, np.float32)
  return np.asarray(value, feature.dtype)


def _same(found: Any, wanted: Any, name: str = "") -> None:
  if isinstance(wanted, dict):
    assert set(found) == set(wanted), name
    for key in wanted:
      _same(found[key], wanted[key], f"{name}/{key}")
  elif isinstance(wanted, list):
    assert len(found) == len(wanted), name
    for one, other in zip(found, wanted):
      _same(one, other, name)
  elif isinstance(wanted, str):
    assert found == wanted, name
  else:
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), name
    np.testing.assert_array_equal(found, wanted, err_msg=name)


@given(st.data(), st.integers(0, 2**32))
@reproducible
def test_what_is_encoded_is_decoded(data: st.DataObject, seed: int) -> None:
  record = random_record(EVERYTHING, np.random.default_rng(seed), lambda: data.draw(st.integers(0, 3)))
  decoded = decode(EVERYTHING, encode(EVERYTHING, record))
  _same(decoded, _layout(EVERYTHING, record))


def test_equal_records_have_equal_bytes() -> None:
  record = random_record(EVERYTHING, np.random.default_rng(1))
  again = {name: record[name] for name in reversed(record)}
  lists = {name: value.tolist() if name == "int32" else value for name, value in again.items()}
  assert encode(EVERYTHING, record) == encode(EVERYTHING, again) == encode(EVERYTHING, lists)
  assert encode({name: EVERYTHING[name] for name in reversed(EVERYTHING)}, record) == encode(EVERYTHING, record)
  for name in ("image", "deep_image"):
    again[name] = encode_png(record[name])
  for name in ("video", "images"):
    again[name] = iter([encode_png(np.asarray(frame)) for frame in record[name]])
  assert encode(EVERYTHING, again) == encode(EVERYTHING, record)
  assert encode(EVERYTHING, {**record, "uint8": record["uint8"] ^ 1}) != encode(EVERYTHING, record)


# --- TFDS ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs() -> Any:
  """The same features in the words of TFDS."""
  from kubric_gen.schema.features import tfds_features
  return tfds_features(EVERYTHING)


def _message(data: bytes) -> dict[str, tuple[str | None, list[Any]]]:
  """An example as TFDS's class for the message reads it, images as pixels and compressed arrays as they were."""
  from tensorflow_datasets.proto import tf_example_pb2

  def plain(item: Any) -> Any:
    if isinstance(item, bytes) and item.startswith(b"\x89PNG"):
      pixels = decode_png(item)
      return pixels.shape, pixels.dtype.name, pixels.tobytes()
    if isinstance(item, bytes) and item.startswith(b"x"):
      return zlib.decompress(item)
    return np.float32(item).tobytes() if isinstance(item, float) else item  # one NaN is like another

  features = tf_example_pb2.Example.FromString(data).features.feature
  kinds = {name: feature.WhichOneof("kind") for name, feature in features.items()}
  return {name: (kind, [plain(item) for item in getattr(features[name], kind).value]) for name, kind in kinds.items()}


@pytest.mark.parametrize("length", [0, 1, 3])
def test_tfds_serializes_the_same_message(theirs: Any, length: int) -> None:
  from tensorflow_datasets.core.example_serializer import ExampleSerializer
  record = random_record(EVERYTHING, np.random.default_rng(length), lambda: length)
  named = {**record, "renamed": record["size"],
           "instances": [{**item, "size": item["size_label"], "counts": item["how_many"]} for item in record["instances"]]}
  del named["size"]
  for item in named["instances"]:
    del item["size_label"], item["how_many"]
  expected = ExampleSerializer(theirs.get_serialized_info()).serialize_example(theirs.encode_example(named))
  ours, wanted = _message(encode(EVERYTHING, record)), _message(expected)
  assert set(ours) == set(wanted)
  for name, value in wanted.items():
    assert ours[name] == value, name


def _numpy(feature: Any, tensor: Any, repeated: bool = False) -> Any:
  """TensorFlow's tensors in the layout of `decode`."""
  match feature:
    case Mapping():
      return {name: _numpy(part, tensor[name], repeated) for name, part in feature.items()}
    case Sequence(feature=inner) if repeated or isinstance(inner, Sequence):
      inner = inner.feature if isinstance(inner, Sequence) else inner
      return [_numpy(inner, tensor[row], True) for row in range(int(tensor.nrows()))]
    case Sequence(feature=inner):
      return _numpy(inner, tensor, True)
    case Text():
      return [item.decode() for item in tensor.numpy().tolist()] if repeated else tensor.numpy().decode()
  return tensor.numpy()


@pytest.mark.parametrize("length", [0, 1, 3])
def test_tfds_decodes_the_same_values(theirs: Any, length: int) -> None:
  record = random_record(EVERYTHING, np.random.default_rng(10 + length), lambda: length)
  data = encode(EVERYTHING, record)
  decoded = decode(EVERYTHING, data)
  _same(_numpy(EVERYTHING, theirs.deserialize_example(data)), decoded)
  _same(decode(EVERYTHING, theirs.serialize_example(decoded)), decoded)  # as a builder hands them on


# --- bad input -------------------------------------------------------------------------------------------------------------


SMALL: Features = {
    "group": {"mass": Tensor("float32"), "track": Tensor("float32", (2, 3))}, "frame": Tensor("uint8"), "flag": Tensor("bool"),
    "wide": Tensor("int32", (2,)), "name": Text(), "label": SHAPES, "box": Box(), "image": Image((2, 2, 1)),
    "video": Video((2, 2, 2, 3)), "flow": Sequence(Tensor("uint16", (2, 2), zlib=True), 2), "numbers": Sequence(Tensor("int32")),
    "items": Sequence({"mass": Tensor("float32"), "boxes": Sequence(Box()), "frames": Sequence(Tensor("int32"))}),
    "pair": Sequence({"number": Tensor("int32")}, 2)}
RECORD = random_record(SMALL, np.random.default_rng(5))
IMAGE = np.zeros((2, 2, 1), np.uint8)
FRAME = np.zeros((2, 2, 3), np.uint8)


@pytest.mark.parametrize("name", [*SMALL, "group/mass", "items/boxes", "items/mass", "pair/number"])
def test_a_missing_value_is_named(name: str) -> None:
  group, _, inner = name.partition("/")
  record: dict[str, Any] = {**RECORD}
  if not inner:
    del record[group]
  elif group == "group":
    record[group] = {key: value for key, value in RECORD[group].items() if key != inner}
  else:
    record[group] = [RECORD[group][0], {key: value for key, value in RECORD[group][1].items() if key != inner}]
  with pytest.raises(KubricGenError, match=f"record: {name} is missing"):
    encode(SMALL, record)


@pytest.mark.parametrize(("name", "value", "reason"), [
    ("frame", [1], "shape"), ("frame", 256, "uint8"), ("frame", -1, "uint8"), ("frame", 1.0, "uint8"), ("frame", "1", "uint8"),
    ("frame", None, "uint8"), ("flag", 2, "bool"), ("flag", "yes", "bool"), ("flag", 0.5, "bool"),
    ("wide", [1, 2, 3], "shape"), ("wide", [1, 2**31], "int32"), ("wide", [2**70, 0], "int32"), ("wide", [[1], [2, 3]], "int32"),
    ("wide", np.array([2**63, 1], np.uint64), "int32"), ("group", {"mass": "heavy", "track": np.zeros((2, 3))}, "float32"),
    ("group", {"mass": None, "track": np.zeros((2, 3))}, "float32"), ("group", {"mass": 1, "track": np.zeros((3, 2))}, "shape"),
    ("group", {"mass": 1e39, "track": np.ones((2, 3))}, "float32"), ("group", {"mass": 1j, "track": np.ones((2, 3))}, "float32"),
    ("name", None, "text"), ("name", b"bytes", "text"), ("name", "\ud800", "text"), ("label", "cone", "cube, cylinder, sphere"),
    ("label", 1, "cube, cylinder, sphere"), ("label", np.zeros(2), "cube, cylinder, sphere"), ("box", [0, 0, 1], "shape"),
    ("image", IMAGE[:1], "shape"), ("image", IMAGE.astype(np.float32), "uint8"), ("image", IMAGE.astype(int) - 1, "uint8"),
    ("image", IMAGE.astype(np.uint16) + 256, "uint8"), ("video", [FRAME], "1 frames, not 2"),
    ("video", [FRAME] * 3, "3 frames, not 2"), ("video", [FRAME, IMAGE], "shape"),
    ("flow", [np.zeros((2, 2), int)], "1 elements, not 2"), ("flow", [np.full((2, 2), 65536)] * 2, "uint16"),
    ("numbers", [1.5], "int32"),
    ("items", [{"mass": 1, "boxes": [[0, 0, 1, 1], [0, 0]], "frames": []}], "shape"),
    ("pair", [{"number": 1}], "1 elements, not 2"), ("pair", [{"number": 1}, {"number": 2**31}], "int32")])
def test_a_value_that_does_not_fit_is_named(name: str, value: Any, reason: str) -> None:
  with warnings.catch_warnings(), pytest.raises(KubricGenError, match=f"record: {name}.*{reason}") as caught:
    warnings.simplefilter("error")
    encode(SMALL, {**RECORD, name: value})
  assert "\n" not in str(caught.value)


def test_what_fits_is_taken_whatever_its_type() -> None:
  taken = {**RECORD, "frame": np.float32(7).astype(np.int64), "flag": 1, "wide": (True, np.uint64(9)),
           "group": {"mass": 3, "track": [[0, 1, 2], [3, 4, 5]]}, "numbers": iter(np.arange(3)), "label": np.str_("cube"),
           "video": (frame for frame in np.ones((2, 2, 2, 3), np.int64)), "items": []}
  decoded = decode(SMALL, encode(SMALL, taken))
  assert decoded["frame"] == 7 and decoded["frame"].dtype == np.uint8 and decoded["flag"].dtype == bool and decoded["flag"]
  assert decoded["wide"].tolist() == [1, 9] and decoded["group"]["track"].tolist() == [[0, 1, 2], [3, 4, 5]]
  assert decoded["numbers"].tolist() == [0, 1, 2] and decoded["label"] == 0 and (decoded["video"] == 1).all()
  assert decoded["items"]["boxes"] == [] and decoded["items"]["mass"].shape == (0,)


def test_damaged_bytes_are_refused_or_decoded() -> None:
  data = encode(SMALL, RECORD)
  wanted = decode(SMALL, data)
  refused = 0
  cuts = [data[:length] for length in range(len(data))]
  flips = [data[:i] + bytes([data[i] ^ 1 << bit]) + data[i + 1:] for i in range(len(data)) for bit in range(8)]
  rng = np.random.default_rng(0)
  noise = [rng.bytes(int(rng.integers(1, 300))) for _ in range(300)] + [data * 2, data + b"\0", b"\x0a" * 50]
  for damaged in (*cuts, *flips, *noise):
    try:
      decoded = decode(SMALL, damaged)
    except KubricGenError as error:
      refused += 1
      assert len(str(error)) < 400
    else:  # values may differ; names, shapes and types do not
      assert set(decoded) == set(wanted) and set(decoded["items"]) == set(wanted["items"])
      for name in ("frame", "wide", "box", "image", "video", "flow"):
        assert (decoded[name].shape, decoded[name].dtype) == (wanted[name].shape, wanted[name].dtype)
      assert len(decoded["items"]["boxes"]) == len(decoded["items"]["frames"]) == len(decoded["items"]["mass"])
  assert refused > 0.9 * len(data)
  for damaged in (b"", b"\x0a\x00"):
    with pytest.raises(KubricGenError, match="other features"):
      decode(SMALL, damaged)


@pytest.mark.parametrize("change", [
    {"extra": Tensor("int32")}, {"frame": Tensor("uint8", (2,))}, {"frame": Tensor("float32")}, {"wide": Tensor("int32", (3,))},
    {"wide": Tensor("int32")}, {"label": Text()}, {"name": Image((2, 2, 1))}, {"image": Image((3, 3, 1))},
    {"image": Image((2, 2, 3))}, {"image": Image((2, 2, 1), "uint16")}, {"video": Video((3, 2, 2, 3))},
    {"video": Video((2, 3, 2, 3))}, {"video": Image((2, 2, 3))}, {"flow": Sequence(Tensor("uint16", (2, 3), zlib=True), 2)},
    {"flow": Sequence(Tensor("uint16", (2, 2), zlib=True), 3)}, {"flow": Sequence(Image((2, 2, 1)), 2)},
    {"numbers": Sequence(Tensor("float32"))}, {"numbers": Sequence(Tensor("int32"), 3)},
    {"numbers": Sequence(Sequence(Tensor("int32")))}, {"pair": Sequence({"number": Tensor("int32")}, 3)},
    {"items": Sequence({"boxes": Tensor("float32")})}, {"items": Sequence({"boxes": Sequence(Tensor("int32"))})}],
    ids=lambda change: f"{next(iter(change))}-{type(next(iter(change.values()))).__name__}")
def test_features_that_do_not_fit_are_refused(change: Features) -> None:
  with pytest.raises(KubricGenError):
    decode({**SMALL, **change}, encode(SMALL, RECORD))


def test_stored_values_that_are_none_of_the_feature_are_refused() -> None:
  for wide, narrow in ((Tensor("int32"), Tensor("uint8")), (Tensor("int32"), Tensor("bool")), (Tensor("int32"), SHAPES)):
    for value in (-1, 300):
      with pytest.raises(KubricGenError):
        decode({"x": narrow}, encode({"x": wide}, {"x": value}))
  flat, lengths = "x/ragged_flat_values", "x/ragged_row_lengths_0"
  for rows in ([3, -1], [-1, 3], [2, 1], [1], [], [4], [2**62, 2]):
    data = encode({flat: Sequence(Tensor("int64")), lengths: Sequence(Tensor("int64"))}, {flat: [1, 2], lengths: rows})
    with pytest.raises(KubricGenError):
      decode({"x": Sequence(Sequence(Tensor("int64")))}, data)
  parts = {"x/a": Sequence(Tensor("int64")), "x/b": Sequence(Tensor("int64"))}
  with pytest.raises(KubricGenError):
    decode({"x": Sequence({"a": Tensor("int64"), "b": Tensor("int64")})}, encode(parts, {"x/a": [1, 2], "x/b": [1]}))


def test_compressed_values_cannot_fill_the_memory() -> None:
  size = 1 << 26
  bomb = encode({"x": Sequence(Tensor("uint8", (size,), zlib=True))}, {"x": [np.zeros(size, np.uint8)]})
  tracemalloc.start()
  with pytest.raises(KubricGenError):
    decode({"x": Sequence(Tensor("uint8", (100,), zlib=True))}, bomb)
  assert tracemalloc.get_traced_memory()[1] < 20_000_000
  tracemalloc.stop()


@pytest.mark.parametrize("feature", [
    Sequence(Sequence(Sequence(Tensor("int32")))), Sequence(Sequence(Tensor("int32"), 1)), Sequence(Sequence(Tensor("int32")), 1),
    Sequence({"y": Sequence(Tensor("int32"))}, 1), Sequence(Sequence({"y": Tensor("int32")}))])
def test_nested_sequences_that_tfds_cannot_read_are_refused(feature: Sequence) -> None:
  with pytest.raises(KubricGenError, match="x.*: sequences nest twice at most"):
    encode({"x": feature}, {"x": [{"y": [1]}] if isinstance(feature.feature, dict) else [[[1]]]})
