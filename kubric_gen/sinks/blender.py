"""The format of NeRF's synthetic scenes, which were made with Blender: RGBA images of three splits, and their poses."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.example.example import Example
from kubric_gen.sinks.lenses import Lens
from kubric_gen.sinks.posed_frames import SHORT, TRAIN, PosedFrame, PosedImages, json_bytes, write_images
from kubric_gen.sinks.sink import add_sink

SPLITS = (TRAIN, "val", "test")
"""That its readers ask for, whether there are views or not; other splits come after them."""
_CLOSE = 1e-6
"""In pixels: by how much lenses may differ that are said to be the same."""


def transforms_file(split: str) -> str:
  """The name of the file of a split's poses."""
  return f"transforms_{split}.json"


def _is_plain(lens: Lens) -> bool:
  """Whether one angle of view says all of a lens."""
  return (not lens.distortion and abs(lens.fx - lens.fy) < _CLOSE
          and abs(lens.cx - lens.width / 2) < _CLOSE and abs(lens.cy - lens.height / 2) < _CLOSE)


def _are_same(one: Lens, other: Lens) -> bool:
  return (one.width, one.height) == (other.width, other.height) and abs(one.fx - other.fx) < _CLOSE


@add_sink
class Blender(PosedImages):
  """A folder `<target>/<key>/` per example with `transforms_{train,val,test}.json`, and images in `train/`, `val/`, `test/`."""

  name, folder = "blender", "blender"
  layers = ("rgba",)
  mark, what = transforms_file(TRAIN), "export in NeRF's synthetic format"

  def check_frames(self, frames: list[PosedFrame]) -> None:
    first = frames[0]
    for frame in frames:
      if frame.split.startswith("transforms_"):  # its folder would have the name of a file
        raise KubricGenError(f"{self.name} cannot have a split {shown(frame.split)}: rename it")
      if not _is_plain(frame.lens):
        raise KubricGenError(f"{self.name} has no cameras like {frame.view.name}, only those with square pixels, a centred "
                             "principal point and no distortion: choose another format, such as nerfstudio")
      if not _are_same(frame.lens, first.lens):
        raise KubricGenError(f"{self.name} has one field of view and resolution for all images, and the cameras "
                             f"{first.view.name} and {frame.view.name} differ: choose another format, such as nerfstudio")

  def write(self, item: Example, folder: Path) -> None:
    frames = self.frames(item)
    splits: dict[str, list[PosedFrame]] = {split: [] for split in SPLITS}
    for frame in frames:
      splits.setdefault(SHORT.get(frame.split, frame.split), []).append(frame)
    angle = 2 * math.atan(frames[0].lens.width / 2 / frames[0].lens.fx)
    for split, members in splits.items():
      described: list[dict[str, Any]] = []
      for frame, _ in write_images(members, folder / split):
        described.append({"file_path": f"./{split}/{frame.name}", "transform_matrix": frame.to_world.tolist()})
      (folder / transforms_file(split)).write_bytes(json_bytes({"camera_angle_x": angle, "frames": described}))
