"""What is known per instance, per camera and per collision, as plain records for the metadata."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations.ground_truth import GroundTruth
from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.scene.cameras import Camera, PerspectiveCamera
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.transforms import bounding_box_corners, pose_matrix, rotation_matrix, to_world

Array = NDArray[np.float64]


class VisibilityRecord:
  """Pixel counts and 2-D boxes of the foreground objects, frame by frame, in the scene's order."""

  def __init__(self, num_objects: int) -> None:
    self._num = num_objects
    self._visible: list[NDArray[np.int64]] = []
    self._amodal: list[NDArray[np.int64]] = []
    self._boxes: list[list[tuple[float, float, float, float] | None]] = []

  def add(self, labels: NDArray[np.uint16], amodal_pixels: NDArray[np.int64]) -> None:
    """One frame: labels (H, W, 1) with k for the k-th foreground object, and pixels (K,) of the full masks."""
    labels = labels[..., 0]
    height, width = labels.shape
    self._visible.append(np.bincount(labels.ravel(), minlength=self._num + 1)[1:])
    self._amodal.append(amodal_pixels)
    boxes: list[tuple[float, float, float, float] | None] = []
    for k in range(1, self._num + 1):
      if not self._visible[-1][k - 1]:
        boxes.append(None)
        continue
      where = labels == k
      rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
      boxes.append((rows[0] / height, columns[0] / width, (rows[-1] + 1) / height, (columns[-1] + 1) / width))
    self._boxes.append(boxes)

  @property
  def visibility(self) -> NDArray[np.int64]:
    """Visible pixels (T, K)."""
    return np.array(self._visible, np.int64).reshape(len(self._visible), self._num)

  @property
  def amodal(self) -> NDArray[np.int64]:
    """Pixels of the full masks (T, K)."""
    return np.array(self._amodal, np.int64).reshape(len(self._amodal), self._num)

  def boxes(self, k: int) -> tuple[list[list[float]], list[int]]:
    """Boxes [ymin, xmin, ymax, xmax] in [0, 1], max exclusive, and the frames (array indices) they belong to."""
    found = [(t, frame[k]) for t, frame in enumerate(self._boxes)]
    return [[float(side) for side in box] for _, box in found if box], [t for t, box in found if box]

  def order(self) -> list[int]:
    """Foreground objects seen at least once, most visible pixels first; equal ones keep the scene's order."""
    total = self.visibility.sum(axis=0)
    return [int(k) for k in np.argsort(-total, kind="stable") if total[k] > 0]


def image_positions(points: Array, camera: Camera, positions: Array, quaternions: Array,
                    resolution: tuple[int, int]) -> Array:
  """Normalised (x, y) of world points (T, 3) seen from poses (T, …); points behind the camera are mirrored, as in MOVi."""
  local = np.einsum("ti,tij->tj", points - positions, rotation_matrix(quaternions))
  if isinstance(camera, PerspectiveCamera):
    depth = np.where(np.abs(local[:, 2]) < 1e-9, -1e-9, local[:, 2])
  else:
    depth = np.full(len(local), -1.0)
    local = np.concatenate([local[:, :2], depth[:, None]], axis=1)
  projected = np.concatenate([local[:, :2], depth[:, None]], axis=1) @ camera.intrinsics(resolution).T
  return projected[:, :2] / projected[:, 2:]


def camera_record(scene: Scene, camera: Camera, resolution: tuple[int, int]) -> dict[str, Any]:
  """Projection and poses of a camera at the rendered frames."""
  frames = np.arange(1, scene.num_frames + 1)
  positions, quaternions = camera.poses(frames)
  perspective = isinstance(camera, PerspectiveCamera)
  height, width = resolution
  record: dict[str, Any] = {
      "name": camera.name, "projection": "perspective" if perspective else "orthographic",
      "positions": positions, "quaternions": quaternions, "K": camera.intrinsics(resolution),
      "R": pose_matrix(positions[0], quaternions[0]), "intrinsics_cv": camera.intrinsics_cv(resolution),
      "extrinsics_cv": camera.extrinsics_cv(frames)}
  if isinstance(camera, PerspectiveCamera):
    record |= {"focal_length": camera.focal_length, "sensor_width": camera.sensor_width,
               "field_of_view": camera.field_of_view, "sensor_height": camera.sensor_width * height / width}
  else:
    record |= {"focal_length": None, "sensor_width": None, "field_of_view": None,
               "orthographic_scale": getattr(camera, "scale", None)}
  return record


def instance_records(truth: GroundTruth, seen: VisibilityRecord) -> list[dict[str, Any]]:
  """One record per instance, in the order of `seen`."""
  scene, motion, camera = truth.scene, truth.motion, truth.camera
  rows = slice(1, scene.num_frames + 1)
  camera_poses = camera.poses(np.arange(1, scene.num_frames + 1))
  visibility, amodal = seen.visibility, seen.amodal
  records = []
  for k in seen.order():
    index = truth.foreground[k]
    item = scene.objects[index]
    positions, quaternions = motion.positions[rows, index], motion.quaternions[rows, index]
    corners = bounding_box_corners(load_mesh(item.shape).bounds)
    boxes, frames = seen.boxes(k)
    records.append({
        "scale": item.scale, "is_dynamic": not item.static, **item.labels,  # of these two a world may know more
        "name": item.name, "asset_id": item.asset_id, "mass": mass_of(item), "friction": item.friction,
        "restitution": item.restitution,
        "positions": positions, "quaternions": quaternions,
        "velocities": motion.velocities[rows, index], "angular_velocities": motion.angular_velocities[rows, index],
        "bboxes_3d": np.stack([to_world(corners, p, q, item.scale) for p, q in zip(positions, quaternions)]),
        "image_positions": image_positions(positions, camera, *camera_poses, truth.resolution),
        "bboxes": boxes, "bbox_frames": frames, "visibility": visibility[:, k],
        "visibility_fraction": visibility[:, k] / np.maximum(amodal[:, k], 1)})
  return records


def collision_records(truth: GroundTruth, seen: VisibilityRecord) -> list[dict[str, Any]]:
  """Collisions that begin within the clip, with objects named by their place among the instances, or -1."""
  scene, motion, camera = truth.scene, truth.motion, truth.camera
  place = {truth.foreground[k]: i for i, k in enumerate(seen.order())}
  records = []
  for event in motion.collisions:
    if not 1 <= event.frame <= scene.num_frames:
      continue
    frame = int(np.floor(event.frame))
    at = image_positions(np.array([event.position]), camera, *camera.poses([frame]), truth.resolution)[0]
    records.append({
        "instances": [place.get(i, -1) for i in event.objects], "frame": frame - 1, "force": event.force,
        "position": event.position, "image_position": at, "contact_normal": event.normal, "time": event.time,
        "impulse": event.impulse, "duration": event.duration})
  return records
