"""Reads datasets in `array_record` files with neither TensorFlow nor TFDS installed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.records.tf_example import decode
from kubric_gen.shards.features_json import features_from_json


class ArrayRecords(Sequence[Any]):
  """The records of a split, decoded when they are asked for: nested dictionaries of NumPy arrays, as TFDS gives them.

  Can be pickled and indexed at random, as the data loaders of PyTorch and Grain want it.

  Args:
    folder: of the dataset, such as `DIR/movi_a/128x128/1.0.0`.
    split: one of its splits.

  Raises:
    KubricGenError: no such dataset or split, or another file format.
  """

  def __init__(self, folder: str | os.PathLike[str], split: str) -> None:
    self.folder, self.split = Path(folder), split
    try:
      info = json.loads((self.folder / "dataset_info.json").read_text())
      described = (self.folder / "features.json").read_text()
    except (OSError, ValueError) as error:
      raise KubricGenError(f"{folder} is no dataset ({error}): give the folder that has dataset_info.json") from None
    if info.get("fileFormat") != "array_record":
      raise KubricGenError(f"{folder} is in the format {info.get('fileFormat')}, not array_record: read it with TFDS")
    self.features = features_from_json(described, str(self.folder / "features.json"))
    splits = {item["name"]: list(map(int, item["shardLengths"])) for item in info["splits"]}
    if split not in splits:
      raise KubricGenError(f"{folder} has no split {split!r}: choose from {', '.join(splits)}")
    lengths = splits[split]
    self._paths = [str(self.folder / f"{info['name']}-{split}.array_record-{i:05d}-of-{len(lengths):05d}")
                   for i in range(len(lengths))]
    self._length = sum(lengths)
    self._source: Any = None

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
      self._source = ArrayRecordDataSource(self._paths)
    return decode(self.features, self._source[index])

  def __iter__(self) -> Iterator[Any]:
    return (self[i] for i in range(self._length))
