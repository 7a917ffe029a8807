"""Values of records in their units: metres, pixels, unit vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

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
      found[name] = value if coding is None else coding.decode(_plain(value), record)
  return found


def _plain(value: Any) -> Any:
  """Lists of arrays as one array, where they are of one shape."""
  return np.asarray(value) if isinstance(value, (list, tuple, np.generic)) else value
