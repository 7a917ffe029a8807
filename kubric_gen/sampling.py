"""Random draws that worlds share. Every function takes the scene's generator; nothing here has randomness of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kubric_gen.scene.validation import Vector3

Value = TypeVar("Value")


def pick(rng: np.random.Generator, options: Sequence[Value]) -> Value:
  """One of the options, each as likely as the others."""
  return options[int(rng.integers(len(options)))]


def pick_item(rng: np.random.Generator, options: Mapping[str, Value]) -> tuple[str, Value]:
  """One (name, value) of a mapping, each as likely as the others."""
  name = pick(rng, tuple(options))
  return name, options[name]


def uniform_vector(rng: np.random.Generator, low: Sequence[float], high: Sequence[float]) -> Vector3:
  """A point, uniform in the box between two corners."""
  x, y, z = rng.uniform(low, high).tolist()
  return (x, y, z)


def half_shell(rng: np.random.Generator, inner: float, outer: float, slope: float = 0.0) -> Vector3:
  """A point above the floor in a uniform direction, at a uniform distance from the origin between two radii.

  Args:
    slope: the least height, as a fraction of the distance.
  """
  z, around, distance = rng.uniform((slope, 0.0, inner), (1.0, 2 * math.pi, outer)).tolist()
  across = distance * math.sqrt(1 - z * z)
  return (across * math.cos(around), across * math.sin(around), distance * z)


def random_direction(rng: np.random.Generator) -> NDArray[np.float64]:
  """A unit vector (3,), uniform over all directions."""
  z, around = rng.uniform((-1.0, 0.0), (1.0, 2 * math.pi)).tolist()
  across = math.sqrt(1 - z * z)
  return np.array([across * math.cos(around), across * math.sin(around), z])


def line_in_shell(rng: np.random.Generator, longest: float, inner: float, outer: float, slope: float = 0.0,
                  ) -> tuple[Vector3, Vector3]:
  """Both ends of a straight line whose ends lie above the floor, between two distances from the origin.

  The start is drawn as by `half_shell`, the length is uniform up to `longest` metres and the direction is uniform; lines that
  end elsewhere are drawn anew.
  """
  while True:
    start = half_shell(rng, inner, outer, slope)
    end = np.asarray(start) + float(rng.uniform(0.0, longest)) * random_direction(rng)
    distance = math.sqrt(float((end * end).sum()))
    if inner <= distance <= outer and end[2] >= slope * distance:
      return start, (float(end[0]), float(end[1]), float(end[2]))


def line_past_centre(rng: np.random.Generator, reach: float = 4.0, height: float = 1.0, beyond: float = 0.5,
                     ) -> tuple[Vector3, Vector3]:
  """Both ends of a straight line that passes the centre of the floor at less than a metre.

  It starts within `reach` metres of the origin and below a height, goes through a point within a metre of the origin, and on
  by up to `beyond` of the way so far; then its ends may be swapped.
  """
  while True:
    start = half_shell(rng, 0.0, reach)
    if start[2] < height:
      break
  through = half_shell(rng, 0.0, 1.0)
  further = 1.0 + float(rng.uniform(0.0, beyond))
  x, y, z = (a + (b - a) * further for a, b in zip(start, through))
  return ((x, y, z), start) if rng.random() < 0.5 else (start, (x, y, z))
