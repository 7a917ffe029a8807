"""An analytic ray caster: the oracle that annotations are held against.

Written from the contract's text alone, in plain NumPy; it imports nothing of kubric_gen and meshes nothing. Spheres are
spheres. Frames are array indices: t = 0 … N - 1 are rendered, -1 and N lie one beyond each end, and the frame number of
index t is t + 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

FLAT = ("plane", "disc")
NOTHING = -1
VISIBLE, OCCLUDED, OUTSIDE = 0, 1, 2
REACH = 1e-3
"""A point is visible if nothing is hit nearer than this fraction of its distance before it."""


# Rotations: quaternions are (w, x, y, z), local → world.

def quaternion_to_matrix(q: ArrayLike) -> Array:
  """The nine products of a unit quaternion."""
  w, x, y, z = np.asarray(q, np.float64) / np.linalg.norm(q)
  return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                   [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                   [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])


def multiply(p: ArrayLike, q: ArrayLike) -> Array:
  """Hamilton product: first q, then p."""
  a, u = np.asarray(p, np.float64)[0], np.asarray(p, np.float64)[1:]
  b, v = np.asarray(q, np.float64)[0], np.asarray(q, np.float64)[1:]
  return np.concatenate([[a * b - u @ v], a * v + b * u + np.cross(u, v)])


def about(axis: ArrayLike, angle: float) -> Array:
  """Quaternion of a turn by `angle` radians about an axis."""
  unit = np.asarray(axis, np.float64) / np.linalg.norm(axis)
  return np.concatenate([[np.cos(angle / 2)], np.sin(angle / 2) * unit])


def between(a: ArrayLike, b: ArrayLike) -> Array:
  """The shortest turn that takes direction a to direction b (which must not be opposite)."""
  a, b = (np.asarray(v, np.float64) / np.linalg.norm(v) for v in (a, b))
  q = np.concatenate([[1 + a @ b], np.cross(a, b)])
  return q / np.linalg.norm(q)


def slerp(p: ArrayLike, q: ArrayLike, fraction: float) -> Array:
  """Constant angular speed along the shorter arc."""
  a, b = (np.asarray(v, np.float64) / np.linalg.norm(v) for v in (p, q))
  b = b if a @ b >= 0 else -b
  angle = np.arccos(np.clip(a @ b, -1, 1))
  if angle < 1e-9:
    return a
  return (np.sin((1 - fraction) * angle) * a + np.sin(fraction * angle) * b) / np.sin(angle)


# The world.

@dataclass(frozen=True, eq=False)
class Keys:
  """One pose, or two with uniform motion between them; `frames` are frame numbers."""

  positions: tuple[tuple[float, ...], ...]
  quaternions: tuple[tuple[float, ...], ...]
  frames: tuple[float, ...] = (0,)

  def at(self, t: int) -> tuple[Array, Array]:
    """Position (3,) and rotation matrix (3, 3) at array index t."""
    if len(self.frames) == 1:
      return np.array(self.positions[0], np.float64), quaternion_to_matrix(self.quaternions[0])
    fraction = (t + 1 - self.frames[0]) / (self.frames[1] - self.frames[0])
    start, end = (np.array(p, np.float64) for p in self.positions)
    first, last = self.quaternions
    return start + fraction * (end - start), quaternion_to_matrix(slerp(first, last, fraction))


@dataclass(frozen=True, eq=False)
class Body:
  """A sphere, box, cylinder (about local Z), plane or disc (in local z = 0), one unit across and then scaled."""

  kind: str
  scale: tuple[float, float, float]
  keys: Keys
  background: bool = False


@dataclass(frozen=True, eq=False)
class View:
  """A camera. Millimetres where there is a focal length; metres of image width where there is a scale instead."""

  keys: Keys
  focal_length: float = 50.0
  sensor_width: float = 36.0
  scale: float | None = None
  near: float = 0.1
  far: float = 1000.0

  def k(self, resolution: tuple[int, int]) -> Array:
    """The contract's K: camera coordinates to normalised image positions after division by the third component."""
    height, width = resolution
    sensor_height = self.sensor_width * height / width
    fx, fy = self.focal_length / self.sensor_width, self.focal_length / sensor_height
    if self.scale is not None:
      fx, fy = 1 / self.scale, 1 / (self.scale * height / width)
    return np.array([[fx, 0, -0.5], [0, -fy, -0.5], [0, 0, -1]])

  def project(self, points: Array, resolution: tuple[int, int]) -> Array:
    """(row, column) of camera points (…, 3); NaN behind a perspective camera."""
    if self.scale is not None:
      points = np.concatenate([points[..., :2], np.full_like(points[..., 2:], -1.0)], axis=-1)
    h = points @ self.k(resolution).T
    with np.errstate(divide="ignore", invalid="ignore"):
      xy: Array = np.where(h[..., 2:] > 0, h[..., :2] / h[..., 2:], np.nan)
    return xy[..., ::-1] * resolution

  def rays(self, pixels: Array, resolution: tuple[int, int]) -> tuple[Array, Array]:
    """Origins and unit directions (…, 3) in camera coordinates through (row, column) positions."""
    xy = (pixels / resolution)[..., ::-1]
    ahead = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1) @ np.linalg.inv(self.k(resolution)).T
    if self.scale is None:
      return np.zeros_like(ahead), ahead / np.linalg.norm(ahead, axis=-1, keepdims=True)
    forward = np.broadcast_to(np.array([0.0, 0.0, -1.0]), ahead.shape)
    return ahead - forward, forward


