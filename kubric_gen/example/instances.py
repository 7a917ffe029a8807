"""What is known of each object that is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations.ground_truth import GroundTruth
from kubric_gen.annotations.visibility import Visibility
from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.errors import KubricGenError, shown
from kubric_gen.example.parts import Part, array
from kubric_gen.scene.objects import Object
from kubric_gen.scene.transforms import bounding_box_corners, rotation_matrix, to_world

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Instance(Part):
  """An object of the scene that is seen in at least one view, as one view sees it. `instances[k - 1]` has the label k.

  T is the number of frames, B that of the frames in which this view sees it.

  Attributes:
    name: of the object. asset_id: where it comes from.
    mass: kilograms. friction: Coulomb coefficient. restitution: fraction of the speed that a bounce keeps.
    positions (T, 3): of the centre of mass, metres, world space. quaternions (T, 4): (w, x, y, z), local to world.
    velocities (T, 3): m/s. angular_velocities (T, 3): rad/s; both in world axes.
    bboxes_3d (T, 8, 3): corners of the rest bounding box carried by the pose, world space, in the order −−−, −−+, −+−, … of
      (x, y, z).
    image_positions (T, 2): normalised (x, y) of the position.
    bboxes (B, 4): [ymin, xmin, ymax, xmax] in [0, 1], max exclusive. bbox_frames (B,): their frames, as array indices.
    visibility (T,): visible pixels. visibility_fraction (T,): of the pixels that it would cover if it were alone.
    labels: what the world says of it; also `scale` (3 factors) and `is_dynamic` where the world says nothing of these.
  """

  name: str
  asset_id: str
  mass: float
  friction: float
  restitution: float
  positions: Array = array("float64", "T", 3)
  quaternions: Array = array("float64", "T", 4)
  velocities: Array = array("float64", "T", 3)
  angular_velocities: Array = array("float64", "T", 3)
  bboxes_3d: Array = array("float64", "T", 8, 3)
  image_positions: Array = array("float64", "T", 2)
  bboxes: Array = array("float64", "B", 4)
  bbox_frames: NDArray[np.int64] = array("int64", "B")
  visibility: NDArray[np.int64] = array("int64", "T")
  visibility_fraction: Array = array("float64", "T")
  labels: Mapping[str, Any] = field(default_factory=dict)


def _labels(item: Object) -> dict[str, Any]:
  taken = sorted(set(item.labels) & set(Instance.names()))
  if taken:
    raise KubricGenError(f"object {shown(item.name)} has a label {shown(taken[0])}, which says something else of every object: "
                         "choose another name")
  return {"scale": item.scale, "is_dynamic": not item.static, **item.labels}


def instances_of(truth: GroundTruth, seen: Visibility, order: Sequence[int]) -> tuple[Instance, ...]:
  """The instances as one view sees them.

  Args:
    truth: the view. seen: what is visible in it. order: which of its foreground objects are instances, in their order.

  Raises:
    KubricGenError: a label has the name of a field.
  """
  scene, motion, camera = truth.scene, truth.motion, truth.camera
  rows = slice(1, scene.num_frames + 1)
  camera_positions, camera_quaternions = camera.poses(np.arange(1, scene.num_frames + 1))
  visibility, amodal = seen.visibility, seen.amodal
  made = []
  for k in order:
    index = truth.foreground[k]
    item = scene.objects[index]
    positions, quaternions = motion.positions[rows, index], motion.quaternions[rows, index]
    corners = bounding_box_corners(load_mesh(item.shape).bounds)
    local = np.einsum("ti,tij->tj", positions - camera_positions, rotation_matrix(camera_quaternions))
    boxes, frames = seen.boxes(k)
    made.append(Instance(
        item.name, item.asset_id, float(mass_of(item)), item.friction, item.restitution, positions, quaternions,
        motion.velocities[rows, index], motion.angular_velocities[rows, index],
        np.stack([to_world(corners, p, q, item.scale) for p, q in zip(positions, quaternions)]),
        camera.image_positions(local, truth.resolution), np.reshape(np.array(boxes, np.float64), (-1, 4)),
        np.array(frames, np.int64), visibility[:, k], visibility[:, k] / np.maximum(amodal[:, k], 1), _labels(item)))
  return tuple(made)
