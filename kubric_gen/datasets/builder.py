"""TFDS builders for the datasets of worlds: they load what the pipeline has made, or make scenes themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from kubric_gen.system.resources import cpu_count
from kubric_gen.errors import KubricGenError
from kubric_gen.shards.recipe import Recipe, resolution_name
from kubric_gen.world.loading import load_world
from kubric_gen.schema.tf_example import decode
from kubric_gen.render.settings import RenderSettings
from kubric_gen.shards.layout import VERSION, shuffled
from kubric_gen.shards.tfds_features import tfds_features


@dataclass
class SceneConfig(tfds.core.BuilderConfig):
  """A config of a builder.

  Attributes:
    resolution: (height, width) in pixels.
    num_scenes: seeds 0 … num_scenes - 1 that are made by `download_and_prepare`, over all splits together; few, because
      `tfds.load` does so by itself where the data_dir lacks the dataset.
    num_frames: rendered frames.
    quality: see `RenderSettings`.
  """

  resolution: tuple[int, int] = (256, 256)
  num_scenes: int = 16
  num_frames: int = 24
  quality: str = "standard"


def standard_configs(*sides: int) -> list[SceneConfig]:
  """Configs for square images, named as HEIGHTxWIDTH."""
  return [SceneConfig(name=resolution_name((side, side)), description=f"{side}x{side} pixels", resolution=(side, side))
          for side in sides]


class WorldBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """A dataset of a world.

  `tfds.load` reads what `beam_pipelines.generate` has written into the data_dir. `download_and_prepare` (and
  `tfds build`) makes the scenes on this machine, one worker process per core; for many scenes use the pipeline.

  Subclasses set `WORLD` (a module of `worlds`), `OPTIONS` (fields of its config) and `BUILDER_CONFIGS`.
  """

  VERSION = tfds.core.Version(VERSION)
  BUILDER_CONFIGS: ClassVar[list[SceneConfig]] = standard_configs(256, 128)
  WORLD: ClassVar[str]
  OPTIONS: ClassVar[dict[str, Any]] = {}

  @property
  def recipe(self) -> Recipe:
    """What the scenes are made from."""
    config: Any = self.builder_config
    chosen = load_world(self.WORLD).config(resolution=tuple(config.resolution), num_frames=config.num_frames, **self.OPTIONS)
    return Recipe(self.WORLD, chosen, (tuple(config.resolution),), RenderSettings(quality=config.quality, threads=1))

  def _info(self) -> tfds.core.DatasetInfo:
    recipe = self.recipe
    written = os.path.join(self.data_dir, "features.json")
    # A finished dataset says itself what it holds: it may have another number of frames than the default
    features = (tfds.features.FeatureConnector.from_config(self.data_dir) if tfds.core.Path(written).exists()
                else tfds_features(recipe.features(recipe.resolutions[0])))
    return tfds.core.DatasetInfo(builder=self, features=features, description=recipe.dataset.description)

  def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
    config: Any = self.builder_config
    seeds: dict[str, list[int]] = {}
    for seed in range(config.num_scenes):
      seeds.setdefault(self.recipe.dataset.split_of(seed).name, []).append(seed)
    return {split.name: self._generate_examples(shuffled(seeds[split.name])) for split in self.recipe.dataset.splits
            if split.name in seeds}

  def _generate_examples(self, seeds: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    from concurrent.futures import ThreadPoolExecutor

    from kubric_gen.workers import WorkerError, WorkerPool
    recipe = self.recipe
    resolution = recipe.resolutions[0]
    features, name = recipe.features(resolution), resolution_name(resolution)
    print(f"{self.name}/{name} is not in {self._data_dir_root}: making {len(seeds)} scenes on this machine", file=sys.stderr)
    pool = WorkerPool(cpu_count())
    threads = ThreadPoolExecutor(pool.size)

    def make(seed: int) -> bytes:
      try:
        return pool.call("kubric_gen.shards.tasks:make_record", recipe, seed).value[name]
      except WorkerError as error:
        raise KubricGenError(f"seed {seed}: {error}") from error

    try:
      pending: list[tuple[int, Any]] = []
      for seed in seeds:
        pending.append((seed, threads.submit(make, seed)))
        if len(pending) > 2 * pool.size:
          first, future = pending.pop(0)
          yield first, decode(features, future.result())
      for seed, future in pending:
        yield seed, decode(features, future.result())
    finally:
      threads.shutdown(wait=False, cancel_futures=True)
      pool.close()
