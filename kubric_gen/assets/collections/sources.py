"""What a collection of assets can do: be listed, searched, divided for training and testing, and drawn from."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubric_gen.errors import AssetError, KubricGenError, shown
from kubric_gen.scene.environment import Environment
from kubric_gen.scene.objects import LICENSE, Object


@dataclass(frozen=True)
class Asset:
  """What a collection says of one of its objects.

  Attributes:
    id: unique in the collection. category: what people call it; "" where nobody has said.
    license: under which it may be used. metadata: whatever else is known.
  """

  id: str
  category: str = ""
  license: str = LICENSE
  metadata: Mapping[str, Any] = field(default_factory=dict)


class AssetSource(ABC):
  """A collection of objects or of environments.

  Attributes:
    name: of the collection.
  """

  name: str

  @property
  @abstractmethod
  def assets(self) -> Mapping[str, Asset]:
    """All assets by id, in the order of their ids."""

  def ids(self, category: str | None = None, where: Callable[[Asset], bool] | None = None) -> tuple[str, ...]:
    """Ids of a category, and of those assets for which a test holds.

    Raises:
      AssetError: no asset has the category.
    """
    if category is not None and category not in self.categories:
      raise AssetError(f"{self.name} has nothing of the category {shown(category)}: it has {', '.join(self.categories)}")
    return tuple(asset.id for asset in self.assets.values()
                 if (category is None or asset.category == category) and (where is None or where(asset)))

  @property
  def categories(self) -> tuple[str, ...]:
    """All categories, in alphabetical order."""
    return tuple(sorted({asset.category for asset in self.assets.values()} - {""}))

  def find(self, asset_id: str) -> Asset:
    """What is said of one asset.

    Raises:
      AssetError: there is none of this id.
    """
    asset = self.assets.get(asset_id)
    if asset is None:
      raise AssetError(f"{self.name} has no asset {shown(asset_id)}; it has {len(self.assets)}, such as "
                       f"{', '.join(list(self.assets)[:3])}")
    return asset

  def split(self, held_out: float = 0.1) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids for training and for testing, decided by the hash of each id alone: new assets move none of the old ones.

    Raises:
      KubricGenError: the fraction is none.
    """
    if not 0 <= held_out <= 1:
      raise KubricGenError(f"the fraction that is held out must lie in [0, 1], got {held_out}")

    def place(asset_id: str) -> float:
      return int.from_bytes(hashlib.sha256(f"{self.name}:{asset_id}".encode()).digest()[:8], "big") / 2**64

    testing = {asset_id for asset_id in self.assets if place(asset_id) < held_out}
    return tuple(i for i in self.assets if i not in testing), tuple(i for i in self.assets if i in testing)


class ObjectSource(AssetSource):
  """A collection of objects."""

  @abstractmethod
  def _make(self, asset: Asset) -> dict[str, Any]:
    """The fields of an `Object` that the asset decides, its shape among them."""

  def create(self, asset_id: str, name: str, **fields: Any) -> Object:
    """An object for a scene.

    Args:
      asset_id: which asset. name: the object's name in its scene. fields: of the `Object`, in place of the asset's own.

    Raises:
      AssetError: there is no such asset, or its files cannot be used.
    """
    asset = self.find(asset_id)
    made = self._make(asset)
    if fields.get("density") is not None:
      made.pop("mass", None)  # either says how heavy it is
    given = {"asset_id": asset.id, "license": asset.license, **made, **fields}
    return Object(name, given.pop("shape"), **given)


class EnvironmentSource(AssetSource):
  """A collection of environments."""

  @abstractmethod
  def _make(self, asset: Asset) -> dict[str, Any]:
    """The fields of an `Environment` that the asset decides."""

  def create(self, asset_id: str, **fields: Any) -> Environment:
    """An environment for a scene.

    Args:
      asset_id: which asset. fields: of the `Environment`, in place of the asset's own.

    Raises:
      AssetError: there is no such asset, or its files cannot be used.
    """
    return Environment(**{**self._make(self.find(asset_id)), **fields})
