"""What surrounds the scene: light from all directions and what the camera sees where nothing is hit."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.color import RGB, color
from kubric_gen.scene.validation import Described, assign, number

HDRI_SUFFIXES = (".exr", ".hdr", ".png", ".jpg", ".jpeg", ".tif", ".tiff")


@dataclass(frozen=True, kw_only=True, repr=False)
class Sky(Described):
  """A clear sky, computed from sun and air (Nishita et al., "Display of the earth taking into account atmospheric
  scattering", 1993); what lies below the horizon is black.

  Attributes:
    elevation: of the sun above the horizon, radians. It stands towards +Y, and the environment's `rotation` turns it from
      there about the vertical axis.
    sun: whether the sun's disc is there, which casts sharp shadows. sun_size: its angular diameter, radians.
    air, dust, ozone: density of molecules, of dust and of the ozone layer; 1 is that of clear air.
    altitude: metres above the sea.
  """

  elevation: float = 0.7
  sun: bool = True
  sun_size: float = 0.0095
  air: float = 1.0
  dust: float = 1.0
  ozone: float = 1.0
  altitude: float = 0.0

  def __post_init__(self) -> None:
    assign(self, elevation=number(self.elevation, "elevation of the sun", minimum=-math.pi / 2, maximum=math.pi / 2),
           sun=bool(self.sun), sun_size=number(self.sun_size, "sun_size", above=0, maximum=math.pi / 2),
           altitude=number(self.altitude, "altitude", minimum=0, maximum=60_000))
    for name in ("air", "dust", "ozone"):
      assign(self, **{name: number(getattr(self, name), f"{name} of a sky", minimum=0, maximum=10)})


@dataclass(frozen=True, kw_only=True, repr=False)
class Environment(Described):
  """Light from all directions.

  Attributes:
    color: its colour; tints HDRI or sky where there is one.
    strength: factor on colour, HDRI or sky.
    hdri: an equirectangular image (exr, hdr, …), or None. sky: a computed one instead.
    rotation: turn of HDRI or sky about the vertical axis, radians, counter-clockwise seen from above.
    backdrop: colour that the camera sees instead of the environment, or None to see the environment itself.
  """

  color: RGB | str = (1.0, 1.0, 1.0)
  strength: float = 1.0
  hdri: str | None = None
  sky: Sky | None = None
  rotation: float = 0.0
  backdrop: RGB | str | None = None

  def __post_init__(self) -> None:
    assign(self, color=color(self.color, "environment color"), rotation=number(self.rotation, "environment rotation"),
           strength=number(self.strength, "environment strength", minimum=0))
    if self.backdrop is not None:
      assign(self, backdrop=color(self.backdrop, "environment backdrop"))
    if self.sky is not None and (not isinstance(self.sky, Sky) or self.hdri is not None):
      raise SceneError(f"sky must be a Sky, without an HDRI beside it, got {shown(self.sky)}")
    if self.hdri is not None:
      path = os.fspath(self.hdri)
      if Path(path).suffix.lower() not in HDRI_SUFFIXES:
        raise SceneError(f"environment image {path} must end in one of {', '.join(HDRI_SUFFIXES)}")
      if not os.path.isfile(path):
        raise SceneError(f"environment image not found: {path} (give the path of an existing file)")
      assign(self, hdri=path)
