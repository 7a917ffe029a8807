"""Random draws that worlds share. Every function takes the scene's generator; nothing here has randomness of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from kubric_gen.errors import KubricGenError
from kubric_gen.limits import MAX_DRAWS
from kubric_gen.scene.color import RGB, hsv_to_rgb
from kubric_gen.scene.validation import Vector3

Value = TypeVar("Value")


def pick(rng: np.random.Generator, options: Sequence[Value]) -> Value:
  """One of the options, each as likely as the others."""
  return options[int(rng.integers(len(options)))]


def pick_item(rng: np.random.Generator, options: Mapping[str, Value]) -> tuple[str, Value]:
  """One (name, value) of a mapping, each as likely as the others."""
  name = pick(rng, tuple(options))
  return name, options[name]


def random_count(rng: np.random.Generator, fewest: int, most: int) -> int:
  """A whole number, uniform between two, both of which may come."""
  return int(rng.integers(fewest, most + 1))


def random_hue(rng: np.random.Generator) -> RGB:
  """A fully saturated colour of uniform hue, as linear values."""
  return hsv_to_rgb(float(rng.random()))


def uniform_vector(rng: np.random.Generator, low: ArrayLike, high: ArrayLike) -> Vector3:
  """A point, uniform in the box between two corners."""
  x, y, z = rng.uniform(np.asarray(low, np.float64), np.asarray(high, np.float64)).tolist()
  return (x, y, z)


def half_shell(rng: np.random.Generator, inner: float, outer: float, offset: float = 0.0) -> Vector3:
  """A point above the floor, uniform in the volume between two distances from the origin.

  Args:
    inner, outer: distances in metres.
    offset: least height of the normally distributed point in whose direction the result lies, so that few directions are level
      (Kubric's rule).

  Raises:
    KubricGenError: no direction is that high.
  """
  for _ in range(MAX_DRAWS):
    x, y, z = rng.standard_normal(3).tolist()
    if z > offset:
      break
  else:
    raise KubricGenError(f"no direction of {MAX_DRAWS} is higher than {offset:g}: give a smaller offset")
  factor = float(rng.uniform(inner ** 3, outer ** 3)) ** (1 / 3) / math.sqrt(x * x + y * y + z * z)
  return (x * factor, y * factor, z * factor)


def shell_above(rng: np.random.Generator, inner: float, outer: float, lowest: float, highest: float) -> Vector3:
  """A point above the floor in a shell about the origin, uniform in volume.

  Args:
    inner, outer: distances from the origin in metres. lowest, highest: elevations above the floor, radians.
  """
  distance = float(rng.uniform(inner ** 3, outer ** 3)) ** (1 / 3)
  z, turn = float(rng.uniform(math.sin(lowest), math.sin(highest))), float(rng.uniform(0.0, 2 * math.pi))
  level = math.sqrt(max(0.0, 1 - z * z))
  return (distance * level * math.cos(turn), distance * level * math.sin(turn), distance * z)


def line_in_shell(rng: np.random.Generator, longest: float, inner: float, outer: float, offset: float = 0.0,
                  ) -> tuple[Vector3, Vector3]:
  """Both ends of a straight line, each of which lies between two distances from the origin.

  The length is uniform up to `longest` metres. The start is drawn as by `half_shell`, the direction is that of a point in a
  cube; lines whose end lies elsewhere, or below a height of `offset` metres, are drawn anew with the same length.

  Raises:
    KubricGenError: none is found.
  """
  length = float(rng.uniform(0.0, longest))
  for _ in range(MAX_DRAWS):
    start = half_shell(rng, inner, outer, offset)
    toward = rng.uniform(-1.0, 1.0, 3)
    end = np.asarray(start) + toward * (length / math.sqrt(float((toward * toward).sum())))
    if inner <= math.sqrt(float((end * end).sum())) <= outer and end[2] > offset:
      return start, (float(end[0]), float(end[1]), float(end[2]))
  raise KubricGenError(f"no line of {MAX_DRAWS} that is {length:g} m long ends between {inner:g} and {outer:g} m from the "
                       "centre: allow shorter lines, or give more room")


def line_past_centre(rng: np.random.Generator, reach: float = 4.0, height: float = 1.0, beyond: float = 0.5,
                     ) -> tuple[Vector3, Vector3]:
  """Both ends of a straight line that passes the centre of the floor at less than a metre.

  It starts within `reach` metres of the origin and below a height, goes through a point within a metre of the origin, and on
  by up to `beyond` of the way so far; then its ends may be swapped.

  Raises:
    KubricGenError: nothing within reach is that low.
  """
  for _ in range(MAX_DRAWS):
    start = half_shell(rng, 0.0, reach)
    if start[2] < height:
      break
  else:
    raise KubricGenError(f"no point of {MAX_DRAWS} within {reach:g} m is lower than {height:g} m: give a greater height")
  through = half_shell(rng, 0.0, 1.0)
  further = 1.0 + float(rng.uniform(0.0, beyond))
  x, y, z = (a + (b - a) * further for a, b in zip(start, through))
  return ((x, y, z), start) if rng.random() < 0.5 else (start, (x, y, z))