# Roots of a ray with a unit shape: lists of (distance, feature, normal), with infinite distances where there is none.

Roots = list[tuple[Array, int, Array]]


def _quadratic(a: Array, b: Array, c: Array) -> tuple[Array, Array]:
  """Both roots of a·t² + 2·b·t + c, infinite where there are none."""
  with np.errstate(divide="ignore", invalid="ignore"):
    q = -(b + np.copysign(np.sqrt(b * b - a * c), b))
    pair = np.sort(np.stack([q / a, c / q]), axis=0)
  first, second = np.where(np.isfinite(pair), pair, np.inf)
  return first, second


def _facet(o: Array, d: Array, axis: int, at: float, inside: str) -> Array:
  """Distance to the plane x[axis] = at, where the other two coordinates are in the unit square or disc."""
  with np.errstate(divide="ignore", invalid="ignore"):
    t = (at - o[:, axis]) / d[:, axis]
    p = np.delete(o + t[:, None] * d, axis, axis=1)
    keep = (np.abs(p) <= 0.5).all(axis=1) if inside == "square" else (p ** 2).sum(axis=1) <= 0.25
  return np.where(keep & np.isfinite(t), t, np.inf)


def roots(kind: str, o: Array, d: Array) -> Roots:
  """All crossings of rays o + t·d (n, 3) with a unit shape."""
  if kind == "sphere":
    pair = _quadratic((d * d).sum(1), (o * d).sum(1), (o * o).sum(1) - 0.25)
    with np.errstate(invalid="ignore"):
      return [(t, 0, o + t[:, None] * d) for t in pair]
  if kind == "box":
    return [(_facet(o, d, axis, sign / 2, "square"), 2 * axis + (sign > 0),
             np.tile(np.eye(3)[axis] * sign, (len(o), 1)))
            for axis in range(3) for sign in (-1, 1)]
  if kind in FLAT:
    shape = "square" if kind == "plane" else "round"
    return [(_facet(o, d, 2, 0.0, shape), 0, np.tile([0.0, 0.0, 1.0], (len(o), 1)))]
  assert kind == "cylinder"
  found: Roots = [(_facet(o, d, 2, z, "round"), 1 + (z > 0), np.tile([0.0, 0.0, 2 * z], (len(o), 1)))
                  for z in (-0.5, 0.5)]
  flat = np.array([1.0, 1.0, 0.0])
  for t in _quadratic((d * d * flat).sum(1), (o * d * flat).sum(1), (o * o * flat).sum(1) - 0.25):
    with np.errstate(invalid="ignore"):
      p = o + t[:, None] * d
      found.append((np.where(np.abs(p[:, 2]) <= 0.5, t, np.inf), 0, p * flat))
  return found


@dataclass(frozen=True, eq=False)
class Look:
  """What n rays, or the (H, W) rays of an image, hit first.

  Attributes: object index (-1: nothing); feature (which smooth part of the object); distance along the ray; unit world
  normal towards the viewer; local point (unscaled); point in camera coordinates.
  """

  index: Ints
  feature: Ints
  distance: Array
  normal: Array
  local: Array
  point: Array

  @property
  def hit(self) -> Mask:
    return self.index != NOTHING


