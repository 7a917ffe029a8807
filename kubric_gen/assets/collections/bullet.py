"""What PyBullet ships."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kubric_gen.assets.collections.sources import Asset, ObjectSource
from kubric_gen.assets.collision.urdf import Body, collision_file, read_urdf
from kubric_gen.errors import AssetError
from kubric_gen.scene.materials import PrincipledMaterial
from kubric_gen.scene.shapes import MeshFile

ZLIB = "Zlib"
"""The licence of Bullet and of what it ships."""


def _data() -> Path:
  from importlib.util import find_spec
  spec = find_spec("pybullet_data")
  if spec is None or spec.origin is None:
    raise AssetError("pybullet_data is missing: pip install pybullet==3.2.7")
  return Path(spec.origin).parent


def _fields(file: Path, up: str, textured: bool) -> dict[str, Any]:
  """Shape, scale, mass and, of what has no texture, colour of a URDF file with one visual mesh."""
  body: Body = read_urdf(file)
  if len(body.visuals) != 1 or not body.visuals[0].mesh:
    raise AssetError(f"{file} cannot be used (it has not exactly one visual mesh): install pybullet again")
  part = body.visuals[0]
  x, y, z = np.sqrt((part.frame[:3, :3] ** 2).sum(axis=0)).round(12).tolist()
  # The object has the axes of its mesh file, in whatever way the URDF may turn that
  shape = MeshFile(str(file.parent / part.mesh), up, collision_file(body, file.parent, part.frame))
  fields: dict[str, Any] = {"shape": shape, "scale": (x, z, y) if up == "y" else (x, y, z), "mass": body.mass}
  if not textured and body.color is not None:
    fields["material"] = PrincipledMaterial(color=body.color, roughness=0.5)
  return fields


class RandomUrdfs(ObjectSource):
  """The thousand procedural objects of `pybullet_data`: a few convex parts each, in one colour, some 10 cm across.

  Made for grasping (Quillen et al., "Deep reinforcement learning for vision-based robotic grasping", ICRA 2018); useful
  as shapes that nothing was trained on.
  """

  name = "random_urdfs"

  @functools.cached_property
  def assets(self) -> Mapping[str, Asset]:
    root = _data() / "random_urdfs"
    try:
      names = sorted(entry for entry in os.listdir(root) if (root / entry / f"{entry}.urdf").is_file())
    except OSError as error:
      raise AssetError(f"{root} cannot be read ({error.strerror}): install pybullet again") from None
    return {name: Asset(name, license=ZLIB) for name in names}

  def _make(self, asset: Asset) -> dict[str, Any]:
    return _fields(_data() / "random_urdfs" / asset.id / f"{asset.id}.urdf", "z", textured=False)


class BulletObjects(ObjectSource):
  """The everyday objects of `pybullet_data`, with their textures, masses and parts for collisions."""

  name = "bullet"
  FILES: Mapping[str, tuple[str, str, bool]] = {
      "domino": ("domino/domino.urdf", "z", True), "duck": ("duck_vhacd.urdf", "y", True),
      "jenga": ("jenga/jenga.urdf", "z", True), "lego": ("lego/lego.urdf", "y", False),
      "mug": ("objects/mug.urdf", "z", False), "soccerball": ("soccerball.urdf", "z", True),
      "teddy": ("teddy_vhacd.urdf", "y", False), "tray": ("tray/tray.urdf", "z", True)}
  """By id: the file, the axis that points up in its mesh, and whether that has a texture."""

  @property
  def assets(self) -> Mapping[str, Asset]:
    return {name: Asset(name, name, license=ZLIB) for name in self.FILES}

  def _make(self, asset: Asset) -> dict[str, Any]:
    file, up, textured = self.FILES[asset.id]
    return _fields(_data() / file, up, textured)
