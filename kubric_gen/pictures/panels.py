"""Layers as panels of a picture: which are shown, in which colours and under which caption, by their `LayerSpec`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from numpy.typing import NDArray

from kubric_gen.pictures.colors import FITS, SHARED_FITS, TO_RGB, Limits, RGBImage
from kubric_gen.scene.layers import LAYERS

Ranges = Mapping[str, Limits]
"""Layer to the values that its colours span, in the layer's unit: distances from near to far, flow from 0."""


def shown_layers(names: Iterable[str]) -> tuple[str, ...]:
  """Those of the names that can be shown, in the order of `LAYERS`."""
  names = set(names)
  return tuple(name for name, spec in LAYERS.items() if name in names and spec.show in TO_RGB)


def film_layers(names: Iterable[str]) -> tuple[str, ...]:
  """Those of the names that a film shows: all that can be shown where none is meant for films."""
  shown = shown_layers(names)
  return tuple(name for name in shown if LAYERS[name].film) or shown


def frame_picture(layer: str, frame: NDArray, ranges: Ranges | None = None) -> RGBImage | None:
  """A frame of a layer as colours (H, W, 3); None where the layer cannot be shown.

  `ranges` are those of `clip_ranges`; a layer without one has its colours fitted to this frame.
  """
  if not shown_layers([layer]):
    return None
  show = LAYERS[layer].show
  return TO_RGB[show](frame, *((ranges[layer],) if show in FITS and ranges and layer in ranges else ()))


def layer_panels(frame: Mapping[str, NDArray], ranges: Ranges | None = None) -> dict[str, RGBImage]:
  """The layers of one frame as colours, see `frame_picture`; layers that cannot be shown are left out."""
  pictures = {layer: frame_picture(layer, frame[layer], ranges) for layer in shown_layers(frame)}
  return {layer: picture for layer, picture in pictures.items() if picture is not None}


def clip_ranges(layers: Mapping[str, Iterable[NDArray]]) -> dict[str, Limits]:
  """The values that the colours of distances and flows span, so that the frames given are comparable, and all flows too."""
  ranges = {}
  for show, fit in FITS.items():
    names = [name for name in shown_layers(layers) if LAYERS[name].show is show]
    if show in SHARED_FITS:
      ranges.update(dict.fromkeys(names, fit(frame for name in names for frame in layers[name])))
    else:
      ranges.update({name: fit(layers[name]) for name in names})
  return ranges


def caption_and_note(layer: str, ranges: Ranges) -> tuple[str, str]:
  """What people call a layer, and the values that its colours span ("" where they are always the same)."""
  spec = LAYERS[layer]
  if layer not in ranges:
    return spec.caption, ""
  low, high = ranges[layer]
  return spec.caption, f"{f'{low:.3g} ' if low else ''}to {high:.3g} {spec.unit}".strip()
