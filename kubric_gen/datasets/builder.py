"""TFDS builders for the datasets of worlds: they load what the pipeline has made, or make scenes themselves."""

from __future__ import annotations

import os
import sys
import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from kubric_gen.errors import KubricGenError
from kubric_gen.render.settings import RenderSettings
from kubric_gen.schema.description import DESCRIPTION, MAX_ELEMENTS, MAX_NAMES, features_to_plain
from kubric_gen.schema.features import tfds_features
from kubric_gen.schema.tf_example import decode
from kubric_gen.shards.card_file import described_request
from kubric_gen.shards.default_config import write_default_config
from kubric_gen.shards.layout import VERSION, shuffled
from kubric_gen.shards.reader import AGAIN, features_of
from kubric_gen.shards.recipe import Recipe, SceneKey, resolution_name
from kubric_gen.shards.store import SceneStore
from kubric_gen.system.files import in_one_line, read_json
from kubric_gen.system.resources import cpu_count
from kubric_gen.system.scratch import Scratch
from kubric_gen.world.config import WorldConfig
from kubric_gen.world.loading import load_world, world_names


FEATURES = "features.json"
"""TFDS's description of the features of a dataset."""


@dataclass
class SceneConfig(tfds.core.BuilderConfig):
  """A config of a builder.

  Attributes:
    resolution: (height, width) in pixels.
    num_scenes: seeds 0 … num_scenes - 1 that are made by `download_and_prepare`, over all splits together; few, because
      `tfds.load` does so by itself where the data_dir lacks the dataset.
    num_frames: rendered frames; as many as the world says where not given.
    quality: see `RenderSettings`.
  """

  resolution: tuple[int, int] = (256, 256)
  num_scenes: int = 16
  num_frames: int | None = None
  quality: str = "standard"


def _written_features(folder: Any) -> Any:
  """The features of a finished dataset, as TFDS knows them; None where there is none. Of a dataset of ours they are made from our
  own description, which is checked when it is read; TFDS would believe its file whatever it says.

  Raises:
    KubricGenError: they cannot be read.
  """
  if (folder / DESCRIPTION).exists():
    try:
      return tfds_features(features_of(folder))
    except KubricGenError:
      if described_request(folder) is not None or not (folder / FEATURES).exists():  # ours
        raise
  if not (folder / FEATURES).exists():
    return None
  _check_sizes(read_json(folder / FEATURES, way_out=AGAIN), str(folder / FEATURES))
  try:
    return tfds.features.FeatureConnector.from_config(os.fspath(folder))
  except Exception as error:  # whatever TFDS and protobuf raise
    raise KubricGenError(f"{folder / FEATURES} cannot be read ({type(error).__name__}: {in_one_line(error)}): {AGAIN}") from None


def _check_sizes(value: Any, name: str) -> None:
  """Refuses numbers in a description of TFDS, which are sides and counts of classes, that would fill the memory."""
  pending: list[tuple[str, Any]] = [("", value)]
  while pending:
    key, item = pending.pop()
    if isinstance(item, dict):
      pending += item.items()
    elif isinstance(item, list):
      pending += ((key, part) for part in item)
    elif _is_beyond(item, MAX_NAMES if key in ("numClasses", "num_classes") else MAX_ELEMENTS):
      raise KubricGenError(f"{name} cannot be read (its {key[:40]!r} is {str(item)[:40]!r}): {AGAIN}")


def _is_beyond(value: Any, limit: int) -> bool:
  """Whether a value, which protobuf may have written as a text, is a number beyond a limit."""
  if isinstance(value, str):
    digits = value.strip().lstrip("-")
    return digits.isascii() and digits.isdigit() and (len(digits) > 20 or int(digits) > limit)
  return isinstance(value, (int, float)) and abs(value) > limit


class WorldBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """A dataset of a world.

  `tfds.load` reads what `beam_pipelines.generate` has written into the data_dir. `download_and_prepare` makes the scenes on
  this machine, one worker process per core, and so does `tfds build movi_a --imports=kubric_gen.datasets`; for many scenes use
  the pipeline.

  `register` makes a subclass of it for each dataset of a world, with the world's module, the fields of its config that the
  dataset has of its own, and the configs.
  """

  VERSION = tfds.core.Version(VERSION)
  BUILDER_CONFIGS: ClassVar[list[SceneConfig]] = []
  WORLD: ClassVar[str]
  OPTIONS: ClassVar[Mapping[str, Any]] = {}

  @property
  def recipe(self) -> Recipe:
    """What the scenes are made from."""
    config: Any = self.builder_config
    frames = {} if config.num_frames is None else {"num_frames": config.num_frames}
    kind = load_world(self.WORLD).config
    if frames and not issubclass(kind, WorldConfig):
      raise KubricGenError(f"scenes of {self.name} are no clips, so they have no num_frames: leave it out")
    chosen = kind(resolution=tuple(config.resolution), **frames, **self.OPTIONS)
    return Recipe(self.WORLD, chosen, (tuple(config.resolution),), RenderSettings(quality=config.quality, threads=1))

  def _info(self) -> tfds.core.DatasetInfo:
    recipe = self.recipe
    described = features_to_plain(recipe.features(recipe.resolutions[0]))
    # A finished dataset says itself what it holds: it may have another number of frames than the default
    written = _written_features(tfds.core.Path(self.data_dir))
    features = tfds_features(recipe.features(recipe.resolutions[0])) if written is None else written
    return tfds.core.DatasetInfo(builder=self, features=features, description=recipe.dataset.description,
                                 metadata=tfds.core.MetadataDict(described))

  def download_and_prepare(self, **options: Any) -> None:
    """Makes the dataset. Its default config is one that is there, where TFDS names one that may not be."""
    super().download_and_prepare(**options)
    write_default_config(self._data_dir_root, self.name)

  def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
    config: Any = self.builder_config
    dataset = self.recipe.dataset
    seeds: dict[str, list[int]] = {}
    if dataset.explicit:
      seeds = {split.name: list(range(config.num_scenes)) for split in dataset.splits}
    else:
      for seed in range(config.num_scenes):
        seeds.setdefault(dataset.split_of(seed).name, []).append(seed)
    # Where several splits have records of the same scene, it is kept until all of them are made
    self._scenes = Scratch("scenes")
    scenes = {split.name: dataset.scene_split(split.name).name for split in dataset.splits}
    return {split: self._generate_examples(split, [SceneKey(name, seed) for seed in shuffled(seeds[name])])
            for split, name in scenes.items() if name in seeds}

  def _generate_examples(self, split: str, scenes: list[SceneKey]) -> Iterator[tuple[str, dict[str, Any]]]:
    from concurrent.futures import Future, ThreadPoolExecutor

    from kubric_gen.workers import WorkerError, WorkerPool
    recipe = self.recipe
    resolution = recipe.resolutions[0]
    features, name = recipe.features(resolution), resolution_name(resolution)
    store = SceneStore(str(self._scenes.path), recipe)
    print(f"{self.name}/{name} is not in {self._data_dir_root}: making {split} of {len(scenes)} scenes on this machine",
          file=sys.stderr)
    pool = WorkerPool(cpu_count())
    threads = ThreadPoolExecutor(pool.size)

    def make(key: SceneKey) -> SceneKey:
      try:
        pool.call("kubric_gen.shards.tasks:make_stored_scene", recipe, str(self._scenes.path), key)
        return key
      except WorkerError as error:
        raise KubricGenError(f"seed {key.seed}: {error}") from error

    def read(key: SceneKey) -> Iterator[tuple[str, dict[str, Any]]]:
      with store.read(key) as scene:
        for record_key, data in scene.records(name, split):
          yield record_key, decode(features, data)
      if not recipe.dataset.of_records:
        store.path(key).unlink()

    pending: deque[Future[SceneKey]] = deque()
    try:
      for key in scenes:
        pending.append(threads.submit(make, key))
        if len(pending) > 2 * pool.size:
          yield from read(pending.popleft().result())
      while pending:
        yield from read(pending.popleft().result())
    finally:
      threads.shutdown(wait=False, cancel_futures=True)
      pool.close()


DEFAULT_SIDE = 256
"""Of the images of a dataset's default config, where it has this one."""
_REGISTERED: dict[str, dict[str, type[WorldBuilder]]] = {}
"""Builders by the names of their worlds."""


def _class_name(name: str) -> str:
  return "".join(part.capitalize() for part in name.split("_"))


def register(world_name: str) -> dict[str, type[WorldBuilder]]:
  """Makes the datasets of a world known to TFDS.

  Args:
    world_name: a module in `worlds`, or any module by its full dotted name.

  Returns:
    The builders by their class names; none where the world declares no dataset.

  Raises:
    KubricGenError: there is no such world.
  """
  if world_name in _REGISTERED:
    return _REGISTERED[world_name]
  world = load_world(world_name)
  builders = {}
  for options in world.variants if world.dataset is not None else ():
    dataset = world.dataset_of(world.config(**options))
    configs = [SceneConfig(name=resolution_name((side, side)), description=f"{side}x{side} pixels", resolution=(side, side))
               for side in sorted(dataset.resolutions, key=lambda side: (side != DEFAULT_SIDE, -side))]  # TFDS takes the first
    attributes = {"name": dataset.name, "WORLD": world_name, "OPTIONS": dict(options), "BUILDER_CONFIGS": configs,
                  "__doc__": dataset.description, "__module__": __name__}
    kind = type(_class_name(dataset.name), (WorldBuilder,), attributes)
    builders[kind.__name__] = globals()[kind.__name__] = kind  # to be found by its name, as pickling does
  _REGISTERED[world_name] = builders
  return builders


def register_all() -> dict[str, type[WorldBuilder]]:
  """`register` for every world in `worlds`; one that cannot be loaded is told of, and leaves the others alone."""
  builders: dict[str, type[WorldBuilder]] = {}
  for world_name in world_names():
    try:
      builders |= register(world_name)
    except KubricGenError as error:
      warnings.warn(f"no TFDS builders for {world_name}: {error}", stacklevel=2)
  return builders
