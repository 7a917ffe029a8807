"""What exports of posed images have in common: the frames of an example, each with its name, split, pose and lens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.png import encode_png
from kubric_gen.errors import KubricGenError
from kubric_gen.example.cameras import camera_data
from kubric_gen.example.example import Example, View
from kubric_gen.example.frames import Frame
from kubric_gen.scene.layers import NOTHING_HIT
from kubric_gen.scene.posed_views import PosedView
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.transforms import pose_matrix, rotation_matrix
from kubric_gen.scene.validation import file_name
from kubric_gen.sinks.example_folders import ExampleFolders
from kubric_gen.sinks.lenses import Array, Lens, lens_of, pixel_directions

TRAIN = "train"
SHORT = {"validation": "val"}
"""What other programs call our splits, where they call them otherwise."""

MOVED = 1e-9
"""By how much a pose differs between two frames, in metres or in a quaternion, of what is said to move."""
_FARTHEST = 1e9


@dataclass(frozen=True, eq=False)
class PosedFrame:
  """A frame of an example.

  Attributes:
    name: unique in the example, and fit for a file name. split: of the dataset that it belongs to.
    view: that it is a frame of. t: its index there. lens: of the camera.
    position (3,): of the camera, metres. quaternion (4,): (w, x, y, z), unit, camera to world; it looks along local -Z.
    moving (K + 1,) bool: which labels of the segmentation are of instances that move.
  """

  name: str
  split: str
  view: View
  t: int
  lens: Lens
  position: Array
  quaternion: Array
  moving: NDArray[np.bool_]

  @property
  def to_world(self) -> Array:
    """Camera to world (4, 4), for a camera that looks along -Z with +Y up, as OpenGL's do."""
    return pose_matrix(self.position, self.quaternion)

  @property
  def quaternion_cv(self) -> Array:
    """World to camera as a quaternion (4,) with w >= 0, for OpenCV's axes."""
    w, x, y, z = self.quaternion
    turned = np.array([-x, -w, -z, y])  # the inverse of the camera's turn after half a turn about X
    return (-turned if turned[0] < 0 else turned) + 0.0  # + 0.0 leaves no negative zeros

  @property
  def translation_cv(self) -> Array:
    """World to camera: what is added (3,) after the turn, for OpenCV's axes."""
    return 0.0 - (rotation_matrix(self.quaternion_cv) * self.position).sum(axis=1)

  def to_camera(self, points: Array) -> Array:
    """Points (N, 3) of the world in camera coordinates, with OpenCV's axes."""
    # Sums of products rather than a matrix product, whose last digits depend on the library
    return (rotation_matrix(self.quaternion_cv) * points[:, None, :]).sum(axis=2) + self.translation_cv

  def layer(self, name: str) -> Frame:
    """A layer's frame (H, W, C).

    Raises:
      KubricGenError: it has another size than the camera says.
    """
    frame = self.view.layers[name][self.t]
    if frame.shape[:2] != (self.lens.height, self.lens.width):
      raise KubricGenError(f"the frame {self.name} of {name} has {frame.shape[1]}x{frame.shape[0]} pixels and its camera "
                           f"{self.lens.width}x{self.lens.height}: make the scene again")
    return frame

  def labels(self) -> NDArray[np.int64]:
    """Labels (H, W) of the segmentation.

    Raises:
      KubricGenError: there is one without an instance.
    """
    labels = self.layer("segmentation")[..., 0].astype(np.int64)
    if labels.max(initial=0) >= len(self.moving):
      raise KubricGenError(f"the frame {self.name} shows the instance {labels.max()} of {len(self.moving) - 1}: make the scene "
                           "again")
    return labels

  def z(self) -> Array:
    """Distances (H, W) to the camera's plane in metres; 0 where nothing is hit."""
    distance = self.layer("depth")[..., 0].astype(np.float64)
    hit = (distance > 0) & (distance < NOTHING_HIT)
    along = np.sqrt((pixel_directions(self.lens) ** 2).sum(axis=2))
    return np.where(hit & np.isfinite(along), distance, 0.0) / np.where(np.isfinite(along), along, 1.0)


