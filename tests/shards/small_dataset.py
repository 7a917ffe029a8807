"""Small datasets of scenes made by hand, and what the tests of packing, finishing, reading and cards share."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kubric_gen.schema.tf_example import decode
from kubric_gen.shards.card import Finished
from kubric_gen.shards.finish import finish_dataset
from kubric_gen.shards.layout import Shard, dataset_dir, format_roots, plan_shards, shuffled
from kubric_gen.shards.packing import PackedShard, pack_shard
from kubric_gen.shards.recipe import Recipe, SceneKey, resolution_name
from kubric_gen.shards.scene import EncodedScene
from kubric_gen.shards.store import SceneStore
from tests.schema.handmade import finished_scene, seeds_of, small_recipe

FORMATS = ("tfrecord", "array_record", "parquet")
RECIPE = small_recipe()
SEEDS = seeds_of(RECIPE, train=7, test=2, test_more_objects=1)
OMITTED = ("validation",)
REQUEST = {"seeds": "0..99", "asked_splits": [], "recipe": json.loads(json.dumps(RECIPE.plain()))}


def quiet(stage: str) -> None:
  """Reports to nobody."""


@dataclass(frozen=True)
class Made:
  """A dataset made of scenes by hand."""

  recipe: Recipe
  store: str
  roots: dict[str, str]
  packed: tuple[PackedShard, ...]

  def folder(self, file_format: str, resolution: str = "32x32") -> Path:
    return Path(dataset_dir(self.roots[file_format], "movi_a", resolution))

  def shards(self, split: str, resolution: str = "32x32") -> list[Shard]:
    return [item.shard for item in self.packed if (item.shard.split, item.shard.resolution) == (split, resolution)]

  def finish(self, failed: tuple[int, ...] = (98,)) -> None:
    keys = tuple(map(self.recipe.key, failed))
    finish_dataset(quiet, self.recipe, self.store, self.roots, self.packed, Finished(REQUEST, keys, OMITTED))


def sizes_of(scene: EncodedScene) -> dict[str, int]:
  """Bytes of the records of each resolution."""
  return {name: sum(map(len, records.values())) for name, records in scene.records.items()}


def stored(recipe: Recipe, root: Path, seeds: Mapping[str, list[int]], views: tuple[str, ...] = ()
           ) -> dict[str, dict[int, dict[str, int]]]:
  """Stores scenes made by hand; the sizes of their records."""
  store = SceneStore(root, recipe)
  scenes = {split: {seed: finished_scene(recipe, seed, views) for seed in mine} for split, mine in seeds.items()}
  for split in scenes.values():
    for scene in split.values():
      store.write(scene)
  return {split: {seed: sizes_of(scene) for seed, scene in mine.items()} for split, mine in scenes.items()}


def packed(folder: Path, formats: tuple[str, ...], recipe: Recipe = RECIPE, seeds: Mapping[str, list[int]] = SEEDS,
           max_bytes: int = 100_000, views: tuple[str, ...] = ()) -> Made:
  """A dataset that lacks nothing but being finished."""
  sizes, roots = stored(recipe, folder / "scenes", seeds, views), format_roots(str(folder / "data"), formats)
  plan = plan_shards(sizes, [resolution_name(size) for size in recipe.resolutions], max_bytes)
  return Made(recipe, str(folder / "scenes"), roots, tuple(
      pack_shard(quiet, recipe, str(folder / "scenes"), roots, shard) for shard in plan))


# --- comparing records -----------------------------------------------------------------------------------------------------


def truth(recipe: Recipe, seed: int, resolution: tuple[int, int]) -> dict[str, Any]:
  """What the record of a scene made by hand holds."""
  (data,) = finished_scene(recipe, seed).records[resolution_name(resolution)].values()
  return decode(recipe.features(resolution), data)


def same(found: Any, wanted: Any, name: str = "") -> None:
  """Compares what TFDS gives, where strings are bytes and rows of several lengths ragged tensors, with what we decode."""
  if isinstance(wanted, dict):
    assert set(found) == set(wanted), name
    for key, value in wanted.items():
      same(found[key], value, f"{name}/{key}")
  elif isinstance(wanted, str):
    assert (found.decode() if isinstance(found, bytes) else found) == wanted, name
  elif isinstance(wanted, list):
    rows = found.to_list() if hasattr(found, "to_list") else list(found)
    assert len(rows) == len(wanted), name
    for one, other in zip(rows, wanted):
      if isinstance(other, str):
        same(one, other, name)
        continue
      np.testing.assert_array_equal(np.asarray(one, other.dtype).reshape(other.shape), other, err_msg=name)
  else:
    assert getattr(found, "dtype", wanted.dtype) == wanted.dtype, name  # TFDS gives some scalars as Python's numbers
    np.testing.assert_array_equal(found, wanted, err_msg=name)


def check(records: list[Any], recipe: Recipe, seeds: list[int], resolution: tuple[int, int]) -> None:
  """All records of a split, in the order of its shards."""
  assert len(records) == len(seeds)
  for record, seed in zip(records, shuffled(seeds)):
    same(record, truth(recipe, seed, resolution))


# --- damage ----------------------------------------------------------------------------------------------------------------


def first_scene(folder: Path) -> Path:
  return Path(SceneStore(folder / "scenes", RECIPE).path(SceneKey("test", SEEDS["test"][0])))


def _rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
  """Another text in the info of a stored scene, checksums and all."""
  with zipfile.ZipFile(path) as archive:
    members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
  info = json.loads(members["scene.json"])
  change(info)
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w") as archive:
    for name, data in {**members, "scene.json": json.dumps(info).encode()}.items():
      archive.writestr(name, data)
  path.write_bytes(buffer.getvalue())


def _replace_by_folder(path: Path) -> None:
  path.unlink()
  path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "a flipped bit": lambda path: path.write_bytes(path.read_bytes().replace(b"IDAT", b"IDAU")),
    "another seed": lambda path: _rewrite(path, lambda info: info.update(seed=-1)),
    "no statistics": lambda path: _rewrite(path, lambda info: info.pop("statistics")),
    "wrong statistics": lambda path: _rewrite(path, lambda info: info.update(statistics={"32x32": {"numbers": [], "labels": 3}})),
    "no licences": lambda path: _rewrite(path, lambda info: info.update(licenses=7)),
    "a folder": _replace_by_folder}
