"""Records as TFDS gives them, in the units of their features."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from kubric_gen.schema.description import features_from_plain
from kubric_gen.schema.decoding import physical
from kubric_gen.shards.reader import features_of


def in_units(dataset: Any, data_dir: str | os.PathLike[str] | None = None) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
  """A function that takes a record of a dataset as TFDS has decoded it, and gives coded values in the units of their features:
  depth in metres, flow in pixels, unit normals. It works on NumPy records and within `tf.data` (`Dataset.map`).

  Args:
    dataset: a name such as `movi_a/128x128` with its `data_dir`, a builder of TFDS, or the folder of a dataset.

  Raises:
    KubricGenError: the dataset is not there, or does not describe its features.
  """
  if not isinstance(dataset, (str, os.PathLike)):
    metadata = dataset.info.metadata
    features = features_from_plain(metadata, str(dataset.data_dir)) if metadata else features_of(dataset.data_dir)
  elif os.path.isdir(dataset):
    features = features_of(dataset)
  else:
    import tensorflow_datasets as tfds
    features = features_of(tfds.builder(os.fspath(dataset), data_dir=data_dir).data_dir)
  return lambda record: physical(features, record)
