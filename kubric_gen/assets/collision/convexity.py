"""Convex bodies that fill solids, for collisions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kubric_gen.assets.meshes.mesh import Array, Indices


def wedges(profile: ArrayLike, levels: Sequence[float], count: int = 14) -> list[Array]:
  """Convex pieces of a hollow wall: `count` wedges of each part between two levels.

  Args:
    profile (n, 4): outer radius, inner radius, and their heights, from below to above. levels: of its points, increasing,
      from 0 to 1, where it is cut.
  """
  line = np.asarray(profile, np.float64)
  at = np.linspace(0, 1, len(line))
  angle = np.linspace(0, 2 * np.pi, 2 * count + 1)
  outwards = 1 + (math.pi / (2 * count)) ** 2 / 4  # half of what flat sides cut off
  pieces = []
  for low, high in zip(levels, levels[1:]):
    chosen = line[(at >= low - 1e-9) & (at <= high + 1e-9)]
    chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, 12).astype(int))]
    for number in range(count):
      turn = angle[2 * number:2 * number + 3]
      direction = np.stack([np.cos(turn), np.sin(turn)], axis=1) * outwards
      pieces.append(np.concatenate([
          np.column_stack([radius * direction, np.full(3, height)])
          for outer, inner, top, bottom in chosen.tolist() for radius, height in ((outer, top), (inner, bottom))]))
  return pieces


def hull_pieces(circles: Array, closed: bool = False, every: int = 1) -> list[Array]:
  """Convex pieces that make up a tube: the points of each pair of neighbouring circles."""
  chosen = circles[::every] if closed else circles[np.unique(np.append(np.arange(0, len(circles), every), len(circles) - 1))]
  follow = np.roll(chosen, -1, axis=0) if closed else chosen[1:]
  return [np.concatenate([first, second]) for first, second in zip(chosen, follow)]


def convex_pieces(solid: Any, tolerance: float = 0.02, most: int = 64) -> list[Array]:
  """Convex bodies, as their corners (n, 3), that fill a solid, and more than it by at most `tolerance` of its volume if
  `most` of them are enough. The body that exceeds its part of the solid most is cut in two, again and again."""
  volume = solid.volume()
  parts: list[tuple[float, Any, Any]] = []

  def add(piece: Any) -> None:
    for part in piece.decompose():
      if part.volume() > 1e-7 * volume:
        hull = part.hull()
        parts.append((hull.volume() - part.volume(), part, hull))

  add(solid)
  while len(parts) < most and sum(part[0] for part in parts) > tolerance * volume:
    worst = max(range(len(parts)), key=lambda i: parts[i][0])
    _, part, _ = parts.pop(worst)
    low, high = np.asarray(part.bounding_box()).reshape(2, 3)
    cuts = []
    for axis in range(3):
      for share in (0.35, 0.5, 0.65):
        halves = part.split_by_plane(np.eye(3)[axis].tolist(), float(low[axis] + share * (high[axis] - low[axis])))
        cuts.append((sum(piece.hull().volume() for half in halves for piece in half.decompose()), halves))
    for half in min(cuts, key=lambda cut: cut[0])[1]:
      add(half)
  return [np.asarray(hull.to_mesh().vert_properties, np.float64)[:, :3] for _, _, hull in parts]


def even_directions(count: int) -> Array:
  """Unit vectors (count, 3) spread evenly over the sphere (a Fibonacci lattice)."""
  index = np.arange(count) + 0.5
  z = 1 - 2 * index / count
  r, angle = np.sqrt(1 - z * z), np.pi * (1 + math.sqrt(5)) * index
  return np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=-1)


def corners(solid: Any, most: int = 1500) -> Array:
  """Corners (n, 3) of a solid's convex hull; of a finely rounded one those that lie furthest in `most` directions."""
  points = np.asarray(solid.hull().to_mesh().vert_properties, np.float64)[:, :3]
  if len(points) <= most:
    return points
  directions = np.concatenate([even_directions(most), np.eye(3), -np.eye(3)])
  x, y, z = points.T  # without BLAS, whose last digits differ between its kernels
  kept = np.unique(np.concatenate([_furthest(x * a + y * b + z * c) for a, b, c in directions.tolist()]))
  return points[kept]


def _furthest(height: Array) -> Indices:
  """All that are as high as the highest: a flat side keeps its rim."""
  return np.flatnonzero(height >= height.max() - 1e-9 * np.ptp(height)).astype(np.int32)
