"""The record of one video in the format of the published MOVi datasets: its features, and how an example fills them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.world.splits import DatasetSpec
from kubric_gen.example import Frame, LazyFrames, View
from kubric_gen.schema.features import Box, Features, Image, Sequence, Tensor, Text, Video
from kubric_gen.codecs.quantization import quantize_normal, quantize_range, quantize_unit

RANGED = ("depth", "forward_flow", "backward_flow")
"""Layers stored as 16 bits over the range of their clip: value = v / 65535 * (max - min) + min."""
NO_INSTANCE = 65535
MAX_VISIBILITY = 65535


def movi_features(dataset: DatasetSpec, resolution: tuple[int, int], num_frames: int) -> Features:
  """What a record holds: MOVi's common features and those that the dataset adds."""
  (height, width), frames = resolution, num_frames
  number, vector, pair = Tensor("float32"), Tensor("float32", (3,)), Tensor("float32", (2,))
  flow = Sequence(Tensor("uint16", (height, width, 2), zlib=True), frames)
  return {
      "metadata": {
          "video_name": Text(), "height": Tensor("int32"), "width": Tensor("int32"), "num_frames": Tensor("int32"),
          "num_instances": Tensor("uint16"), "depth_range": pair, "forward_flow_range": pair, "backward_flow_range": pair,
          **dataset.metadata},
      "camera": {
          "focal_length": number, "sensor_width": number, "field_of_view": number,
          "positions": Tensor("float32", (frames, 3)), "quaternions": Tensor("float32", (frames, 4))},
      "instances": Sequence({
          "mass": number, "friction": number, "restitution": number,
          "positions": Tensor("float32", (frames, 3)), "quaternions": Tensor("float32", (frames, 4)),
          "velocities": Tensor("float32", (frames, 3)), "angular_velocities": Tensor("float32", (frames, 3)),
          "bboxes_3d": Tensor("float32", (frames, 8, 3)), "image_positions": Tensor("float32", (frames, 2)),
          "bboxes": Sequence(Box()), "bbox_frames": Sequence(Tensor("int32")), "visibility": Tensor("uint16", (frames,)),
          **dataset.instances}),
      "events": {"collisions": Sequence({
          "instances": Tensor("uint16", (2,)), "frame": Tensor("int32"), "force": number, "position": vector,
          "image_position": pair, "contact_normal": vector})},
      "video": Video((frames, height, width, 3)),
      "segmentations": Sequence(Image((height, width, 1)), frames),
      "depth": Sequence(Image((height, width, 1), "uint16"), frames),
      "forward_flow": flow, "backward_flow": flow,
      "normal": Video((frames, height, width, 3), "uint16"),
      "object_coordinates": Video((frames, height, width, 3), "uint16"),
      **dataset.scene}


def layer_range(frames: Iterable[Frame]) -> tuple[float, float]:
  """The least and the greatest value of a layer."""
  extremes = [(float(frame.min()), float(frame.max())) for frame in frames]
  return min(low for low, _ in extremes), max(high for _, high in extremes)


def movi_record(view: View, rgb: Iterable[NDArray[np.uint8]], video_name: str) -> dict[str, Any]:
  """The values for `movi_features`. Instance ids above 255 do not fit them: `encode` refuses those.

  Args:
    view: with MOVi's geometry layers. Its metadata gives the values of features that the dataset adds to the record.
    rgb: the frames (H, W, 3).
    video_name: of the record.
  """
  width, height = view.metadata["resolution"]
  ranges = {name: layer_range(view.layers[name]) for name in RANGED}

  def quantized(name: str) -> LazyFrames:
    return view.layers[name].map(lambda frame: quantize_range(frame, *ranges[name]))

  def place(index: int) -> int:
    return NO_INSTANCE if index < 0 else index

  instances = [{**item, "visibility": np.minimum(item["visibility"], MAX_VISIBILITY)} for item in view.instances]
  collisions: list[Mapping[str, Any]] = [{**event, "instances": [place(i) for i in event["instances"]]}
                                         for event in view.collisions]
  return {
      **view.metadata,
      "metadata": {**view.metadata, "video_name": video_name, "height": height, "width": width,
                   **{f"{name}_range": ranges[name] for name in RANGED}},
      "camera": view.camera, "instances": instances, "events": {"collisions": collisions},
      "video": rgb, "segmentations": view.layers["segmentation"],
      **{name: quantized(name) for name in RANGED},
      "normal": view.layers["normal"].map(quantize_normal),
      "object_coordinates": view.layers["object_coordinates"].map(quantize_unit)}
