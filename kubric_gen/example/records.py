"""What is known per instance, per camera and per collision, as plain records for the metadata."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations.ground_truth import GroundTruth
from kubric_gen.annotations.visibility import Visibility
from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.scene.cameras import Camera, PerspectiveCamera
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.transforms import bounding_box_corners, pose_matrix, rotation_matrix, to_world

Array = NDArray[np.float64]


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


def instance_records(truth: GroundTruth, seen: Visibility) -> list[dict[str, Any]]:
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


def collision_records(truth: GroundTruth, seen: Visibility) -> list[dict[str, Any]]:
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
