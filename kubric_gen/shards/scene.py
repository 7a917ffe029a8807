"""From a recipe and a seed to a finished scene: its records at every resolution, encoded, ready to be stored."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.example import Example, View
from kubric_gen.schema.features import Features, Label, Sequence, Tensor
from kubric_gen.scene.layers import MOVI_LAYERS
from kubric_gen.schema.movi import movi_record
from kubric_gen.shards.recipe import Recipe, resolution_name
from kubric_gen.world.loading import load_world
from kubric_gen.schema.statistics import Statistics
from kubric_gen.schema.tf_example import encode
from kubric_gen.codecs.png import encode_png

GEOMETRY = tuple(name for name in MOVI_LAYERS if name != "rgba")
THUMBNAIL_HEIGHT = 128

Report = Callable[[str], None]
"""Told of each stage and of each finished frame, by the stage's name: a sign of life."""


@dataclass(frozen=True)
class FinishedScene:
  """A scene as it is stored.

  Attributes:
    info: what is known of it: seed, split, config hash, statistics per resolution, assets and their licences.
    records: a serialised `tf.train.Example` per name of a resolution.
    thumbnail: a small image of its middle frame, as PNG.
  """

  info: Mapping[str, Any]
  records: Mapping[str, bytes]
  thumbnail: bytes


def box_average(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
  """An image (H, W, C) at a whole fraction of its size, each pixel the rounded mean of those it covers."""
  rows, columns = image.shape[0] // height, image.shape[1] // width
  if rows == columns == 1:
    return image
  total = image.reshape(height, rows, width, columns, -1).sum(axis=(1, 3), dtype=np.uint32)
  return ((total + rows * columns // 2) // (rows * columns)).astype(np.uint8)


def _statistics(features: Features, record: Mapping[str, Any], view: View, rgb: Any) -> Statistics:
  """Of the floats before they are quantised, in the units of the layer table."""
  result = Statistics()
  for t in range(len(rgb)):
    result.add_numbers("video", rgb[t])
    for name in GEOMETRY:
      result.add_numbers("segmentations" if name == "segmentation" else name, view.layers[name][t])
  def add_group(group: str, part: Any, values: Iterable[Mapping[str, Any]]) -> None:
    parts: Any = part.feature if isinstance(part, Sequence) else part
    for name, feature in parts.items():
      for item in values:
        value = item[feature.key or name]
        if isinstance(feature, Label):
          result.add_label(f"{group}/{name}", value)
        elif isinstance(feature, (Tensor, Sequence)):
          result.add_numbers(f"{group}/{name}", value)

  events: Any = features["events"]
  add_group("metadata", features["metadata"], [record["metadata"]])
  add_group("camera", features["camera"], [record["camera"]])
  add_group("instances", features["instances"], record["instances"])
  add_group("events/collisions", events["collisions"], record["events"]["collisions"])
  result.add_numbers("instances", [len(record["instances"])])
  result.add_numbers("events/collisions", [len(record["events"]["collisions"])])
  return result


def make_scene(recipe: Recipe, seed: int, report: Report = lambda stage: None) -> FinishedScene:
  """Builds, simulates, annotates, renders and encodes a scene.

  Geometry is sampled at the pixel centres of each resolution; colour is rendered at the largest and box-averaged.

  Raises:
    KubricGenError: what makes a scene impossible.
  """
  from kubric_gen.physics import simulate
  from kubric_gen.example.making import make_example
  world, split = load_world(recipe.world), recipe.dataset.split_of(seed)
  seconds: dict[str, float] = {}
  clock = time.perf_counter()

  def lap(stage: str) -> None:
    nonlocal clock
    now = time.perf_counter()
    seconds[stage], clock = seconds.get(stage, 0.0) + now - clock, now

  report("build")
  scene = world.scene(recipe.config_of(split), seed)
  lap("build")
  report("simulate")
  motion = simulate(scene)
  lap("simulate")
  named = {"seed": seed, "world": world.name}
  with contextlib.ExitStack() as stack:
    examples: dict[tuple[int, int], Example] = {}
    for size in reversed(recipe.resolutions):  # the largest last: it holds the renderer
      layers = MOVI_LAYERS if size == recipe.resolutions[0] else GEOMETRY
      examples[size] = stack.enter_context(make_example(
          replace(scene, resolution=size), motion, layers=layers, settings=recipe.settings, metadata=named,
          progress=lambda stage, done, total: report(stage)))
      for stage, spent in examples[size].info["seconds"].items():
        seconds[stage] = seconds.get(stage, 0.0) + spent
    clock = time.perf_counter()
    colour = examples[recipe.resolutions[0]].layers["rgba"]
    records, statistics, licences = {}, {}, {}
    for size in recipe.resolutions:
      report("encode")
      rgb = colour.map(lambda frame, size=size: box_average(frame[..., :3], *size))  # type: ignore[misc]
      features, view = recipe.features(size), examples[size].main
      record = movi_record(view, rgb, f"{recipe.dataset.name}_{seed}")
      records[resolution_name(size)] = encode(features, record)
      lap("encode")
      statistics[resolution_name(size)] = _statistics(features, record, view, rgb).plain()
      lap("statistics")
    for item in scene.objects:
      licences[item.asset_id] = item.effective_license
    middle = colour[len(colour) // 2][..., :3]
    step = max(1, middle.shape[0] // THUMBNAIL_HEIGHT)
    small = middle[:middle.shape[0] // step * step, :middle.shape[1] // step * step]
    thumbnail = encode_png(box_average(small, small.shape[0] // step, small.shape[1] // step))
  info = {"seed": seed, "split": split.name, "world": world.name, "dataset": recipe.dataset.name,
          "config_hash": recipe.hash(split), "statistics": statistics, "licenses": licences, "seconds": seconds}
  return FinishedScene(info, records, thumbnail)
