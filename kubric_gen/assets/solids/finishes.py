"""What things are made of: a look and a density, varied by a few numbers."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kubric_gen.scene.color import RGB, srgb_to_linear
from kubric_gen.scene.materials import PrincipledMaterial
from kubric_gen.scene.patterns import Pattern, Print


@dataclass(frozen=True)
class Finish:
  """Attributes: material: what it looks like. density: kg/m³."""

  material: PrincipledMaterial
  density: float


def hsv(hue: float, saturation: float, value: float) -> RGB:
  """Linear RGB of the colour that has this hue, saturation and value in sRGB."""
  r, g, b = srgb_to_linear(colorsys.hsv_to_rgb(hue % 1.0, saturation, value)).tolist()
  return (round(r, 6), round(g, 6), round(b, 6))


class Palette:
  """Colours and chances of one object: all that follows from its hue and its variety.

  Attributes:
    hue: of the main colour, in [0, 1]. seed: of patterns.
    main, dark, light: of this hue. second, third: that go with it. paper: nearly white.
  """

  def __init__(self, hue: float, variety: int) -> None:
    rng = np.random.default_rng(variety)
    saturation, value = float(rng.uniform(0.45, 0.85)), float(rng.uniform(0.5, 0.92))
    apart = float(rng.choice([0.08, 0.33, 0.5, 0.62])) + float(rng.uniform(-0.03, 0.03))
    self.hue, self.seed = hue, variety
    self.main = hsv(hue, saturation, value)
    self.dark, self.light = hsv(hue, saturation, 0.4 * value), hsv(hue, 0.25 * saturation, 0.92)
    self.second = hsv(hue + apart, float(rng.uniform(0.4, 0.8)), float(rng.uniform(0.45, 0.95)))
    self.third = hsv(hue - 0.6 * apart, 0.6, float(rng.uniform(0.2, 0.5)))
    self.paper = hsv(0.1, 0.06, 0.95)
    self._shares = rng.random(8).tolist()

  def chance(self, number: int) -> float:
    """One of eight numbers in [0, 1) that are the object's own."""
    return self._shares[number]

  def pick(self, number: int, count: int) -> int:
    """A choice out of `count`, by one of those numbers."""
    return int(self._shares[number] * count)


def ceramic(p: Palette) -> Finish:
  """Glazed, in one colour, speckled or clouded."""
  color = (p.main, Pattern("speckle", (p.light, p.dark), 0.006, p.seed), Pattern("mottle", (p.main, p.dark), 0.03, p.seed),
           p.light)[p.pick(0, 4)]
  return Finish(PrincipledMaterial(color=color, roughness=0.45, coat=1.0, coat_roughness=0.05), 2300.0)


def decorated(p: Palette) -> Finish:
  """Glazed, with dots, stripes or a chequer."""
  kind = ("dots", "stripes", "checker")[p.pick(0, 3)]
  picture = Print(kind, (p.light, p.main, p.second), repeat=2.0 if kind != "stripes" else 1.0, seed=p.seed)
  return Finish(PrincipledMaterial(color=picture, roughness=0.4, coat=1.0, coat_roughness=0.05), 2300.0)


WOODS: tuple[tuple[RGB, RGB], ...] = tuple(
    (hsv(hue, s, v), hsv(hue - 0.01, min(1.0, s + 0.1), d)) for hue, s, v, d in (
        (0.10, 0.42, 0.86, 0.66), (0.085, 0.55, 0.74, 0.5), (0.07, 0.6, 0.55, 0.34), (0.055, 0.62, 0.42, 0.24),
        (0.045, 0.66, 0.5, 0.3)))
"""Light and dark wood of maple, oak, walnut, wenge and cherry."""


def wood(p: Palette) -> Finish:
  grain = Pattern("wood", WOODS[p.pick(1, len(WOODS))], 0.02 + 0.02 * p.chance(2), p.seed)
  return Finish(PrincipledMaterial(color=grain, roughness=0.45, bump=grain, bump_strength=0.06), 700.0)


def stone(p: Palette) -> Finish:
  """Polished marble, light or dark."""
  ground, vein = ((p.light, p.dark) if p.chance(1) < 0.6 else (hsv(p.hue, 0.3, 0.16), hsv(p.hue, 0.1, 0.75)))
  return Finish(PrincipledMaterial(color=Pattern("marble", (ground, vein), 0.05, p.seed), roughness=0.15), 2700.0)


