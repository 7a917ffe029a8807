"""Where objects come from: collections that can be searched, divided for training and testing, and drawn from."""

from __future__ import annotations

import functools
import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.scene.materials import PrincipledMaterial
from kubric_gen.scene.objects import LICENSE, Object
from kubric_gen.scene.shapes import Cube, Cylinder, MeshFile, Shape, Solid, Sphere


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
  """A collection of objects.

  Attributes:
    name: of the collection.
  """

  name: str

  @property
  @abstractmethod
  def assets(self) -> Mapping[str, Asset]:
    """All assets by id, in the order of their ids."""

  @abstractmethod
  def _make(self, asset: Asset) -> dict[str, Any]:
    """The fields of an `Object` that the asset decides, its shape among them."""

  def ids(self, category: str | None = None, where: Callable[[Asset], bool] | None = None) -> tuple[str, ...]:
    """Ids of a category, and of those assets for which a test holds.

    Raises:
      AssetError: no asset has the category.
    """
    if category is not None and category not in self.categories:
      raise AssetError(f"{self.name} has nothing of the category {category!r}: it has {', '.join(self.categories)}")
    return tuple(asset.id for asset in self.assets.values()
                 if (category is None or asset.category == category) and (where is None or where(asset)))

  @property
  def categories(self) -> tuple[str, ...]:
    """All categories, in alphabetical order."""
    return tuple(sorted({asset.category for asset in self.assets.values()} - {""}))

  def create(self, asset_id: str, name: str, **fields: Any) -> Object:
    """An object for a scene.

    Args:
      asset_id: which asset. name: the object's name in its scene. fields: of the `Object`, in place of the asset's own.

    Raises:
      AssetError: there is no such asset, or its files cannot be used.
    """
    asset = self.assets.get(asset_id)
    if asset is None:
      raise AssetError(f"{self.name} has no asset {asset_id!r}; it has {len(self.assets)}, such as "
                       f"{', '.join(list(self.assets)[:3])}")
    given = {"asset_id": asset.id, "license": asset.license, **self._make(asset), **fields}
    return Object(name, given.pop("shape"), **given)

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


class BasicShapes(AssetSource):
  """The eleven shapes of Kubric's KuBasic set, one unit in their largest extent."""

  name = "basic"
  SHAPES: Mapping[str, Shape] = {
      "cone": Solid("cone"), "cube": Cube(), "cylinder": Cylinder(), "gear": Solid("gear"), "sphere": Sphere(),
      "sponge": Solid("sponge"), "spot": Solid("organic"), "suzanne": Solid("suzanne"), "teapot": Solid("teapot"),
      "torus": Solid("torus"), "torus_knot": Solid("torus_knot")}

  @property
  def assets(self) -> Mapping[str, Asset]:
    return {name: Asset(name, name) for name in self.SHAPES}

  def _make(self, asset: Asset) -> dict[str, Any]:
    return {"shape": self.SHAPES[asset.id]}


class RandomUrdfs(AssetSource):
  """The thousand procedural objects of `pybullet_data`: a few convex parts each, in one colour, some 10 cm across.

  Made for grasping (Quillen et al., "Deep reinforcement learning for vision-based robotic grasping", ICRA 2018); useful
  as shapes that nothing was trained on.
  """

  name = "random_urdfs"
  ZLIB = "Zlib"
  """The licence of Bullet and of what it ships."""

  @functools.cached_property
  def assets(self) -> Mapping[str, Asset]:
    root = self._root
    try:
      names = sorted(entry for entry in os.listdir(root) if (root / entry / f"{entry}.urdf").is_file())
    except OSError as error:
      raise AssetError(f"{root} cannot be read ({error.strerror}): install pybullet again") from None
    return {name: Asset(name, license=self.ZLIB) for name in names}

  @functools.cached_property
  def _root(self) -> Path:
    from importlib.util import find_spec
    spec = find_spec("pybullet_data")
    if spec is None or spec.origin is None:
      raise AssetError("pybullet_data is missing: pip install pybullet==3.2.7")
    return Path(spec.origin).parent / "random_urdfs"

  def _make(self, asset: Asset) -> dict[str, Any]:
    from xml.etree import ElementTree
    file = self._root / asset.id / f"{asset.id}.urdf"
    try:
      link = ElementTree.parse(file).getroot().find("link")
      assert link is not None
      mesh, mass, color = link.find("visual/geometry/mesh"), link.find("inertial/mass"), link.find("visual/material/color")
      assert mesh is not None and mass is not None and color is not None
      scale = tuple(map(float, mesh.attrib["scale"].split()))
      red, green, blue = map(float, color.attrib["rgba"].split()[:3])
      return {"shape": MeshFile(str(file.with_name(Path(mesh.attrib["filename"]).name))), "scale": scale,
              "mass": float(mass.attrib["value"]), "material": PrincipledMaterial(color=(red, green, blue), roughness=0.5)}
    except (OSError, ValueError, KeyError, AssertionError, ElementTree.ParseError) as error:
      raise AssetError(f"{file} cannot be used ({type(error).__name__}: {error}): install pybullet again") from None
