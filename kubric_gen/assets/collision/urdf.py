"""Single rigid bodies described in URDF, treated as hostile input."""

from __future__ import annotations

import hashlib
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from kubric_gen.assets.meshes.mesh import Array
from kubric_gen.errors import AssetError, shown
from kubric_gen.scene.color import RGB
from kubric_gen.system.paths import relative_file

MAX_BYTES = 1 << 20
ROUND = 48
"""Corners of a circle, where a sphere or cylinder becomes a hull."""


@dataclass(frozen=True, eq=False)
class Part:
  """A visual or collision element.

  Attributes:
    mesh: its mesh file, relative to the URDF file's folder; "" for a primitive.
    points (n, 3): of a primitive, the corners of its hull in metres.
    frame (4, 4): from the mesh file's coordinates, or the points', to the body's; scale included.
  """

  mesh: str
  points: Array
  frame: Array


@dataclass(frozen=True, eq=False)
class Body:
  """The one body of a URDF file.

  Attributes:
    mass: kilograms; None where it is not given or zero. color: of the first material that names one, linear RGB.
    visuals, collisions: what it looks like and what it collides with.
  """

  mass: float | None
  color: RGB | None
  visuals: tuple[Part, ...]
  collisions: tuple[Part, ...]


def _numbers(text: str, count: int) -> list[float]:
  values = [float(word) for word in text.split()]
  if len(values) != count or not all(math.isfinite(value) and abs(value) < 1e9 for value in values):
    raise ValueError(f"{count} finite numbers are needed, got {shown(text)}")
  return values


def _positive(text: str, count: int) -> list[float]:
  values = _numbers(text, count)
  if min(values) <= 0:
    raise ValueError(f"sizes and scales must be positive, got {shown(text)}")
  return values


def _circle(radius: float) -> Array:
  angle = np.arange(ROUND) * (2 * np.pi / ROUND)
  return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _part(element: ElementTree.Element) -> Part | None:
  """A visual or collision element; None for a geometry that only its own engine knows."""
  frame = np.eye(4)
  origin = element.find("origin")
  if origin is not None:
    frame[:3, 3] = _numbers(origin.get("xyz", "0 0 0"), 3)
    frame[:3, :3] = Rotation.from_euler("xyz", _numbers(origin.get("rpy", "0 0 0"), 3)).as_matrix()
  for shape in element.findall("geometry/*"):
    name, points = "", np.zeros((0, 3))
    if shape.tag == "mesh":
      name = relative_file(shape.get("filename", ""))
      scale = shape.get("scale", "1 1 1").split()
      frame[:3, :3] *= _positive(" ".join(scale * 3 if len(scale) == 1 else scale), 3)
    elif shape.tag == "box":
      corners = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
      points = corners * _positive(shape.get("size", ""), 3)
    elif shape.tag == "sphere":
      radius = _positive(shape.get("radius", ""), 1)[0]
      heights = radius * np.sin(np.linspace(-np.pi / 2, np.pi / 2, ROUND // 2 + 1))
      points = np.concatenate([np.column_stack([_circle(math.sqrt(max(0.0, radius ** 2 - z ** 2))), np.full(ROUND, z)])
                               for z in heights])
    elif shape.tag == "cylinder":
      rim = _circle(_positive(shape.get("radius", ""), 1)[0])
      height = _positive(shape.get("length", ""), 1)[0]
      points = np.concatenate([np.column_stack([rim, np.full(ROUND, z)]) for z in (-height / 2, height / 2)])
    else:
      continue
    return Part(name, points, frame)
  return None


def parse_urdf(data: bytes, name: str) -> Body:
  """The body of a URDF file.

  Args:
    data: what is in the file. name: what to call it in messages.

  Raises:
    AssetError: it cannot be parsed, declares document types, or describes anything but a single body.
  """
  try:
    if len(data) > MAX_BYTES:
      raise ValueError(f"larger than {MAX_BYTES >> 20} MiB")
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", data.decode("utf-8-sig"))  # PyBullet's own say version 0.0, which is none
    if "<!doctype" in text.lower() or "<!entity" in text.lower():
      raise ValueError("it declares a document type, whose entities could be anything")
    links = [link for link in ElementTree.fromstring(text).findall("link") if link.find("visual") is not None
             or link.find("collision") is not None]
    if len(links) != 1:
      raise ValueError(f"it has {len(links)} bodies, and only single ones can be used")
    mass, color = links[0].find("inertial/mass"), links[0].find("visual/material/color")
    kilograms = float(mass.get("value", "nan")) if mass is not None else 0.0
    if not 0 <= kilograms < 1e12:
      raise ValueError(f"the mass must be a number of kilograms, got {shown(mass.get('value') if mass is not None else None)}")
    rgb: RGB | None = None
    if color is not None:
      red, green, blue, _ = _numbers(color.get("rgba", ""), 4)
      rgb = (min(max(red, 0.0), 1.0), min(max(green, 0.0), 1.0), min(max(blue, 0.0), 1.0))
    visuals, collisions = ([part for part in map(_part, links[0].findall(kind)) if part is not None]
                           for kind in ("visual", "collision"))
    return Body(kilograms or None, rgb, tuple(visuals), tuple(collisions))
  except (ValueError, ElementTree.ParseError, RecursionError) as error:
    raise AssetError(f"{name} cannot be used ({' '.join(str(error).split())}): give a URDF file of one rigid body") from None


def read_urdf(path: str | os.PathLike[str]) -> Body:
  """The body of a URDF file on disk: see `parse_urdf`."""
  try:
    with open(path, "rb") as file:
      return parse_urdf(file.read(MAX_BYTES + 1), f"URDF file {path}")
  except OSError as error:
    raise AssetError(f"URDF file {path} cannot be read ({error.strerror}): give the path of an existing file") from None


def collision_file(body: Body, folder: Path, visual: Array) -> str:
  """A file with the collision bodies of a URDF, for a mesh.

  Args:
    body: of the URDF. folder: where it lies. visual (4, 4): from the collision file's coordinates to the body's.

  Returns:
    The path of the one mesh file that the URDF names, if it can be taken as it is, else that of a file in the cache that
    is made from its elements; "" where it has none.

  Raises:
    AssetError: a mesh file that cannot be used, or a cache that cannot be written to.
  """
  from kubric_gen.assets.collision.files import pieces_text, read_pieces
  from kubric_gen.assets.fetching.cache import cached_file
  if not body.collisions:
    return ""
  first = body.collisions[0]
  if len(body.collisions) == 1 and first.mesh.lower().endswith(".obj") and np.allclose(first.frame, visual, atol=1e-9):
    return str(folder / first.mesh)
  pieces = []
  for part in body.collisions:
    if part.mesh and not part.mesh.lower().endswith(".obj"):
      raise AssetError(f"collision file {folder / part.mesh} must be an obj file of convex bodies")
    turn = np.linalg.solve(visual, part.frame)
    for points in read_pieces(folder / part.mesh) if part.mesh else [part.points]:
      pieces.append(points @ turn[:3, :3].T + turn[:3, 3])
  data = pieces_text(pieces).encode()
  return str(cached_file(f"collisions/{hashlib.sha256(data).hexdigest()[:32]}.obj", lambda: data))
