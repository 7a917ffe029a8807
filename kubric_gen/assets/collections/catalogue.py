"""Everyday objects made from numbers: what scenes are filled with where no scanned objects are at hand."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from kubric_gen.assets.collections.sources import Asset, ObjectSource
from kubric_gen.errors import AssetError, KubricGenError, shown
from kubric_gen.scene.shapes import Solid

MEMBERS = 30


def solid_of(asset_id: str) -> Solid:
  """The solid that an id describes, such as `mug:handle=0.8,height=0.1`; what is not named has its default.

  Raises:
    AssetError: it describes none.
  """
  family, _, numbers = asset_id.partition(":")
  try:
    return Solid(family, tuple((name, float(value)) for name, _, value in (
        part.partition("=") for part in numbers.split(",") if part)))
  except (ValueError, KubricGenError) as error:
    raise AssetError(f"{shown(asset_id)} names no solid ({error}): write family:name=number,name=number") from None


def id_of(solid: Solid) -> str:
  """The id of a solid, which names its family and all its parameters."""
  numbers = ",".join(f"{name}={int(value) if value == int(value) else repr(value)}" for name, value in solid.parameters)
  return f"{solid.family}:{numbers}" if numbers else solid.family


class Catalogue(ObjectSource):
  """Parametric objects of some forty categories, each member with its own proportions, materials and print.

  The list holds as many random members of each family; every other member can be made from its id as well, for an id names
  family and parameters. Sizes and masses are real.

  Args:
    members: of each family in the list; those of a shorter list are in every longer one.
  """

  name = "catalogue"

  def __init__(self, members: int = MEMBERS) -> None:
    if members < 1:
      raise KubricGenError(f"a catalogue needs at least one member of each family, got {members}")
    self._members = members

  @functools.cached_property
  def assets(self) -> Mapping[str, Asset]:
    from kubric_gen.assets.solids import families
    found = {}
    for family in families().values():
      if not family.category or not family.parameters or "variety" not in family.parameters:
        continue  # a basic shape, or what others have in common
      for member in range(self._members):
        key = hashlib.sha256(f"{family.name} {member}".encode()).digest()[:8]
        rng = np.random.default_rng(int.from_bytes(key, "big"))
        values = {}
        for name, parameter in family.parameters.items():
          share = float(rng.random())
          if parameter.whole:
            values[name] = float(int(parameter.low) + int(share * (int(parameter.high) - int(parameter.low) + 1)))
          else:
            values[name] = float(f"{parameter.low + share * (parameter.high - parameter.low):.3g}")
            values[name] = min(max(values[name], parameter.low), parameter.high)
        asset = self._describe(Solid(family.name, tuple(values.items())))
        found[asset.id] = asset
    return dict(sorted(found.items()))

  @staticmethod
  def _describe(solid: Solid) -> Asset:
    from kubric_gen.assets.solids import families
    family = families()[solid.family]
    return Asset(id_of(solid), family.category or family.name,
                 metadata={"family": family.name, "parameters": dict(solid.parameters)})

  def find(self, asset_id: str) -> Asset:
    """What is said of one asset, in the list or not.

    Raises:
      AssetError: the id names no family, or parameters that it does not have.
    """
    from kubric_gen.assets.solids import families
    if asset_id in self.assets:
      return self.assets[asset_id]
    family = asset_id.partition(":")[0]
    if family not in families():
      raise AssetError(f"{self.name} has no asset {shown(asset_id)}; it has {len(self.assets)}, such as "
                       f"{next(iter(self.assets))}")
    solid = solid_of(asset_id)
    families()[family].complete(dict(solid.parameters))
    return self._describe(solid)

  def _make(self, asset: Asset) -> dict[str, Any]:
    from kubric_gen.assets.solids import model_of
    solid = solid_of(asset.id)
    return {"shape": solid, "mass": model_of(solid).mass}
