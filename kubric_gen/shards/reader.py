"""Reads datasets in `array_record` files with neither TensorFlow nor TFDS installed."""

from __future__ import annotations

import os
import re
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.limits import MAX_CAUSE
from kubric_gen.schema.description import DESCRIPTION, FILE_DESCRIPTION, features_from_plain
from kubric_gen.schema.features import Features
from kubric_gen.schema.schema import Record
from kubric_gen.shards.layout import Shard
from kubric_gen.system.files import check_regular, in_one_line, read_json, utf8_path

INFO = "dataset_info.json"
"""TFDS's file that names splits and shards."""
AGAIN = "make the dataset again, which takes only packing where its store is kept"
MAX_DIGITS, MAX_RECORDS = 10, 1 << 30
"""Digits of the number of records of a shard, and records of a split: `list` sets memory aside for as many."""


def features_of(folder: str | os.PathLike[str]) -> Features:
  """The description of the features of a dataset, in any file format.

  Args:
    folder: of the dataset, such as `DIR/movi_a/128x128/1.0.0`; or a single file of records.

  Raises:
    KubricGenError: it has none, or one of an older layout.
  """
  from etils import epath  # a dataset of TFDS may be in an object store
  place = epath.Path(folder)
  file = place.with_name(place.name + FILE_DESCRIPTION) if place.is_file() else place / DESCRIPTION
  try:
    value = read_json(file, way_out=AGAIN)
  except FileNotFoundError:
    if not file.parent.exists():
      raise KubricGenError(f"there is no dataset in {folder}: give a folder such as DIR/movi_a/128x128/1.0.0") from None
    value = None
  return features_from_plain(value, str(file))


def _count(value: Any) -> int:
  """How many records a shard has, which TFDS writes as a text."""
  text = str(value) if type(value) is int else value
  if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:  # no 1_0
    raise ValueError(f"a shard of {shown(value)} records")
  return int(text)


def _name(value: Any) -> str:
  """The name of a dataset or split, which are parts of names of files."""
  if not isinstance(value, str) or not re.fullmatch(r"\w[\w.-]{0,127}", value):
    raise ValueError(f"the name {shown(value)}")
  return value


def _open_shard(path: str) -> Any:
  from array_record.python.array_record_module import ArrayRecordReader
  check_regular(Path(path))
  # Read at random: as Grain's data source does it
  return ArrayRecordReader(utf8_path(path), options="readahead_buffer_size:0", file_reader_buffer_size=32768)


class ArrayRecords(Sequence[Any]):
  """The records of a split, decoded when they are asked for: nested dictionaries of NumPy arrays, as TFDS gives them, but for
  texts: they are `str`, as all who use them without TensorFlow want words, where TFDS gives `bytes`, as tensors hold no others.

  Can be pickled and indexed at random, as the data loaders of PyTorch and Grain want it.

  Args:
    folder: of the dataset, such as `DIR/movi_a/128x128/1.0.0`; or a single file that a script has written with
      `--sinks=array_record`.
    split: one of the dataset's splits; "" for a single file.
    decode: give coded values in the units of their features (metres, pixels, unit vectors) rather than as stored.

  Attributes:
    features: what a record holds, with units and meanings.

  Raises:
    KubricGenError: no such dataset or split, another file format, or a dataset of an older layout.
  """

  def __init__(self, folder: str | os.PathLike[str], split: str = "", decode: bool = False) -> None:
    self.folder, self.split, self.decode = Path(folder), split, decode
    lengths = self._of_file() if self.folder.is_file() else self._of_dataset()
    self._ends = list(accumulate(lengths))
    self._length = sum(lengths)
    self._readers: dict[int, Any] = {}
    self._lock = threading.Lock()

  def _of_file(self) -> list[int]:
    """Takes a single file; how many records it has."""
    self.features = features_of(self.folder)
    self._dataset, self._total = "", 1
    try:
      reader = _open_shard(str(self.folder))
      count = int(reader.num_records())
      reader.close()
      return [count]
    except Exception as error:  # whatever the library raises
      raise KubricGenError(f"{self.folder} cannot be read ({in_one_line(error)}): give an array_record file") from None

  def _of_dataset(self) -> list[int]:
    """Takes the shards of a split; how many records each has."""
    folder, split, file = self.folder, self.split, self.folder / INFO
    try:
      info = read_json(file, way_out=AGAIN)
      name, file_format = _name(info["name"]), info.get("fileFormat")
      splits = {_name(item["name"]): item["shardLengths"] for item in info["splits"]}
      if not all(isinstance(shards, list) for shards in splits.values()):
        raise ValueError("the shards of a split are no list")
      lengths = list(map(_count, splits.get(split, ())))
      if sum(lengths) > MAX_RECORDS:
        raise ValueError(f"{sum(lengths)} records")
    except FileNotFoundError:
      raise KubricGenError(f"{folder} is no dataset: give the folder that has {INFO}") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
      raise KubricGenError(f"{file} cannot be read ({type(error).__name__}: {in_one_line(error)}): {AGAIN}") from None
    if file_format != "array_record":
      raise KubricGenError(f"{folder} is in the format {in_one_line(file_format)[:40]}, not array_record: read it with TFDS")
    self.features = features_of(folder)
    if split not in splits:
      raise KubricGenError(f"{folder} has no split {shown(split)}: choose from {', '.join(splits)[:MAX_CAUSE]}")
    self._dataset, self._total = name, len(lengths)
    return lengths

  def _path(self, number: int) -> str:
    """Of a shard."""
    if not self._dataset:
      return str(self.folder)
    return str(self.folder / Shard(self.split, "", number, self._total, ()).file_name(self._dataset, "array_record"))

  def __getstate__(self) -> dict[str, Any]:
    return {name: value for name, value in self.__dict__.items() if name not in ("_readers", "_lock")}  # open files stay behind

  def __setstate__(self, state: dict[str, Any]) -> None:
    self.__dict__.update(state, _readers={}, _lock=threading.Lock())

  def __len__(self) -> int:
    return self._length

  def _reader(self, number: int) -> Any:
    """An open shard; no file is opened before it is needed."""
    with self._lock:
      if number not in self._readers:
        reader = _open_shard(self._path(number))
        count, said = int(reader.num_records()), self._ends[number] - (self._ends[number - 1] if number else 0)
        if count != said:
          raise ValueError(f"it has {count} records, not {said}")
        self._readers[number] = reader
      return self._readers[number]

  def __getitem__(self, index: Any) -> Any:
    if isinstance(index, slice):
      return [self[i] for i in range(self._length)[index]]
    index = range(self._length)[index]
    number = bisect_right(self._ends, index)
    path = self._path(number)
    try:
      (data,) = self._reader(number).read([index - (self._ends[number - 1] if number else 0)])
    except Exception as error:  # whatever the library raises for files that are gone, damaged or cut short
      raise KubricGenError(f"{path} cannot be read ({in_one_line(error)}): {AGAIN}") from None
    try:
      return Record(self.features, data).values(in_units=self.decode)
    except KubricGenError as error:
      raise KubricGenError(f"{path}: {error}") from None

  def __iter__(self) -> Iterator[Any]:
    return (self[i] for i in range(self._length))
