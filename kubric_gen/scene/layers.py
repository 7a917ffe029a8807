"""Annotation layers: what each one is, how it is stored and how it is shown, stated once.

Whatever handles layers goes by these descriptions and knows none by its name. A new layer is one `LayerSpec`, given to
`add_layer` in any module that is loaded (that of a world, say), with the function that computes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kubric_gen.errors import KubricGenError, cut_words, shown


class Storage(StrEnum):
  """How a frame of a layer becomes a file; `kubric_gen.codecs.storage` does it."""

  IMAGE = "image"
  """8-bit image, samples as they are."""
  PALETTE = "palette"
  """8-bit palette image of instance ids."""
  UNIT = "unit"
  """16-bit image over [0, 1]."""
  SIGNED = "signed"
  """16-bit image over [-1, 1]."""
  RANGE = "range"
  """16-bit image over the range of the clip, which `data_ranges.json` has; two channels become three, the last one 0."""
  FLOAT = "float"
  """float32 image (TIFF)."""
  MASKS = "masks"
  """Bit masks, one per instance."""
  ARRAYS = "arrays"
  """Named arrays of the whole clip, in one file."""


class Show(StrEnum):
  """How a frame of a layer becomes colours; `kubric_gen.pictures.colors` does it."""

  COLOR = "color"
  LABELS = "labels"
  DISTANCE = "distance"
  DIRECTION = "direction"
  UNIT = "unit"
  TEXTURE = "texture"
  FLOW = "flow"
  STATES = "states"
  SCALAR = "scalar"
  """One number, over the layer's own range."""
  NONE = "none"
  """It is not shown."""


@dataclass(frozen=True)
class LayerSpec:
  """An annotation layer.

  Attributes:
    name: in lower case with underscores; of the layer, and of its method of `GroundTruth` where `compute` is not given.
    channels: of a frame (H, W, channels); None for one per instance, or for no frames at all (`Storage.ARRAYS`).
    dtype: of a frame in memory.
    unit: of its values; "" where they have none.
    meaning: one line for tables.
    storage: how it is stored. Values of `Storage.PALETTE` are instance ids.
    show: how it is shown.
    caption: what people call it, in pictures; the name where empty.
    default: made where nothing is said of layers.
    film: one of those that the film of a scene shows.
    rendered: the image of the renderer, (H, W, 4) uint8. All others come from geometry and poses.
    stem: what its file names begin with; the name where empty.
    needs_clip: it relates frames to one another in time, so that posed views do not have it.
    compute: `compute(truth, t)` gives frame t, an array (H, W, channels) of the dtype, from a `GroundTruth`. With
      `Storage.ARRAYS`: `compute(truth, rng, objects)` gives named arrays; `rng` is a generator of this layer and view alone,
      `objects` the indices into the scene's objects of the instances, in their order.
  """

  name: str
  channels: int | None
  dtype: str
  unit: str
  meaning: str
  storage: Storage
  show: Show
  caption: str = ""
  default: bool = False
  film: bool = False
  rendered: bool = False
  stem: str = ""
  needs_clip: bool = False
  compute: Callable[..., Any] | None = None

  def __post_init__(self) -> None:
    for name in (self.name, self.stem or self.name):
      if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise KubricGenError(f"a layer needs a name of lower-case letters, digits and underscores, got {shown(name)}")
    if self.rendered and (self.channels, self.dtype) != (4, "uint8"):
      raise KubricGenError(f"the layer {self.name} is said to be rendered, but the renderer makes images of 4 channels of uint8 "
                           "and nothing else: compute it")
    object.__setattr__(self, "caption", self.caption or self.name.replace("_", " "))
    object.__setattr__(self, "stem", self.stem or self.name)

  @property
  def has_frames(self) -> bool:
    """Whether it has a frame at each time, rather than arrays of the whole clip."""
    return self.storage is not Storage.ARRAYS


LAYERS: dict[str, LayerSpec] = {}
"""All layers by name, in the order in which they are told of."""


def add_layer(spec: LayerSpec) -> LayerSpec:
  """Makes a layer known. The same one may be added again, as a module does that is loaded twice.

  Raises:
    KubricGenError: another layer has this name, or the same beginning of file names.
  """
  if spec.compute is None and not spec.rendered:
    raise KubricGenError(f"the layer {spec.name} says not how it is computed: give its LayerSpec a compute function")
  known = LAYERS.get(spec.name)
  if known is not None and _identity(known) != _identity(spec):
    raise KubricGenError(f"there is a layer {shown(spec.name)} already, and it is another one: choose another name")
  for other in LAYERS.values():  # other readers tell MOVi's layers by how the names of their files begin
    if other.name != spec.name and (other.stem == spec.stem or other.default and spec.stem.startswith(other.stem)):
      raise KubricGenError(f"files of the layer {spec.name} would begin with {shown(other.stem)}, as those of {other.name} do: "
                           "give it another stem")
  LAYERS[spec.name] = spec
  return spec


