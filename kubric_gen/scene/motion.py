"""How the objects of a scene move: what simulation gives and what rendering and annotation take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubric_gen.scene.scene import Scene

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Collision:
  """One contact event: two objects that touch, from the onset until they part.

  Attributes:
    objects: indices into the scene's objects.
    time: seconds since frame 0. frame: the same as a fraction of frames (`time` · frame rate).
    position: where, in world space. normal: unit, on the second object towards the first.
    force: peak of the summed normal force, newtons. impulse: normal force integrated over the event, newton-seconds.
    duration: seconds from onset to the last contact.
  """

  objects: tuple[int, int]
  time: float
  frame: float
  position: tuple[float, float, float]
  normal: tuple[float, float, float]
  force: float
  impulse: float
  duration: float


@dataclass(frozen=True)
class Contact:
  """One contact point in one physics step; fields as in `Collision`."""

  objects: tuple[int, int]
  step: int
  position: tuple[float, float, float]
  normal: tuple[float, float, float]
  force: float


@dataclass(frozen=True, eq=False)
class Motion:
  """Poses and velocities of every object at frames 0 … N + 1.

  Attributes:
    positions (N + 2, K, 3), quaternions (N + 2, K, 4): in the order of the scene's objects; row f is frame f, so that
      the array index t of a rendered frame is row t + 1.
    velocities, angular_velocities (N + 2, K, 3): m/s and rad/s in world axes.
    collisions: contact events, by time.
    contacts: every contact point of every step, where asked for.
  """

  positions: Array
  quaternions: Array
  velocities: Array
  angular_velocities: Array
  collisions: tuple[Collision, ...] = ()
  contacts: tuple[Contact, ...] = ()

  @classmethod
  def from_paths(cls, scene: Scene) -> Motion:
    """The motion of a scene without physics: paths are followed and everything else stays where it is.

    Velocities are central differences of the positions; angular velocities are left at zero.
    """
    frames = scene.simulated_frames
    shape = (len(frames), len(scene.objects))
    positions, quaternions = np.zeros((*shape, 3)), np.zeros((*shape, 4))
    for index, item in enumerate(scene.objects):
      if item.path is None:
        positions[:, index], quaternions[:, index] = item.position, item.quaternion
      else:
        positions[:, index], quaternions[:, index] = item.path.at(frames)
    velocities = np.gradient(positions, axis=0) * scene.frame_rate
    return cls(positions, quaternions, velocities, np.zeros_like(velocities))
