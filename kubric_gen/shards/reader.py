"""Reads datasets in `array_record` files with neither TensorFlow nor TFDS installed."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.description import DESCRIPTION, FILE_DESCRIPTION, features_from_plain
from kubric_gen.schema.features import Features
from kubric_gen.schema.schema import Record
from kubric_gen.shards.layout import Shard


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
    value = json.loads(file.read_text())
  except FileNotFoundError:
    if not file.parent.exists():
      raise KubricGenError(f"there is no dataset in {folder}: give a folder such as DIR/movi_a/128x128/1.0.0") from None
    value = None
  except (OSError, ValueError, RecursionError) as error:
    raise KubricGenError(f"{file} cannot be read ({error}): make the dataset again") from None
  return features_from_plain(value, str(file))


def _whole(value: Any) -> int:
  number = int(value)
  if number < 0:
    raise ValueError(f"a shard of {number} records")
  return number


class ArrayRecords(Sequence[Any]):
  """The records of a split, decoded when they are asked for: nested dictionaries of NumPy arrays, as TFDS gives them.

  Texts are `str`. Can be pickled and indexed at random, as the data loaders of PyTorch and Grain want it.

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
    self._source: Any = None

  def _of_file(self) -> list[int]:
    """Takes a single file; how many records it has."""
    self.features = features_of(self.folder)
    self._paths = [str(self.folder)]
    from array_record.python.array_record_data_source import ArrayRecordDataSource
    try:
      return [len(ArrayRecordDataSource(self._paths))]
    except Exception as error:  # whatever the library raises
      raise KubricGenError(f"{self.folder} cannot be read ({str(error) or type(error).__name__}): give an array_record file"
                           ) from None

  def _of_dataset(self) -> list[int]:
    """Takes the shards of a split; how many records each has."""
    folder, split = self.folder, self.split
    try:
      info = json.loads((folder / "dataset_info.json").read_text())
      name, file_format = str(info["name"]), info.get("fileFormat")
      splits = {item["name"]: list(map(_whole, item["shardLengths"])) for item in info["splits"]}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
      raise KubricGenError(f"{folder} is no dataset ({type(error).__name__}: {error}): give the folder that has dataset_info.json"
                           ) from None
    if file_format != "array_record":
      raise KubricGenError(f"{folder} is in the format {str(file_format)[:40]}, not array_record: read it with TFDS")
    self.features = features_of(folder)
    if split not in splits:
      raise KubricGenError(f"{folder} has no split {split!r}: choose from {', '.join(splits)}")
    lengths = splits[split]
    self._paths = [str(folder / Shard(split, "", index, len(lengths), ()).file_name(name, "array_record"))
                   for index in range(len(lengths))]
    return lengths

  def __getstate__(self) -> dict[str, Any]:
    return {**self.__dict__, "_source": None}  # open files stay behind

  def __len__(self) -> int:
    return self._length

  def __getitem__(self, index: Any) -> Any:
    if isinstance(index, slice):
      return [self[i] for i in range(self._length)[index]]
    index = range(self._length)[index]
    if self._source is None:
      from array_record.python.array_record_data_source import ArrayRecordDataSource
      starts = [0, *self._ends]  # with the numbers of records no file is opened before it is needed
      self._source = ArrayRecordDataSource([f"{path}[0:{end - start}]" for path, start, end in zip(
          self._paths, starts, self._ends)])
    path = self._paths[bisect_right(self._ends, index)]
    try:
      data = self._source[index]
    except Exception as error:  # whatever the library raises for files that are gone, damaged or cut short
      raise KubricGenError(f"{path} cannot be read ({str(error) or type(error).__name__}): make the dataset again") from None
    try:
      return Record(self.features, data).values(in_units=self.decode)
    except KubricGenError as error:
      raise KubricGenError(f"{path}: {error}") from None

  def __iter__(self) -> Iterator[Any]:
    return (self[i] for i in range(self._length))
