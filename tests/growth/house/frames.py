"""A schema: one record for each frame of each view, with no time axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubric_gen.schema import Coding, Image, Label, Schema, Tensor, Text


@dataclass(frozen=True)
class Frames(Schema):
  """Records of single frames.

  Attributes:
    kinds: what the object of a scene may be.
  """

  kinds: tuple[str, ...]
  layers = ("proximity", "tracks")

  def features(self, config: Any, resolution: tuple[int, int]) -> Mapping[str, Any]:
    height, width = (side // 2 for side in resolution)
    return {
        "id": Text(), "view": Text(), "frame": Tensor("int32"), "kind": Label(self.kinds), "pair_id": Text(),
        "size": Tensor("float32", unit="m"), "far": Tensor("float32", (2,)), "query": Tensor("float32", (3,)),
        "proximity": Image((height, width, 1), "uint16", coding=Coding("unit"), meaning="1 / (1 + distance in metres)"),
        "stretched": Image((height, width, 1), "uint16", coding=Coding("range", "far"), meaning="the same over its own range")}

  def records(self, example: Any, scene_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for view in example.views:
      step = view.camera.resolution[0] // (example.views[0].metadata.resolution[0] // 2)
      for t, frame in enumerate(view.layers["proximity"]):
        small = frame[::step, ::step]
        key = f"{scene_id}/{view.name}_{t}"
        yield key, {"id": key, "view": view.name, "frame": t, "kind": view.metadata["kind"], "pair_id": view.metadata.pair_id,
                    "size": view.metadata["size"], "far": [float(small.min()), float(small.max())], "proximity": small,
                    "stretched": small, "query": view.arrays["tracks"]["query_points"][0]}
