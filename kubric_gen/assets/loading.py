"""From a shape to its mesh, wherever that comes from."""

from __future__ import annotations

import functools

from kubric_gen.assets.meshes.loaded_files import load_file
from kubric_gen.assets.meshes.mesh import Mesh
from kubric_gen.assets.meshes.primitives import primitive_mesh
from kubric_gen.scene.shapes import MeshFile, Shape, Solid


@functools.lru_cache(maxsize=64)
def _make(shape: Shape) -> Mesh:
  if isinstance(shape, Solid):
    from kubric_gen.assets.solids import model_of  # imports manifold3d
    return model_of(shape).mesh
  return primitive_mesh(shape)


def load_mesh(shape: Shape) -> Mesh:
  """The mesh of a shape. The latest ones are kept, so equal shapes share one mesh; a file that changes is read anew.

  Raises:
    AssetError: a mesh file that cannot be used, or an unknown solid.
  """
  return load_file(shape) if isinstance(shape, MeshFile) else _make(shape)
