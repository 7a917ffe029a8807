"""Pictures of a scene for people: a short film of its layers side by side, and a contact sheet, of all its views."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError
from kubric_gen.pictures.colors import FITS, RGBImage
from kubric_gen.pictures.film import Film, fitted, write_film
from kubric_gen.pictures.panels import Ranges, caption_and_note, clip_ranges, film_layers, layer_panels, shown_layers
from kubric_gen.pictures.sheets import Row, draw_grid, write_sheet
from kubric_gen.pictures.view_sheet import view_sheet
from kubric_gen.scene.layers import LAYERS
from kubric_gen.scene.posed_views import PosedView

Views = Mapping[str, Mapping[str, Sequence[NDArray]]]
"""Of each view, by its name: layer name to its frames."""

_SHEET_FRAMES, _SHEET_LEAST, _SHEET_CELL = 6, 128, 256
_KEPT_VIEWS, _MOST_VIEWS, _MOST_STILL_VIEWS = 2, 8, 64
"""Of a scene with more, the first ones are shown: a film higher than that plays nowhere."""


def _common_length(views: Views) -> int:
  """The number of frames of all layers."""
  (first, count), *others = [(f"{layer} of {view}" if len(views) > 1 else layer, len(frames))
                             for view, layers in views.items() for layer, frames in layers.items()]
  for name, length in [(first, count), *others]:
    if length != count or not count:
      raise KubricGenError("a preview needs the same number of frames, at least one, of every layer, got "
                           f"{length} of {name} and {count} of {first}")
  return count


class _Clip:
  """Reads each frame of the layers once, in the order of time, and gathers what the contact sheet shows.

  Args:
    views: layers that can be shown, all of the same length, at least one.
    ranges: see `make_preview`.
  """

  def __init__(self, views: Views, ranges: Ranges | None):
    self._views, self.count = views, _common_length(views)
    self.sampled = sorted(set(np.linspace(0, self.count - 1, _SHEET_FRAMES).round().astype(int).tolist()))
    self.film_layers = {view: film_layers(layers) for view, layers in views.items()}
    self._early: dict[tuple[str, str, int], NDArray] = {}
    self._cells: dict[str, dict[str, list[RGBImage]]] = {view: {layer: [] for layer in layers} for view, layers in views.items()}
    self.ranges = self._fitted_ranges() if ranges is None else ranges

  def _fitted_ranges(self) -> Ranges:
    """Colours are fitted before the first frame is shown: the frames that this takes are read now and, of one view or two, kept
    until then."""
    fitted_layers = [(view, layer) for view, layers in self._views.items() for layer in layers if LAYERS[layer].show in FITS]
    if len(self._views) <= _KEPT_VIEWS:
      self._early = {(view, layer, t): np.asarray(self._views[view][layer][t]) for view, layer in fitted_layers
                     for t in self.sampled}

    def frames(name: str) -> Iterator[NDArray]:
      for view, layer in fitted_layers:
        if layer == name:
          for t in self.sampled:
            kept = self._early.get((view, layer, t))
            yield np.asarray(self._views[view][layer][t]) if kept is None else kept

    return clip_ranges({name: frames(name) for _, name in fitted_layers})

  def _read(self, view: str, layer: str, t: int) -> NDArray:
    early = self._early.pop((view, layer, t), None)
    return np.asarray(self._views[view][layer][t]) if early is None else early

  def film_panels(self) -> Iterator[list[list[RGBImage]]]:
    """At each time, of each view its panels of the film."""
    for t in range(self.count):
      panels = {view: layer_panels({layer: self._read(view, layer, t) for layer in
                                    (self._views[view] if t in self.sampled else self.film_layers[view])}, self.ranges)
                for view in self._views}
      if t in self.sampled:
        for view, shown in panels.items():
          for layer, panel in shown.items():
            self._cells[view][layer].append(fitted(panel, _SHEET_LEAST, _SHEET_CELL, _SHEET_CELL))
      yield [[shown[layer] for layer in self.film_layers[view]] for view, shown in panels.items()]

  def sheet(self, title: str) -> RGBImage:
    """The contact sheet, once all frames have been read: a row for each layer, or, of a still, one for each view."""
    several = len(self._views) > 1
    if self.count == 1:
      names = shown_layers(layer for layers in self._views.values() for layer in layers)
      rows = [Row([cells[layer][0] if layer in cells else None for layer in names], view if several else "")
              for view, cells in self._cells.items()]
      return draw_grid(rows, title, ["\n".join(filter(None, caption_and_note(layer, self.ranges))) for layer in names])
    rows = [Row(images, "\n".join(caption_and_note(layer, self.ranges)).strip(), view if several and number == 0 else "")
            for view, cells in self._cells.items() for number, (layer, images) in enumerate(cells.items())]
    return draw_grid(rows, title, [f"frame {t}" for t in self.sampled])


def make_preview(views: Views, frame_rate: float, directory: str | Path, ranges: Ranges | None = None,
                 title: str = "", posed_views: Sequence[PosedView] = ()) -> list[Path]:
  """Writes contact_sheet.png and, of a clip of several frames, preview.mp4 (or .gif); of posed views the sheet alone.

  Args:
    views: of each view, by its name: layer name to its frames, as before quantisation. Views may differ in resolution and
      layers; of many, the first ones are shown. Frames are dropped after use, so that the sequences may load from disk. Layers
      whose names are not in `kubric_gen.scene.layers.LAYERS`, or that are not shown, are left out.
    frame_rate: frames per second.
    directory: an existing directory.
    ranges: what the colours of distances and flows span, by layer; without it, it is fitted to the frames of the contact
      sheet, of all views together.
    title: heading of the contact sheet.
    posed_views: what the frames are, where they are posed views.

  Returns:
    The paths written, the film first; none where no layer can be shown.

  Raises:
    KubricGenError: the layers differ in their number of frames or have none, or a file cannot be written.
  """
  shown = {view: {layer: layers[layer] for layer in shown_layers(layers)} for view, layers in views.items()}
  shown = {view: layers for view, layers in shown.items() if layers}
  if not shown:
    return []
  if posed_views:
    (layers,) = shown.values()
    _common_length(shown)
    return [write_sheet(Path(directory) / "contact_sheet.png", view_sheet(layers, posed_views, title))]
  still = all(len(frames) == 1 for layers in shown.values() for frames in layers.values())
  shown = dict(itertools.islice(shown.items(), _MOST_STILL_VIEWS if still else _MOST_VIEWS))
  clip, directory, written = _Clip(shown, ranges), Path(directory), []
  panels = clip.film_panels()
  if clip.count > 1:
    film = Film({view: [caption_and_note(layer, clip.ranges) for layer in layers] for view, layers in clip.film_layers.items()})
    written.append(write_film(directory / "preview.mp4", map(film.frame, panels), frame_rate))
  else:
    next(panels)
  return [*written, write_sheet(directory / "contact_sheet.png", clip.sheet(title))]
