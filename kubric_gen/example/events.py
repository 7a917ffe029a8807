"""What happens in a clip: collisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.annotations.ground_truth import GroundTruth
from kubric_gen.example.parts import Part, array
from kubric_gen.scene.transforms import rotation_matrix

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CollisionEvent(Part):
  """Two objects that touch, from the onset until they part.

  Attributes:
    instances: which, as indices into the instances; -1 for floor, background and what is never seen.
    frame: array index of the frame in which it begins.
    force: peak of the summed normal force, newtons. impulse: normal force integrated over the event, newton-seconds.
    position (3,): where, metres, world space. image_position (2,): the same, normalised (x, y).
    contact_normal (3,): unit, on the second object towards the first.
    time: of the onset, seconds since frame 0. duration: seconds until the last contact.
  """

  instances: tuple[int, int]
  frame: int
  force: float
  position: Array = array("float64", 3)
  image_position: Array = array("float64", 2)
  contact_normal: Array = array("float64", 3)
  time: float = 0.0
  impulse: float = 0.0
  duration: float = 0.0
  labels: Mapping[str, Any] = field(default_factory=dict)


def collisions_of(truth: GroundTruth, order: Sequence[int]) -> tuple[CollisionEvent, ...]:
  """Collisions that begin within the clip, as one view sees them.

  Args:
    truth: the view. order: which of its foreground objects are instances, in their order.
  """
  scene, motion, camera = truth.scene, truth.motion, truth.camera
  place = {truth.foreground[k]: i for i, k in enumerate(order)}
  made = []
  for event in motion.collisions:
    if not 1 <= event.frame <= scene.num_frames:
      continue
    frame = int(np.floor(event.frame))
    positions, quaternions = camera.poses([frame])
    local = np.einsum("ti,tij->tj", np.array([event.position]) - positions, rotation_matrix(quaternions))
    first, second = (place.get(i, -1) for i in event.objects)
    made.append(CollisionEvent(
        (first, second), frame - 1, float(event.force), np.array(event.position, np.float64),
        camera.image_positions(local, truth.resolution)[0], np.array(event.normal, np.float64), float(event.time),
        float(event.impulse), float(event.duration)))
  return tuple(made)