class Oracle:
  """Bodies seen by a view."""

  def __init__(self, bodies: list[Body], view: View, resolution: tuple[int, int], num_frames: int) -> None:
    self.bodies, self.view, self.resolution, self.num_frames = bodies, view, resolution, num_frames
    rows, columns = np.mgrid[:resolution[0], :resolution[1]]
    self.pixels = np.stack([rows, columns], axis=-1) + 0.5
    self.labels = np.zeros(len(bodies) + 1, int)  # the last is what nothing (-1) gets
    foreground = [i for i, body in enumerate(bodies) if not body.background]
    self.labels[foreground] = np.arange(len(foreground)) + 1

  def cast(self, t: int, pixels: Array, bodies: list[int] | None = None) -> Look:
    """First hits in frame t of the rays through pixel positions (n, 2), with some of the bodies or with all."""
    origins, directions = self.view.rays(pixels, self.resolution)
    eye, turn = self.view.keys.at(t)
    o, d = eye + origins @ turn.T, directions @ turn.T
    near, far = self.view.near / -directions[:, 2], self.view.far / -directions[:, 2]
    n = len(pixels)
    index, feature = np.full(n, NOTHING), np.full(n, -1)
    distance, normal, local = np.full(n, np.inf), np.zeros((n, 3)), np.zeros((n, 3))
    for i in range(len(self.bodies)) if bodies is None else bodies:
      body = self.bodies[i]
      position, rotation = body.keys.at(t)
      scale = np.array(body.scale)
      at, along = (o - position) @ rotation / scale, d @ rotation / scale
      for root, part, unit_normal in roots(body.kind, at, along):
        closer = (root >= near) & (root <= far) & (root < distance)
        distance[closer], index[closer], feature[closer] = root[closer], i, part
        local[closer] = at[closer] + root[closer, None] * along[closer]
        normal[closer] = unit_normal[closer] / scale @ rotation.T
    normal *= np.where(np.einsum("ij,ij->i", normal, d) > 0, -1, 1)[:, None]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    point = origins + np.where(index == NOTHING, 0, distance)[:, None] * directions
    return Look(index, feature, distance, normal, local, point)

  def look(self, t: int, bodies: list[int] | None = None) -> Look:
    """First hits of the rays through every pixel's centre, as images."""
    flat = self.cast(t, self.pixels.reshape(-1, 2), bodies)
    return Look(*(getattr(flat, name).reshape(*self.resolution, *getattr(flat, name).shape[1:])
                  for name in ("index", "feature", "distance", "normal", "local", "point")))

  def object_coordinates(self, look: Look) -> Array:
    """Position in the rest box; zero along flat axes and where nothing is hit."""
    flat = np.array([body.kind in FLAT for body in self.bodies] + [False])[look.index]
    result = look.local + 0.5
    result[..., 2] = np.where(flat, 0.0, result[..., 2])
    return np.where(look.hit[..., None], result, 0.0)

  def moved(self, t: int, s: int, look: Look) -> tuple[Array, Array]:
    """Camera coordinates (H, W, 3) in frame s of the points seen in frame t, and where they project to (H, W, 2).

    What is infinitely far is a direction; it keeps its place in the image of parallel rays.
    """
    (_, turn_t), (eye_s, turn_s) = self.view.keys.at(t), self.view.keys.at(s)
    points = self.view.rays(self.pixels, self.resolution)[1] @ turn_t.T @ turn_s
    for i, body in enumerate(self.bodies):
      position, rotation = body.keys.at(s)
      mine = look.index == i
      points[mine] = ((look.local[mine] * body.scale) @ rotation.T + position - eye_s) @ turn_s
    pixels = self.view.project(points, self.resolution)
    if self.view.scale is not None:
      pixels[~look.hit] = self.pixels[~look.hit]
    return points, pixels

  def flow(self, t: int, s: int, look: Look) -> Array:
    """(Δrow, Δcolumn) of the points seen in frame t on their way to frame s; NaN where they get behind the camera."""
    return self.moved(t, s, look)[1] - self.pixels

  def occlusion(self, t: int, s: int, look: Look, blur: float) -> tuple[Ints, Mask]:
    """Class (H, W) in frame s of the points seen in frame t, and where that class is certain.

    It is uncertain within `blur` pixels of another object's silhouette or of the image's border; where what is hit
    first lies within half the tolerance of the tolerance's own edge; and on the limb of a round body, where a point
    1.4e-4 below the surface (a mesh's largest error) comes to lie behind it by more than half the tolerance.
    """
    points, pixels = self.moved(t, s, look)
    height, width = self.resolution
    border = np.min(np.stack([pixels[..., 0], height - pixels[..., 0], pixels[..., 1], width - pixels[..., 1]]), axis=0)
    z = -points[..., 2]
    depth_margin = np.where(look.hit, np.minimum(z / self.view.near - 1, 1 - z / self.view.far), 1.0)
    inside = (border >= 0) & (depth_margin >= 0)
    sure = np.where(np.isnan(border), z < -1e-3, (np.abs(border) > blur) & (np.abs(depth_margin) > 1e-3))
    result = np.full(self.resolution, OUTSIDE)
    for i, body in enumerate(self.bodies):
      if body.kind in ("sphere", "cylinder"):
        mine = look.index == i
        turn = self.view.keys.at(s)[1].T @ body.keys.at(s)[1] @ body.keys.at(t)[1].T
        towards = points[mine] if self.view.scale is None else np.array([0, 0, -1.0])
        normal = look.normal[mine] @ turn.T
        cosine = (normal * towards).sum(axis=-1) / np.linalg.norm(towards, axis=-1)
        sure[mine] &= np.abs(cosine) > 1.4e-4 * max(body.scale) / (0.5 * REACH * np.maximum(z[mine], self.view.near))
    at, own, hit = pixels[inside], look.index[inside], look.hit[inside]
    target = z[inside] if self.view.scale is not None else np.linalg.norm(points[inside], axis=-1)
    target = np.where(hit, target, np.inf)

    def nearest(bodies: list[int], shift: tuple[float, float]) -> Array:
      return self.cast(s, at + shift, bodies).distance

    others = np.full((5, len(at)), np.inf)
    for i in range(len(self.bodies)):
      theirs = own != i
      mine = ~theirs
      for k, shift in enumerate([(0.0, 0.0), (blur, 0.0), (-blur, 0.0), (0.0, blur), (0.0, -blur)]):
        reached = nearest([i], shift)
        others[k, theirs] = np.minimum(others[k], reached)[theirs]
        if k == 0:
          others[:, mine] = np.minimum(others[:, mine], reached[mine])
    hidden = others[0] < target * (1 - REACH)
    certain = ((others < target * (1 - 1.5 * REACH)) == hidden).all(axis=0)
    certain &= ((others < target * (1 - 0.5 * REACH)) == hidden).all(axis=0)
    result[inside] = np.where(hidden, OCCLUDED, VISIBLE)
    sure[inside] &= certain
    return result, sure


