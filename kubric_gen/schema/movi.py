"""The schema of the published MOVi datasets: one record per video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kubric_gen.scene.cameras import Resolution
from kubric_gen.schema.coding import Coding
from kubric_gen.schema.features import Box, Feature, Features, Image, Sequence, Tensor, Text, Video
from kubric_gen.schema.schema import ClipConfig, Schema

if TYPE_CHECKING:
  from kubric_gen.example.example import Example, View

LAYERS = ("rgba", "segmentation", "depth", "normal", "object_coordinates", "forward_flow", "backward_flow")
RANGED = ("depth", "forward_flow", "backward_flow")
"""Layers stored as 16 bits over the range of their clip, which is in the record's metadata."""
NO_INSTANCE = 65535
MAX_VISIBILITY = 65535


def _clip_range(name: str) -> Coding:
  return Coding("range", f"metadata/{name}_range")


def _metadata() -> dict[str, Feature]:
  pair, count = Tensor("float32", (2,), meaning="least and greatest value of the clip"), Tensor("int32", unit="px")
  return {"video_name": Text(), "height": count, "width": count, "num_frames": Tensor("int32"), "num_instances": Tensor("uint16"),
          **{f"{name}_range": pair for name in RANGED}}


def _camera(frames: int) -> dict[str, Feature]:
  millimetres = Tensor("float32", unit="mm")
  return {"focal_length": millimetres, "sensor_width": millimetres, "field_of_view": Tensor("float32", unit="rad"),
          "positions": Tensor("float32", (frames, 3), unit="m"),
          "quaternions": Tensor("float32", (frames, 4), meaning="(w, x, y, z), local to world; it looks along local -Z")}


def _instance(frames: int) -> dict[str, Feature]:
  number = Tensor("float32")
  return {
      "mass": Tensor("float32", unit="kg"), "friction": number, "restitution": number,
      "positions": Tensor("float32", (frames, 3), unit="m", meaning="of the centre of mass"),
      "quaternions": Tensor("float32", (frames, 4), meaning="(w, x, y, z), local to world"),
      "velocities": Tensor("float32", (frames, 3), unit="m/s"),
      "angular_velocities": Tensor("float32", (frames, 3), unit="rad/s"),
      "bboxes_3d": Tensor("float32", (frames, 8, 3), unit="m", meaning="corners of the rest box carried by the pose"),
      "image_positions": Tensor("float32", (frames, 2), meaning="(x, y) from 0 to 1"),
      "bboxes": Sequence(Box(), meaning="of the frames in which it is seen"), "bbox_frames": Sequence(Tensor("int32")),
      "visibility": Tensor("uint16", (frames,), unit="px")}


def _collision() -> dict[str, Feature]:
  return {"instances": Tensor("uint16", (2,), meaning=f"{NO_INSTANCE} for floor and background"), "frame": Tensor("int32"),
          "force": Tensor("float32", unit="N"), "position": Tensor("float32", (3,), unit="m"),
          "image_position": Tensor("float32", (2,)), "contact_normal": Tensor("float32", (3,))}


def _movi_record(view: View, video_name: str) -> dict[str, Any]:
  layers, (width, height) = view.layers, view.metadata.resolution
  instances = [{**item, "visibility": np.minimum(item.visibility, MAX_VISIBILITY)} for item in view.instances]
  collisions = [{**event, "instances": [NO_INSTANCE if i < 0 else i for i in event.instances]} for event in view.collisions]
  return {
      **view.metadata,
      "metadata": {**view.metadata, "video_name": video_name, "height": height, "width": width,
                   **{f"{name}_range": layers[name].extremes() for name in RANGED}},
      "camera": view.camera, "instances": instances, "events": {"collisions": collisions},
      "video": layers["rgba"].map(lambda frame: frame[..., :3]), "segmentations": layers["segmentation"],
      **{name: layers[name] for name in (*RANGED, "normal", "object_coordinates")}}


@dataclass(frozen=True)
class MoviSchema(Schema):
  """A video with everything that MOVi publishes, under its names, and what a world adds.

  Attributes:
    instances, scene, metadata: features beyond MOVi's common ones: of each instance, of the record, of its metadata. A feature
      takes its value from what is known of the instance or the scene, the world's labels among it.
  """

  instances: Mapping[str, Feature] = field(default_factory=dict)
  scene: Mapping[str, Feature] = field(default_factory=dict)
  metadata: Mapping[str, Feature] = field(default_factory=dict)
  layers = LAYERS

  def features(self, config: ClipConfig, resolution: Resolution) -> Features:
    (height, width), frames = resolution, config.num_frames

    def flow(name: str) -> Sequence:
      return Sequence(Tensor("uint16", (height, width, 2), zlib=True, unit="px", coding=_clip_range(name)), frames,
                      meaning="(Δrow, Δcolumn)")

    return {
        "metadata": {**_metadata(), **self.metadata}, "camera": _camera(frames),
        "instances": Sequence({**_instance(frames), **self.instances}), "events": {"collisions": Sequence(_collision())},
        "video": Video((frames, height, width, 3), unit="sRGB"),
        "segmentations": Sequence(Image((height, width, 1)), frames, meaning="0 for background, k for the k-th instance"),
        "depth": Sequence(Image((height, width, 1), "uint16", unit="m", coding=_clip_range("depth")), frames,
                          meaning="distance from the camera's centre"),
        "forward_flow": flow("forward_flow"), "backward_flow": flow("backward_flow"),
        "normal": Video((frames, height, width, 3), "uint16", coding=Coding("signed"), meaning="unit vectors, world space"),
        "object_coordinates": Video((frames, height, width, 3), "uint16", coding=Coding("unit"),
                                    meaning="position in the rest box"),
        **self.scene}

  def records(self, example: Example, scene_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """One record per view. Instance ids above 255 do not fit the features: encoding refuses them."""
    for view in example.views:
      key = scene_id if len(example.views) == 1 else f"{scene_id}/{view.name}"
      yield key, _movi_record(view, key)
