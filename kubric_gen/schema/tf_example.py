"""Records as serialised `tf.train.Example` messages, laid out as TensorFlow Datasets does, without TensorFlow.

The layout (TFDS 4.9): groups join their names with `/`; a sequence stores the values of all its elements one after
another; a sequence in a sequence stores `…/ragged_flat_values` and `…/ragged_row_lengths_0`. Map entries are written
in sorted order, so that equal records have equal bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any


from kubric_gen.errors import KubricGenError
from kubric_gen.schema.feature import BYTES, FLOAT, INT, OTHER
from kubric_gen.schema.features import Feature, Features, Sequence, key_of


@lru_cache(maxsize=1)
def _example_class() -> Any:
  """The message class, from a pool of its own: TensorFlow, where it is loaded, has the same names in the common one."""
  from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
  field = descriptor_pb2.FieldDescriptorProto
  file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")

  def message(name: str, *fields: tuple[str, int, int, int, str]) -> Any:
    new = file.message_type.add(name=name)
    for field_name, number, label, kind, type_name in fields:
      new.field.add(name=field_name, number=number, label=label, type=kind, type_name=type_name or None)
    return new

  one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
  message("BytesList", ("value", 1, many, field.TYPE_BYTES, ""))
  message("FloatList", ("value", 1, many, field.TYPE_FLOAT, ""))
  message("Int64List", ("value", 1, many, field.TYPE_INT64, ""))
  choice = message("Feature", *((name, number, one, field.TYPE_MESSAGE, f".tensorflow.{kind}") for number, (name, kind) in
                                enumerate(((BYTES, "BytesList"), (FLOAT, "FloatList"), (INT, "Int64List")), start=1)))
  choice.oneof_decl.add(name="kind")
  for item in choice.field:
    item.oneof_index = 0
  group = message("Features", ("feature", 1, many, field.TYPE_MESSAGE, ".tensorflow.Features.FeatureEntry"))
  entry = group.nested_type.add(name="FeatureEntry")
  entry.field.add(name="key", number=1, label=one, type=field.TYPE_STRING)
  entry.field.add(name="value", number=2, label=one, type=field.TYPE_MESSAGE, type_name=".tensorflow.Feature")
  entry.options.map_entry = True
  message("Example", ("features", 1, one, field.TYPE_MESSAGE, ".tensorflow.Features"))
  pool = descriptor_pool.DescriptorPool()
  pool.Add(file)
  return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


Flat = dict[str, tuple[str, list[Any]]]
"""Per full name the list that holds the values, and its items."""


def _element(name: str, inner: Sequence, length: int | None) -> Feature:
  """The feature of a sequence in a sequence."""
  if isinstance(inner.feature, (Mapping, Sequence)) or inner.length is not None or length is not None:
    raise KubricGenError(f"record: {name}: sequences nest twice at most, both of any length and the inner one of one feature: "
                         "TFDS reads no others")
  return inner.feature


def _repeat(name: str, feature: Feature, values: Iterable[Any], length: int | None, record: Mapping[str, Any], out: Flat) -> None:
  """Stores a sequence of one feature."""
  if isinstance(feature, Sequence):  # a sequence in a sequence
    inner = _element(name, feature, length)
    items: list[Any] = []
    lengths = []
    for row in values:
      row = list(row)
      lengths.append(len(row))
      items += [item for value in row for item in inner.encode(name, value, record)]
    out[f"{name}/ragged_flat_values"] = (inner.list_kind, items)
    out[f"{name}/ragged_row_lengths_0"] = (INT, lengths)
    return
  items, count = [], 0
  for value in values:
    items += feature.encode(name, value, record)
    count += 1
  if length is not None and count != length:
    raise KubricGenError(f"record: {name} has {count} elements, not {length}")
  out[name] = (feature.list_kind, items)


def _repeat_group(name: str, feature: Sequence, values: Iterable[Any], record: Mapping[str, Any], out: Flat) -> None:
  """Stores a sequence of groups: of each of their features a sequence."""
  assert isinstance(feature.feature, Mapping)
  elements = list(values)
  for inner, part in feature.feature.items():
    key = key_of(inner, part)
    if any(key not in element for element in elements):
      raise KubricGenError(f"record: {name}/{inner} is missing")
    _repeat(f"{name}/{inner}", part, [element[key] for element in elements], feature.length, record, out)


def _flatten(features: Features, values: Mapping[str, Any], prefix: str, record: Mapping[str, Any], out: Flat) -> None:
  for short, feature in features.items():
    name = prefix + short
    try:
      value = values[key_of(short, feature)]
    except KeyError:
      raise KubricGenError(f"record: {name} is missing") from None
    if isinstance(feature, Mapping):
      _flatten(feature, value, f"{name}/", record, out)
    elif not isinstance(feature, Sequence):
      out[name] = (feature.list_kind, feature.encode(name, value, record))
    elif isinstance(feature.feature, Mapping):
      _repeat_group(name, feature, value, record, out)
    else:
      _repeat(name, feature.feature, value, feature.length, record, out)


def encode(features: Features, record: Mapping[str, Any]) -> bytes:
  """A record as a serialised `tf.train.Example`.

  Args:
    features: what it holds.
    record: nested values, in the features' units: what a feature codes as integers are floats here. Groups are mappings,
      sequences any iterables (of mappings where the elements are groups), labels their names, images arrays or finished PNG
      files as bytes, videos any iterables of images.

  Raises:
    KubricGenError: something is missing or has the wrong shape, type or name.
  """
  flat: Flat = {}
  _flatten(features, record, "", record, flat)
  example = _example_class()()
  stored = example.features.feature
  for name, (kind, items) in flat.items():
    target = getattr(stored[name], kind)
    target.SetInParent()
    target.value.extend(items)
  return example.SerializeToString(deterministic=True)


def _restore(name: str, feature: Feature, items: list[Any], count: int | None) -> Any:
  """`count` values of a feature, stacked, from their stored items; one value, not stacked, where the count is None."""
  if len(items) != feature.width * (1 if count is None else count):
    raise KubricGenError(f"the record has {len(items)} stored values of {name}, too few or too many: it is damaged, or {OTHER}")
  return feature.decode(name, items, count)


def _items(stored: Any, name: str, kind: str) -> list[Any]:
  found = stored[name].WhichOneof("kind")
  if found != kind:
    raise KubricGenError(f"the record has {name} as {found}, not {kind}: it was made with other features")
  return list(getattr(stored[name], kind).value)


def _read_sequence(name: str, feature: Feature, length: int | None, stored: Any) -> Any:
  if isinstance(feature, Sequence):
    inner = _element(name, feature, length)
    items, width = _items(stored, f"{name}/ragged_flat_values", inner.list_kind), inner.width
    rows, start = [], 0
    for row in _items(stored, f"{name}/ragged_row_lengths_0", INT):
      rows.append(_restore(name, inner, items[start:start + row * width], row))
      start += row * width
    if start != len(items):
      raise KubricGenError(f"the record has {len(items)} stored values of {name} in rows of {start}: it is damaged")
    return rows
  items = _items(stored, name, feature.list_kind)
  return _restore(name, feature, items, len(items) // max(1, feature.width) if length is None else length)


def _read_group(name: str, parts: Mapping[str, Feature], length: int | None, stored: Any) -> dict[str, Any]:
  """A sequence of groups."""
  columns = {inner: _read_sequence(f"{name}/{inner}", part, length, stored) for inner, part in parts.items()}
  if len({len(column) for column in columns.values()}) > 1:
    raise KubricGenError(f"the record has unlike numbers of values of {name}: it is damaged, or was made with other features")
  return columns


def _unflatten(features: Features, stored: Any, prefix: str) -> dict[str, Any]:
  record: dict[str, Any] = {}
  for short, feature in features.items():
    name = prefix + short
    if isinstance(feature, Mapping):
      record[short] = _unflatten(feature, stored, f"{name}/")
    elif isinstance(feature, Sequence):
      parts = feature.feature
      record[short] = (_read_group(name, parts, feature.length, stored) if isinstance(parts, Mapping)
                       else _read_sequence(name, parts, feature.length, stored))
    else:
      record[short] = _restore(name, feature, _items(stored, name, feature.list_kind), None)
  return record


def decode(features: Features, data: bytes) -> dict[str, Any]:
  """The record of a serialised `tf.train.Example`, as NumPy arrays in the layout that TFDS gives.

  A sequence of groups is a group of stacked arrays; a sequence in one of these a list of arrays; a label its index. Coded values
  are the stored integers: `kubric_gen.schema.physical` gives them in their units.

  Raises:
    KubricGenError: the bytes are no such message, or not with these features.
  """
  from google.protobuf.message import DecodeError
  try:
    stored = _example_class().FromString(data).features.feature
    missing = [name for name in _stored_names(features) if name not in stored]
    if missing:
      raise KubricGenError(f"the record has no {missing[0]}: it was made with other features")
    return _unflatten(features, stored, "")
  except (DecodeError, ValueError, zlib.error) as error:
    raise KubricGenError(f"the record is damaged ({error}): make it again") from None


def _stored_names(features: Features, prefix: str = "") -> Iterable[str]:
  for short, feature in features.items():
    name = prefix + short
    if isinstance(feature, Mapping):
      yield from _stored_names(feature, f"{name}/")
    elif isinstance(feature, Sequence):
      parts = {name: feature.feature} if not isinstance(feature.feature, Mapping) else {
          f"{name}/{inner}": part for inner, part in feature.feature.items()}
      for full, part in parts.items():
        if isinstance(part, Sequence):
          yield from (f"{full}/ragged_flat_values", f"{full}/ragged_row_lengths_0")
        else:
          yield full
    else:
      yield name
