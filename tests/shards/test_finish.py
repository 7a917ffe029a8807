"""Finished datasets: TFDS reads them, and they are there whole or not at all."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.shards.finish import card_of
from kubric_gen.shards.layout import shuffled
from kubric_gen.shards.reader import ArrayRecords
from kubric_gen.shards.recipe import resolution_name
from tests.schema.handmade import files, finished_scene, full_disk, small_recipe
from tests.shards.small_dataset import DAMAGES, FORMATS, RECIPE, SEEDS, Made, check, first_scene, packed, sizes_of

# --- read by TFDS ----------------------------------------------------------------------------------------------------------


def read_with_tfds(builder: Any, split: str) -> list[Any]:
  import tensorflow_datasets as tfds
  if builder.info.file_format.value == "array_record":
    return list(builder.as_data_source(split=split))
  return list(tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False)))


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("resolution", RECIPE.resolutions)
def test_tfds_reads_every_record_without_a_builder_class(made: Made, file_format: str, resolution: tuple[int, int]) -> None:
  import tensorflow_datasets as tfds
  builder = tfds.builder_from_directory(str(made.folder(file_format, resolution_name(resolution))))
  assert builder.info.full_name == f"movi_a/{resolution_name(resolution)}/1.0.0"
  assert builder.info.description == RECIPE.dataset.description
  assert {name: split.num_examples for name, split in builder.info.splits.items()} == {
      "train": 7, "test": 2, "test_more_objects": 1}
  assert builder.info.features["instances"]["shape_label"].names == ["cube", "cylinder", "sphere"]
  for split, seeds in SEEDS.items():
    check(read_with_tfds(builder, split), RECIPE, seeds, resolution)
    shards = made.shards(split, resolution_name(resolution))
    assert builder.info.splits[split].shard_lengths == [len(shard.seeds) for shard in shards]
    assert builder.info.splits[split].num_bytes == sum(
        sizes_of(finished_scene(RECIPE, seed))[resolution_name(resolution)] for seed in seeds)
  assert len(made.shards("train")) > 1


def test_tfds_loads_by_name_at_a_resolution_that_the_builder_class_does_not_declare(made: Made) -> None:
  import tensorflow_datasets as tfds

  import kubric_gen.datasets  # noqa: F401
  loaded, info = tfds.load("movi_a/32x32", data_dir=made.roots["tfrecord"], with_info=True, shuffle_files=False)
  assert set(loaded) == set(SEEDS) and info.splits.total_num_examples == 10
  check(list(tfds.as_numpy(loaded["train"])), RECIPE, SEEDS["train"], (32, 32))
  part = tfds.load("movi_a/16x16", data_dir=made.roots["tfrecord"], split="train[2:4]")
  assert len(list(part)) == 2


def test_tfds_loads_by_name_at_a_resolution_that_the_builder_class_declares(tmp_path: Path) -> None:
  import tensorflow_datasets as tfds

  import kubric_gen.datasets
  recipe = small_recipe(num_frames=3, resolutions=((128, 128),))
  seeds = {"train": SEEDS["train"][:1]}
  packed(tmp_path, ("tfrecord",), recipe, seeds).finish()
  loaded = tfds.load("movi_a/128x128", data_dir=str(tmp_path / "data"), split="train")
  check(list(tfds.as_numpy(loaded)), recipe, seeds["train"], (128, 128))
  builder = kubric_gen.datasets.MoviA(config="128x128", data_dir=str(tmp_path / "data"))
  assert builder.info.features["video"].shape == (3, 128, 128, 3)
  absent = kubric_gen.datasets.MoviA(config="256x256", data_dir=str(tmp_path / "data"))
  assert absent.info.features["video"].shape == (24, 256, 256, 3)


def test_labels_keep_their_names(made: Made) -> None:
  import tensorflow_datasets as tfds
  features = tfds.builder_from_directory(str(made.folder("parquet"))).info.features["instances"]
  wanted: Any = RECIPE.dataset.schema
  for name in ("shape_label", "size_label", "color_label", "material_label"):
    assert tuple(features[name].names) == wanted.instances[name].names


def test_a_scene_with_several_records_has_them_all_in_each_format(tmp_path: Path) -> None:
  import tensorflow_datasets as tfds
  seeds = {"train": SEEDS["train"][:3], "test": SEEDS["test"]}
  made = packed(tmp_path, FORMATS, seeds=seeds, views=("left", "right"), max_bytes=250_000)
  made.finish(failed=())
  for file_format in FORMATS:
    for resolution in ("32x32", "16x16"):
      builder = tfds.builder_from_directory(str(made.folder(file_format, resolution)))
      card = card_of(made.folder(file_format, resolution))
      assert card is not None
      for split, mine in seeds.items():
        lengths = [2 * len(shard.seeds) for shard in made.shards(split, resolution)]
        assert builder.info.splits[split].shard_lengths == lengths and sum(lengths) == 2 * len(mine)
        assert builder.info.splits[split].num_bytes == sum(
            sizes_of(finished_scene(RECIPE, seed, ("left", "right")))[resolution] for seed in mine)
        names = [record["metadata"]["video_name"] for record in read_with_tfds(builder, split)]
        assert [name.decode() for name in names] == [
            f"movi_a_{seed}/{view}" for seed in shuffled(mine) for view in ("left", "right")]
      assert {item["name"]: item["num_examples"] for item in card["splits"]} == {"train": 6, "test": 4}
      assert card["statistics"]["numbers"]["depth"]["count"] == 2 * 2 * 5
  assert [record["metadata"]["video_name"] for record in ArrayRecords(made.folder("array_record"), "train")] == [
      f"movi_a_{seed}/{view}" for seed in shuffled(seeds["train"]) for view in ("left", "right")]
  assert max(len(made.shards("train")), len(made.shards("train", "16x16"))) > 1


# --- whole or not at all ---------------------------------------------------------------------------------------------------


def test_a_finished_dataset_has_its_files_and_no_others(made: Made) -> None:
  for file_format, root in made.roots.items():
    folder = made.folder(file_format)
    shards = [item.shard.file_name("movi_a", file_format) for item in made.packed if item.shard.resolution == "32x32"]
    labels = [f"instances-{name}.labels.txt" for name in ("shape_label", "size_label", "color_label", "material_label")]
    assert files(folder) == sorted(["README.md", "card.json", "contact_sheet.png", "dataset_info.json", "features.json",
                                    "metadata.json", *shards, *labels])
    assert sorted(path.name for path in folder.parent.iterdir()) == ["1.0.0"]
    assert sorted(path.name for path in Path(root).iterdir()) == ["movi_a"]


def test_packing_again_gives_the_same_dataset(made: Made, tmp_path: Path) -> None:
  again = packed(tmp_path, ("array_record",))
  again.finish()
  assert [replace(item, files={}) for item in again.packed] == [replace(item, files={}) for item in made.packed]
  assert all(one.files["array_record"] == other.files["array_record"] for one, other in zip(again.packed, made.packed))
  for name in ("card.json", "README.md", "features.json", "metadata.json", "dataset_info.json", "contact_sheet.png"):
    assert (again.folder("array_record") / name).read_bytes() == (made.folder("array_record") / name).read_bytes()
  before = (again.folder("array_record") / "card.json").read_bytes()
  again.finish()  # as a pipeline may that was told too late that it had finished
  assert (again.folder("array_record") / "card.json").read_bytes() == before
  other = packed(tmp_path, ("array_record",))
  other.finish(failed=())
  card = card_of(other.folder("array_record"))
  assert card is not None and card["failed_seeds"] == []
  assert sorted(path.name for path in other.folder("array_record").parent.iterdir()) == ["1.0.0"]


def test_strays_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
  unfinished = packed(tmp_path, ("array_record",))
  draft = unfinished.folder("array_record").with_name("1.0.0.partial")
  for host, count in ((platform.node(), 9), ("another-host", 1)):  # of a run that was killed
    left = draft / f".movi_a-train.array_record-00000-of-{count:05d}.partial-{host}-abcd1234"
    left.mkdir()
    (left / "half").write_bytes(b"half")
  (draft / "movi_a-train.array_record-00000-of-00009").write_bytes(b"other plan")
  unfinished.finish()
  assert not [name for name in files(tmp_path / "data") if "00009" in name or "partial" in name]


def test_a_missing_shard_ends_without_a_dataset(tmp_path: Path) -> None:
  unfinished = packed(tmp_path, ("array_record", "parquet"))
  missing = unfinished.shards("test", "16x16")[0].file_name("movi_a", "parquet")
  (unfinished.folder("parquet", "16x16").with_name("1.0.0.partial") / missing).unlink()
  with pytest.raises(KubricGenError, match=f"lacks {missing}"):
    unfinished.finish()
  assert not list(tmp_path.rglob("1.0.0")) and not list(tmp_path.rglob("dataset_info.json.*"))


@pytest.mark.parametrize("damage", ["gone", "cut short", "another seed"])
def test_a_scene_damaged_after_packing_ends_without_a_dataset(tmp_path: Path, damage: str) -> None:
  unfinished = packed(tmp_path, ("array_record",))
  DAMAGES[damage](first_scene(tmp_path))
  with pytest.raises(KubricGenError):
    unfinished.finish()
  assert not list(tmp_path.rglob("1.0.0"))


@pytest.mark.parametrize("room", [0, 2000])
def test_a_full_disk_at_the_end_ends_without_a_dataset(tmp_path: Path, room: int) -> None:
  unfinished = packed(tmp_path, ("array_record",))
  with full_disk(room), pytest.raises(KubricGenError, match="cannot write .*free some space"):
    unfinished.finish()
  assert not list(tmp_path.rglob("1.0.0"))
  unfinished.finish()
  assert len(ArrayRecords(unfinished.folder("array_record"), "train")) == 7
