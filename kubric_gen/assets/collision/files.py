"""Files of convex bodies, with which meshes collide: Wavefront files whose groups are the bodies, as VHACD writes them.

They are hostile input like the meshes themselves. Only the corners of a body count; it is the hull of them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, QhullError

from kubric_gen.assets.meshes.loaded_files import load_file
from kubric_gen.assets.meshes.mesh import Array
from kubric_gen.errors import AssetError
from kubric_gen.scene.shapes import MeshFile

MAX_BYTES = 1 << 26
MAX_PIECES = 1024
MAX_CORNERS = 100_000
"""Of the hulls of all bodies together: PyBullet takes no more than 131,072."""
MAX_COORDINATE = 1e12
MAX_REACH = 3.0
"""How far a collision file may reach beyond its mesh, in the mesh's largest extent: more is another unit or object."""
_FLAT = 1e-9
"""Of the cube of its largest extent: bodies of less volume are flat."""


def hull_of(points: Array) -> tuple[Array, Array] | None:
  """Corners (n, 3) of the convex hull of points and its triangles (m, 3), outwards; None where the points are flat."""
  try:
    hull = ConvexHull(points)
  except (QhullError, ValueError):
    return None
  if not hull.volume > _FLAT * np.ptp(points, axis=0).max() ** 3:
    return None
  place = np.zeros(len(points), np.int64)
  place[hull.vertices] = np.arange(len(hull.vertices))
  a, b, c = (points[hull.simplices[:, corner]] for corner in range(3))
  inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
  faces = np.where(inwards[:, None], hull.simplices[:, ::-1], hull.simplices)
  return points[hull.vertices], place[faces]


def pieces_text(pieces: Sequence[Array]) -> str:
  """A Wavefront file of convex bodies, one group `o` each, with the triangles of their hulls."""
  lines, start = [], 1
  for number, piece in enumerate(pieces):
    hull = hull_of(piece)
    if hull is None:
      continue
    corners, faces = hull
    lines.append(f"o convex_{number}")
    lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in corners.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + start).tolist()]
    start += len(corners)
  return "\n".join(lines) + "\n"


def _parse(lines: Iterable[str]) -> tuple[list[list[float]], list[list[list[int]]]]:
  """Positions, and per group its faces as indices into them."""
  vertices: list[list[float]] = []
  groups: list[list[list[int]]] = [[]]
  for line in lines:
    kind, *rest = line.split() or [""]
    if kind == "v":
      vertices.append([float(value) for value in rest[:3]])
      if len(rest) < 3:
        raise ValueError("a position needs three numbers")
    elif kind == "f" and rest:
      corners = [int(corner.split("/")[0]) for corner in rest]
      groups[-1].append([corner - 1 if corner > 0 else len(vertices) + corner for corner in corners])
    elif kind in ("o", "g") and groups[-1]:
      groups.append([])
  return vertices, [group for group in groups if group]


def _components(count: int, faces: list[list[int]], same: Array | None = None) -> list[Array]:
  """Vertex indices of each connected component, in the order of their first vertices; vertices alike in `same` are one."""
  first = np.concatenate([np.repeat(face[0], len(face)) for face in faces])
  other = np.concatenate(faces)
  node = np.arange(count) if same is None else same
  _, label = connected_components(coo_matrix((np.ones(len(first)), (node[first], node[other])), (count, count)), False)
  used = np.unique(other)
  order = np.argsort(label[node[used]], kind="stable")
  parts = np.split(used[order], np.flatnonzero(np.diff(label[node[used]][order])) + 1)
  return sorted(parts, key=lambda part: int(part[0]))


def read_pieces(path: str | os.PathLike[str]) -> list[Array]:
  """The convex bodies of a file, as their corners (n, 3) in its coordinates; flat ones are left out.

  Raises:
    AssetError: it cannot be read, is too large, or holds no body with a volume.
  """
  try:
    if os.path.getsize(path) > MAX_BYTES:
      raise AssetError(f"collision file {path} is larger than {MAX_BYTES >> 20} MiB: use fewer and simpler convex bodies")
    with open(path, encoding="utf-8", errors="replace") as file:
      positions, groups = _parse(file)
    vertices = np.array(positions, np.float64).reshape(-1, 3)
    faces = [face for group in groups for face in group]
    if not faces or not all(0 <= corner < len(vertices) for face in faces for corner in face):
      raise ValueError("faces without vertices" if faces else "no faces")
    if not (np.abs(vertices) < MAX_COORDINATE).all():
      raise ValueError("positions that are not finite")
  except OSError as error:
    raise AssetError(f"collision file {path} cannot be read ({error.strerror}): give the path of an existing file") from None
  except (ValueError, OverflowError, IndexError) as error:
    raise AssetError(f"collision file {path} is broken ({error}): export it again as obj") from None
  if len(groups) > 1:
    parts = [np.unique(np.concatenate(group)) for group in groups]
  else:
    parts = _components(len(vertices), faces)
    if any(len(part) < 4 for part in parts):  # triangles with corners of their own
      _, same = np.unique(vertices, axis=0, return_inverse=True)
      parts = _components(len(vertices), faces, same.ravel())
  if len(parts) > MAX_PIECES:
    raise AssetError(f"collision file {path} holds {len(parts)} bodies: use at most {MAX_PIECES}")
  pieces = [hull[0] for hull in (hull_of(vertices[part]) for part in parts) if hull is not None]
  if not pieces:
    raise AssetError(f"collision file {path} holds no body with a volume: export closed convex bodies, or leave it out")
  if sum(map(len, pieces)) > MAX_CORNERS:
    raise AssetError(f"collision file {path} is too fine: its bodies have more than {MAX_CORNERS} corners, simplify them")
  return pieces


@functools.lru_cache(maxsize=256)
def _load(shape: MeshFile, stamps: tuple[tuple[int, int], ...]) -> tuple[Array, ...]:
  from kubric_gen.assets.meshes.files import Y_UP_TO_Z_UP
  mesh = load_file(shape)
  pieces = read_pieces(shape.collision)
  if shape.up == "y":
    pieces = [piece @ Y_UP_TO_Z_UP.T for piece in pieces]
  pieces = [piece - mesh.centre for piece in pieces]
  low, high = (np.stack([getattr(piece, end)(axis=0) for piece in pieces]) for end in ("min", "max"))
  reach = max(float((mesh.bounds[0] - low).max()), float((high - mesh.bounds[1]).max()))
  apart = (low.min(axis=0) > mesh.bounds[1]).any() or (high.max(axis=0) < mesh.bounds[0]).any()
  if apart or reach > MAX_REACH * np.ptp(mesh.bounds, axis=0).max():
    raise AssetError(f"collision file {shape.collision} does not fit the mesh {shape.path}: export both in the same unit "
                     "and with the same origin")
  return tuple(pieces)


def load_pieces(shape: MeshFile) -> tuple[Array, ...]:
  """The convex bodies (n, 3) with which a mesh file that names a collision file collides, in the mesh's coordinates.

  The latest ones are kept; files that change are read anew.

  Raises:
    AssetError: one of the files cannot be used, or they do not fit each other.
  """
  stamps = []
  for path in (shape.path, shape.collision):
    try:
      stat = os.stat(path)
    except OSError as error:
      raise AssetError(f"file {path} cannot be read ({error.strerror}): give the path of an existing file") from None
    stamps.append((stat.st_mtime_ns, stat.st_size))
  return _load(shape, tuple(stamps))
