"""The schema of stills: one record for each frame of each view, with no time axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kubric_gen.errors import KubricGenError
from kubric_gen.scene.cameras import Resolution
from kubric_gen.scene.layers import LAYERS, LayerSpec, Storage
from kubric_gen.schema.coding import Coding
from kubric_gen.schema.features import Feature, Features, Image, Tensor, Text
from kubric_gen.schema.schema import Schema

if TYPE_CHECKING:
  from kubric_gen.example.example import Example, View

_IMAGE_CHANNELS = (1, 3, 4)
"""Of PNG files; layers with others are stored as compressed tensors."""


def layer_features(spec: LayerSpec, resolution: Resolution) -> dict[str, Feature]:
  """What holds a frame of a layer, coded as the layer is stored; with a range, also the feature that has it.

  Raises:
    KubricGenError: frames of this layer are not all of one shape.
  """
  if spec.channels is None:
    raise KubricGenError(f"the layer {spec.name} has another shape in every scene: a record of stills cannot hold it")
  shape = (*resolution, spec.channels)
  told: dict[str, Any] = {"unit": spec.unit, "meaning": spec.meaning}
  if spec.storage is Storage.FLOAT:
    return {spec.name: Tensor("float32", shape, zlib=True, **told)}
  if spec.storage in (Storage.IMAGE, Storage.PALETTE):
    return {spec.name: Image(shape, "uint8", **told)}
  limits = f"{spec.name}_range" if spec.storage is Storage.RANGE else ""
  coding = Coding(str(spec.storage), limits)
  found: dict[str, Feature] = {spec.name: (
      Image(shape, "uint16", coding=coding, **told) if spec.channels in _IMAGE_CHANNELS else
      Tensor("uint16", shape, zlib=True, coding=coding, **told))}
  if limits:
    found[limits] = Tensor("float32", (2,), unit=spec.unit, meaning="least and greatest value of the frame")
  return found


@dataclass(frozen=True)
class Stills(Schema):
  """Records of single images, each with its layers and its camera.

  All views have the scene's resolution.

  Attributes:
    layers: what each record holds, each under its own name, coded as it is stored in a scene directory.
    scene: further features, whose values are the world's labels of the scene, or its metadata.
  """

  layers: tuple[str, ...] = ("rgba", "segmentation", "depth")
  scene: Mapping[str, Feature] = field(default_factory=dict)

  def features(self, config: Any, resolution: Resolution) -> Features:
    found: dict[str, Feature] = {
        "id": Text(meaning="the key of the record"), "view": Text(meaning="the camera's name"), "frame": Tensor("int32"),
        "intrinsics": Tensor("float32", (3, 3), unit="px", meaning="K in OpenCV's form, pixel centres at half-integers"),
        "world_to_camera": Tensor("float32", (4, 4), meaning="extrinsics in OpenCV's axes"), **self.scene}
    for name in self.layers:
      found |= layer_features(LAYERS[name], resolution)
    return found

  def records(self, example: Example, scene_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    frames = example.metadata.num_frames
    for view in example.views:
      for t in range(frames):
        parts = [scene_id, *([view.name] if len(example.views) > 1 else ()), *([f"{t:05d}"] if frames > 1 else ())]
        key = "/".join(parts)
        yield key, {**view.metadata, **self._record(view, t), "id": key}

  def _record(self, view: View, t: int) -> dict[str, Any]:
    record: dict[str, Any] = {"view": view.name, "frame": t, "intrinsics": view.camera.intrinsics_cv,
                              "world_to_camera": view.camera.extrinsics_cv[t]}
    for name in self.layers:
      frame = view.layers[name][t]
      record[name] = frame
      if LAYERS[name].storage is Storage.RANGE:
        record[f"{name}_range"] = np.array([frame.min(), frame.max()], np.float32)
    return record