def same_around(image: NDArray[np.generic]) -> Mask:
  """The pixels (H, W) whose 3 × 3 neighbourhood has one value."""
  height, width = image.shape
  padded = np.pad(image, 1, mode="edge")
  return np.all([padded[r:r + height, c:c + width] == image for r in range(3) for c in range(3)], axis=0)


# Random worlds.

def random_keys(rng: np.random.Generator, position: Array, travel: float, turn: float, last: float) -> Keys:
  """Two keys, at frames 0 and `last`; the second quaternion has a random sign, which must make no difference."""
  start = rng.normal(size=4)
  start /= np.linalg.norm(start)
  end = multiply(about(rng.normal(size=3), turn), start) * rng.choice([-1, 1])
  goal = position + rng.uniform(-travel, travel, 3)
  return Keys((tuple(position), tuple(goal)), (tuple(start), tuple(end)), (0, last))


def aim(position: ArrayLike, target: ArrayLike, roll: float) -> Array:
  """An orientation whose -Z points at the target; +Y is wherever the shortest turn and the roll bring it."""
  direction = np.asarray(target, np.float64) - np.asarray(position, np.float64)
  return multiply(between((0, 0, -1), direction), about((0, 0, 1), roll))


def random_world(seed: int, resolution: tuple[int, int], num_frames: int, orthographic: bool) -> Oracle:
  """A floor and eight bodies of all kinds that turn and travel, some through each other, before a moving camera."""
  rng = np.random.default_rng(seed)
  last = num_frames + 1
  bodies = [Body(str(rng.choice(FLAT)), (9.0, 9.0, 1.0), Keys(((0, 0, 0),), ((1, 0, 0, 0),)), background=True)]
  kinds = ["sphere", "box", "cylinder", "sphere", "box", "cylinder", "plane", "disc"]
  for number, kind in enumerate(kinds):
    scale = tuple(rng.uniform(0.6, 1.6, 3)) if number else (1.2, 1.2, 1.2)
    position = rng.uniform((-1.6, -1.6, 0.2), (1.6, 1.6, 2.0))
    keys = random_keys(rng, position, 0.8, rng.uniform(0.3, 1.5), last)
    if number == 4:  # stands still
      keys = Keys(keys.positions[:1], keys.quaternions[:1])
    bodies.append(Body(kind, scale, keys))
  side = rng.uniform(0, 2 * np.pi)
  positions = [np.array([5 * np.cos(side + a), 5 * np.sin(side + a), z])
               for a, z in ((0.0, rng.uniform(1, 3)), (rng.uniform(0.05, 0.25), rng.uniform(1, 3)))]
  roll = rng.uniform(-0.3, 0.3)
  orientations = [aim(p, rng.uniform(-0.4, 0.4, 3) + (0, 0, 0.8), roll + extra)
                  for p, extra in zip(positions, (0.0, rng.uniform(-0.2, 0.2)))]
  keys = Keys(tuple(map(tuple, positions)), tuple(map(tuple, orientations)), (0, last))
  wide = max(1.0, resolution[1] / resolution[0])
  view = View(keys, focal_length=35.0, sensor_width=32.0 * wide, scale=4.0 * wide if orthographic else None)
  return Oracle(bodies, view, resolution, num_frames)
