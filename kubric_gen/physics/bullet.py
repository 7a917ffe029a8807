"""A world of rigid bodies in PyBullet, private to the physics package.

How the engine is set up, and why (measured with cubes, spheres, cylinders and hulls of 0.3 … 2 m at 60 … 960 steps/s):

- Bodies have maximal coordinates (Bullet's btRigidBody). As a multibody a cylinder on a floor keeps rattling by
  millimetres, overlap cannot be taken out by position alone, and speeds end at 100 m/s.
- A contact is solved when the gap is at most what gravity closes in one step. Bullet's default, any gap, slows every
  bounce by gap/step; a limit of zero, as Kubric has it, leaves resting objects jumping for ever by gravity·step².
- Overlap is taken out by position alone (split impulse at any depth), so that it adds no energy, and nothing is
  remembered between steps (no warm starting).
- Two bodies bounce with the product of their restitutions, and slide with the product of their frictions.
"""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kubric_gen.errors import AssetError, KubricGenError, shown
from kubric_gen.physics.colliders import Collider, body_mass, collider_of, principal_inertia
from kubric_gen.physics.library import load_pybullet, pieces_file, returned_references
from kubric_gen.scene import Contact, MeshFile, Object
from kubric_gen.scene.transforms import IDENTITY, rotation_matrix

Array = NDArray[np.float64]

SOLVER_ITERATIONS = 100
MAX_TRIANGLES = 40_000
"""Triangles per body: PyBullet takes no more than 131,072 vertices."""
MARGIN = 1e-3
"""How much Bullet rounds the edges of boxes and cylinders, in metres; their faces stay where they are."""
STAGING = 1e6
"""Height in metres, far from everything, where bodies wait for their first step."""


def multiply(first: ArrayLike, second: ArrayLike) -> Array:
  """Products (..., 4) of quaternions (w, x, y, z): the second rotation, then the first."""
  a, b, c, d = np.moveaxis(np.asarray(first, np.float64), -1, 0)
  w, x, y, z = np.moveaxis(np.asarray(second, np.float64), -1, 0)
  return np.stack([a * w - b * x - c * y - d * z, a * x + b * w + c * z - d * y,
                   a * y - b * z + c * w + d * x, a * z + b * y - c * x + d * w], axis=-1)


@dataclass(frozen=True, eq=False)
class Body:
  """An object in the world. A large triangle mesh needs several of the engine's bodies."""

  item: Object
  collider: Collider
  ids: tuple[int, ...]

  @property
  def dynamic(self) -> bool:
    return not self.item.static and self.item.path is None

  def to_engine(self, position: ArrayLike, quaternion: ArrayLike) -> tuple[list[float], list[float]]:
    """Position and quaternion (x, y, z, w) of the engine's body for a pose of the object."""
    at, turn = np.asarray(position, np.float64), np.asarray(quaternion, np.float64)
    if any(self.collider.offset):
      at = at + rotation_matrix(turn) @ self.collider.offset
    if self.collider.rotation != IDENTITY:
      turn = multiply(turn, self.collider.rotation)
    return at.tolist(), np.roll(turn, -1).tolist()


