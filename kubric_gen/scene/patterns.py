"""Colours that vary over a surface, described by numbers: the renderer makes them, so that no image file is needed."""

from __future__ import annotations

from dataclasses import dataclass

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.color import RGB, color
from kubric_gen.scene.validation import Described, assign, choice, integer, number

PATTERNS = ("brushed", "marble", "mottle", "speckle", "weave", "wood")
PRINTS = ("checker", "cover", "dots", "label", "stripes")


def _colors(value: object, who: str) -> tuple[RGB, ...]:
  if not isinstance(value, (tuple, list)) or len(value) < 2:
    raise SceneError(f"{who} needs at least two colors, got {shown(value)}")
  return tuple(color(item, f"{who} color") for item in value)


@dataclass(frozen=True, repr=False)
class Pattern(Described):
  """A pattern in space, cut open by the surface, as the grain of wood is.

  Attributes:
    kind: brushed (fine lines), marble (veins), mottle (soft clouds), speckle (spots), weave (threads) or wood (year rings
      about an axis that the seed decides).
    colors: two: that of the ground, and that of rings, veins, spots or threads.
    size: of its features in metres of the shape at rest, before the object's scale.
    seed: which of its many.
  """

  kind: str
  colors: tuple[RGB, ...]
  size: float = 0.01
  seed: int = 0

  def __post_init__(self) -> None:
    colors = _colors(self.colors, f"a {self.kind} pattern")
    if len(colors) != 2:
      raise SceneError(f"a {self.kind} pattern needs two colors, got {len(colors)}")
    assign(self, kind=choice(self.kind, "kind of pattern", PATTERNS), colors=colors,
           size=number(self.size, "size of a pattern", above=0), seed=integer(self.seed, "seed of a pattern", minimum=0))


@dataclass(frozen=True, repr=False)
class Print(Described):
  """A picture on the surface, such as that of a printed label, drawn from numbers.

  Attributes:
    kind: checker, cover (of a book), dots, label (of packaging) or stripes.
    colors: two or more: that of the paper, then those of what is printed on it.
    mapping: `uv` by texture coordinates, or `box`: the whole picture on each side of the rest bounding box.
    repeat: how often across.
    seed: which of its many.
  """

  kind: str
  colors: tuple[RGB, ...]
  mapping: str = "uv"
  repeat: float = 1.0
  seed: int = 0

  def __post_init__(self) -> None:
    assign(self, kind=choice(self.kind, "kind of print", PRINTS), colors=_colors(self.colors, f"a {self.kind} print"),
           mapping=choice(self.mapping, "mapping of a print", ("uv", "box")),
           repeat=number(self.repeat, "repeat of a print", above=0), seed=integer(self.seed, "seed of a print", minimum=0))
