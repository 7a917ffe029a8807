"""What PyBullet ships."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubric_gen.assets.sources import Asset, ObjectSource
from kubric_gen.errors import AssetError
from kubric_gen.scene.materials import PrincipledMaterial
from kubric_gen.scene.shapes import MeshFile


class RandomUrdfs(ObjectSource):
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