def _identity(spec: LayerSpec) -> tuple[object, ...]:
  """What makes a layer the same one: a function is made anew when its module is loaded again."""
  return (replace(spec, compute=None), getattr(spec.compute, "__module__", ""), getattr(spec.compute, "__qualname__", ""))


for _spec in (
    LayerSpec("rgba", 4, "uint8", "sRGB", "the image, through the view transform named in the metadata", Storage.IMAGE,
              Show.COLOR, "RGB", default=True, film=True, rendered=True),
    LayerSpec("segmentation", 1, "uint16", "", "0 for background, k for `instances[k - 1]`", Storage.PALETTE, Show.LABELS,
              default=True, film=True),
    LayerSpec("depth", 1, "float32", "m", "distance from the camera's centre; 1000 where nothing is hit", Storage.FLOAT,
              Show.DISTANCE, default=True, film=True),
    LayerSpec("normal", 3, "float32", "", "unit shading normal, world space", Storage.SIGNED, Show.DIRECTION, "normals",
              default=True, film=True),
    LayerSpec("object_coordinates", 3, "float32", "", "position in the object's rest bounding box, 0 to 1", Storage.UNIT,
              Show.UNIT, "coordinates", default=True),
    LayerSpec("forward_flow", 2, "float32", "px", "(Δrow, Δcolumn) to the next frame", Storage.RANGE, Show.FLOW, default=True,
              film=True, needs_clip=True),
    LayerSpec("backward_flow", 2, "float32", "px", "(Δrow, Δcolumn) since the previous frame: the point was at p − flow",
              Storage.RANGE, Show.FLOW, default=True, needs_clip=True),
    LayerSpec("z", 1, "float32", "m", "distance to the camera's plane; 1000 where nothing is hit", Storage.FLOAT, Show.DISTANCE),
    LayerSpec("uv", 2, "float32", "", "texture coordinates, v upwards", Storage.FLOAT, Show.TEXTURE, "texture coordinates"),
    LayerSpec("occlusion_forward", 1, "uint8", "", "in the next frame: 0 visible, 1 occluded, 2 outside the image",
              Storage.IMAGE, Show.STATES, "occluded next", needs_clip=True),
    LayerSpec("occlusion_backward", 1, "uint8", "", "the same in the previous frame", Storage.IMAGE, Show.STATES,
              "occluded before", needs_clip=True),
    LayerSpec("amodal_segmentation", None, "bool", "", "full mask of each instance, as if it were alone", Storage.MASKS,
              Show.NONE, stem="amodal"),
    LayerSpec("tracks", None, "float32", "px, m", "256 point tracks in TAP-Vid's layout, with 3-D positions", Storage.ARRAYS,
              Show.NONE, needs_clip=True),
):
  LAYERS[_spec.name] = _spec  # computed by the methods of `GroundTruth` that have their names

NOTHING_HIT = 1000.0
"""What layers of distances have where nothing is hit, in metres."""

DEFAULT_LAYERS = tuple(name for name, spec in LAYERS.items() if spec.default)
"""Made where nothing is said of layers."""


def check_layers(names: Iterable[str]) -> tuple[str, ...]:
  """The names without repetition, in the order of `LAYERS`.

  Raises:
    KubricGenError: an unknown name.
  """
  names = tuple(names)
  unknown = sorted(set(names) - set(LAYERS))
  if unknown:
    raise KubricGenError(f"unknown layer {cut_words(', '.join(unknown[:5]))}: choose from {', '.join(LAYERS)}")
  return tuple(name for name in LAYERS if name in names)


def check_need_no_clip(names: Iterable[str]) -> None:
  """Makes sure that posed views can have layers.

  Raises:
    KubricGenError: one of them relates frames to one another in time.
  """
  for name in names:
    if LAYERS[name].needs_clip:
      raise KubricGenError(f"posed views do not follow one another in time, so they have no layer {name}: leave it out")


def layer_table() -> str:
  """The layers as a table in Markdown, which the README has."""
  rows = ["| layer | frame | unit | meaning |", "| --- | --- | --- | --- |"]
  for spec in LAYERS.values():
    channels = "K" if spec.channels is None else str(spec.channels)
    frame = f"(H, W, {channels}) {spec.dtype}" if spec.has_frames else "arrays"
    rows.append(f"| `{spec.name}` | {frame} | {spec.unit} | {spec.meaning} |")
  return "\n".join(rows) + "\n"
