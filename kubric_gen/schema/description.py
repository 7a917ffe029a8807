"""The description of a dataset's features as JSON, which lies beside its records, so that readers need nothing else."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.limits import MAX_REASON
from kubric_gen.schema.coding import Coding
from kubric_gen.schema.features import Box, Feature, Features, Image, Label, Sequence, Tensor, Text, Video

LAYOUT = 2
"""Of datasets: counts up when what lies in their folders changes."""
DESCRIPTION = "metadata.json"
"""The file in a dataset's folder; the name is TFDS's, which writes it from `DatasetInfo.metadata`."""
FILE_DESCRIPTION = ".features.json"
"""Added to the name of a single file of records: the file that describes them."""
MAX_NAMES, MAX_ELEMENTS, MAX_DIMENSIONS, MAX_DEPTH = 1 << 20, 1 << 33, 16, 8
_KINDS: dict[str, type[Feature]] = {cls.__name__.lower(): cls for cls in (Tensor, Text, Label, Box, Image, Video, Sequence)}


def _plain(feature: Feature | Mapping[str, Any]) -> dict[str, Any]:
  if isinstance(feature, Mapping):
    return {"kind": "group", "features": {name: _plain(part) for name, part in feature.items()}}
  described: dict[str, Any] = {"kind": type(feature).__name__.lower()}
  for field in dataclasses.fields(feature):
    value = getattr(feature, field.name)
    if field.name == "feature":
      described["feature"] = _plain(value)
    elif field.name == "coding" and value is not None:
      described["coding"] = {"kind": value.kind, "limits": value.limits}
    elif field.name != "key" and value not in (None, ""):
      described[field.name] = list(value) if isinstance(value, tuple) else value
  return described


def features_to_plain(features: Features) -> dict[str, Any]:
  """Features as JSON knows them; where a world's values have them is left out."""
  return {"layout": LAYOUT, "features": {name: _plain(part) for name, part in features.items()}}


def _whole(value: Any) -> int:
  if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_ELEMENTS:
    raise ValueError(f"a size is {shown(value)}")
  return value


def _text(value: Any) -> str:
  if not isinstance(value, str):
    raise ValueError(f"a text is {shown(value)}")
  return value


def _fields(value: Mapping[str, Any], depth: int) -> dict[str, Any]:
  fields: dict[str, Any] = {}
  for name, item in value.items():
    if name == "kind":
      continue
    if name == "feature":
      fields[name] = _one(item, depth + 1)
    elif name == "coding":
      fields[name] = Coding(_text(item["kind"]), _text(item["limits"]))
    elif name == "shape":
      if len(item) > MAX_DIMENSIONS:
        raise ValueError(f"a shape has {len(item)} dimensions")
      fields[name] = tuple(map(_whole, item))
      _whole(math.prod(max(1, side) for side in fields[name]))
    elif name == "length":
      fields[name] = None if item is None else _whole(item)
    elif name == "names":
      if not isinstance(item, list) or len(item) > MAX_NAMES:
        raise ValueError("names must be a list, and not too many")
      fields[name] = tuple(map(_text, item))
    elif name == "zlib":
      if not isinstance(item, bool):
        raise ValueError(f"zlib is {shown(item)}")
      fields[name] = item
    else:
      fields[name] = _text(item)
  return fields


def _one(value: Any, depth: int) -> Any:
  if depth > MAX_DEPTH:
    raise ValueError("groups nest too deeply")
  if value["kind"] == "group":
    return {name: _one(part, depth + 1) for name, part in value["features"].items()}
  kind = _KINDS.get(value["kind"])
  if kind is None:
    raise ValueError(f"there is no feature of the kind {shown(value['kind'])}")
  return kind(**_fields(value, depth))


def features_from_plain(value: Any, name: str) -> Features:
  """The inverse of `features_to_plain`.

  Args:
    name: of the file, for errors.

  Raises:
    KubricGenError: the value is no description, or one of an older layout.
  """
  if not isinstance(value, Mapping) or "layout" not in value:
    raise KubricGenError(f"{name} does not describe the features: the dataset was made by an older version, or not by "
                         "kubric-gen; make it again, or read it with TFDS")
  if value["layout"] != LAYOUT:
    raise KubricGenError(f"{name} is of the layout {shown(value['layout'])}, not {LAYOUT}: make the dataset again, or read "
                         "it with the version that made it")
  try:
    return {name: _one(part, 0) for name, part in value["features"].items()}
  except (KeyError, TypeError, ValueError, AttributeError, RecursionError, KubricGenError) as error:
    reason = " ".join(str(error).split())[:MAX_REASON]
    raise KubricGenError(f"{name} cannot be read ({type(error).__name__}: {reason}): make the dataset again") from None
