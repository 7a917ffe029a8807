"""Records as TFDS gives them, in the units of their features."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.schema.decoding import physical
from kubric_gen.shards.reader import AGAIN, features_of
from kubric_gen.system.files import in_one_line


def _builder(name: str, data_dir: str | os.PathLike[str] | None) -> Any:
  import tensorflow_datasets as tfds
  try:
    return tfds.builder(name, data_dir=data_dir)
  except KubricGenError:
    raise
  except (tfds.core.DatasetNotFoundError, ValueError) as error:  # of many lines
    raise KubricGenError(f"there is no dataset {shown(name)} in {data_dir}: {in_one_line(error)}") from None
  except Exception as error:  # whatever TFDS, TensorFlow or protobuf raise for what is damaged
    raise KubricGenError(f"TFDS cannot read the dataset {shown(name)} in {data_dir} ({type(error).__name__}: "
                         f"{in_one_line(error)}): {AGAIN}") from None


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
    dataset = _builder(os.fspath(dataset), data_dir)
  features = features_of(dataset if isinstance(dataset, (str, os.PathLike)) else dataset.data_dir)

  def convert(record: Mapping[str, Any]) -> dict[str, Any]:
    return physical(features, record)

  # Nothing in it is to be rewritten as a graph, and its errors stay one line
  return tensorflow.autograph.experimental.do_not_convert(convert)
