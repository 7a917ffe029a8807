"""What scenes of several worlds stand on."""

from __future__ import annotations

from dataclasses import replace

from kubric_gen.scene.materials import Material
from kubric_gen.scene.objects import BACKDROP, Object
from kubric_gen.scene.shapes import Disc, Dome


def floor_and_dome(material: Material, *, diameter: float = 40.0, friction: float = 0.3, restitution: float = 0.5,
                   ) -> tuple[Object, Object]:
  """A round floor of this diameter in metres, which runs into a dome around camera and lights."""
  floor = Object("floor", Disc(), scale=(diameter,) * 3, material=material, static=True, background=True, friction=friction,
                 restitution=restitution)
  return floor, replace(floor, name="dome", shape=Dome(), asset_id="dome", visibility=BACKDROP)
