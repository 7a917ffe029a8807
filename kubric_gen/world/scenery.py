"""What scenes of several worlds stand on and are lit by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kubric_gen.world.sampling import uniform_vector
from kubric_gen.scene.color import color
from kubric_gen.scene.lights import AreaLight, Light, SunLight
from kubric_gen.scene.materials import Material
from kubric_gen.scene.objects import BACKDROP, Object
from kubric_gen.scene.shapes import Disc, Dome


def floor_and_dome(material: Material, *, diameter: float = 40.0, friction: float = 0.3, restitution: float = 0.5,
                   ) -> tuple[Object, Object]:
  """A round floor of this diameter in metres, which runs into a dome around camera and lights."""
  floor = Object("floor", Disc(), scale=(diameter,) * 3, material=material, static=True, background=True, friction=friction,
                 restitution=restitution)
  return floor, replace(floor, name="dome", shape=Dome(), asset_id="dome", visibility=BACKDROP)


def clevr_lights(rng: np.random.Generator, *, jitter: float = 1.0, sun_strength: float = 0.45, sun_angle: float = 0.2,
                 back_power: float = 50.0, key_power: float = 100.0, fill_power: float = 30.0) -> tuple[Light, ...]:
  """The sun and the back, key and fill lamp of CLEVR (Johnson et al., CVPR 2017), turned to the centre.

  Args:
    jitter: range of the random offset added to each coordinate, metres. sun_strength: W/m². sun_angle: radians.
    back_power, key_power, fill_power: watts.
  """
  def jittered(x: float, y: float, z: float) -> tuple[float, float, float]:
    return uniform_vector(rng, (x, y, z), (x + jitter, y + jitter, z + jitter))

  centre = (0.0, 0.0, 0.0)
  return (
      SunLight("sun", position=jittered(11.6608, -6.62799, 25.8232), look_at=centre, strength=sun_strength, angle=sun_angle),
      AreaLight("lamp_back", position=jittered(-1.1685, 2.64602, 5.81574), look_at=centre, power=back_power),
      AreaLight("lamp_key", position=jittered(6.44671, -2.90517, 4.2584), look_at=centre, power=key_power,
                width=0.5, height=0.5, color=color("#ffedd0")),
      AreaLight("lamp_fill", position=jittered(-4.67112, -4.0136, 3.01122), look_at=centre, power=fill_power,
                width=0.5, height=0.5, color=color("#c2d0ff")))
