"""The sheet of a scene of posed views: what is seen from some of them, by split, and all layers of a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kubric_gen.pictures.colors import FITS, RGBImage
from kubric_gen.pictures.film import fitted
from kubric_gen.pictures.panels import caption_and_note, clip_ranges, frame_picture, shown_layers
from kubric_gen.pictures.sheets import Row, draw_grid, wrapped
from kubric_gen.scene.layers import LAYERS
from kubric_gen.scene.posed_views import PosedView

COLUMNS, FIRST_ROWS, LEAST, CELL = 8, 2, 96, 192


def _spaced(numbers: Sequence[int], count: int) -> list[int]:
  """At most `count` of the numbers, evenly spaced, in order."""
  places = np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int)
  return [numbers[place] for place in places.tolist()]


def view_sheet(layers: Mapping[str, Sequence[NDArray]], views: Sequence[PosedView], title: str = "") -> RGBImage:
  """A sheet (H, W, 3): by split the first layer of some views, then the other layers of a few of them.

  Args:
    layers: of each layer its frames (H, W, C), one for each view; each shown frame is read once. views: what they are.
  """
  names = shown_layers(layers)
  splits = {split: [t for t, view in enumerate(views) if view.split == split] for split in dict.fromkeys(
      view.split for view in views)}
  few = _spaced(range(len(views)), COLUMNS)
  frames = {name: {t: np.asarray(layers[name][t]) for t in few} for name in names if LAYERS[name].show in FITS}
  ranges = clip_ranges({name: found.values() for name, found in frames.items()})

  def cell(name: str, t: int) -> RGBImage:
    kept = frames.get(name, {}).get(t)
    picture = frame_picture(name, np.asarray(layers[name][t]) if kept is None else kept, ranges)
    assert picture is not None, "it is one of the layers that are shown"
    return fitted(picture, LEAST, CELL, CELL)

  rows: list[Row] = []
  for number, (split, mine) in enumerate(splits.items()):
    shown = wrapped([cell(names[0], t) for t in _spaced(mine, COLUMNS * (FIRST_ROWS if number == 0 else 1))], COLUMNS)
    heading = f"{split}: {len(mine)} view{'s' * (len(mine) > 1)}"
    rows += [Row(row.images, "", heading if i == 0 else "") for i, row in enumerate(shown)]
  for number, name in enumerate(names[1:]):
    rows.append(Row([cell(name, t) for t in few], "\n".join(caption_and_note(name, ranges)).strip(),
                    "layers" if number == 0 else ""))
  return draw_grid(rows, title)
