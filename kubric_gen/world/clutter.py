"""Many objects that overlap nothing: in the air, or fallen to the ground and at rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kubric_gen.physics import Placer, settle
from kubric_gen.scene.objects import Object
from kubric_gen.scene.validation import Vector3

Region = tuple[Vector3, Vector3]
"""Lower and upper corner of a box, metres."""


@dataclass(frozen=True, kw_only=True)
class Settling:
  """How objects come to rest.

  Attributes:
    seconds: how long they fall and settle.
    step_rate: physics steps per second.
    gravity: downwards acceleration, m/s².
    friction, restitution: of objects and ground meanwhile, so that they neither slide nor bounce.
    spin_damping: fraction of the spin lost per second meanwhile, so that round objects stop rolling.
    reach: level distance from the centre in metres; what has come further is left out, as it could roll over an edge.
  """

  seconds: float = 8.0
  step_rate: int = 240
  gravity: float = 9.81
  friction: float = 1.0
  restitution: float = 0.0
  spin_damping: float = 0.5
  reach: float = math.inf


def scatter(items: Iterable[Object], region: Region, rng: np.random.Generator, *, obstacles: Iterable[Object] = (),
            max_trials: int = 1000) -> Iterator[Object]:
  """Each object at a random pose in the region, where it overlaps no obstacle and none of those before it.

  Objects are taken, placed and given out one by one: where a generator draws them from `rng`, the draws of an object come
  directly before those of its pose.

  Args:
    items: objects that are not placed yet. obstacles: what is there already. max_trials: poses to try for each object.

  Raises:
    KubricGenError: an object found no free place.
    AssetError: a mesh or a mass that cannot be used.
  """
  with Placer() as placer:
    for obstacle in obstacles:
      placer.add(obstacle)
    for item in items:
      yield placer.place(item, region, rng, max_trials=max_trials)


def drop_clutter(items: Iterable[Object], region: Region, rng: np.random.Generator, ground: Sequence[Object],
                 settling: Settling | None = None) -> list[Object]:
  """The objects where they lie after they were scattered over a region and fell; those that rolled too far are left out.

  They have no velocity and their own friction, restitution and damping again; what still rolls keeps its spin.

  Args:
    items: as in `scatter`. region: where the fall starts. ground: static objects to fall on. settling: `Settling()` if not given.

  Raises:
    KubricGenError: an object found no free place, or flew off to nowhere.
    AssetError: a mesh or a mass that cannot be used.
  """
  how = settling or Settling()
  placed = list(scatter(items, region, rng, obstacles=ground))
  settled = settle([replace(item, friction=how.friction, restitution=how.restitution, angular_damping=how.spin_damping)
                    for item in placed],
                   [replace(item, friction=how.friction, restitution=how.restitution) for item in ground],
                   seconds=how.seconds, step_rate=how.step_rate, gravity=(0.0, 0.0, -how.gravity))
  return [replace(lying, friction=item.friction, restitution=item.restitution, angular_damping=item.angular_damping)
          for lying, item in zip(settled, placed) if math.hypot(*lying.position[:2]) < how.reach]
