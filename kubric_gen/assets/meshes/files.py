"""Meshes from a user's files, treated as hostile input: whatever cannot be used ends as one `AssetError`."""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.assets.fetching.cache import cached_file
from kubric_gen.assets.meshes.mesh import Array, Indices, Mesh, integrate_solid
from kubric_gen.assets.meshes.shading import corner_normals
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.scene.color import srgb_to_linear
from kubric_gen.scene.materials import Material, PrincipledMaterial, Texture
from kubric_gen.scene.shapes import MeshFile

MAX_BYTES = 1 << 30
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".tga", ".webp", ".exr", ".hdr", ".ktx2", ".dds")
MAX_COORDINATE = 1e12
"""Metres; beyond, single precision overflows when a distance is squared."""
MAX_PAIRS = 3e7
"""Of faces around a corner that are compared for their shading; a mesh with more of them is shaded smooth."""
FLAT = 1e-12
"""A hull whose volume is below this fraction of its extent's cube has no volume."""
Y_UP_TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def _resolver(path: Path, missing: list[str]) -> Any:
  """What gives trimesh the files that a mesh file names; images that are not there are noted in `missing`."""
  from trimesh.resolvers import FilePathResolver

  class NotingResolver(FilePathResolver):

    def get(self, name: str) -> Any:
      try:
        return super().get(name)
      except Exception:
        if Path(str(name).strip()).suffix.lower() in IMAGE_SUFFIXES:
          missing.append(" ".join(str(name).split()))
        raise

  return NotingResolver(str(path))


def _cached_image(image: Any) -> Texture:
  """A texture file for an image that is embedded in a mesh file, shared by content between processes."""
  image = image.convert("RGBA" if "A" in image.getbands() else "RGB")

  def encoded() -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()

  key = hashlib.sha256(image.tobytes() + repr(image.size).encode()).hexdigest()[:32]
  return Texture(str(cached_file(f"textures/{key}.png", encoded)))


def _material(visual_material: Any) -> PrincipledMaterial:
  """The nearest Principled material to what trimesh read (glTF's PBR or a Wavefront mtl).

  Base colour or its texture, alpha, metallic and roughness factors are taken over; other maps are not.
  """
  pbr = visual_material.to_pbr() if hasattr(visual_material, "to_pbr") else visual_material
  values: dict[str, Any] = {}
  factor = getattr(pbr, "baseColorFactor", None)
  image = getattr(pbr, "baseColorTexture", None)
  if image is not None:
    values["color"] = _cached_image(image)
  elif factor is not None:
    rgba = np.asarray(factor, np.float64) / (255.0 if np.asarray(factor).dtype.kind in "ui" else 1.0)
    # glTF factors are linear, and so is what mtl files mean by Kd in practice of their exporters
    values["color"] = tuple(np.clip(rgba[:3], 0, 1).tolist())
    if len(rgba) > 3 and getattr(pbr, "alphaMode", None) in ("BLEND", "MASK"):
      values["alpha"] = float(np.clip(rgba[3], 0, 1))
  gltf = pbr is visual_material
  for name, source in (("metallic", "metallicFactor"), ("roughness", "roughnessFactor")):
    value = getattr(pbr, source, None)
    if value is None and gltf:
      value = 1.0  # what glTF says where nothing is said
    if value is not None:
      values[name] = float(np.clip(value, 0, 1))
  return PrincipledMaterial(**values)


@dataclass(frozen=True, eq=False)
class _Part:
  """A part of a file, where the file's scene puts it.

  Attributes:
    mesh: as trimesh has it. normals (V, 3): those that the file gives its vertices, of any length; None where it gives none.
  """

  mesh: Any
  normals: Array | None


def _given_normals(mesh: Any) -> Array | None:
  """The normals that trimesh read from the file, unless it would make them up; broken ones become those of the faces around."""
  if "vertex_normals" not in mesh._cache:
    return None
  normals = np.array(mesh._cache["vertex_normals"], np.float64)
  good = np.isfinite(normals).all(axis=1) & (np.abs(normals).max(axis=1) > 1e-12)
  if not good.any():
    return None
  if not good.all():
    normals[~good] = mesh.copy().vertex_normals[~good]  # a copy has none of the file's
  return normals


