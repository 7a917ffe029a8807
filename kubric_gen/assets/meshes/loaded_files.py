"""Mesh files, read once for all who ask, as long as they stay the same."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

from kubric_gen.assets.fetching.seals import is_sound_file
from kubric_gen.assets.meshes.mesh import Mesh
from kubric_gen.errors import AssetError
from kubric_gen.scene.materials import Texture
from kubric_gen.scene.shapes import MeshFile


@functools.lru_cache(maxsize=64)
def _load(shape: MeshFile, stamp: tuple[int, int]) -> Mesh:
  from kubric_gen.assets.meshes.files import load_mesh_file  # imports trimesh
  return load_mesh_file(shape)


def _textures(mesh: Mesh) -> Iterator[Path]:
  """Paths of the images that came with a mesh file, which lie in the cache."""
  for material in mesh.materials:
    color = getattr(material, "color", None)
    if isinstance(color, Texture):
      yield Path(color.path)


def load_file(shape: MeshFile) -> Mesh:
  """The mesh of a file. The latest ones are kept, so equal shapes share one mesh; a file that changes is read anew.

  Raises:
    AssetError: the file cannot be used.
  """
  try:
    stat = os.stat(shape.path)
  except OSError as error:
    raise AssetError(f"mesh file {shape.path} cannot be read ({error.strerror}): give the path of an existing file") from error
  stamp = (stat.st_mtime_ns, stat.st_size)
  mesh = _load(shape, stamp)
  if not all(map(is_sound_file, _textures(mesh))):  # the cache was deleted or damaged since
    _load.cache_clear()
    mesh = _load(shape, stamp)
  return mesh
