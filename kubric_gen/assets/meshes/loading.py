"""From a shape to its mesh."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

from kubric_gen.assets.meshes.mesh import Mesh
from kubric_gen.assets.meshes.primitives import primitive_mesh
from kubric_gen.errors import AssetError
from kubric_gen.scene.materials import Texture
from kubric_gen.scene.shapes import MeshFile, Shape, Solid


@functools.lru_cache(maxsize=64)
def _load(shape: Shape, stamp: tuple[int, int] | None) -> Mesh:
  if isinstance(shape, MeshFile):
    from kubric_gen.assets.meshes.files import load_mesh_file  # imports trimesh
    return load_mesh_file(shape)
  if isinstance(shape, Solid):
    from kubric_gen.assets.solids import model_of  # imports manifold3d
    return model_of(shape).mesh
  return primitive_mesh(shape)


def _textures(mesh: Mesh) -> Iterator[str]:
  """Paths of the images that came with a mesh file, which lie in the cache."""
  for material in mesh.materials:
    color = getattr(material, "color", None)
    if isinstance(color, Texture):
      yield color.path


def load_mesh(shape: Shape) -> Mesh:
  """The mesh of a shape. The latest ones are kept, so equal shapes share one mesh; a file that changes is read anew.

  Raises:
    AssetError: a mesh file that cannot be used.
  """
  stamp = None
  if isinstance(shape, MeshFile):
    try:
      stat = os.stat(shape.path)
    except OSError as error:
      raise AssetError(f"mesh file {shape.path} cannot be read ({error.strerror}): give the path of an existing file") from error
    stamp = (stat.st_mtime_ns, stat.st_size)
  mesh = _load(shape, stamp)
  if stamp is not None and not all(map(os.path.isfile, _textures(mesh))):  # the cache was deleted since
    _load.cache_clear()
    mesh = _load(shape, stamp)
  return mesh
