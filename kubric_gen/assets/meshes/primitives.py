"""Meshes of the built-in shapes, with exact normals and analytic mass properties."""

from __future__ import annotations

import math

import numpy as np

from kubric_gen.assets.meshes.mesh import Array, Indices, Mesh
from kubric_gen.scene.shapes import Cube, Cylinder, Disc, Dome, Plane, Shape, Sphere

AROUND = 192
"""Segments of a full turn: the largest error of a unit cylinder is 0.5·(1 - cos(π/192)) = 7e-5, and twice that of a unit
sphere, whose cells bend both ways."""
UNIT_BOX = np.array([[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]])
FLAT_BOX = np.array([[-0.5, -0.5, 0.0], [0.5, 0.5, 0.0]])


def grid_faces(rows: int, columns: int, start: int = 0) -> Indices:
  """Two triangles per cell of a grid of (rows + 1) × (columns + 1) vertices, counter-clockwise if v goes up along rows."""
  r, c = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
  corner = (r * (columns + 1) + c).ravel() + start
  up = corner + columns + 1
  lower, upper = np.stack([corner, corner + 1, up + 1], 1), np.stack([corner, up + 1, up], 1)
  return np.concatenate([lower, upper]).astype(np.int32)


def _drop_degenerate(vertices: Array, faces: Indices) -> Indices:
  """The faces with an area: those at the poles of a revolved surface have none."""
  a, b, c = (vertices[faces[:, corner]] for corner in range(3))
  return faces[np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-12]


def _revolve(radius: Array, height: Array, normal_r: Array, normal_z: Array, v: Array) -> tuple[Array, Indices, Array, Array]:
  """A profile (n,) turned about Z: vertices, faces, normals and uvs; outside is right of the profile's direction."""
  angle = np.linspace(0, 2 * np.pi, AROUND + 1)
  cos, sin = np.cos(angle), np.sin(angle)
  cos[-1], sin[-1] = cos[0], sin[0]
  quarters = np.arange(0, AROUND + 1, AROUND // 4)
  cos[quarters], sin[quarters] = np.round(cos[quarters]), np.round(sin[quarters])  # reach the bounds exactly

  def turn(r: Array, z: Array) -> Array:
    return np.stack([r[:, None] * cos, r[:, None] * sin, np.broadcast_to(z[:, None], (len(z), AROUND + 1))],
                    axis=-1).reshape(-1, 3)

  vertices = turn(radius, height)
  faces = _drop_degenerate(vertices, grid_faces(len(radius) - 1, AROUND))
  uvs = np.stack(np.broadcast_arrays((angle / (2 * np.pi))[None], v[:, None]), axis=-1).reshape(-1, 2)
  return vertices, faces, turn(normal_r, normal_z), uvs


def _disc_part(z: float, up: bool) -> tuple[Array, Indices, Array, Array]:
  """A disc of unit diameter at height z, with planar texture coordinates.

  A square grid bent round (Shirley and Chiu, "A low distortion map between disk and square", 1997): the slivers of a fan
  would make every ray hierarchy slow.
  """
  side = AROUND // 4
  steps = np.linspace(-1.0, 1.0, side + 1)
  b, a = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="ij"))
  wide = np.abs(a) > np.abs(b)
  radius = np.where(wide, a, b) / 2
  with np.errstate(invalid="ignore", divide="ignore"):
    angle = np.where(wide, np.pi / 4 * b / a, np.pi / 2 - np.pi / 4 * a / b)
  angle[radius == 0] = 0.0
  flat = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
  flat[np.abs(flat) < 1e-15] = 0.0
  vertices = np.column_stack([flat, np.full(len(flat), z)])
  faces = grid_faces(side, side)
  normals = np.tile([0.0, 0.0, 1.0 if up else -1.0], (len(flat), 1))
  return vertices, faces if up else np.ascontiguousarray(faces[:, ::-1]), normals, flat + 0.5


def _join(*parts: tuple[Array, Indices, Array, Array]) -> tuple[Array, Indices, Array, Array]:
  offsets = np.cumsum([0] + [len(part[0]) for part in parts[:-1]])
  return (np.concatenate([p[0] for p in parts]),
          np.concatenate([p[1] + offset for p, offset in zip(parts, offsets)]).astype(np.int32),
          np.concatenate([p[2] for p in parts]), np.concatenate([p[3] for p in parts]))


