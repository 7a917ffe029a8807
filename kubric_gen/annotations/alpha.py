"""Cut-outs: which points of a mesh its materials' alpha leaves standing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kubric_gen.assets import Mesh
from kubric_gen.errors import AssetError
from kubric_gen.scene.materials import Material, PrincipledMaterial, Texture

THRESHOLD = 0.5
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of Rec. 709, as Blender has them."""


def _load_alpha(texture: Texture) -> NDArray[np.float32]:
  """The texture as opacity (H, W) in [0, 1], row 0 at the bottom as texture coordinates have it."""
  from PIL import Image
  try:
    with Image.open(texture.path) as image:
      if image.mode.startswith("I"):  # 16 bits, which a conversion to 8 would clip
        values = np.asarray(image, np.float32) / 65535.0
      else:
        values = np.asarray(image.convert("RGB"), np.float32) @ LUMINANCE / 255.0
  except Exception as error:
    raise AssetError(f"texture {texture.path} cannot be read: give a PNG or JPEG image") from error
  return values[::-1]


def cuts(material: Material) -> bool:
  """Whether a material may leave holes."""
  return isinstance(material, PrincipledMaterial) and (isinstance(material.alpha, Texture) or material.alpha == 0)


class AlphaTest:
  """Nearest-texel lookups of the alpha textures of a mesh's materials; an alpha of 0 is a hole everywhere."""

  def __init__(self, mesh: Mesh, materials: tuple[Material, ...]) -> None:
    self._mesh = mesh
    self._maps = [self._map(material) for material in materials]

  @staticmethod
  def _map(material: Material) -> tuple[float, NDArray[np.float32]] | None:
    if not cuts(material):
      return None
    assert isinstance(material, PrincipledMaterial)
    if isinstance(material.alpha, Texture):
      return material.alpha.repeat, _load_alpha(material.alpha)
    return 1.0, np.zeros((1, 1), np.float32)

  @classmethod
  def needed(cls, materials: tuple[Material, ...]) -> bool:
    return any(map(cuts, materials))

  def solid(self, face: NDArray[np.int32], u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the points (n,) of the given triangles and barycentric weights are surface."""
    a, b, c = (self._mesh.uvs[self._mesh.faces[face, corner]] for corner in range(3))
    uv = a + u[:, None] * (b - a) + v[:, None] * (c - a)
    index = self._mesh.material_index[face] if len(self._mesh.material_index) else np.zeros(len(face), np.int32)
    result = np.ones(len(face), bool)
    for number, entry in enumerate(self._maps):
      if entry is None:
        continue
      repeat, values = entry
      picked = (index == number) if len(self._maps) > 1 else slice(None)
      at = np.mod(uv[picked] * repeat, 1.0)
      rows = np.minimum((at[:, 1] * values.shape[0]).astype(int), values.shape[0] - 1)
      columns = np.minimum((at[:, 0] * values.shape[1]).astype(int), values.shape[1] - 1)
      result[picked] = values[rows, columns] >= THRESHOLD
    return result
