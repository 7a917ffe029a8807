"""Objects that do not stay: in each frame they stand elsewhere on the ground, or are not there at all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from scipy.spatial.transform import Rotation

from kubric_gen.assets import load_mesh
from kubric_gen.errors import KubricGenError, shown
from kubric_gen.limits import MAX_PLACES
from kubric_gen.scene.objects import Object
from kubric_gen.scene.path import Path
from kubric_gen.scene.transforms import rotation_matrix
from kubric_gen.scene.validation import Quaternion, Vector3

OUT_OF_SIGHT = -1000.0
"""Height in metres at which an object is while it is not there: under the ground, so deep that even alone it is no pixel."""

RESTARTS = 50
"""How often places for all objects are looked for together."""
Place = tuple[float, float, float]
"""x, y and the level distance around them that is taken, metres."""
Pose = tuple[Vector3, Quaternion]


@dataclass(frozen=True, kw_only=True)
class Wandering:
  """How objects move from frame to frame.

  Attributes:
    reach: level distance from the centre within which they stand, metres.
    step: how far they get from frame to frame along each axis, metres; infinite where they may be anywhere else.
    max_trials: how often a free place is looked for.
  """

  reach: float
  step: float = math.inf
  max_trials: int = 1000

  def draw(self, rng: np.random.Generator, before: Place | None) -> tuple[float, float]:
    """A place to try."""
    if before is None or math.isinf(self.step):
      distance, turn = self.reach * math.sqrt(rng.random()), float(rng.uniform(0.0, 2 * math.pi))
      return distance * math.cos(turn), distance * math.sin(turn)
    x, y = (value + float(rng.uniform(-self.step, self.step)) for value in before[:2])
    return x, y


def level_reach(item: Object) -> float:
  """The level distance from its position that an object reaches, metres.

  Raises:
    AssetError: a mesh that cannot be used.
  """
  points = load_mesh(item.shape).vertices @ (rotation_matrix(item.quaternion) * item.scale).T
  return float(np.hypot(points[:, 0], points[:, 1]).max())


def _turned(quaternion: Quaternion, angle: float) -> Quaternion:
  """An orientation turned further about the vertical axis."""
  turned = Rotation.from_euler("z", angle) * Rotation.from_quat(quaternion, scalar_first=True)
  w, x, y, z = turned.as_quat(canonical=True, scalar_first=True).tolist()
  return (w, x, y, z)


def _free(place: Place, taken: Sequence[Place]) -> bool:
  """Whether nothing else is within the reach of a place."""
  x, y, reach = place
  return all(math.hypot(x - other_x, y - other_y) > reach + other for other_x, other_y, other in taken)


def _places(reaches: Sequence[float], before: Sequence[Place | None], standing: Sequence[Place], how: Wandering,
            rng: np.random.Generator, tries: Iterator[int]) -> list[Place | None]:
  """Where objects stand in a frame, none within the reach of another; None where there is no room for one.

  One that finds no other place stays where it was in the frame before, which is why nobody gets there.
  """
  places: list[Place | None] = list(before)
  for number, reach in enumerate(reaches):
    taken = [*standing, *(place for i, place in enumerate(places) if place is not None and i != number)]
    for _ in islice(tries, how.max_trials):
      x, y = how.draw(rng, before[number])
      if math.hypot(x, y) <= how.reach and _free((x, y, reach), taken):
        places[number] = (x, y, reach)
        break
  return places


def _first_places(items: Sequence[Object], reaches: Sequence[float], standing: Sequence[Place], how: Wandering,
                  rng: np.random.Generator, tries: Iterator[int]) -> list[Place]:
  """Where objects stand in the first frame, begun anew where those before have left no room for one.

  Raises:
    KubricGenError: an object found no free place.
  """
  missing = ""
  for _ in range(RESTARTS):
    found = _places(reaches, [None] * len(items), standing, how, rng, tries)
    places = [place for place in found if place is not None]
    if len(places) == len(items):
      return places
    missing = next(item.name for item, place in zip(items, found) if place is None)
  raise KubricGenError(f"object {shown(missing)} found no free place within {how.reach:g} m in {RESTARTS} times {how.max_trials} "
                       "trials: give fewer or smaller objects, or more room")


def wander(items: Sequence[Object], present: Sequence[bool], how: Wandering, rng: np.random.Generator,
           obstacles: Sequence[Object] = ()) -> list[list[Pose]]:
  """The poses of objects in each frame: elsewhere on the ground, turned about the vertical, far enough from all others.

  Args:
    items: objects as they lie on the ground, each by itself. present: for each frame, whether they are there.
    how: they move. obstacles: what stays.

  Returns:
    For each frame the pose of each object.

  Raises:
    KubricGenError: an object found no free place.
    AssetError: a mesh that cannot be used.
  """
  standing: list[Place] = [(item.position[0], item.position[1], level_reach(item)) for item in obstacles]
  reaches = [level_reach(item) for item in items]
  places: list[Place | None] = []
  frames: list[list[Pose]] = []
  tries = iter(range(MAX_PLACES))
  for here in present:
    if not here:
      frames.append([((0.0, 0.0, OUT_OF_SIGHT), item.quaternion) for item in items])
      continue
    places = (_places(reaches, places, standing, how, rng, tries) if places else
              list(_first_places(items, reaches, standing, how, rng, tries)))
    if next(tries, None) is None:
      raise KubricGenError(f"objects found no free places in {len(present)} frames in {MAX_PLACES} trials: give fewer or smaller "
                           "objects, fewer frames, or more room")
    frames.append([((place[0], place[1], item.position[2]), _turned(item.quaternion, float(rng.uniform(0.0, 2 * math.pi))))
                   for item, place in zip(items, places) if place is not None])
  return frames


def with_paths(items: Sequence[Object], frames: Sequence[Sequence[Pose]]) -> list[Object]:
  """Objects that follow their poses in the rendered frames, from frame 1 on; see `wander`."""
  numbers = tuple(range(1, len(frames) + 1))
  return [replace(item, static=False, path=Path(numbers, tuple(poses[i][0] for poses in frames),
                                                tuple(poses[i][1] for poses in frames))) for i, item in enumerate(items)]
