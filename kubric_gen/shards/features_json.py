"""Features as TFDS describes them in `features.json`, read without TFDS."""

from __future__ import annotations

import json
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.features import Box, Feature, Features, Image, Label, Sequence, Tensor, Text, Video

_PREFIX = "tensorflow_datasets.core.features."


def _shape(value: dict[str, Any]) -> tuple[int, ...]:
  return tuple(int(size) for size in value.get("shape", {}).get("dimensions", ()))


def _one(value: dict[str, Any]) -> Any:
  kind = value["pythonClassName"].removeprefix(_PREFIX).rpartition(".")[2]
  if kind == "FeaturesDict":
    return {name: _one(part) for name, part in value["featuresDict"]["features"].items()}
  if kind == "Sequence":
    length = int(value["sequence"].get("length", -1))
    return Sequence(_one(value["sequence"]["feature"]), None if length < 0 else length)
  if kind in ("Tensor", "Scalar"):
    tensor = value["tensor"]
    return Tensor(tensor["dtype"], _shape(tensor), zlib=tensor.get("encoding") == "zlib")
  if kind == "Text":
    return Text()
  if kind == "ClassLabel":
    return Label(tuple(map(str, range(int(value["classLabel"]["numClasses"])))))
  if kind == "BBoxFeature":
    return Box()
  if kind == "Image":
    height, width, channels = _shape(value["image"])
    return Image((height, width, channels), value["image"].get("dtype", "uint8"))
  if kind == "Video":
    frames, height, width, channels = _shape(value["video"])
    return Video((frames, height, width, channels), value["video"].get("dtype", "uint8"))
  raise KubricGenError(f"features of the kind {kind} are not known here: read this dataset with TFDS")


def features_from_json(text: str, name: str) -> Features:
  """The features that a `features.json` describes; label names are in files of their own, and come out as numbers.

  Raises:
    KubricGenError: the text is none, or has features of a kind that kubric-gen does not make.
  """
  try:
    features = _one(json.loads(text))
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise KubricGenError(f"{name} cannot be read ({type(error).__name__}: {error})") from None
  if isinstance(features, Feature):
    raise KubricGenError(f"{name} describes no group of features")
  return features
