"""Solids made from numbers: the families, and the model of a `Solid` shape."""

from __future__ import annotations

import functools

from kubric_gen.assets.solids.family import Family, Model, Parameter
from kubric_gen.errors import AssetError
from kubric_gen.scene.shapes import Solid

__all__ = ["Family", "Model", "Parameter", "families", "model_of"]


@functools.cache
def families() -> dict[str, Family]:
  """All families by name."""
  from kubric_gen.assets.solids import basic, suzanne
  return {family.name: family for module in (basic, suzanne) for family in module.FAMILIES}


@functools.lru_cache(maxsize=256)
def model_of(shape: Solid) -> Model:
  """The model of a solid; the latest ones are kept.

  Raises:
    AssetError: an unknown family or parameter, or one out of its bounds.
  """
  family = families().get(shape.family)
  if family is None:
    raise AssetError(f"there are no solids {shape.family!r}: choose from {', '.join(families())}")
  return family.make(dict(shape.parameters))
