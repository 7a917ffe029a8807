"""Environments that need no download: Blender's HDRIs, clear skies and plain colours."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubric_gen.assets.collections.sources import Asset, EnvironmentSource
from kubric_gen.errors import AssetError
from kubric_gen.scene.color import NAMED_COLORS
from kubric_gen.scene.environment import Sky


class BlenderHdris(EnvironmentSource):
  """The eight HDRIs that come with Blender (from Poly Haven, 1024×512)."""

  name = "hdris"
  NAMES = ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")
  LICENSE = "CC0-1.0"
  BRIGHTER: Mapping[str, float] = {"night": 5.0, "studio": 1.5}
  """Factors on those that would leave a scene in the dark."""

  @property
  def assets(self) -> Mapping[str, Asset]:
    return {name: Asset(name, "indoor" if name in ("interior", "studio") else "outdoor", self.LICENSE) for name in self.NAMES}

  @functools.cached_property
  def _folder(self) -> Path:
    from importlib.util import find_spec
    spec = find_spec("bpy")  # found, not imported: it is only a folder of files
    found = sorted(Path(spec.origin).parent.glob("*/datafiles/studiolights/world")) if spec and spec.origin else []
    if not found:
      raise AssetError("Blender's HDRIs are missing: pip install --force-reinstall bpy==4.5.15")
    return found[-1]

  def _make(self, asset: Asset) -> dict[str, Any]:
    path = self._folder / f"{asset.id}.exr"
    if not path.is_file():
      raise AssetError(f"{path} is missing: pip install --force-reinstall bpy==4.5.15")
    return {"hdri": str(path), "strength": self.BRIGHTER.get(asset.id, 1.0)}


class Skies(EnvironmentSource):
  """Clear and hazy skies at times of the day."""

  name = "skies"
  KINDS: Mapping[str, tuple[Sky, float]] = {
      "afternoon": (Sky(elevation=math.radians(35), dust=0.5), 0.05), "dawn": (Sky(elevation=math.radians(3), dust=2.0), 0.5),
      "dusk": (Sky(elevation=math.radians(1), dust=4.0), 1.2),
      "haze": (Sky(elevation=math.radians(40), dust=8.0, sun_size=0.08), 0.06),
      "morning": (Sky(elevation=math.radians(20)), 0.08), "noon": (Sky(elevation=math.radians(70)), 0.035),
      "shade": (Sky(elevation=math.radians(30), sun=False), 0.25)}
  """Skies, and factors that bring their brightness, which is physical, to that of the HDRIs."""

  @property
  def assets(self) -> Mapping[str, Asset]:
    return {name: Asset(name, "sky") for name in sorted(self.KINDS)}

  def _make(self, asset: Asset) -> dict[str, Any]:
    sky, strength = self.KINDS[asset.id]
    return {"sky": sky, "strength": strength}


class PlainColors(EnvironmentSource):
  """White light from everywhere before one of the colours that have names."""

  name = "plain"

  @property
  def assets(self) -> Mapping[str, Asset]:
    return {name: Asset(name, "plain") for name in sorted(NAMED_COLORS)}

  def _make(self, asset: Asset) -> dict[str, Any]:
    return {"strength": 0.8, "backdrop": asset.id}
