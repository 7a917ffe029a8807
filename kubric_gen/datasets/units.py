"""Records as TFDS gives them, in the units of their features."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

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
  import tensorflow
  if isinstance(dataset, (str, os.PathLike)) and not os.path.isdir(dataset):
    import tensorflow_datasets as tfds
    dataset = tfds.builder(os.fspath(dataset), data_dir=data_dir)
  features = features_of(dataset if isinstance(dataset, (str, os.PathLike)) else dataset.data_dir)

  def convert(record: Mapping[str, Any]) -> dict[str, Any]:
    return physical(features, record)

  # Nothing in it is to be rewritten as a graph, and its errors stay one line
  return tensorflow.autograph.experimental.do_not_convert(convert)
