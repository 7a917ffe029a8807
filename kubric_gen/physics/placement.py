"""Placing objects at random where nothing is yet."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kubric_gen.errors import KubricGenError, SceneError, shown
from kubric_gen.physics.bullet import BulletWorld
from kubric_gen.physics.colliders import extent_of
from kubric_gen.scene import Object
from kubric_gen.scene.validation import Quaternion, quaternion


def random_quaternion(rng: np.random.Generator) -> Quaternion:
  """A rotation drawn uniformly from all, from three numbers (Shoemake, "Uniform random rotations", 1992)."""
  u, v, w = rng.random(3).tolist()
  a, b, v, w = math.sqrt(1 - u), math.sqrt(u), 2 * math.pi * v, 2 * math.pi * w
  return quaternion((b * math.cos(w), a * math.sin(v), a * math.cos(v), b * math.sin(w)), "quaternion")


def _corners(region: ArrayLike) -> NDArray[np.float64]:
  """A region's corners (2, 3)."""
  try:
    corners = np.asarray(region, np.float64)
  except (TypeError, ValueError):
    corners = np.zeros(0)
  if corners.shape != (2, 3) or not np.isfinite(corners).all() or np.any(corners[0] > corners[1]):
    raise SceneError(f"region must be ((min x, y, z), (max x, y, z)) in metres, got {shown(region)}")
  return corners


class Placer:
  """Puts objects where they overlap nothing that was placed or added before.

  Meshes are placed by their convex hulls, and are obstacles as `simulate` sees them: static ones that were added with
  their hollows, into which others then fit, all others as hulls.

      with Placer() as placer:
        placer.add(floor)
        cube = placer.place(cube, ((-5, -5, 1), (5, 5, 5)), rng)
  """

  def __init__(self) -> None:
    self._world = BulletWorld(margin=1e-6)

  def __enter__(self) -> Placer:
    return self

  def __exit__(self, *exception: object) -> None:
    self._world.close()

  def add(self, item: Object) -> None:
    """Add an obstacle at the pose it has (at frame 0, if it follows a path).

    Raises:
      AssetError: a mesh that cannot be used.
    """
    self._world.add(item)

  def place(self, item: Object, region: ArrayLike, rng: np.random.Generator, max_trials: int = 100,
            rotate: bool = True) -> Object:
    """The object at a random pose at which it overlaps nothing; it becomes an obstacle for those that follow.

    The position is uniform over those at which the bounding box of the turned and scaled object lies in the region.

    Args:
      item: the object; its position is ignored.
      region: ((min x, y, z), (max x, y, z)) in metres.
      rng: where all randomness comes from: six numbers a trial, three without rotation.
      max_trials: how often to try.
      rotate: draw the orientation too, uniformly from all rotations; else the object keeps its own.

    Raises:
      SceneError: the object follows a path, or the region is none.
      KubricGenError: no free place was found.
      AssetError: a mesh or a mass that cannot be used.
    """
    if item.path is not None:
      raise SceneError(f"object {shown(item.name)} follows a path, so it cannot be placed: give it a position instead")
    low, high = _corners(region)
    body = self._world.add(item, convex=True)
    fits = False
    for _ in range(max_trials):
      turn = random_quaternion(rng) if rotate else item.quaternion
      below, above = extent_of(item, turn)
      first, last = low - below, high - above
      position = first + rng.random(3) * (last - first)
      if np.any(first > last):
        continue
      fits = True
      if body is not None:
        self._world.place(body, position, turn)
        if self._world.overlaps(body):
          continue
      return dataclasses.replace(item, position=position.tolist(), quaternion=turn)
    if body is not None:
      self._world.remove(body)
    where = f"the region from {tuple(low.tolist())} to {tuple(high.tolist())}"
    if not fits:
      raise KubricGenError(f"object {shown(item.name)} does not fit into {where}: give a larger region or a smaller object")
    raise KubricGenError(f"object {shown(item.name)} found no free place in {where} in {max_trials} trials: "
                         "give fewer or smaller objects or a larger region")
