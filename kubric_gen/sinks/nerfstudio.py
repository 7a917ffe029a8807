"""nerfstudio's own format: images with poses, depth and masks, and a cloud of points to start from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.png import encode_png
from kubric_gen.example.example import Example
from kubric_gen.sinks.lenses import COEFFICIENTS, Array, Lens
from kubric_gen.sinks.posed_frames import SHORT, PosedFrame, PosedImages, json_bytes, write_images
from kubric_gen.sinks.sink import add_sink
from kubric_gen.sinks.surface_points import LAYERS, SurfacePoints, surface_points

TRANSFORMS, IMAGES, DEPTHS, MASKS, POINTS = "transforms.json", "images", "depths", "masks", "sparse_pc.ply"
SPLITS = ("train", "val", "test")
METRES = 0.001
"""What a unit of depth is."""


def _intrinsics(lens: Lens) -> dict[str, Any]:
  distortion = dict(zip(COEFFICIENTS, lens.distortion or (0.0,) * 4))
  return {"fl_x": lens.fx, "fl_y": lens.fy, "cx": lens.cx, "cy": lens.cy, "w": lens.width, "h": lens.height, **distortion}


def _millimetres(z: Array) -> NDArray[np.uint16]:
  """Depth (H, W, 1) in whole units; 0 where nothing is hit, or farther than 16 bits can say."""
  units = np.rint(z / METRES)
  return np.where(units <= np.iinfo(np.uint16).max, units, 0).astype(np.uint16)[..., None]


def _point_cloud(points: SurfacePoints) -> bytes:
  """A PLY file."""
  header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}",
            *(f"property double {axis}" for axis in "xyz"), *(f"property uchar {name}" for name in ("red", "green", "blue")),
            "end_header", ""]
  table = np.zeros(len(points), [("position", "<f8", 3), ("color", "u1", 3)])
  table["position"], table["color"] = points.positions, points.colors
  return "\n".join(header).encode() + table.tobytes()


def _split_lists(frames: Sequence[PosedFrame]) -> dict[str, list[str]]:
  """Which images belong to which split.

  An empty list would leave nerfstudio nothing to evaluate: where validation or test has no views it has the other's, and where
  neither has any nothing is said, so that nerfstudio divides the images itself.
  """
  lists = {split: [f"{IMAGES}/{frame.name}.png" for frame in frames if SHORT.get(frame.split, frame.split) == split]
           for split in SPLITS}
  held_out = lists["val"] or lists["test"]
  if not held_out:
    return {}
  return {f"{split}_filenames": names or held_out for split, names in lists.items()}


@add_sink
class Nerfstudio(PosedImages):
  """A folder `<target>/<key>/` per example with `transforms.json`, `images/`, `depths/` (planar z, whole millimetres, 0 where
  nothing is hit or beyond 65.5 m), `masks/` (0 where something moves, 255 elsewhere) and `sparse_pc.ply`."""

  name, folder = "nerfstudio", "nerfstudio"
  layers = LAYERS
  mark, what = TRANSFORMS, "export for nerfstudio"

  def write(self, item: Example, folder: Path) -> None:
    frames = self.frames(item)
    lenses = {frame.lens for frame in frames}
    described = []
    for name in (DEPTHS, MASKS):
      (folder / name).mkdir()
    for frame, file in write_images(frames, folder / IMAGES):
      (folder / DEPTHS / file).write_bytes(encode_png(_millimetres(frame.z())))
      stays = ~frame.moving[frame.labels()]
      (folder / MASKS / file).write_bytes(encode_png(stays[..., None].astype(np.uint8) * 255))
      labels = item.metadata.views[frame.t].labels if item.metadata.views else {}
      described.append({**labels, "file_path": f"{IMAGES}/{file}", "depth_file_path": f"{DEPTHS}/{file}",
                        "mask_path": f"{MASKS}/{file}", "split": frame.split, "transform_matrix": frame.to_world.tolist(),
                        **(_intrinsics(frame.lens) if len(lenses) > 1 else {})})
    (folder / POINTS).write_bytes(_point_cloud(surface_points(frames)))
    (folder / TRANSFORMS).write_bytes(json_bytes({
        "camera_model": "OPENCV", **(_intrinsics(frames[0].lens) if len(lenses) == 1 else {}), "depth_unit_scale_factor": METRES,
        "ply_file_path": POINTS, **_split_lists(frames), "frames": described}))
