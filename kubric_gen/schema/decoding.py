"""Values of records in their units: metres, pixels, unit vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kubric_gen.schema.coding import Coding
from kubric_gen.schema.features import Features, Sequence, element


def physical(features: Features, record: Mapping[str, Any]) -> dict[str, Any]:
  """A decoded record with all coded values in the units of their features.

  Args:
    features: the description of the record.
    record: as `decode`, the reader, or TFDS give it: nested mappings of NumPy arrays, or of TensorFlow's tensors within
      `tf.data`. Features that it lacks are left out.

  Returns:
    The same, with float32 values where the features have a coding.

  Raises:
    KubricGenError: the limits of a range are missing.
  """
  return _group(features, record, record)


def _group(features: Features, values: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
  found: dict[str, Any] = {}
  for name, value in values.items():
    feature = features.get(name)
    if isinstance(feature, Sequence) and isinstance(feature.feature, Mapping):
      feature = feature.feature
    if isinstance(feature, Mapping):
      found[name] = _group(feature, value, record)
    else:
      coding = None if feature is None else element(feature).coding
      found[name] = value if coding is None else _decoded(coding, value, record)
  return found


def _decoded(coding: Coding, value: Any, record: Mapping[str, Any]) -> Any:
  """The value of a feature with a coding; of a sequence in a sequence, whose rows are of any length, row by row."""
  if isinstance(value, (list, tuple)):
    return [_decoded(coding, row, record) for row in value]
  return coding.decode(np.asarray(value) if isinstance(value, (int, np.generic)) else value, record)
