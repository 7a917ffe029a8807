"""How the objects of a scene move: what simulation gives and what rendering and annotation take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kubric_gen.scene.interpolation import interpolate_positions, interpolate_rotations
from kubric_gen.scene.path import Path
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
    frame_rate: frames per second.
    paths: of each object that follows one, by its index.
  """

  positions: Array
  quaternions: Array
  velocities: Array
  angular_velocities: Array
  collisions: tuple[Collision, ...] = ()
  contacts: tuple[Contact, ...] = ()
  frame_rate: int = 12
  paths: Mapping[int, Path] = field(default_factory=dict)

  def at(self, times: ArrayLike) -> tuple[Array, Array]:
    """Poses at any times, also between frames and beyond the ends.

    What follows a path is where the path says; all else moves by its velocities (`kubric_gen.scene.interpolation`).

    Args:
      times (n,): in frames; 1 is the first rendered one.

    Returns:
      Positions (n, K, 3) and unit quaternions (n, K, 4).
    """
    frames = np.atleast_1d(np.asarray(times, np.float64))
    positions, quaternions = (np.zeros((len(frames), *poses.shape[1:])) for poses in (self.positions, self.quaternions))
    for index in range(self.positions.shape[1]):
      if index in self.paths:
        positions[:, index], quaternions[:, index] = self.paths[index].at(frames)
      else:
        slopes, spins = self.velocities[:, index] / self.frame_rate, self.angular_velocities[:, index] / self.frame_rate
        positions[:, index] = interpolate_positions(frames, self.positions[:, index], slopes)
        quaternions[:, index] = interpolate_rotations(frames, self.quaternions[:, index], spins)
    return positions, quaternions

  @classmethod
  def from_paths(cls, scene: Scene) -> Motion:
    """The motion of a scene without physics: paths are followed and everything else stays where it is.

    Velocities are central differences of the positions, but those of posed views, which do not follow one another in time, are
    zero; angular velocities are left at zero.
    """
    frames = scene.simulated_frames
    shape = (len(frames), len(scene.objects))
    positions, quaternions = np.zeros((*shape, 3)), np.zeros((*shape, 4))
    for index, item in enumerate(scene.objects):
      if item.path is None:
        positions[:, index], quaternions[:, index] = item.position, item.quaternion
      else:
        positions[:, index], quaternions[:, index] = item.path.at(frames)
    velocities = np.zeros_like(positions) if scene.posed_views else np.gradient(positions, axis=0) * scene.frame_rate
    paths = {index: item.path for index, item in enumerate(scene.objects) if item.path is not None}
    return cls(positions, quaternions, velocities, np.zeros_like(velocities), frame_rate=scene.frame_rate, paths=paths)
