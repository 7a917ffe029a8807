"""From a recipe and a scene's key to a finished scene: its records at every resolution, encoded, ready to be stored."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.png import encode_png
from kubric_gen.errors import KubricGenError, shown
from kubric_gen.example.example import Example, View
from kubric_gen.scene.cameras import Resolution
from kubric_gen.scene.layers import LAYERS
from kubric_gen.schema.schema import check_key
from kubric_gen.schema.statistics import Statistics, record_statistics
from kubric_gen.schema.tf_example import encode
from kubric_gen.shards.recipe import Recipe, SceneKey, resolution_name
from kubric_gen.world.identity import scene_names

THUMBNAIL_HEIGHT = 128

Report = Callable[[str], None]
"""Told of each stage and of each finished frame, by the stage's name: a sign of life."""


@dataclass(frozen=True)
class EncodedScene:
  """A scene as it is stored.

  Attributes:
    info: what is known of it: seed, split, config hash, statistics per resolution and split, assets and their licenses.
    records: per name of a resolution its records by their keys, each a serialised `tf.train.Example`, in order.
    thumbnail: a small image of its middle frame, as PNG.
    splits: by its key the split of each record, where the dataset's splits are of records.
  """

  info: Mapping[str, Any]
  records: Mapping[str, Mapping[str, bytes]]
  thumbnail: bytes
  splits: Mapping[str, str] = field(default_factory=dict)

  @property
  def sizes(self) -> dict[str, dict[str, int]]:
    """Bytes of its records, by resolution and split."""
    found: dict[str, dict[str, int]] = {}
    for name, records in self.records.items():
      found[name] = {}
      for key, data in records.items():
        split = self.splits.get(key, self.info["split"])
        found[name][split] = found[name].get(split, 0) + len(data)
    return found


def box_average(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
  """An image (H, W, C) at a whole fraction of its size, each pixel the rounded mean of those it covers."""
  rows, columns = image.shape[0] // height, image.shape[1] // width
  if rows == columns == 1:
    return image
  total = image.reshape(height, rows, width, columns, -1).sum(axis=(1, 3), dtype=np.uint32)
  return ((total + rows * columns // 2) // (rows * columns)).astype(np.uint8)


def _with_colour(view: View, large: View) -> View:
  """A view with the rendered layers of the same view at a larger resolution, box-averaged."""
  width, height = view.camera.resolution
  colour = {name: frames.map(lambda frame: box_average(frame, height, width)) for name, frames in large.layers.items()
            if LAYERS[name].rendered}
  layers = {**view.layers, **colour}
  return dataclasses.replace(view, layers={name: layers[name] for name in large.layers})


def _thumbnail(view: View) -> bytes:
  """The middle frame of the first layer that can be shown, small; of many posed views four, two by two."""
  from kubric_gen.pictures.panels import frame_picture, shown_layers
  for name in shown_layers(view.layers):
    frames, count = view.layers[name], len(view.layers[name])
    several = len(view.metadata.views) >= 4
    found = [frame_picture(name, frames[t]) for t in ([count * part // 8 for part in (1, 3, 5, 7)] if several else [count // 2])]
    pictures = [picture for picture in found if picture is not None]
    if pictures:
      picture = np.concatenate([np.concatenate(pictures[i:i + 2], axis=1) for i in range(0, len(pictures), 2)])
      step = max(1, picture.shape[0] // THUMBNAIL_HEIGHT)
      rows, columns = max(1, picture.shape[0] // step), max(1, picture.shape[1] // step)
      return encode_png(box_average(np.ascontiguousarray(picture[:rows * step, :columns * step]), rows, columns))
  return encode_png(np.full((THUMBNAIL_HEIGHT, THUMBNAIL_HEIGHT, 3), 128, np.uint8))


def _examples(recipe: Recipe, key: SceneKey, report: Report, stack: contextlib.ExitStack, seconds: dict[str, float],
              licenses: dict[str, str]) -> dict[Resolution, Example]:
  """The example of a scene at each resolution, whose geometry is sampled at that one's own pixel centres; colour is rendered at
  the largest and box-averaged."""
  from kubric_gen.example.making import make_example
  from kubric_gen.physics import simulate
  split, world, largest = recipe.dataset.split(key.split), recipe.world, recipe.resolutions[0]
  clock = time.perf_counter()
  report("build")
  scene = world.scene(recipe.config, key.seed, split)
  licenses |= {item.asset_id: item.effective_license for item in scene.objects}
  seconds["build"] = time.perf_counter() - clock
  clock = time.perf_counter()
  report("simulate")
  motion = simulate(scene)
  seconds["simulate"] = time.perf_counter() - clock
  geometry = tuple(name for name in recipe.layers if not LAYERS[name].rendered)
  examples: dict[Resolution, Example] = {}
  for size in reversed(recipe.resolutions):  # the largest last: it holds the renderer
    examples[size] = stack.enter_context(make_example(
        scene.resized(size), motion, layers=recipe.layers if size == largest else geometry, settings=recipe.settings,
        metadata=scene_names(world, recipe.dataset, split, key.seed), key=world.random_key(recipe.config, key.seed, split),
        progress=lambda stage, done, total: report(stage)))
    for stage, spent in examples[size].info["seconds"].items():
      seconds[stage] = seconds.get(stage, 0.0) + spent
  for size, example in examples.items():
    if size != largest:
      example.views = tuple(map(_with_colour, example.views, examples[largest].views))
  return examples


def make_scene(recipe: Recipe, key: SceneKey, report: Report = lambda stage: None) -> EncodedScene:
  """Builds, simulates, annotates, renders and encodes a scene.

  Raises:
    KubricGenError: what makes a scene impossible, or two records of one key.
  """
  dataset = recipe.dataset
  split, schema = dataset.split(key.split), dataset.schema
  seconds: dict[str, float] = {"encode": 0.0, "statistics": 0.0}
  licenses: dict[str, str] = {}
  records: dict[str, dict[str, bytes]] = {}
  splits: dict[str, str] = {}
  statistics: dict[str, Any] = {}
  with contextlib.ExitStack() as stack:
    examples = _examples(recipe, key, report, stack, seconds, licenses)
    for size in recipe.resolutions:
      report("encode")
      name, features = resolution_name(size), recipe.features(size)
      records[name], counted = {}, {part: Statistics() for part in dataset.record_splits(split.name)}
      clock = time.perf_counter()
      for record_key, record in schema.records(examples[size], dataset.scene_id(split, key.seed)):
        report("encode")
        if check_key(record_key) in records[name]:
          raise KubricGenError(f"the schema {type(schema).__name__} gives two records the key {shown(record_key)}")
        part = dataset.split_of_record(split.name, record)
        if part != split.name:
          splits[record_key] = part
        records[name][record_key] = encode(features, record)
        seconds["encode"] += time.perf_counter() - clock
        clock = time.perf_counter()
        counted[part].merge(record_statistics(features, record))
        seconds["statistics"] += time.perf_counter() - clock
        clock = time.perf_counter()
      statistics[name] = {part: found.plain() for part, found in counted.items()}
    thumbnail = _thumbnail(examples[recipe.resolutions[0]].main)
  info = {"seed": key.seed, "split": split.name, "world": recipe.world.name, "dataset": dataset.name,
          "config_hash": recipe.hash(split), "statistics": statistics, "licenses": licenses, "seconds": seconds}
  return EncodedScene(info, records, thumbnail, splits)
