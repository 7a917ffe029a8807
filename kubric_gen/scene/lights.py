"""Lights. Each shines along its local -Z; colours are linear RGB, power is in watts of emitted light."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, InitVar, dataclass

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.color import RGB, color
from kubric_gen.scene.transforms import IDENTITY, look_at
from kubric_gen.scene.validation import (Described, Quaternion, Vector3, assign, identifier, number, quaternion, vector3)



@dataclass(frozen=True, repr=False)
class _Light(Described):
  """What every light has."""

  name: str
  _: KW_ONLY
  position: Vector3 = (0.0, 0.0, 0.0)
  quaternion: Quaternion = IDENTITY
  color: RGB | str = (1.0, 1.0, 1.0)
  look_at: InitVar[Vector3 | None] = None

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    who = f"light {shown(self.name)}"
    position = vector3(self.position, f"{who}: position")
    if look_at_target is not None:
      if quaternion(self.quaternion, f"{who}: quaternion") != IDENTITY:
        raise SceneError(f"{who}: give a quaternion or look_at, not both")
      assign(self, quaternion=look_at(position, look_at_target))
    assign(self, name=identifier(self.name, "light name"), position=position, color=color(self.color, f"{who}: color"),
           quaternion=quaternion(self.quaternion, f"{who}: quaternion"))

  def _check(self, **limits: tuple[float, float]) -> None:
    for name, (low, high) in limits.items():
      assign(self, **{name: number(getattr(self, name), f"light {shown(self.name)}: {name}", minimum=low, maximum=high)})


@dataclass(frozen=True, repr=False)
class SunLight(_Light):
  """Parallel light from infinitely far; only the direction of its pose matters.

  Attributes:
    strength: irradiance on a surface that faces it, W/m².
    angle: angular diameter of its disc in radians, which softens shadows.
  """

  _: KW_ONLY
  strength: float = 1.0
  angle: float = 0.00918

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    super().__post_init__(look_at_target)
    self._check(strength=(0, math.inf), angle=(0, math.pi))


@dataclass(frozen=True, repr=False)
class PointLight(_Light):
  """A glowing ball of `power` watts and a `radius` in metres, which softens shadows."""

  _: KW_ONLY
  power: float = 100.0
  radius: float = 0.1

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    super().__post_init__(look_at_target)
    self._check(power=(0, math.inf), radius=(0, math.inf))


@dataclass(frozen=True, repr=False)
class SpotLight(_Light):
  """A point light inside a cone.

  Attributes:
    power: watts that a point light of the same brightness would emit in all directions.
    radius: metres. angle: opening of the cone in radians. blend: fraction of the cone over which it fades.
  """

  _: KW_ONLY
  power: float = 100.0
  radius: float = 0.1
  angle: float = math.pi / 4
  blend: float = 0.15

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    super().__post_init__(look_at_target)
    self._check(power=(0, math.inf), radius=(0, math.inf), angle=(math.radians(1), math.pi), blend=(0, 1))


@dataclass(frozen=True, repr=False)
class AreaLight(_Light):
  """A rectangle of `width` by `height` metres that shines from one side with `power` watts."""

  _: KW_ONLY
  power: float = 100.0
  width: float = 1.0
  height: float = 1.0

  def __post_init__(self, look_at_target: Vector3 | None) -> None:
    super().__post_init__(look_at_target)
    self._check(power=(0, math.inf), width=(1e-6, math.inf), height=(1e-6, math.inf))


Light = SunLight | PointLight | SpotLight | AreaLight
