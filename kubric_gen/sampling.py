"""Random draws that worlds share. Every function takes the scene's generator; nothing here has randomness of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

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
