"""Kubric's basic shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubric_gen.assets.collections.sources import Asset, ObjectSource
from kubric_gen.scene.shapes import Cube, Cylinder, Shape, Solid, Sphere


class BasicShapes(ObjectSource):
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
