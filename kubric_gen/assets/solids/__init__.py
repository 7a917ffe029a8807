"""Solids made from numbers: the families, and the model of a `Solid` shape."""

from __future__ import annotations

import functools

from kubric_gen.assets.solids.family import Family, Model, Parameter
from kubric_gen.errors import AssetError, shown
from kubric_gen.scene.shapes import Solid

__all__ = ["Family", "Model", "Parameter", "families", "model_of", "morph"]


@functools.cache
def families() -> dict[str, Family]:
  """All families by name."""
  from kubric_gen.assets.solids import basic, furniture, garden, packages, suzanne, tools, toys, vessels
  return {family.name: family for module in (basic, suzanne, vessels, packages, furniture, tools, toys,
                                             garden) for family in module.FAMILIES}


def _family(shape: Solid) -> Family:
  if shape.family not in families():
    raise AssetError(f"there are no solids {shown(shape.family)}: choose from {', '.join(families())}")
  return families()[shape.family]


@functools.lru_cache(maxsize=64)
def model_of(shape: Solid) -> Model:
  """The model of a solid; the latest ones are kept.

  Raises:
    AssetError: an unknown family or parameter, or one out of its bounds.
  """
  return _family(shape).make(dict(shape.parameters))


def morph(first: Solid, second: Solid, share: float) -> Solid:
  """A solid between two whose families are kin, such as a mug and a bowl, or a box and a drum.

  Args:
    share: of the second, in [0, 1]; 0 and 1 give the shape of the first and of the second. Counts and choices, which have
      nothing in between, are those of the nearer one.

  Raises:
    AssetError: the families have nothing in common, or the share or a parameter is out of its bounds.
  """
  if not 0 <= share <= 1:
    raise AssetError(f"the share of the second solid must lie in [0, 1], got {share:g}")
  kinds = [_family(solid) for solid in (first, second)]
  kin = {kind.kin or kind.name for kind in kinds}
  if len(kin) > 1:
    pairs = sorted({kind.kin for kind in families().values()} - {""})
    able = "; ".join(", ".join(k.name for k in families().values() if name in (k.kin, k.name)) for name in pairs)
    raise AssetError(f"a {first.family} cannot be morphed into a {second.family}: families that can are {able}")
  a, b = (kind.complete(dict(solid.parameters)) for kind, solid in zip(kinds, (first, second)))
  if set(a) != set(b):
    raise AssetError(f"a {first.family} cannot be morphed into a {second.family}: their parameters differ")
  whole = {name for name, parameter in kinds[0].parameters.items() if parameter.whole}
  nearer = a if share < 0.5 else b
  values = {name: nearer[name] if name in whole else (1 - share) * a[name] + share * b[name] for name in a}
  return Solid(kin.pop(), tuple(values.items()))