METALS: tuple[tuple[RGB, float], ...] = (((0.55, 0.56, 0.57), 7800.0), ((0.91, 0.92, 0.92), 2700.0), ((0.89, 0.6, 0.26), 8500.0),
                                         ((0.93, 0.52, 0.38), 8900.0), ((0.25, 0.25, 0.27), 7800.0))
"""Steel, aluminium, brass, copper and blackened iron: colour at normal incidence, density."""


def metal(p: Palette, kind: int | None = None) -> Finish:
  """Brushed or polished."""
  color, density = METALS[p.pick(1, len(METALS)) if kind is None else kind]
  dull: RGB = (0.72 * color[0], 0.72 * color[1], 0.72 * color[2])
  brushed = p.chance(2) < 0.6
  look = PrincipledMaterial(color=Pattern("brushed", (dull, color), 0.002, p.seed) if brushed else color, metallic=1.0,
                            roughness=0.32 if brushed else 0.15)
  return Finish(look, density)


def glass(p: Palette) -> Finish:
  """Clear or tinted."""
  tint = hsv(p.hue, 0.55 * p.chance(1) ** 2, 0.97)
  return Finish(PrincipledMaterial(color=tint, transmission=1.0, roughness=0.0, ior=1.48), 2500.0)


def plastic(p: Palette) -> Finish:
  return Finish(PrincipledMaterial(color=p.main, roughness=0.25 + 0.25 * p.chance(2)), 1050.0)


def lacquer(p: Palette) -> Finish:
  """Paint under a clear coat."""
  return Finish(PrincipledMaterial(color=p.main, roughness=0.4, coat=0.8, coat_roughness=0.06), 900.0)


def rubber(p: Palette) -> Finish:
  return Finish(PrincipledMaterial(color=p.main, roughness=0.75, specular=0.3), 1100.0)


def black_rubber(p: Palette) -> Finish:
  return Finish(PrincipledMaterial(color=(0.02, 0.02, 0.022), roughness=0.8, specular=0.3), 1100.0)


def fabric(p: Palette) -> Finish:
  threads = Pattern("weave", (p.main, p.light if p.chance(3) < 0.5 else p.second), 0.004, p.seed)
  return Finish(PrincipledMaterial(color=threads, roughness=0.95, specular=0.1, sheen=0.4, bump=threads, bump_strength=0.3),
                250.0)


def leather(p: Palette) -> Finish:
  brown = hsv(0.03 + 0.06 * p.chance(1), 0.6, 0.25 + 0.3 * p.chance(2))
  return Finish(PrincipledMaterial(color=brown, roughness=0.5, bump=Pattern("speckle", (brown, brown), 0.003, p.seed),
                                   bump_strength=0.3), 900.0)


def card(p: Palette) -> Finish:
  """Plain cardboard."""
  return Finish(PrincipledMaterial(color=Pattern("mottle", (hsv(0.08, 0.42, 0.72), hsv(0.08, 0.45, 0.66)), 0.02, p.seed),
                                   roughness=0.9, specular=0.2), 160.0)


def printed(p: Palette, kind: str = "label", mapping: str = "uv", density: float = 300.0) -> Finish:
  """Coated paper with a picture."""
  colors = (p.paper, p.main, p.second, p.third) if p.chance(4) < 0.6 else (p.main, p.paper, p.second, p.light)
  return Finish(PrincipledMaterial(color=Print(kind, colors, mapping, seed=p.seed), roughness=0.35), density)


def paper(p: Palette) -> Finish:
  return Finish(PrincipledMaterial(color=p.paper, roughness=0.9, specular=0.2), 800.0)


def plain(color: RGB, density: float, roughness: float = 0.6) -> Finish:
  return Finish(PrincipledMaterial(color=color, roughness=roughness), density)


def mottled(low: RGB, high: RGB, size: float, seed: int, density: float, roughness: float = 0.5) -> Finish:
  """The skin of a fruit, soil, wax."""
  return Finish(PrincipledMaterial(color=Pattern("mottle", (low, high), size, seed), roughness=roughness), density)


Maker = Callable[[Palette], Finish]
