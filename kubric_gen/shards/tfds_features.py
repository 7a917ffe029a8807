"""Our description of features in the words of TFDS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kubric_gen.schema.features import Box, Features, Image, Label, Sequence, Tensor, Text, Video


def _convert(feature: Any) -> Any:
  from tensorflow_datasets.core import features as tfds
  match feature:
    case Mapping():
      return {name: _convert(part) for name, part in feature.items()}
    case Tensor(dtype=dtype, shape=shape, zlib=compress):
      return tfds.Tensor(shape=shape, dtype=np.dtype(dtype), encoding="zlib" if compress else "none")
    case Text():
      return tfds.Text()
    case Label(names=names):
      return tfds.ClassLabel(names=list(names))
    case Box():
      return tfds.BBoxFeature()
    case Image(shape=shape, dtype=dtype):
      return tfds.Image(shape=shape, dtype=np.dtype(dtype), encoding_format="png")
    case Video(shape=shape, dtype=dtype):
      return tfds.Video(shape=shape, dtype=np.dtype(dtype))
    case Sequence(feature=inner, length=length):
      return tfds.Sequence(_convert(inner), length=length)
  raise TypeError(f"unknown feature {feature!r}")


def tfds_features(features: Features) -> Any:
  """A `tfds.features.FeaturesDict` of the same names, shapes and types. Loads TensorFlow, which TFDS needs for videos."""
  from tensorflow_datasets.core import features as tfds
  return tfds.FeaturesDict(_convert(features))