def _cofactors(matrix: Array) -> Array:
  """What turns normals (3, 3) where a matrix (3, 3) turns points, be it uneven, mirrored or singular, up to a positive factor."""
  columns = matrix.T
  rows = np.cross(columns[[1, 2, 0]], columns[[2, 0, 1]])
  rows = -rows if np.linalg.det(matrix) < 0 else rows
  return rows.T / (np.abs(rows).max() or 1.0)


def _parts(loaded: Any) -> list[_Part]:
  """The triangle meshes of what trimesh read, each with its place in the file's scene applied."""
  import trimesh
  if not isinstance(loaded, trimesh.Scene):
    placed = [(loaded, np.eye(4))]
  else:
    placed = [(loaded.geometry[name], matrix) for matrix, name in map(loaded.graph.get, loaded.graph.nodes_geometry)]
  parts = []
  for mesh, matrix in placed:
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
      continue
    normals = _given_normals(mesh)
    if normals is not None:
      normals = normals @ _cofactors(np.asarray(matrix, np.float64)[:3, :3]).T
    parts.append(_Part(mesh.copy().apply_transform(matrix), normals))
  return parts


def _with_creases(part: Any) -> tuple[Array, Indices, Array, NDArray[np.int64]]:
  """Vertices (V, 3), faces (F, 3), normals (V, 3) of a part whose file has no normals, and which of its vertices each one is.

  Flat sides stay flat and round ones round, as for the built-in solids.
  """
  vertices, faces = np.asarray(part.vertices, np.float64), np.asarray(part.faces, np.int64)
  place, corner = np.unique(vertices, axis=0, return_inverse=True)
  corner = corner.ravel()[faces]
  if (np.bincount(corner.ravel()).astype(np.float64) ** 2).sum() > MAX_PAIRS:
    return vertices, faces.astype(np.int32), np.asarray(part.vertex_normals, np.float64), np.arange(len(vertices))
  normals = corner_normals(place, corner.astype(np.int32)).reshape(-1, 3)
  table = np.column_stack([faces.ravel(), np.round(normals, 5)])
  _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
  origin = faces.ravel()[first]
  return vertices[origin], inverse.reshape(-1, 3).astype(np.int32), normals[first], origin


def _mean_color(part: Any) -> tuple[float, float, float]:
  """The mean over the surface of the colours that its vertices or faces have, as linear RGB."""
  colors = srgb_to_linear(np.asarray(part.visual.face_colors, np.float64)[:, :3] / 255.0)
  area = np.maximum(np.nan_to_num(np.asarray(part.area_faces, np.float64), posinf=0.0), 1e-30)
  r, g, b = ((colors * area[:, None]).sum(axis=0) / area.sum()).tolist()
  return (r, g, b)


def _assemble(parts: list[_Part]) -> tuple[Array, Indices, Array, Array, tuple[Material, ...], Indices]:
  vertices, faces, normals, uvs, index = [], [], [], [], []
  materials: list[Material] = []
  start = 0
  for part, given in ((part.mesh, part.normals) for part in parts):
    uv = getattr(part.visual, "uv", None)
    if given is not None:
      places, corners, shading = part.vertices, part.faces, given
      origin: NDArray[np.int64] = np.arange(len(part.vertices))
    else:
      places, corners, shading, origin = _with_creases(part)
    vertices.append(np.asarray(places, np.float64))
    faces.append(np.asarray(corners, np.int64) + start)
    normals.append(np.asarray(shading, np.float64))
    known = uv is not None and len(uv) == len(part.vertices)
    uvs.append(np.asarray(uv, np.float64)[origin, :2] if known else np.zeros((len(origin), 2)))
    material = getattr(part.visual, "material", None)
    made = PrincipledMaterial() if material is None else _material(material)
    if material is None and part.visual.kind in ("face", "vertex"):
      made = PrincipledMaterial(color=_mean_color(part))
    if made not in materials:
      materials.append(made)
    index.append(np.full(len(part.faces), materials.index(made), np.int32))
    start += len(origin)
  return (np.concatenate(vertices), np.concatenate(faces).astype(np.int32), np.concatenate(normals),
          np.concatenate(uvs), tuple(materials), np.concatenate(index))


