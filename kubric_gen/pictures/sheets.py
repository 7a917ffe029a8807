"""Grids of pictures on white: contact sheets, portraits of a collection, scenes of a dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kubric_gen.codecs.png import encode_png
from kubric_gen.errors import KubricGenError

RGBImage = NDArray[np.uint8]

_INK, _FAINT, _OUTLINE = (32, 32, 36), (120, 120, 128), (225, 225, 228)


@dataclass(frozen=True)
class Row:
  """A row of a grid.

  Attributes:
    images: (H, W, 3) uint8, of any sizes; None leaves its place empty.
    label: at its left; what follows a line break is set fainter below it.
    section: a heading above it, for this row and those that follow.
  """

  images: Sequence[RGBImage | None]
  label: str = ""
  section: str = ""


@dataclass(frozen=True)
class Style:
  """How a grid is laid out.

  Attributes:
    margin: pixels around everything.
    gap: pixels between images.
    font_size: of labels, in pixels; headings are larger, notes smaller.
    inside: labels stand in the first image of their row rather than beside it.
    outline: a thin line around each image, so that white ones have an edge.
  """

  margin: int = 16
  gap: int = 6
  font_size: int = 14
  inside: bool = False
  outline: bool = True


TIGHT = Style(margin=0, gap=2, inside=True, outline=False)
"""Images and almost nothing else."""


def text_height(font: Any) -> int:
  """Pixels from the top of the tallest letter to the bottom of the lowest."""
  return sum(font.getmetrics())


def _text_width(font: Any, text: str) -> int:
  return max(math.ceil(font.getlength(line)) for line in text.split("\n"))


class _Grid:
  """Sizes and places of a grid, in pixels."""

  def __init__(self, rows: Sequence[Row], columns: Sequence[str], style: Style):
    self.rows, self.style = rows, style
    self.title_font, self.section_font, self.font, self.small = (
        ImageFont.load_default(style.font_size + more) for more in (6, 2, 0, -2))
    self.count = max(len(row.images) for row in rows)
    self.columns = columns[:self.count]
    texts = [] if style.inside else [row.label.partition("\n") for row in rows]
    label = max((_text_width(font, part) for name, _, note in texts for font, part in ((self.font, name), (self.small, note))),
                default=0)
    self.left = style.margin + (label + 16 if label else 0)
    self.cell = max([image.shape[1] for row in rows for image in row.images if image is not None]
                    + [_text_width(self.small, heading) for heading in self.columns])
    least = 2 * text_height(self.font) if label else 0  # a label of two lines has to fit beside a small image
    self.heights = [max([image.shape[0] for image in row.images if image is not None] + [least]) for row in rows]
    self.heading = max((1 + heading.count("\n") for heading in self.columns), default=0) * (text_height(self.small) + 4)
    self.section = text_height(self.section_font) + 10

  def width(self, title: str) -> int:
    """Of the whole picture."""
    cells = self.left + self.count * (self.cell + self.style.gap) - self.style.gap
    sections = [self.style.margin + _text_width(self.section_font, row.section) for row in self.rows]
    return max(cells, *sections, self.style.margin + _text_width(self.title_font, title)) + self.style.margin

  def tops(self, title: str) -> list[int]:
    """The upper edge of each row, then the lower edge of the last one."""
    top = self.style.margin + (text_height(self.title_font) + 10 if title else 0) + self.heading
    tops = []
    for row, height in zip(self.rows, self.heights):
      top += self.section if row.section else 0
      tops.append(top)
      top += height + self.style.gap
    return [*tops, top - self.style.gap]

  def column(self, number: int) -> int:
    """The left edge of a column."""
    return self.left + number * (self.cell + self.style.gap)

  def draw_row(self, canvas: Image.Image, row: Row, top: int, height: int) -> None:
    """Images, each in the middle of its cell, and label."""
    draw = ImageDraw.Draw(canvas)
    for number, image in enumerate(row.images):
      if image is not None:
        x, y = self.column(number) + (self.cell - image.shape[1]) // 2, top + (height - image.shape[0]) // 2
        if self.style.outline:
          draw.rectangle((x - 1, y - 1, x + image.shape[1], y + image.shape[0]), outline=_OUTLINE)
        canvas.paste(Image.fromarray(image), (x, y))
    if row.section:
      draw.text((self.style.margin, top - 6), row.section, _INK, self.section_font, anchor="ls")
    if not row.label:
      return
    name, _, note = row.label.partition("\n")
    if self.style.inside:
      draw.text((self.left + 7, top + 4), name, "white", self.font, stroke_width=2, stroke_fill="black")
      return
    middle = top + height / 2
    draw.text((self.style.margin, middle - (1 if note else 0)), name, _INK, self.font, anchor="ls" if note else "lm")
    if note:
      draw.text((self.style.margin, middle + 3), note.replace("\n", " "), _FAINT, self.small, anchor="la")


def draw_grid(rows: Sequence[Row], title: str = "", columns: Sequence[str] = (), style: Style | None = None) -> RGBImage:
  """A grid of pictures on white: an image (H, W, 3) uint8.

  Args:
    rows: from top to bottom. title: above everything. columns: headings above the images.
    style: how it is laid out.

  Raises:
    KubricGenError: there is no image.
  """
  rows = list(rows)
  if all(image is None for row in rows for image in row.images):
    raise KubricGenError("a sheet of pictures needs at least one image")
  grid = _Grid(rows, columns, style or Style())
  tops = grid.tops(title)
  canvas = Image.new("RGB", (grid.width(title), tops[-1] + grid.style.margin), "white")
  draw = ImageDraw.Draw(canvas)
  draw.text((grid.style.margin, grid.style.margin - 4), title, _INK, grid.title_font)
  for number, heading in enumerate(grid.columns):
    place = grid.column(number) + grid.cell / 2, tops[0] - (grid.section if rows[0].section else 0) - 4
    draw.text(place, heading, _FAINT, grid.small, anchor="md", align="center")
  for row, top, height in zip(rows, tops, grid.heights):
    grid.draw_row(canvas, row, top, height)
  return np.array(canvas)


def wrapped(images: Sequence[RGBImage], columns: int) -> list[Row]:
  """Images in rows of at most `columns`."""
  return [Row(images[start:start + columns]) for start in range(0, len(images), columns)]


def unwritable(path: Path, reason: str) -> KubricGenError:
  """The error that a picture or film cannot be written."""
  reason = " ".join(reason.split())[-200:]
  return KubricGenError(f"preview {path} cannot be written ({reason}): choose a folder that can be written to, or "
                        "leave the preview out")


def write_sheet(path: str | Path, sheet: RGBImage) -> Path:
  """Writes a picture (H, W, 3) as PNG.

  Raises:
    KubricGenError: the file cannot be written.
  """
  path = Path(path)
  try:
    path.write_bytes(encode_png(sheet))
  except OSError as error:
    raise unwritable(path, str(error)) from error
  return path
