"""Closed solids with texture coordinates, from profiles and paths, that can be united and cut.

A solid is a `manifold3d.Manifold` whose vertices carry two properties, u and v; they survive unions and differences.
`finishing.finish` turns one into a `Mesh`, and `convexity` finds the convex bodies that fill it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kubric_gen.assets.meshes.manifolds import manifold_of
from kubric_gen.assets.meshes.mesh import Array
from kubric_gen.assets.meshes.primitives import grid_faces

AROUND = 96
"""Segments of a full turn."""


def rings(points: Array, around: Array, along: Array) -> Any:
  """A solid between rings of points.

  Args:
    points (n, k, 3): rings, counter-clockwise seen against the direction in which they follow one another; the first and
      the last are points, or meet.
    around (k + 1,): u of the points of a ring and of its first one again. along (n,): v of the rings.
  """
  closed = np.concatenate([points, points[:, :1]], axis=1)
  uv = np.stack(np.broadcast_arrays(around[None], along[:, None]), axis=-1)
  return manifold_of(np.concatenate([closed, uv], axis=-1).reshape(-1, 5), grid_faces(len(points) - 1, points.shape[1]))


def _lengths(points: Array) -> Array:
  """Distance along a polyline, from 0 to 1."""
  steps = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=1)))])
  return steps / steps[-1]


def revolve(profile: ArrayLike, segments: int = AROUND, along: ArrayLike | None = None, around: float = 1.0) -> Any:
  """A profile (n, 2) of (radius, height), from the axis below to the axis above, turned about Z.

  Args:
    along: v of the profile's points (n,), instead of their distance along it. around: u after a full turn.
  """
  line = np.asarray(profile, np.float64)
  angle = np.arange(segments) * (2 * np.pi / segments)
  points = np.stack(np.broadcast_arrays(line[:, :1] * np.cos(angle), line[:, :1] * np.sin(angle), line[:, 1:]), axis=-1)
  return rings(points, around * np.arange(segments + 1) / segments,
               _lengths(line) if along is None else np.asarray(along, np.float64))


def smooth_line(points: ArrayLike, steps: int = 12) -> Array:
  """A smooth line (n, d) through points (m, d), `steps` from one to the next (Catmull and Rom, 1974)."""
  given = np.asarray(points, np.float64)
  p = np.concatenate([given[:1], given, given[-1:]])
  t = np.linspace(0, 1, steps, endpoint=False)[:, None]
  return np.concatenate([*(0.5 * ((2 * b) + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t ** 2 + (3 * b - a - 3 * c + d) * t ** 3)
                           for a, b, c, d in zip(p, p[1:], p[2:], p[3:])), p[-1:]])


def rounded_profile(points: Sequence[Sequence[float]], steps: int = 5) -> Array:
  """A profile whose corners are rounded: points are (radius, height) or (radius, height, radius of the rounding)."""
  line: list[Array] = []
  for number, point in enumerate(points):
    here, r = np.array(point[:2], np.float64), float(point[2]) if len(point) > 2 else 0.0
    if not r or number in (0, len(points) - 1):
      line.append(here[None])
      continue
    before, after = (np.array(points[number + side][:2], np.float64) - here for side in (-1, 1))
    a, b = (math.hypot(*side) for side in (before, after))
    u, v = before / a, after / b
    half = math.acos(max(-1.0, min(1.0, float(u @ v)))) / 2
    reach = min(r / max(math.tan(half), 1e-6), 0.49 * a, 0.49 * b)
    start, end = here + reach * u, here + reach * v
    t = np.linspace(0, 1, steps + 1)[:, None]
    weight = math.sin(half)  # a conic with this weight at its corner is a circle
    line.append(((1 - t) ** 2 * start + 2 * weight * t * (1 - t) * here + t ** 2 * end)
                / ((1 - t) ** 2 + 2 * weight * t * (1 - t) + t ** 2))
  return np.concatenate(line)


def rounded_box(size: Sequence[float], radius: float, centre: Sequence[float] = (0.0, 0.0, 0.0), steps: int = 4) -> Any:
  """A cuboid with rounded edges; texture coordinates go around its sides, over the top and the bottom."""
  x, y, z = (np.asarray(size, np.float64) / 2).tolist()
  radius = min(radius, 0.999 * min(x, y, z))
  turn = np.linspace(0, np.pi / 2, steps + 1)
  corner = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
  quarter = np.concatenate([turn + k * np.pi / 2 for k in range(4)])
  which = np.repeat(corner, steps + 1, axis=0)
  levels = [(-z, 0.0)] + [(-z + radius * (1 - math.cos(a)), math.sin(a)) for a in turn] + [
      (z - radius * (1 - math.cos(a)), math.sin(a)) for a in turn[::-1]] + [(z, 0.0)]
  points = []
  for number, (height, reach) in enumerate(levels):
    flat = which * ((x - radius), (y - radius)) + radius * reach * np.stack([np.cos(quarter), np.sin(quarter)], axis=1)
    points.append(np.column_stack([flat * (0 if number in (0, len(levels) - 1) else 1), np.full(len(flat), height)]))
  stacked = np.array(points)
  around = _lengths(np.concatenate([stacked[len(levels) // 2], stacked[len(levels) // 2][:1]]))
  return rings(stacked, around, np.linspace(0, 1, len(levels))).translate(tuple(centre))


def ball(radius: float | Sequence[float], centre: Sequence[float] = (0.0, 0.0, 0.0), segments: int = 48) -> Any:
  """An ellipsoid."""
  angle = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
  line = np.column_stack([np.cos(angle), np.sin(angle)])
  line[[0, -1], 0] = 0.0
  factors = (radius,) * 3 if isinstance(radius, (int, float)) else tuple(radius)
  return revolve(line, segments).scale(factors).translate(tuple(centre))


def cylinder(radius: float, height: float, centre: Sequence[float] = (0.0, 0.0, 0.0), bevel: float = 0.0,
             top: float | None = None, segments: int = 48) -> Any:
  """A cylinder along Z, with bevelled rims; or a truncated cone, where `top` is the upper radius."""
  above = radius if top is None else top
  profile = rounded_profile([(0, -height / 2), (radius, -height / 2, bevel), (above, height / 2, bevel), (0, height / 2)])
  return revolve(profile, segments).translate(tuple(centre))


def frames(path: Array, closed: bool) -> tuple[Array, Array]:
  """Two normals (n, 3) of a path that turn as little as possible (Bishop, "There is more than one way to frame a curve",
  1975); on a closed path what is missing at the end is spread over all of it."""
  tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
  tangent /= np.sqrt((tangent ** 2).sum(axis=1, keepdims=True))
  normal = np.zeros_like(path)
  start = np.eye(3)[int(np.abs(tangent[0]).argmin())]
  for i in range(len(path)):
    before = start if i == 0 else normal[i - 1]
    across = before - tangent[i] * (before * tangent[i]).sum()
    normal[i] = across / math.sqrt((across ** 2).sum())
  other = np.cross(tangent, normal)
  if closed:
    again = normal[-1] - tangent[0] * (normal[-1] * tangent[0]).sum()
    missing = math.atan2((again * other[0]).sum(), (again * normal[0]).sum())
    turn = -missing * np.arange(len(path))[:, None] / len(path)
    normal, other = np.cos(turn) * normal + np.sin(turn) * other, np.cos(turn) * other - np.sin(turn) * normal
  return normal, other


def tube_rings(path: ArrayLike, radius: ArrayLike, segments: int = 24, closed: bool = False) -> Array:
  """Circles (n, k, 3) about a path (n, 3), of one radius or one for each of its points."""
  line = np.asarray(path, np.float64)
  normal, other = frames(line, closed)
  angle = np.arange(segments) * (2 * np.pi / segments)
  reach = np.broadcast_to(np.asarray(radius, np.float64), (len(line),))[:, None, None]
  return line[:, None] + reach * (np.cos(angle)[:, None] * normal[:, None] + np.sin(angle)[:, None] * other[:, None])


def tube(path: ArrayLike, radius: ArrayLike, segments: int = 24, closed: bool = False) -> Any:
  """A path (n, 3) with a thickness; closed, or with flat ends."""
  line, circles = np.asarray(path, np.float64), tube_rings(path, radius, segments, closed)
  if closed:
    circles = np.concatenate([circles, circles[:1]])
    along = _lengths(np.concatenate([line, line[:1]]))
  else:
    ends = [np.repeat(line[[i], None], segments, axis=1) for i in (0, -1)]
    circles = np.concatenate([ends[0], circles, ends[1]])
    along = np.concatenate([[0.0], _lengths(line), [1.0]])
  return rings(circles, np.arange(segments + 1) / segments, along)


def prism(outline: ArrayLike, height: float) -> Any:
  """An outline (n, 2), counter-clockwise, raised from z = -height/2 to height/2."""
  import manifold3d
  flat = np.asarray(outline, np.float64)
  n, low, size = len(flat), flat.min(axis=0), np.ptp(flat, axis=0).max()
  around = _lengths(np.concatenate([flat, flat[:1]]))
  parts, faces = [], []
  for z, v in ((-height / 2, 0.0), (height / 2, 1.0)):
    ring = np.concatenate([flat, flat[:1]])
    parts.append(np.column_stack([ring, np.full(n + 1, z), around, np.full(n + 1, v)]))
  faces.append(grid_faces(1, n))
  triangles = np.asarray(manifold3d.triangulate([np.ascontiguousarray(flat)]), np.int32)
  for z, turned in ((-height / 2, triangles[:, ::-1]), (height / 2, triangles)):
    faces.append(turned + sum(map(len, parts)))
    parts.append(np.column_stack([flat, np.full(n, z), (flat - low) / size]))
  return manifold_of(np.concatenate(parts), np.concatenate(faces))


def box(size: Sequence[float], centre: Sequence[float] = (0.0, 0.0, 0.0)) -> Any:
  """A cuboid whose every face shows the whole texture."""
  square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
  parts = []
  for axis in range(3):
    for sign in (-1.0, 1.0):
      corners = np.zeros((4, 3))
      right, up = (axis + 1) % 3, (axis + 2) % 3
      corners[:, right], corners[:, up], corners[:, axis] = square[:, 0] - 0.5, square[:, 1] - 0.5, sign / 2
      if sign < 0:
        corners[:, right] *= -1
      parts.append(np.column_stack([corners * np.asarray(size) + np.asarray(centre), square]))
  faces = np.concatenate([np.array([[0, 1, 2], [0, 2, 3]]) + 4 * i for i in range(6)]).astype(np.int32)
  return manifold_of(np.concatenate(parts), faces)