def _solid(vertices: Array, faces: Indices) -> tuple[float, Array, Array]:
  """Volume, centre of mass and inertia about it, of the mesh or of its convex hull where it is not closed."""
  import trimesh
  with np.errstate(all="ignore"):
    solid = trimesh.Trimesh(vertices, faces, process=True)
    try:
      body = solid if solid.is_watertight and solid.volume > 0 else solid.convex_hull
      corners, triangles = np.asarray(body.vertices), np.asarray(body.faces)
      volume, centre, _ = integrate_solid(corners, triangles)
    except Exception:  # a flat mesh may have no hull
      volume = 0.0
    if volume > FLAT * np.ptp(vertices, axis=0).max() ** 3:
      return volume, centre, integrate_solid(corners - centre, triangles)[2]
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    centre = (area[:, None] * (a + b + c)).sum(axis=0) / (3 * area.sum())
  return 0.0, np.where(np.isfinite(centre), centre, 0.0), np.zeros((3, 3))


def load_mesh_file(shape: MeshFile) -> Mesh:
  """Reads, checks and centres a mesh file.

  Raises:
    AssetError: the file is too large, cannot be parsed, has no triangles, or has numbers that are not finite.
  """
  import trimesh
  path = Path(shape.path)
  if path.stat().st_size > MAX_BYTES:
    raise AssetError(f"mesh file {path} is larger than {MAX_BYTES >> 30} GiB: simplify it first")
  try:
    with np.errstate(all="ignore"), contextlib.redirect_stderr(None):
      missing: list[str] = []
      # Not `maintain_order`: it keeps the vertices of obj files in one where texture coordinates and normals jump
      parts = _parts(trimesh.load(path, process=False, resolver=_resolver(path, missing)))
      if missing:
        raise AssetError(f"mesh file {path} names a texture that is missing: {missing[0]} (put it beside the mesh)")
      if not parts:
        raise AssetError(f"mesh file {path} holds no triangles: export it again as a triangle mesh")
      vertices, faces, normals, uvs, materials, index = _assemble(parts)
  except KubricGenError:
    raise
  except Exception as error:  # a parser fed with garbage may raise anything
    reason = " ".join(str(error).split()) or type(error).__name__
    raise AssetError(f"mesh file {path} cannot be read ({reason}): export it again as obj, glb, ply or stl") from error
  if (vertices.shape[1:] != (3,) or faces.shape[1:] != (3,) or faces.min() < 0 or faces.max() >= len(vertices)
      or not (np.abs(vertices[faces]) < MAX_COORDINATE).all()):
    raise AssetError(f"mesh file {path} is broken (positions that are not finite or faces without vertices): "
                     "export it again")
  used, faces = np.unique(faces, return_inverse=True)  # a vertex of no face must not widen the bounding box
  faces = faces.reshape(-1, 3).astype(np.int32)
  vertices, normals, uvs = vertices[used], normals[used], np.nan_to_num(uvs[used], posinf=0.0, neginf=0.0)
  if shape.y_up:
    vertices, normals = vertices @ Y_UP_TO_Z_UP.T, normals @ Y_UP_TO_Z_UP.T
  extent = np.ptp(vertices, axis=0)
  if extent.max() <= 0:
    raise AssetError(f"mesh file {path} has no extent: all its vertices are the same point")
  with np.errstate(all="ignore"):
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.where((lengths > 1e-12) & np.isfinite(lengths), normals / lengths, (0.0, 0.0, 1.0))
  middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
  vertices = vertices - middle  # far from the origin, volumes lose their digits
  volume, centre, inertia = _solid(vertices, faces)
  vertices = vertices - centre
  return Mesh(vertices, faces, normals, uvs, bounds=np.stack([vertices.min(axis=0), vertices.max(axis=0)]),
              volume=volume, inertia=inertia, materials=materials, material_index=index, centre=middle + centre)
