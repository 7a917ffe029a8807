"""Pictures for `Print`s: packaging, book covers and simple ornaments, drawn from numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.scene.color import RGB, linear_to_srgb
from kubric_gen.scene.patterns import Print

SIZE = 512
"""Pixels along an edge."""
_SYLLABLES = ("ba", "bel", "co", "da", "fi", "go", "ka", "la", "li", "lu", "ma", "mi", "mo", "na", "ni", "no", "pa", "po",
              "ra", "ri", "ro", "sa", "si", "so", "ta", "ti", "to", "va", "vi", "zo")


def _word(rng: np.random.Generator, syllables: int) -> str:
  return "".join(_SYLLABLES[int(i)] for i in rng.integers(len(_SYLLABLES), size=syllables))


def _bytes(color: RGB) -> tuple[int, int, int]:
  r, g, b = np.round(linear_to_srgb(color) * 255).astype(int).tolist()
  return (r, g, b)


def _lines(draw: Any, rng: np.random.Generator, box: tuple[float, float, float, float], count: int, ink: tuple[int, int, int],
           ) -> None:
  """Small print: lines of blocks as long as words."""
  left, top, right, bottom = box
  step = (bottom - top) / count
  for row in range(count):
    x, y = left, top + row * step
    end = right if row < count - 1 else left + (right - left) * float(rng.uniform(0.3, 0.9))
    while x < end:
      length = float(rng.uniform(0.03, 0.12)) * SIZE
      draw.rectangle((x, y, min(x + length, end), y + 0.5 * step), fill=ink)
      x += length + 0.012 * SIZE


def _title(draw: Any, rng: np.random.Generator, place: tuple[float, float], size: float, ink: tuple[int, int, int],
           widest: float) -> None:
  from PIL import ImageFont
  text = _word(rng, int(rng.integers(2, 4))).upper()
  font: Any = ImageFont.load_default(size * SIZE)
  width = draw.textlength(text, font=font)
  if width > widest * SIZE:
    font = ImageFont.load_default(size * widest * SIZE * SIZE / width)
  draw.text((place[0] * SIZE, place[1] * SIZE), text, font=font, fill=ink, anchor="mm")


def _ornament(draw: Any, rng: np.random.Generator, box: tuple[float, float, float, float], inks: list[tuple[int, int, int]],
              ) -> None:
  """A simple picture: discs, hills, petals or tiles."""
  left, top, right, bottom = (v * SIZE for v in box)
  width, height = right - left, bottom - top
  kind = int(rng.integers(4))
  if kind == 0:  # discs
    for _ in range(int(rng.integers(3, 8))):
      r = float(rng.uniform(0.08, 0.28)) * min(width, height)
      x, y = left + r + float(rng.random()) * (width - 2 * r), top + r + float(rng.random()) * (height - 2 * r)
      draw.ellipse((x - r, y - r, x + r, y + r), fill=inks[int(rng.integers(len(inks)))])
  elif kind == 1:  # hills under a sun
    r = 0.16 * min(width, height)
    x, y = left + float(rng.uniform(0.25, 0.75)) * width, top + 0.3 * height
    draw.ellipse((x - r, y - r, x + r, y + r), fill=inks[-1])
    for row, ink in enumerate(inks):
      at = np.linspace(0, 1, 40)
      level = 0.5 + 0.15 * row + 0.08 * np.sin(2 * np.pi * (at * float(rng.uniform(0.7, 1.6)) + float(rng.random())))
      edge = [(left + u * width, top + v * height) for u, v in zip(at.tolist(), level.tolist())]
      draw.polygon([*edge, (right, bottom), (left, bottom)], fill=ink)
  elif kind == 2:  # a flower
    petals, x, y = int(rng.integers(5, 10)), (left + right) / 2, (top + bottom) / 2
    reach, r = 0.27 * min(width, height), 0.17 * min(width, height)
    for petal in range(petals):
      angle = 2 * np.pi * petal / petals
      u, v = x + reach * np.cos(angle), y + reach * np.sin(angle)
      draw.ellipse((u - r, v - r, u + r, v + r), fill=inks[0])
    draw.ellipse((x - r, y - r, x + r, y + r), fill=inks[-1])
  else:  # tiles
    columns, rows = int(rng.integers(3, 6)), int(rng.integers(2, 5))
    for row in range(rows):
      for column in range(columns):
        x, y = left + column * width / columns, top + row * height / rows
        draw.rectangle((x, y, x + 0.9 * width / columns, y + 0.9 * height / rows), fill=inks[int(rng.integers(len(inks)))])


def print_image(picture: Print) -> NDArray[np.uint8]:
  """The picture (512, 512, 3), sRGB, row 0 at the top; the same numbers always give the same."""
  from PIL import Image, ImageDraw
  rng = np.random.default_rng(picture.seed)
  paper, *inks = map(_bytes, picture.colors)
  image = Image.new("RGB", (SIZE, SIZE), paper)
  draw = ImageDraw.Draw(image)
  if picture.kind == "checker":
    for row in range(8):
      for column in range(row % 2, 8, 2):
        draw.rectangle((column * SIZE / 8, row * SIZE / 8, (column + 1) * SIZE / 8 - 1, (row + 1) * SIZE / 8 - 1), fill=inks[0])
  elif picture.kind == "stripes":
    edges = np.sort(rng.random(2 * int(rng.integers(2, 6))))
    for number, (low, high) in enumerate(zip(edges[::2].tolist(), edges[1::2].tolist())):
      draw.rectangle((0, low * SIZE, SIZE, high * SIZE), fill=inks[number % len(inks)])
  elif picture.kind == "dots":
    count = int(rng.integers(3, 7))
    radius = float(rng.uniform(0.2, 0.36)) * SIZE / count
    for row in range(count):
      for column in range(count):
        x, y = (column + 0.25 + 0.5 * (row % 2)) * SIZE / count, (row + 0.5) * SIZE / count
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=inks[(row + column) % len(inks)])
  elif picture.kind == "cover":
    if rng.random() < 0.5:
      draw.rectangle((0, 0.62 * SIZE, SIZE, SIZE), fill=inks[-1])
    _ornament(draw, rng, (0.14, 0.36, 0.86, 0.8), inks)
    _title(draw, rng, (0.5, 0.16), 0.15, inks[0], 0.8)
    _title(draw, rng, (0.5, 0.9), 0.06, paper if rng.random() < 0.5 else inks[0], 0.5)
  else:
    band = float(rng.uniform(0.25, 0.4))
    draw.rectangle((0, 0, SIZE, band * SIZE), fill=inks[0])
    draw.rectangle((0, 0.92 * SIZE, SIZE, SIZE), fill=inks[-1])
    _title(draw, rng, (0.5, band / 2), 0.2, paper, 0.85)
    _ornament(draw, rng, (0.08, band + 0.06, 0.56, 0.86), inks)
    _lines(draw, rng, (0.62 * SIZE, (band + 0.08) * SIZE, 0.94 * SIZE, 0.82 * SIZE), 9, inks[0])
  return np.asarray(image, np.uint8)
