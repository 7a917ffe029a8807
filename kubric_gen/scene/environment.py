"""What surrounds the scene: light from all directions and what the camera sees where nothing is hit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kubric_gen.errors import SceneError
from kubric_gen.scene.color import RGB, color
from kubric_gen.scene.validation import Described, assign, number

HDRI_SUFFIXES = (".exr", ".hdr", ".png", ".jpg", ".jpeg", ".tif", ".tiff")


@dataclass(frozen=True, kw_only=True, repr=False)
class Environment(Described):
  """Light from all directions.

  Attributes:
    color: its colour; tints the HDRI where there is one.
    strength: factor on colour or HDRI.
    hdri: an equirectangular image (exr, hdr, …), or None.
    rotation: turn of the HDRI about the vertical axis, radians, counter-clockwise seen from above.
    backdrop: colour that the camera sees instead of the environment, or None to see the environment itself.
  """

  color: RGB | str = (1.0, 1.0, 1.0)
  strength: float = 1.0
  hdri: str | None = None
  rotation: float = 0.0
  backdrop: RGB | str | None = None

  def __post_init__(self) -> None:
    assign(self, color=color(self.color, "environment color"), rotation=number(self.rotation, "environment rotation"),
           strength=number(self.strength, "environment strength", minimum=0))
    if self.backdrop is not None:
      assign(self, backdrop=color(self.backdrop, "environment backdrop"))
    if self.hdri is not None:
      path = os.fspath(self.hdri)
      if Path(path).suffix.lower() not in HDRI_SUFFIXES:
        raise SceneError(f"environment image {path} must end in one of {', '.join(HDRI_SUFFIXES)}")
      if not os.path.isfile(path):
        raise SceneError(f"environment image not found: {path} (give the path of an existing file)")
      assign(self, hdri=path)
