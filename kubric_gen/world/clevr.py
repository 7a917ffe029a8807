"""CLEVR's looks: shapes, colours, materials and lights (Johnson et al., "CLEVR: a diagnostic dataset", CVPR 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.scene.color import RGB, color
from kubric_gen.scene.lights import AreaLight, Light, SunLight
from kubric_gen.scene.materials import PrincipledMaterial
from kubric_gen.scene.shapes import Cube, Cylinder, Shape, Sphere
from kubric_gen.scene.validation import Vector3
from kubric_gen.world.sampling import uniform_vector

CLEVR_SHAPES: dict[str, Shape] = {"cube": Cube(), "cylinder": Cylinder(), "sphere": Sphere()}
CLEVR_COLORS: dict[str, RGB] = {  # CLEVR takes its 8-bit values as linear ones
    "blue": (42 / 255, 75 / 255, 215 / 255), "brown": (129 / 255, 74 / 255, 25 / 255),
    "cyan": (41 / 255, 208 / 255, 208 / 255), "gray": (87 / 255, 87 / 255, 87 / 255),
    "green": (29 / 255, 105 / 255, 20 / 255), "purple": (129 / 255, 38 / 255, 192 / 255),
    "red": (173 / 255, 35 / 255, 35 / 255), "yellow": (255 / 255, 238 / 255, 5 / 255)}
CLEVR_MATERIALS = ("metal", "rubber")


def clevr_material(name: str, tint: RGB) -> PrincipledMaterial:
  """Shiny `metal` or matt `rubber` of a colour, with Kubric's numbers for them (Greff et al., CVPR 2022).

  Raises:
    KubricGenError: it is neither.
  """
  if name == "metal":
    return PrincipledMaterial(color=tint, metallic=1.0, roughness=0.2, ior=2.5)
  if name == "rubber":
    return PrincipledMaterial(color=tint, roughness=0.7, ior=1.25, specular=0.33)
  raise KubricGenError(f"unknown material {shown(name)}: choose from {', '.join(CLEVR_MATERIALS)}")


@dataclass(frozen=True, kw_only=True)
class ClevrLights:
  """The sun and the back, key and fill lamp of CLEVR, turned to the centre.

  Attributes:
    jitter: range of the random offset added to each coordinate, metres.
    sun_strength: W/m². sun_angle: angular diameter of the sun, radians.
    back_power, key_power, fill_power: watts.
  """

  jitter: float = 1.0
  sun_strength: float = 0.45
  sun_angle: float = 0.2
  back_power: float = 50.0
  key_power: float = 100.0
  fill_power: float = 30.0

  def draw(self, rng: np.random.Generator) -> tuple[Light, ...]:
    """The lights, each at its place plus a random offset."""
    def jittered(x: float, y: float, z: float) -> Vector3:
      return uniform_vector(rng, (x, y, z), (x + self.jitter, y + self.jitter, z + self.jitter))

    centre = (0.0, 0.0, 0.0)
    return (
        SunLight("sun", position=jittered(11.6608, -6.62799, 25.8232), look_at=centre, strength=self.sun_strength,
                 angle=self.sun_angle),
        AreaLight("lamp_back", position=jittered(-1.1685, 2.64602, 5.81574), look_at=centre, power=self.back_power),
        AreaLight("lamp_key", position=jittered(6.44671, -2.90517, 4.2584), look_at=centre, power=self.key_power,
                  width=0.5, height=0.5, color=color("#ffedd0")),
        AreaLight("lamp_fill", position=jittered(-4.67112, -4.0136, 3.01122), look_at=centre, power=self.fill_power,
                  width=0.5, height=0.5, color=color("#c2d0ff")))
