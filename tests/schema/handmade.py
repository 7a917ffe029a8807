"""Records and finished scenes made by hand, which need neither physics nor a renderer, and what their tests share."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kubric_gen.codecs.png import encode_png
from kubric_gen.render import RenderSettings
from kubric_gen.schema.coding import Coding
from kubric_gen.schema.features import Box, Features, Image, Label, Sequence, Tensor, Text, Video, element, leaves
from kubric_gen.schema.statistics import Statistics
from kubric_gen.schema.tf_example import encode
from kubric_gen.shards.recipe import Recipe, resolution_name
from kubric_gen.shards.scene import EncodedScene
from worlds.movi import MoviConfig

WORDS = ("", "plain", "käse 🧀", "tab\tand\nline", "nul\0")
FLOATS = (0.0, -0.0, 1e-45, np.inf, -np.inf, np.nan, 3.4028235e38)


def _numbers(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
  """Any values of a type, its extremes often among them."""
  if dtype == "bool":
    return rng.integers(0, 2, shape).astype(bool)
  if dtype == "float32":
    values = (rng.normal(size=shape) * 10.0 ** rng.integers(-30, 30)).astype(np.float32)
    return np.where(rng.random(shape) < 0.2, rng.choice(FLOATS, shape), values).astype(np.float32)
  limits = np.iinfo(dtype)
  values = rng.integers(limits.min, limits.max, shape, np.dtype(dtype), endpoint=True)
  return np.where(rng.random(shape) < 0.2, rng.choice([limits.min, limits.max], shape), values).astype(dtype)


def random_value(feature: Any, rng: np.random.Generator, size: Callable[[], int]) -> Any:
  """A value for a feature; `size` says how long a sequence of any length is."""
  match feature:
    case Mapping():
      return {getattr(part, "key", "") or name: random_value(part, rng, size) for name, part in feature.items()}
    case Sequence(feature=inner, length=length):
      return [random_value(inner, rng, size) for _ in range(size() if length is None else length)]
    case (Tensor(coding=Coding(kind=kind), shape=shape) | Image(coding=Coding(kind=kind), shape=shape)
          | Video(coding=Coding(kind=kind), shape=shape)):
      return rng.uniform(0 if kind == "unit" else -1, 1, shape).astype(np.float32)
    case Tensor(dtype=dtype, shape=shape) | Image(dtype=dtype, shape=shape) | Video(dtype=dtype, shape=shape):
      return _numbers(dtype, shape, rng)
    case Text():
      return str(rng.choice(WORDS))
    case Label(names=names):
      return str(rng.choice(names))
    case Box():
      return np.sort(rng.random((2, 2)), axis=0).astype(np.float32).ravel()
  raise TypeError(feature)


def random_record(features: Features, rng: np.random.Generator, size: Callable[[], int] = lambda: 2) -> dict[str, Any]:
  """Values that `encode` takes; what is coded over a range has -1 to 1."""
  record: dict[str, Any] = random_value(features, rng, size)
  for _, feature in leaves(features):
    coding = element(feature).coding
    if coding is not None and coding.limits:
      group, _, name = coding.limits.rpartition("/")
      (record[group] if group else record)[name] = np.array([-1, 1], np.float32)
  return record


def small_recipe(num_frames: int = 2, resolutions: tuple[tuple[int, int], ...] = ((32, 32), (16, 16)), **config: Any) -> Recipe:
  """MOVi-A, tiny."""
  return Recipe("movi", MoviConfig(num_frames=num_frames, **config), resolutions, RenderSettings(quality="draft"))


def files(folder: Path) -> list[str]:
  """All files below a folder."""
  return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


@contextlib.contextmanager
def full_disk(size: int = 0) -> Iterator[None]:
  """No file can grow beyond so many bytes."""
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def seeds_of(recipe: Recipe, **wanted: int) -> dict[str, list[int]]:
  """The first so many seeds of each split."""
  found: dict[str, list[int]] = {name: [] for name in wanted}
  seed = 0
  while any(len(found[name]) < count for name, count in wanted.items()):
    name = recipe.dataset.split_of(seed).name
    if len(found.get(name, ())) < wanted.get(name, 0):
      found[name].append(seed)
    seed += 1
  return found


def depths(seed: int) -> list[float]:
  """What the statistics of a scene made by hand are of."""
  return [seed % 7 + 0.5, seed % 3 + 4.0]


def finished_scene(recipe: Recipe, seed: int, views: tuple[str, ...] = ()) -> EncodedScene:
  """A scene with one record of noise, of two instances and two collisions; with views, one of each."""
  split, rng = recipe.dataset.split_of(seed), np.random.default_rng(seed)
  records: dict[str, dict[str, bytes]] = {}
  statistics: dict[str, Any] = {}
  for resolution in recipe.resolutions:
    features, name, counted = recipe.features(resolution), resolution_name(resolution), Statistics()
    records[name] = {}
    scene_id = f"{recipe.dataset.name}_{seed}"
    for key in [f"{scene_id}/{view}" for view in views] or [scene_id]:
      record = random_record(features, rng)
      record["metadata"]["video_name"] = key
      records[name][key] = encode(features, record)
      counted.add_numbers("depth", depths(seed))
      for item in record["instances"]:
        counted.add_label("instances/shape_label", item["shape"])
    statistics[name] = {split.name: counted.plain()}
  info = {"seed": seed, "split": split.name, "world": "movi", "dataset": recipe.dataset.name, "config_hash": recipe.hash(split),
          "statistics": statistics, "licenses": {"cube": "CC0", f"asset_{seed % 2}": "CC-BY 4.0"}, "seconds": {"render": 1.0}}
  return EncodedScene(info, records, encode_png(np.full((16, 16, 3), seed % 256, np.uint8)))
