"""Splits of records: each scene's records lie in the shards of several splits, each of them once, and are counted once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.render import RenderSettings
from kubric_gen.schema import PosedViews
from kubric_gen.schema.statistics import Statistics
from kubric_gen.schema.tf_example import decode
from kubric_gen.shards.card import Finished
from kubric_gen.shards.finish import finish_dataset
from kubric_gen.shards.layout import dataset_dir, format_roots, plan_shards, shuffled
from kubric_gen.shards.packing import PackedShard, pack_shard
from kubric_gen.shards.reader import ArrayRecords
from kubric_gen.shards.recipe import Recipe, SceneKey
from kubric_gen.shards.scene import EncodedScene, make_scene
from kubric_gen.shards.store import SceneStore
from kubric_gen.shards.tasks import make_stored_scene
from tests.shards.small_dataset import same
from worlds.nerf import NerfConfig

SEEDS, COUNTS = (0, 1, 5), {"train": 3, "test": 2}
RECIPE = Recipe("nerf", NerfConfig(
    variant="robust", surroundings="sky", num_static=2, num_distractors=1, settle_seconds=0.5, clean_fraction=0.34,
    num_train_views=3, num_validation_views=1, num_test_views=2, views="train_000,train_001,train_002,test_000,test_001"),
    ((16, 16), (8, 8)),
    RenderSettings(samples_per_pixel=1, denoiser="none", device="cpu"))
FORMATS = ("array_record", "parquet")
PARTS = ("train", "validation", "test")


def quiet(stage: str) -> None:
  """Reports to nobody."""


@dataclass(frozen=True)
class Made:
  """A dataset, and the scenes that it is made of."""

  scenes: dict[int, EncodedScene]
  store: SceneStore
  roots: dict[str, str]
  packed: tuple[PackedShard, ...]

  def folder(self, file_format: str = "array_record", resolution: str = "16x16") -> Path:
    return Path(dataset_dir(self.roots[file_format], "nerf_robust", resolution))

  def records(self, split: str, resolution: str = "16x16") -> list[str]:
    """The keys of what the shards of a split hold, in order."""
    found = ArrayRecords(self.folder(resolution=resolution), split)
    return [f"{record['scene']}/{record['view']}" for record in found]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
  folder = tmp_path_factory.mktemp("views")
  store, roots = SceneStore(folder / "scenes", RECIPE), format_roots(str(folder / "data"), FORMATS)
  store.open()
  scenes = {seed: make_scene(RECIPE, RECIPE.key(seed)) for seed in SEEDS}
  sizes: dict[str, dict[int, dict[str, int]]] = {split: {} for split in COUNTS}
  for seed, scene in scenes.items():
    store.write(scene)
    for split in COUNTS:
      sizes[split][seed] = {name: found[split] for name, found in scene.sizes.items()}
  most = max(size["16x16"] for size in sizes["train"].values())
  plan = plan_shards(sizes, ["16x16", "8x8"], most)  # a scene in each of the larger shards
  packed = tuple(pack_shard(quiet, RECIPE, str(store.root), roots, shard) for shard in plan)
  request: Any = {"seeds": "0..5", "asked_splits": [], "recipe": json.loads(json.dumps(RECIPE.plain()))}
  finish_dataset(quiet, RECIPE, str(store.root), roots, packed, Finished(request, (), ("validation",)))
  return Made(scenes, store, roots, packed)


def test_keys_name_scene_and_view(made: Made) -> None:
  for seed, scene in made.scenes.items():
    keys = [f"nerf_robust_{seed}/{split}_{number:03d}" for split, count in COUNTS.items() for number in range(count)]
    assert {name: list(records) for name, records in scene.records.items()} == {"16x16": keys, "8x8": keys}
    assert scene.splits == {key: key.split("/")[1].split("_")[0] for key in keys}
    assert scene.info["split"] == "all" and {name: set(sizes) for name, sizes in scene.sizes.items()} == {
        "16x16": set(COUNTS), "8x8": set(COUNTS)}


@pytest.mark.parametrize("resolution", ["16x16", "8x8"])
def test_each_record_is_in_one_shard_of_its_split(made: Made, resolution: str) -> None:
  assert len([item for item in made.packed if (item.shard.split, item.shard.resolution) == ("train", "16x16")]) == 3
  for split, count in COUNTS.items():
    wanted = [f"nerf_robust_{seed}/{split}_{number:03d}" for seed in shuffled(SEEDS) for number in range(count)]
    assert made.records(split, resolution) == wanted
    shards = [item for item in made.packed if (item.shard.split, item.shard.resolution) == (split, resolution)]
    assert sum(item.num_records for item in shards) == len(wanted)
    pixels = int(resolution.partition("x")[0]) ** 2
    counts = [Statistics.from_plain(item.statistics).numbers["depth"].count for item in shards]
    assert counts == [item.num_records * pixels for item in shards]
    assert sum(item.num_bytes for item in shards) == sum(scene.sizes[resolution][split] for scene in made.scenes.values())


def test_records_are_those_of_the_scenes(made: Made) -> None:
  features = RECIPE.features((16, 16))
  found = {f"{record['scene']}/{record['view']}": record for split in COUNTS for record in ArrayRecords(made.folder(), split)}
  for scene in made.scenes.values():
    for key, data in scene.records["16x16"].items():
      same(found[key], decode(features, data))
      assert found[key]["split"] == scene.splits[key]
      assert bool(found[key]["clean"]) or found[key]["split"] == "train"
  assert len(found) == len(SEEDS) * 5


def test_the_card_counts_views(made: Made) -> None:
  card = json.loads((made.folder() / "card.json").read_text())
  assert {split["name"]: split["num_examples"] for split in card["splits"]} == {"train": 9, "test": 6}
  assert card["omitted_splits"] == ["validation"]
  numbers, labels = card["statistics"]["numbers"], card["statistics"]["labels"]
  assert numbers["depth"]["count"] == 15 * 16 * 16 and not labels.get("split")
  small = json.loads((made.folder(resolution="8x8") / "card.json").read_text())
  assert small["statistics"]["numbers"]["depth"]["count"] == 15 * 64
  every = np.concatenate([np.ravel(record["depth"]) for split in COUNTS for record in ArrayRecords(made.folder(), split)])
  assert numbers["depth"]["mean"] == pytest.approx(every.mean(), rel=1e-5)
  assert numbers["depth"]["deviation"] == pytest.approx(every.std(), rel=1e-4)
  assets = {item.asset_id for seed in SEEDS for item in RECIPE.world.scene(RECIPE.config, seed).objects}
  assert set(card["licenses"]) == assets
  text = (made.folder() / "README.md").read_text()
  assert "Every scene has records of all splits." in text and "No record fell into `validation`: omitted." in text
  assert "| `train` | 9 | 3 |" in text and "`validation` |" not in text and "by the hash of the seed" not in text


def test_the_sheet_shows_four_views_of_each_scene(made: Made) -> None:
  from kubric_gen.codecs.png import decode_png
  sheet = decode_png((made.folder() / "contact_sheet.png").read_bytes())
  assert sheet.shape[:2] == (2 * 16, 3 * 2 * 16 + 2 * 2)
  first = decode(RECIPE.features((16, 16)), made.scenes[0].records["16x16"]["nerf_robust_0/train_001"])["image"]
  np.testing.assert_array_equal(sheet[:16, 16:32, :3], first)


def test_tfds_reads_it(made: Made) -> None:
  import tensorflow_datasets as tfds
  builder = tfds.builder_from_directory(str(made.folder()))
  assert {name: split.num_examples for name, split in builder.info.splits.items()} == {"train": 9, "test": 6}
  assert [record["view"].decode() for record in builder.as_data_source(split="test")] == ["test_000", "test_001"] * 3


def test_a_stored_scene_is_found_again(made: Made) -> None:
  for seed, scene in made.scenes.items():
    key = SceneKey("all", seed)
    told: list[str] = []
    again = make_stored_scene(told.append, RECIPE, str(made.store.root), key)
    assert told == ["look up"] and not again.made
    assert again.sizes == {name: {"validation": 0, **sizes} for name, sizes in scene.sizes.items()}
    with made.store.read(key) as stored:
      for split in PARTS:
        assert [name for name, _ in stored.records("8x8", split)] == [
            name for name, part in scene.splits.items() if part == split]
      assert len(list(stored.records("8x8"))) == 5
    assert made.store.path(key).parent.parent.parent == made.store.folder  # no folder of a split


def test_a_record_of_an_unknown_split_ends_the_scene(monkeypatch: pytest.MonkeyPatch) -> None:
  plain = PosedViews.records

  def records(self: Any, example: Any, scene_id: str) -> Any:
    for key, record in plain(self, example, scene_id):
      yield key, {**record, "split": "dev"}

  monkeypatch.setattr(PosedViews, "records", records)
  with pytest.raises(KubricGenError, match="belongs to the split 'dev', which there is not") as caught:
    make_scene(RECIPE, RECIPE.key(0))
  assert "\n" not in str(caught.value)
