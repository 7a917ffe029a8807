"""What objects look like to the physics engine: geometry, its place in the object, inertia and extents.

Pure NumPy, so that all of it can be inspected and tested without the engine.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull, QhullError

from kubric_gen.assets import Mesh, inertia_of, load_mesh, mass_of
from kubric_gen.assets.collision.convexity import even_directions
from kubric_gen.assets.collision.files import load_pieces
from kubric_gen.assets.solids import model_of
from kubric_gen.scene import Cube, Cylinder, Disc, Dome, MeshFile, Object, Plane, Solid, Sphere
from kubric_gen.scene.transforms import IDENTITY, quaternion_from_matrix, rotation_matrix
from kubric_gen.scene.validation import Quaternion, Vector3, vector3

Array = NDArray[np.float64]
Indices = NDArray[np.int32]

SLAB = 1.0
"""Thickness in metres of the body behind a plane or disc: what falls fast cannot get through."""
ELLIPSOID_POINTS = 3000
"""Corners of an ellipsoid: it is then nowhere further than 4e-4 of its radius from the true one."""
RIM_POINTS = 128
"""Corners of an elliptic rim: nowhere further than 1.5e-4 of the radius from the true one."""
MAX_HULL_POINTS = 100_000
"""PyBullet takes no more than 131,072 vertices; of a finer hull only every so manieth corner is kept."""


@dataclass(frozen=True, eq=False)
class Collider:
  """A collision shape, in metres.

  Attributes:
    kind: box (size: its full extents), sphere (diameter), cylinder (diameter, diameter, height along Z), hull (points),
      pieces (hulls that move as one) or triangles (points and faces: a hollow surface, which only things that nothing
      pushes can have).
    offset, rotation: where its centre and its axes lie in the object's own axes.
    inner_radius: of a sphere around its centre that lies inside; 0 where there is none.
  """

  kind: Literal["box", "sphere", "cylinder", "hull", "pieces", "triangles"]
  size: Vector3 = (0.0, 0.0, 0.0)
  points: Array | None = None
  faces: Indices | None = None
  pieces: tuple[Array, ...] = ()
  offset: Vector3 = (0.0, 0.0, 0.0)
  rotation: Quaternion = IDENTITY
  inner_radius: float = 0.0


def _ellipsoid(size: ArrayLike) -> Array:
  """Points (n, 3) spread evenly over an ellipsoid with the given diameters."""
  # Facets cut below the surface by up to 8e-4 of the radius: half of that outwards halves the error.
  return even_directions(ELLIPSOID_POINTS) * (1 + 4e-4) * np.asarray(size) / 2


def _elliptic_prism(x: float, y: float, low: float, high: float) -> Array:
  """Points (n, 3) of an elliptic cylinder along Z with diameters x and y."""
  angle = np.arange(RIM_POINTS) * (2 * np.pi / RIM_POINTS)
  outwards = 1 + (math.pi / RIM_POINTS) ** 2 / 4  # half of what the facets cut off
  rim = np.stack([np.cos(angle) * x / 2, np.sin(angle) * y / 2], axis=-1) * outwards
  return np.concatenate([np.column_stack([rim, np.full(RIM_POINTS, z)]) for z in (low, high)])


_hulls: weakref.WeakKeyDictionary[Mesh, tuple[Array, Array]] = weakref.WeakKeyDictionary()


def _hull(mesh: Mesh) -> tuple[Array, Array]:
  """Corners (n, 3) and face planes (m, 4) of a mesh's convex hull; a flat mesh has all its vertices and no planes."""
  if mesh not in _hulls:
    try:
      hull = ConvexHull(mesh.vertices)
      _hulls[mesh] = mesh.vertices[hull.vertices], hull.equations
    except QhullError:
      _hulls[mesh] = np.unique(mesh.vertices, axis=0), np.zeros((0, 4))
  return _hulls[mesh]


def _inner_radius(planes: Array, scale: ArrayLike) -> float:
  """Distance from the origin to the nearest of the planes (m, 4) after scaling; 0 if the origin is outside."""
  if not len(planes):
    return 0.0
  distance = -planes[:, 3] / np.linalg.norm(planes[:, :3] / np.asarray(scale), axis=1)
  return max(0.0, float(distance.min()))


