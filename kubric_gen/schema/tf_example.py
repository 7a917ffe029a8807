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

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.features import Box, Feature, Features, Image, Label, Sequence, Tensor, Text, Video
from kubric_gen.codecs.images import decode_png, encode_png

ZLIB_LEVEL = 1
_BYTES, _FLOAT, _INT = "bytes_list", "float_list", "int64_list"


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
                                enumerate(((_BYTES, "BytesList"), (_FLOAT, "FloatList"), (_INT, "Int64List")), start=1)))
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


def _fits(array: NDArray[Any], dtype: str) -> bool:
  """Whether the type can hold every value of an array of numbers."""
  if dtype == "float32":
    return array.dtype.kind in "iub" or array.dtype.kind == "f" and not np.any(
        np.isfinite(array) & (np.abs(array) > np.finfo(np.float32).max))
  low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
  return not array.size or array.dtype.kind in "iub" and bool(array.min() >= low and array.max() <= high)


def _array(name: str, value: Any, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
  try:
    array = np.asarray(value)
  except ValueError:  # rows of several lengths
    raise KubricGenError(f"record: {name} holds values that are no {dtype} of shape {shape}") from None
  if array.shape != shape:
    raise KubricGenError(f"record: {name} has shape {array.shape}, not {shape}")
  if not _fits(array, dtype):
    raise KubricGenError(f"record: {name} holds values that are no {dtype}")
  return array.astype(dtype)


def _png(name: str, value: Any, dtype: str, shape: tuple[int, ...]) -> bytes:
  return value if isinstance(value, bytes) else encode_png(_array(name, value, dtype, shape))


def _leaf(name: str, feature: Feature, value: Any) -> tuple[str, list[Any]]:
  """The list a value is stored in, and its items."""
  match feature:
    case Tensor(dtype=dtype, shape=shape, zlib=compress):
      array = _array(name, value, dtype, shape)
      if compress:
        return _BYTES, [zlib.compress(array.astype(array.dtype.newbyteorder("<")).tobytes(), ZLIB_LEVEL)]
      return (_FLOAT, array.ravel().tolist()) if dtype == "float32" else (_INT, array.astype(np.int64).ravel().tolist())
    case Text():
      try:
        return _BYTES, [value.encode()]
      except (AttributeError, UnicodeEncodeError):
        raise KubricGenError(f"record: {name} is {value!r}, which is no text") from None
    case Label(names=names):
      if not isinstance(value, str) or value not in names:
        raise KubricGenError(f"record: {name} is {value!r}, which is none of {', '.join(names)}")
      return _INT, [names.index(value)]
    case Box():
      return _FLOAT, _array(name, value, "float32", (4,)).tolist()
    case Image(shape=shape, dtype=dtype):
      return _BYTES, [_png(name, value, dtype, shape)]
    case Video(shape=shape, dtype=dtype):
      frames = [_png(name, frame, dtype, shape[1:]) for frame in value]
      if len(frames) != shape[0]:
        raise KubricGenError(f"record: {name} has {len(frames)} frames, not {shape[0]}")
      return _BYTES, frames
  raise KubricGenError(f"record: {name}: a sequence cannot stand here")


def _kind(feature: Feature) -> str:
  """The list the values of a feature are stored in, even if there are none."""
  match feature:
    case Tensor(dtype=dtype, zlib=compress):
      return _BYTES if compress else _FLOAT if dtype == "float32" else _INT
    case Label():
      return _INT
    case Box():
      return _FLOAT
  return _BYTES


Flat = dict[str, tuple[str, list[Any]]]
"""Per full name the list that holds the values, and its items."""


def _element(name: str, inner: Sequence, length: int | None) -> Feature:
  """The feature of a sequence in a sequence."""
  if isinstance(inner.feature, (Mapping, Sequence)) or inner.length is not None or length is not None:
    raise KubricGenError(f"record: {name}: sequences nest twice at most, both of any length and the inner one of one feature: "
                         "TFDS reads no others")
  return inner.feature


def _repeat(name: str, feature: Feature, values: Iterable[Any], length: int | None, out: Flat) -> None:
  """Stores a sequence of one feature."""
  if isinstance(feature, Sequence):  # a sequence in a sequence
    inner = _element(name, feature, length)
    items: list[Any] = []
    lengths = []
    for row in values:
      row = list(row)
      lengths.append(len(row))
      items += [item for value in row for item in _leaf(name, inner, value)[1]]
    out[f"{name}/ragged_flat_values"] = (_kind(inner), items)
    out[f"{name}/ragged_row_lengths_0"] = (_INT, lengths)
    return
  items, count = [], 0
  for value in values:
    items += _leaf(name, feature, value)[1]
    count += 1
  if length is not None and count != length:
    raise KubricGenError(f"record: {name} has {count} elements, not {length}")
  out[name] = (_kind(feature), items)


def _flatten(features: Features, record: Mapping[str, Any], prefix: str, out: Flat) -> None:
  for short, feature in features.items():
    name = prefix + short
    try:
      value = record[short if isinstance(feature, Mapping) else feature.key or short]
    except KeyError:
      raise KubricGenError(f"record: {name} is missing") from None
    if isinstance(feature, Mapping):
      _flatten(feature, value, f"{name}/", out)
    elif isinstance(feature, Sequence):
      if isinstance(feature.feature, Mapping):
        elements = list(value)
        for inner, part in feature.feature.items():
          key = part.key or inner
          if any(key not in element for element in elements):
            raise KubricGenError(f"record: {name}/{inner} is missing")
          _repeat(f"{name}/{inner}", part, [element[key] for element in elements], feature.length, out)
      else:
        _repeat(name, feature.feature, value, feature.length, out)
    else:
      out[name] = _leaf(name, feature, value)


def encode(features: Features, record: Mapping[str, Any]) -> bytes:
  """A record as a serialised `tf.train.Example`.

  Args:
    features: what it holds.
    record: nested values. Groups are mappings, sequences any iterables (of mappings where the elements are groups),
      labels their names, images arrays or finished PNG files as bytes, videos any iterables of images.

  Raises:
    KubricGenError: something is missing or has the wrong shape, type or name.
  """
  flat: Flat = {}
  _flatten(features, record, "", flat)
  example = _example_class()()
  stored = example.features.feature
  for name, (kind, items) in flat.items():
    target = getattr(stored[name], kind)
    target.SetInParent()
    target.value.extend(items)
  return example.SerializeToString(deterministic=True)


def _unpack(data: bytes, size: int) -> bytes:
  """Decompressed bytes, of which no more than `size` and one are made."""
  return zlib.decompressobj().decompress(data, size + 1)


def _image(name: str, data: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
  image = decode_png(data, name)
  if image.shape != shape or image.dtype != dtype:
    raise KubricGenError(f"the record has {name} as {image.dtype} images of {image.shape}, not {dtype} of {shape}: it was made "
                         "with other features")
  return image


def _restore(name: str, feature: Feature, items: list[Any], count: int | None) -> Any:
  """`count` values of a feature, stacked, from their stored items; one value, not stacked, where the count is None."""
  if len(items) != _width(feature) * (1 if count is None else count):
    raise KubricGenError(f"the record has {len(items)} stored values of {name}, too few or too many: it is damaged, or was made "
                         "with other features")
  lead = () if count is None else (count,)
  match feature:
    case Tensor(dtype=dtype, shape=shape, zlib=True):
      little = np.dtype(dtype).newbyteorder("<")
      size = int(np.prod(shape)) * little.itemsize
      return np.frombuffer(b"".join(_unpack(item, size) for item in items), little).reshape((*lead, *shape)).astype(dtype)
    case Tensor(dtype=dtype, shape=shape):
      array = np.array(items, np.float64 if dtype == "float32" else np.int64).reshape((*lead, *shape))
      if not _fits(array, dtype):
        raise KubricGenError(f"the record has values of {name} that are no {dtype}: it was made with other features")
      return array.astype(dtype)
    case Label(names=names):
      array = np.array(items, np.int64).reshape(lead)
      if np.any((array < 0) | (array >= len(names))):
        raise KubricGenError(f"the record has a label {name} beyond its {len(names)} names: it was made with other features")
      return array
    case Box():
      return np.array(items, np.float32).reshape((*lead, 4))
    case Text():
      return items[0].decode() if count is None else [item.decode() for item in items]
    case Image(shape=shape, dtype=dtype):
      images = [_image(name, item, dtype, shape) for item in items]
      return images[0] if count is None else np.stack(images) if images else np.zeros((0, *shape), dtype)
    case Video(shape=shape, dtype=dtype):
      return np.stack([_image(name, item, dtype, shape[1:]) for item in items])
  raise KubricGenError(f"record: {name}: a sequence cannot stand here")


def _width(feature: Feature) -> int:
  """Stored items of one value."""
  match feature:
    case Tensor(shape=shape, zlib=False):
      return int(np.prod(shape))
    case Box():
      return 4
    case Video(shape=shape):
      return shape[0]
  return 1


def _items(stored: Any, name: str, kind: str) -> list[Any]:
  found = stored[name].WhichOneof("kind")
  if found != kind:
    raise KubricGenError(f"the record has {name} as {found}, not {kind}: it was made with other features")
  return list(getattr(stored[name], kind).value)


def _read_sequence(name: str, feature: Feature, length: int | None, stored: Any) -> Any:
  if isinstance(feature, Sequence):
    inner = _element(name, feature, length)
    items, width = _items(stored, f"{name}/ragged_flat_values", _kind(inner)), _width(inner)
    rows, start = [], 0
    for row in _items(stored, f"{name}/ragged_row_lengths_0", _INT):
      rows.append(_restore(name, inner, items[start:start + row * width], row))
      start += row * width
    if start != len(items):
      raise KubricGenError(f"the record has {len(items)} stored values of {name} in rows of {start}: it is damaged")
    return rows
  items = _items(stored, name, _kind(feature))
  return _restore(name, feature, items, len(items) // max(1, _width(feature)) if length is None else length)


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
      record[short] = _restore(name, feature, _items(stored, name, _kind(feature)), None)
  return record


def decode(features: Features, data: bytes) -> dict[str, Any]:
  """The record of a serialised `tf.train.Example`, as NumPy arrays in the layout that TFDS gives.

  A sequence of groups is a group of stacked arrays; a sequence in one of these a list of arrays; a label its index.

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
