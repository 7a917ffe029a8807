"""Image files as Blender data."""

from __future__ import annotations

from typing import Any

from kubric_gen.errors import AssetError


def load_image(bpy: Any, path: str, color_space: str) -> Any:
  """An image datablock, one per file and colour space.

  Raises:
    AssetError: Blender cannot read the file.
  """
  name = {"srgb": "sRGB", "raw": "Non-Color", "linear": "Linear Rec.709"}[color_space]
  image = next((i for i in bpy.data.images if i.filepath == path and i.colorspace_settings.name == name), None)
  if image is None:
    try:
      image = bpy.data.images.load(path)
    except RuntimeError as error:
      raise AssetError(f"image {path} cannot be read: give a PNG, JPEG, EXR or HDR file") from error
    if not image.size[0]:
      raise AssetError(f"image {path} cannot be read: give a PNG, JPEG, EXR or HDR file")
    image.colorspace_settings.name = name
  return image