def _cube() -> Mesh:
  square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
  parts = []
  for axis in range(3):
    for sign in (-1.0, 1.0):
      right, up = np.roll(np.eye(3), axis, axis=1)[[1, 2]] if sign > 0 else np.roll(np.eye(3), axis, axis=1)[[2, 1]]
      normal = np.eye(3)[axis] * sign
      corners = square[:, :1] * right + square[:, 1:] * up + 0.5 * normal
      parts.append((corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32), np.tile(normal, (4, 1)), square + 0.5))
  return Mesh(*_join(*parts), bounds=UNIT_BOX, volume=1.0, inertia=np.eye(3) / 6)


def _sphere() -> Mesh:
  angle = np.linspace(-np.pi / 2, np.pi / 2, AROUND // 2 + 1)
  r, z = np.cos(angle), np.sin(angle)
  r[[0, -1]] = 0.0
  volume = math.pi / 6
  return Mesh(*_revolve(r / 2, z / 2, r, z, (angle / np.pi) + 0.5), bounds=UNIT_BOX, volume=volume,
              inertia=np.eye(3) * 0.4 * volume * 0.25)


def _cylinder() -> Mesh:
  side = _revolve(np.full(2, 0.5), np.array([-0.5, 0.5]), np.ones(2), np.zeros(2), np.array([0.0, 1.0]))
  volume = math.pi / 4
  across, along = volume * (3 * 0.25 + 1) / 12, volume * 0.25 / 2
  return Mesh(*_join(side, _disc_part(0.5, up=True), _disc_part(-0.5, up=False)), bounds=UNIT_BOX, volume=volume,
              inertia=np.diag([across, across, along]))


def _plane() -> Mesh:
  square = np.array([[-0.5, -0.5, 0.0], [0.5, -0.5, 0.0], [0.5, 0.5, 0.0], [-0.5, 0.5, 0.0]])
  return Mesh(square, np.array([[0, 1, 2], [0, 2, 3]], np.int32), np.tile([0.0, 0.0, 1.0], (4, 1)), square[:, :2] + 0.5,
              bounds=FLAT_BOX, volume=0.0, inertia=np.zeros((3, 3)))


def _disc() -> Mesh:
  return Mesh(*_disc_part(0.0, up=True), bounds=FLAT_BOX, volume=0.0, inertia=np.zeros((3, 3)))


def _dome(shape: Dome) -> Mesh:
  steps = AROUND // 12  # a backdrop may be coarser upwards than around, where it meets the disc's rim
  turn = np.linspace(0, np.pi / 2, steps + 1)
  wall = 0.5 + shape.fillet
  radius = np.concatenate([0.5 + shape.fillet * np.sin(turn), wall * np.cos(turn[1:])])
  height = np.concatenate([shape.fillet * (1 - np.cos(turn)), shape.fillet + shape.height * np.sin(turn[1:])])
  normal_r = np.concatenate([-np.sin(turn), -shape.height * np.cos(turn[1:])])
  normal_z = np.concatenate([np.cos(turn), -wall * np.sin(turn[1:])])
  length = np.hypot(normal_r, normal_z)
  radius[-1] = 0.0
  # The profile runs outwards and up, so its right is outside: turn the faces to look inwards.
  vertices, faces, normals, uvs = _revolve(radius, height, normal_r / length, normal_z / length,
                                           np.linspace(0, 1, len(radius)))
  bounds = np.array([[-wall, -wall, 0.0], [wall, wall, shape.fillet + shape.height]])
  return Mesh(vertices, np.ascontiguousarray(faces[:, ::-1]), normals, uvs, bounds=bounds, volume=0.0,
              inertia=np.zeros((3, 3)))


def primitive_mesh(shape: Shape) -> Mesh:
  """The mesh of a built-in shape."""
  if isinstance(shape, Dome):
    return _dome(shape)
  makers = {Cube: _cube, Sphere: _sphere, Cylinder: _cylinder, Plane: _plane, Disc: _disc}
  return makers[type(shape)]()
