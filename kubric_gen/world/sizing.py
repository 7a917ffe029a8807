"""Objects of a wanted size, whatever the size of the asset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.scene.objects import Object
from kubric_gen.scene.validation import number, vector3


def largest_extent(item: Object) -> float:
  """The longest side of the bounding box that an unturned object has, metres.

  Raises:
    AssetError: its mesh cannot be used.
  """
  return float((np.ptp(load_mesh(item.shape).bounds, axis=0) * item.scale).max())


def scaled_to(item: Object, extent: float) -> Object:
  """The object with its longest side as long as this, metres; it keeps its proportions and its mass.

  Raises:
    AssetError: its mesh or its mass cannot be used.
    SceneError: the extent is not positive.
  """
  factor = number(extent, "extent", above=0) / largest_extent(item)
  return replace(item, mass=mass_of(item), density=None, scale=vector3(np.multiply(item.scale, factor), "scale"))