def moving_labels(view: View) -> NDArray[np.bool_]:
  """Which labels (K + 1,) of the segmentation are of instances that do not stay; the background's does.

  Of a clip it is those whose pose differs between frames; posed views may be some of many, so that the scene's word counts, too.
  """
  said = [bool(view.metadata.views and item.get("is_dynamic")) for item in view.instances]
  return np.array([False, *(each or _moves(item.positions, item.quaternions) for each, item in zip(said, view.instances))])


def _moves(positions: Array, quaternions: Array) -> bool:
  if not len(positions):
    return False
  same = np.where((quaternions * quaternions[0]).sum(axis=1, keepdims=True) < 0, -quaternions, quaternions)
  return not (np.ptp(positions, axis=0).max() <= MOVED and np.ptp(same, axis=0).max() <= MOVED)  # so that NaN moves


def _checked_poses(view: View) -> tuple[Array, Array]:
  """Positions (T, 3) and unit quaternions (T, 4) of a view's camera."""
  camera = view.camera
  with np.errstate(over="ignore"):
    lengths = np.sqrt((camera.quaternions ** 2).sum(axis=1))
  if not (np.abs(camera.positions) < _FARTHEST).all() or not (np.abs(lengths - 1) < 1e-6).all():
    raise KubricGenError(f"the camera {camera.name} has poses that no camera has: make the scene again")
  return camera.positions, camera.quaternions / lengths[:, None]


def posed_frames(example: Example, sink: str) -> list[PosedFrame]:
  """All frames of all views. Posed views have their own names and splits; the frames of a clip are named by their index and
  belong to `train`. Where there are several cameras, their names come first.

  Args:
    sink: that wants them, named in errors.

  Raises:
    KubricGenError: cameras that the sink does not know, or a damaged scene.
  """
  metadata = example.metadata
  posed = metadata.views
  named = [(each.name, each.split) for each in posed] or [(f"{t:05d}", TRAIN) for t in range(metadata.num_frames)]
  frames = []
  for view in example.views:
    lens, (positions, quaternions), moving = lens_of(view.camera, sink), _checked_poses(view), moving_labels(view)
    if len(positions) != len(named):
      raise KubricGenError(f"the view {view.name} has {len(positions)} frames and the main one {len(named)}: make the scene "
                           "again")
    prefix = f"{view.name}_" if len(example.views) > 1 else ""
    frames += [PosedFrame(file_name(prefix + name, "name of a frame"), split, view, t, lens, positions[t], quaternions[t], moving)
               for t, (name, split) in enumerate(named)]
  if len({frame.name for frame in frames}) < len(frames):
    raise KubricGenError("two frames of the scene have the same name: make the scene again")
  return frames


class PosedImages(ExampleFolders):
  """A sink for what trains fields and their like: images with poses, a folder per example."""

  def check_scene(self, key: str, scene: Scene) -> None:
    self._check_splits(key, (view.split for view in scene.posed_views or (PosedView("one", TRAIN),)))
    for camera in scene.cameras:
      lens_of(camera_data(scene, camera, scene.resolution_of(camera)), self.name)

  def check_item(self, key: str, item: Example) -> None:
    super().check_item(key, item)
    frames = self.frames(item)
    self._check_splits(key, (frame.split for frame in frames))
    self.check_frames(frames)

  def _check_splits(self, key: str, splits: Iterable[str]) -> None:
    if TRAIN not in splits:
      raise KubricGenError(f"the scene{f' {key}' if key else ''} has no training views for {self.name}: make it with some")

  def frames(self, item: Example) -> list[PosedFrame]:
    """All frames of an example; see `posed_frames`."""
    return posed_frames(item, self.name)

  def check_frames(self, frames: list[PosedFrame]) -> None:
    """Makes sure that the format has a way to say this.

    Raises:
      KubricGenError: it has none.
    """


def json_bytes(value: Any) -> bytes:
  """A JSON file of plain values: one key a line."""
  return (json.dumps(value, indent=1, allow_nan=False) + "\n").encode()


def write_images(frames: list[PosedFrame], folder: Path) -> Iterator[tuple[PosedFrame, str]]:
  """Writes the colour of each frame to `<folder>/<name>.png` (RGBA), one after the other; gives frames and names of files."""
  folder.mkdir(parents=True, exist_ok=True)
  for frame in frames:
    file = f"{frame.name}.png"
    (folder / file).write_bytes(encode_png(frame.layer("rgba")))
    yield frame, file