def collider_of(item: Object, *, convex: bool) -> Collider | None:
  """The collision shape of an object; None for a dome, which nothing collides with.

  A mesh is made of the convex bodies of its collision file where it has one, else it is its convex hull where `convex` is
  asked for (all that is pushed around must be), else its triangles.

  Raises:
    AssetError: a mesh file that cannot be used.
  """
  x, y, z = scale = vector3(item.scale, "scale")
  shape = item.shape
  if isinstance(shape, Dome):
    return None
  if isinstance(shape, Cube):
    return Collider("box", scale, inner_radius=min(scale) / 2)
  if isinstance(shape, Plane):
    return Collider("box", (x, y, SLAB), offset=(0.0, 0.0, -SLAB / 2))
  if isinstance(shape, Sphere):
    if x == y == z:
      return Collider("sphere", scale, inner_radius=x / 2)
    return Collider("hull", points=_ellipsoid(scale), inner_radius=min(scale) / 2)
  if isinstance(shape, Cylinder):
    if x == y:
      return Collider("cylinder", scale, inner_radius=min(scale) / 2)
    return Collider("hull", points=_elliptic_prism(x, y, -z / 2, z / 2), inner_radius=min(scale) / 2)
  if isinstance(shape, Disc):
    if x == y:
      return Collider("cylinder", (x, y, SLAB), offset=(0.0, 0.0, -SLAB / 2))
    return Collider("hull", points=_elliptic_prism(x, y, -SLAB, 0.0))
  assert isinstance(shape, (MeshFile, Solid))
  mesh = load_mesh(shape)
  if isinstance(shape, Solid) or shape.collision:
    _, axes = principal_inertia(item)
    bodies = model_of(shape).pieces if isinstance(shape, Solid) else load_pieces(shape)
    return Collider("pieces", pieces=tuple(np.round(body * item.scale @ axes, 9) for body in bodies), rotation=_turned(axes))
  if not convex:
    return Collider("triangles", points=mesh.vertices * item.scale, faces=mesh.faces)
  corners, planes = _hull(mesh)
  points = corners[::-(-len(corners) // MAX_HULL_POINTS)] * item.scale
  _, axes = principal_inertia(item)
  # Bullet only knows diagonal inertia tensors: the body's axes are the principal ones, and the hull is turned instead.
  return Collider("hull", points=np.round(points @ axes, 9), inner_radius=_inner_radius(planes, item.scale),
                  rotation=_turned(axes))


def _turned(axes: Array) -> Quaternion:
  return IDENTITY if np.array_equal(axes, np.eye(3)) else tuple(quaternion_from_matrix(axes).tolist())


def body_mass(item: Object) -> float:
  """Mass in kg, to twelve digits: sums over meshes differ between processors beyond that, and motion is chaotic."""
  return float(f"{mass_of(item):.12g}")


def principal_inertia(item: Object) -> tuple[Array, Array]:
  """Principal moments (3,) in kg·m² and principal axes (3, 3) as columns, in the object's axes, right-handed.

  A tensor that is already diagonal keeps the object's own axes. Plain floats and cyclic Jacobi rotations give the
  same digits on every processor, which LAPACK does not.
  """
  tensor = inertia_of(item)
  digits = 10 - math.ceil(math.log10(max(float(np.trace(tensor)), 1e-200)))
  a = [[round(float(v), digits) for v in row] for row in (tensor + tensor.T) / 2]
  axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
  small = 1e-9 * (a[0][0] + a[1][1] + a[2][2])
  for _ in range(60):
    i, j = max(((0, 1), (0, 2), (1, 2)), key=lambda pair: abs(a[pair[0]][pair[1]]))
    if abs(a[i][j]) <= small:
      break
    theta = (a[j][j] - a[i][i]) / (2 * a[i][j])
    t = math.copysign(1.0, theta) / (abs(theta) + math.sqrt(theta * theta + 1))
    cos = 1 / math.sqrt(t * t + 1)
    sin = t * cos
    for rows in (a, axes):  # columns: A·J and V·J
      for row in rows:
        row[i], row[j] = cos * row[i] - sin * row[j], sin * row[i] + cos * row[j]
    for k in range(3):  # rows: Jᵀ·A
      a[i][k], a[j][k] = cos * a[i][k] - sin * a[j][k], sin * a[i][k] + cos * a[j][k]
  return np.array([a[0][0], a[1][1], a[2][2]]), np.array(axes)


def extent_of(item: Object, quaternion: ArrayLike) -> tuple[Array, Array]:
  """Lower and upper corner (3,) of the bounding box of an object with this orientation and its position at zero."""
  turn = rotation_matrix(quaternion) * item.scale
  shape = item.shape
  if isinstance(shape, Sphere):
    reach = np.linalg.norm(turn, axis=1) / 2
  elif isinstance(shape, (Cylinder, Disc)):
    reach = np.linalg.norm(turn[:, :2], axis=1) / 2 + np.abs(turn[:, 2]) / 2 * isinstance(shape, Cylinder)
  elif isinstance(shape, (Cube, Plane)):
    reach = np.abs(turn if isinstance(shape, Cube) else turn[:, :2]).sum(axis=1) / 2
  else:
    mesh = load_mesh(shape)
    points = (_hull(mesh)[0] if isinstance(shape, (MeshFile, Solid)) else mesh.vertices) @ turn.T
    return points.min(axis=0), points.max(axis=0)
  return -reach, reach