class BulletWorld:
  """A connection to PyBullet of its own, closed on exit; nothing is shared between two of them.

  Args:
    step_rate: steps per second.
    gravity: m/s².
    margin: how much edges are rounded, in metres: contacts like a little, and `overlaps` is as exact as this is small.
  """

  def __init__(self, step_rate: int = 240, gravity: ArrayLike = (0.0, 0.0, 0.0), margin: float = MARGIN) -> None:
    self._p: Any = load_pybullet()
    self._margin = margin
    self._gravity = np.asarray(gravity, np.float64).tolist()
    self._gap = math.hypot(*self._gravity) / step_rate ** 2
    self._bodies: list[Body] = []
    self._index: dict[int, int] = {}
    self._client: int = self._p.connect(self._p.DIRECT)
    if self._client < 0:
      raise KubricGenError("PyBullet takes no further connection: close other simulations in this process")
    self._p.setPhysicsEngineParameter(
        fixedTimeStep=1 / step_rate, numSubSteps=0, numSolverIterations=SOLVER_ITERATIONS, solverResidualThreshold=0,
        useSplitImpulse=1, splitImpulsePenetrationThreshold=0, contactERP=0.2, erp=0.2, frictionERP=0.2,
        contactSlop=0, contactBreakingThreshold=0.02, restitutionVelocityThreshold=0, warmStartingFactor=0,
        enableConeFriction=0, deterministicOverlappingPairs=1,
        enableFileCaching=0,  # files of pieces have a new name each time, so that nothing would ever be found in the cache
        physicsClientId=self._client)

  def __enter__(self) -> BulletWorld:
    return self

  def __exit__(self, *exception: object) -> None:
    self.close()

  def close(self) -> None:
    if self._client >= 0:
      self._p.resetSimulation(physicsClientId=self._client)  # else each connection leaks some 40 kB
      self._p.disconnect(self._client)
      self._client = -1

  def add(self, item: Object, index: int = -1, *, convex: bool = False) -> Body | None:
    """Add an object at its pose, at rest.

    Args:
      item: the object; one with a path starts where that is at frame 0.
      index: what contacts name it by.
      convex: take the convex hull of a mesh even if nothing moves it.

    Returns:
      None for an object without a collision shape.

    Raises:
      AssetError: a mesh or a mass that cannot be used.
    """
    moved = not item.static and item.path is None
    collider = collider_of(item, convex=convex or moved)
    if collider is None:
      return None
    mass = body_mass(item) if moved else 0.0
    body = Body(item, collider, tuple(self._create(item, part, mass) for part in _parts(collider)))
    if item.path is None:
      self.place(body, item.position, item.quaternion)
    else:
      positions, quaternions = item.path.at(0)
      self.place(body, positions[0], quaternions[0])
    self._bodies.append(body)
    self._index.update(dict.fromkeys(body.ids, index))
    return body

  def _create(self, item: Object, collider: Collider, mass: float) -> int:
    p, margin = self._p, min(self._margin, min(collider.size) / 20)
    arguments: dict[str, Any] = {"physicsClientId": self._client}
    scratch = contextlib.ExitStack()
    if collider.kind == "box":
      arguments |= {"shapeType": p.GEOM_BOX, "halfExtents": [v / 2 for v in collider.size]}
    elif collider.kind == "sphere":
      arguments |= {"shapeType": p.GEOM_SPHERE, "radius": collider.size[0] / 2}
    elif collider.kind == "cylinder":
      arguments |= {"shapeType": p.GEOM_CYLINDER, "radius": collider.size[0] / 2, "height": collider.size[2]}
    elif collider.kind == "pieces":
      arguments |= {"shapeType": p.GEOM_MESH, "fileName": scratch.enter_context(pieces_file(collider.pieces))}
      margin = 0.0
    else:
      assert collider.points is not None
      arguments |= {"shapeType": p.GEOM_MESH, "vertices": collider.points.tolist()}
      margin = 0.0  # it would be added outside the mesh, which would then float
      if collider.faces is not None:
        arguments |= {"indices": collider.faces.ravel().tolist(), "flags": p.GEOM_FORCE_CONCAVE_TRIMESH}
    try:
      with scratch, returned_references(arguments.get("vertices", []), arguments.get("indices", [])):
        shape = p.createCollisionShape(**arguments)
      # PyBullet has no kinematic rigid bodies, but a multibody with a fixed base pushes with the velocity it is given.
      # Without a visual shape of its own a body gets one from its collision shape, which reads the file of pieces again.
      seen = (p.createVisualShape(p.GEOM_SPHERE, radius=1e-3, physicsClientId=self._client) if collider.kind == "pieces" else -1)
      body = p.createMultiBody(mass, shape, seen, useMaximalCoordinates=item.path is None, physicsClientId=self._client)
    except self._p.error as error:
      what = item.shape.path if isinstance(item.shape, MeshFile) else type(item.shape).__name__
      raise AssetError(f"object {shown(item.name)}: PyBullet cannot use its shape ({what}): simplify the mesh") from error
    settings: dict[str, Any] = {}
    if mass:
      moments, _ = principal_inertia(item)
      settings = {"mass": mass, "localInertiaDiagonal": moments.tolist(),
                  "ccdSweptSphereRadius": collider.inner_radius / 2}
    if collider.kind != "sphere":  # a sphere is all margin
      settings["collisionMargin"] = margin
    p.changeDynamics(
        body, -1, lateralFriction=item.friction, restitution=item.restitution, linearDamping=item.linear_damping,
        angularDamping=item.angular_damping, rollingFriction=0, spinningFriction=0,
        contactProcessingThreshold=self._gap, physicsClientId=self._client, **settings)
    return body

  def place(self, body: Body, position: ArrayLike, quaternion: ArrayLike) -> None:
    """Set the pose of a body and stop it."""
    at, turn = body.to_engine(position, quaternion)
    for identifier in body.ids:
      self._p.resetBasePositionAndOrientation(identifier, at, turn, physicsClientId=self._client)

  def push(self, body: Body, velocity: ArrayLike, angular_velocity: ArrayLike) -> None:
    """Set the velocity (m/s) and angular velocity (rad/s) of a body, in world axes."""
    omega, v = np.asarray(angular_velocity, np.float64), np.asarray(velocity, np.float64)
    if any(body.collider.offset):
      _, turn = self._p.getBasePositionAndOrientation(body.ids[0], physicsClientId=self._client)
      v = v + np.cross(omega, rotation_matrix(np.roll(turn, 1)) @ body.collider.offset)
    for identifier in body.ids:
      self._p.resetBaseVelocity(identifier, v.tolist(), omega.tolist(), physicsClientId=self._client)

  def start(self) -> None:
    """Make ready for the first step: gravity, and the objects' poses and velocities at frame 0."""
    # A body takes note of its inertia at the end of a step: let each make an idle one where it touches nothing.
    moving = [body for body in self._bodies if body.dynamic]
    for row, body in enumerate(moving):
      self.place(body, (0.0, 0.0, STAGING * (1 + row)), body.item.quaternion)
    self.step()
    self._p.setGravity(*self._gravity, physicsClientId=self._client)
    for body in moving:
      self.place(body, body.item.position, body.item.quaternion)
      self.push(body, body.item.velocity, body.item.angular_velocity)

  def step(self) -> None:
    self._p.stepSimulation(physicsClientId=self._client)

  def state(self, body: Body) -> tuple[Array, Array, Array, Array]:
    """Position (3,), quaternion (4,), velocity (3,) and angular velocity (3,) of a dynamic object."""
    identifier = body.ids[0]
    position, turn = self._p.getBasePositionAndOrientation(identifier, physicsClientId=self._client)
    velocity, angular_velocity = self._p.getBaseVelocity(identifier, physicsClientId=self._client)
    quaternion = np.roll(turn, 1)
    if body.collider.rotation != IDENTITY:
      quaternion = multiply(quaternion, np.multiply(body.collider.rotation, (1, -1, -1, -1)))
    return np.array(position), quaternion, np.array(velocity), np.array(angular_velocity)

  def contacts(self, step: int) -> list[Contact]:
    """The contacts that the last step solved and in which a force acted; lower index first."""
    found = []
    for _, a, b, _, _, on_a, on_b, normal, distance, force, *_ in self._p.getContactPoints(
        physicsClientId=self._client):
      if distance > self._gap or force <= 0:  # not solved in this step: such a point still shows an earlier force
        continue
      first, second = self._index[a], self._index[b]
      if first > second:
        first, second, normal = second, first, tuple(-v for v in normal)
      middle = tuple((u + v) / 2 for u, v in zip(on_a, on_b))
      found.append(Contact((first, second), step, middle, normal, force))
    return found

  def overlaps(self, body: Body) -> bool:
    """Whether a body touches or penetrates another one."""
    return any(self._p.getClosestPoints(mine, theirs, distance=0.0, physicsClientId=self._client)
               for other in self._bodies if other is not body for theirs in other.ids for mine in body.ids)

  def remove(self, body: Body) -> None:
    self._bodies.remove(body)
    for identifier in body.ids:
      self._p.removeBody(identifier, physicsClientId=self._client)
      del self._index[identifier]

  def save(self, path: str | os.PathLike[str]) -> None:
    """Write the world in Bullet's own format.

    Raises:
      KubricGenError: the file cannot be written.
    """
    try:
      with open(path, "wb"):  # PyBullet only says that it failed
        pass
      self._p.saveBullet(os.fspath(path), physicsClientId=self._client)
    except (OSError, self._p.error) as error:
      reason = getattr(error, "strerror", None) or error
      raise KubricGenError(f"cannot write the physics state to {os.fspath(path)} ({reason}): "
                           "give the path of a file in a writable folder") from error


def _parts(collider: Collider) -> list[Collider]:
  """The collider, cut into pieces that PyBullet takes."""
  if collider.faces is None or len(collider.faces) <= MAX_TRIANGLES:
    return [collider]
  assert collider.points is not None
  parts = []
  for begin in range(0, len(collider.faces), MAX_TRIANGLES):
    used, faces = np.unique(collider.faces[begin:begin + MAX_TRIANGLES], return_inverse=True)
    parts.append(Collider("triangles", points=collider.points[used], faces=faces.reshape(-1, 3).astype(np.int32),
                          offset=collider.offset, rotation=collider.rotation))
  return parts
