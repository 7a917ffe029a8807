"""From stored scenes to datasets, which TFDS and the reader without TensorFlow then read."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.identity import versions
from kubric_gen.records.recipe import Recipe, resolution_name
from kubric_gen.records.tf_example import decode
from kubric_gen.shards.finish import Finished, card_of, finish_dataset
from kubric_gen.shards.layout import FORMATS, Shard, dataset_dir, format_roots, plan_shards, shuffled
from kubric_gen.shards.packing import PackedShard, pack_shard, read_ahead
from kubric_gen.shards.reader import ArrayRecords
from kubric_gen.sinks.images import decode_png
from kubric_gen.store import SceneStore
from tests.records.handmade import depths, files, finished_scene, full_disk, seeds_of, small_recipe

ROOT = Path(__file__).parents[2]
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
    finish_dataset(quiet, self.recipe, self.store, self.roots, self.packed, Finished(REQUEST, failed, OMITTED))


def stored(recipe: Recipe, root: Path, seeds: Mapping[str, list[int]]) -> dict[str, dict[int, dict[str, int]]]:
  """Stores scenes made by hand; the sizes of their records."""
  store = SceneStore(root, recipe)
  scenes = {split: {seed: finished_scene(recipe, seed) for seed in mine} for split, mine in seeds.items()}
  for split in scenes.values():
    for scene in split.values():
      store.write(scene)
  return {split: {seed: {name: len(record) for name, record in scene.records.items()} for seed, scene in mine.items()}
          for split, mine in scenes.items()}


def packed(folder: Path, formats: tuple[str, ...], recipe: Recipe = RECIPE, seeds: Mapping[str, list[int]] = SEEDS,
           max_bytes: int = 100_000) -> Made:
  """A dataset that lacks nothing but being finished."""
  sizes, roots = stored(recipe, folder / "scenes", seeds), format_roots(str(folder / "data"), formats)
  plan = plan_shards(sizes, [resolution_name(size) for size in recipe.resolutions], max_bytes)
  return Made(recipe, str(folder / "scenes"), roots, tuple(
      pack_shard(quiet, recipe, str(folder / "scenes"), roots, shard) for shard in plan))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
  """All formats, both resolutions, three splits."""
  result = packed(tmp_path_factory.mktemp("dataset"), FORMATS)
  result.finish()
  return result


# --- read back -------------------------------------------------------------------------------------------------------------


def truth(recipe: Recipe, seed: int, resolution: tuple[int, int]) -> dict[str, Any]:
  """What the record of a scene made by hand holds."""
  return decode(recipe.features(resolution), finished_scene(recipe, seed).records[resolution_name(resolution)])


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
      np.testing.assert_array_equal(np.asarray(one, other.dtype).reshape(other.shape), other, err_msg=name)
  else:
    assert getattr(found, "dtype", wanted.dtype) == wanted.dtype, name  # TFDS gives some scalars as Python's numbers
    np.testing.assert_array_equal(found, wanted, err_msg=name)


def check(records: list[Any], recipe: Recipe, seeds: list[int], resolution: tuple[int, int]) -> None:
  """All records of a split, in the order of its shards."""
  assert len(records) == len(seeds)
  for record, seed in zip(records, shuffled(seeds)):
    same(record, truth(recipe, seed, resolution))


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
        len(finished_scene(RECIPE, seed).records[resolution_name(resolution)]) for seed in seeds)
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
  wanted: Any = RECIPE.dataset.instances
  for name in ("shape_label", "size_label", "color_label", "material_label"):
    assert tuple(features[name].names) == wanted[name].names


# --- the reader without TensorFlow -----------------------------------------------------------------------------------------


def test_records_are_read_without_tensorflow(made: Made) -> None:
  code = ("import pickle, sys\nfrom kubric_gen.shards.reader import ArrayRecords\n"
          f"records = ArrayRecords({str(made.folder('array_record'))!r}, 'train')\n"
          "first = records[0]\nagain = pickle.loads(pickle.dumps(records))[0]\n"
          "assert first['metadata'] is not again['metadata']\nassert len(records) == 7 == len(list(records))\n"
          "print(first['metadata']['video_name'], again['metadata']['video_name'], first['video'].shape)\n"
          "loaded = {'tensorflow', 'tensorflow_datasets', 'bpy', 'pyarrow', 'apache_beam'} & set(sys.modules)\n"
          "assert not loaded, loaded\n")
  done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
  name = f"movi_a_{shuffled(SEEDS['train'])[0]}"
  assert done.returncode == 0, done.stderr
  assert done.stdout.split("\n")[0] == f"{name} {name} (2, 32, 32, 3)"


def test_the_reader_gives_what_tfds_gives(made: Made) -> None:
  for resolution in RECIPE.resolutions:
    for split, seeds in SEEDS.items():
      records = ArrayRecords(made.folder("array_record", resolution_name(resolution)), split)
      check(list(records), RECIPE, seeds, resolution)


def test_the_reader_is_a_sequence(made: Made) -> None:
  records = ArrayRecords(str(made.folder("array_record")), "train")
  names = [record["metadata"]["video_name"] for record in records]
  assert len(records) == 7 and names == [f"movi_a_{seed}" for seed in shuffled(SEEDS["train"])]

  def name(index: Any) -> str:
    return records[index]["metadata"]["video_name"]

  assert [name(-1), name(np.int64(3)), name(6)] == [names[-1], names[3], names[6]]
  assert [record["metadata"]["video_name"] for record in records[1:6:2]] == names[1:6:2] and records[7:] == []
  assert [record["metadata"]["video_name"] for record in reversed(records)] == names[::-1]
  for index in (7, -8):
    with pytest.raises(IndexError):
      records[index]
  with pytest.raises(TypeError):
    records["train"]
  copy = pickle.loads(pickle.dumps(records))
  assert len(copy) == 7 and copy[2]["metadata"]["video_name"] == names[2] and name(2) == names[2]


def test_the_reader_says_what_is_wrong(made: Made, tmp_path: Path) -> None:
  folder = made.folder("array_record")
  with pytest.raises(KubricGenError, match="no split 'dev': choose from"):
    ArrayRecords(folder, "dev")
  with pytest.raises(KubricGenError, match="is no dataset"):
    ArrayRecords(tmp_path, "train")
  for name in ("tfrecord", "parquet"):
    with pytest.raises(KubricGenError, match=f"format {name}"):
      ArrayRecords(made.folder(name), "train")
  for path in folder.iterdir():
    if path.is_file():
      (tmp_path / path.name).write_bytes(path.read_bytes())
  shard = tmp_path / made.shards("test")[0].file_name("movi_a", "array_record")
  data = shard.read_bytes()
  for damaged in (data[:len(data) // 2], b"", b"nonsense" * 1000, data[:500] + bytes([data[500] ^ 1]) + data[501:]):
    shard.write_bytes(damaged)
    with pytest.raises(KubricGenError, match=shard.name):
      list(ArrayRecords(tmp_path, "test"))
  shard.unlink()
  with pytest.raises(KubricGenError, match=shard.name):
    list(ArrayRecords(tmp_path, "test"))
  info = json.loads((tmp_path / "dataset_info.json").read_text())
  splits = [json.dumps({**info, "splits": wrong}) for wrong in (
      7, [7], [{"name": "train"}], [{"name": "train", "shardLengths": ["many"]}])]
  for wrong in ("", "[]", "7", "null", "{}", '{"fileFormat": "array_record"}', *splits):
    (tmp_path / "dataset_info.json").write_text(wrong)
    with pytest.raises(KubricGenError):
      ArrayRecords(tmp_path, "train")
  (tmp_path / "dataset_info.json").write_text(json.dumps(info))
  described = json.loads((tmp_path / "features.json").read_text())
  sound = {**described, "pythonClassName": "tensorflow_datasets.core.features.audio_feature.Audio"}
  for wrong in ("", "[]", "7", "{}", json.dumps(sound)):
    (tmp_path / "features.json").write_text(wrong)
    with pytest.raises(KubricGenError, match=r"features.json|TFDS"):
      ArrayRecords(tmp_path, "train")


# --- the card --------------------------------------------------------------------------------------------------------------


def test_the_card_tells_what_is_in_it(made: Made) -> None:
  for file_format in FORMATS:
    for resolution in ("32x32", "16x16"):
      card = card_of(made.folder(file_format, resolution))
      assert card is not None
      assert (card["dataset"], card["config"], card["file_format"], card["world"]) == ("movi_a", resolution, file_format, "movi")
      assert card["request"] == REQUEST and card["versions"] == versions()
      assert card["failed_seeds"] == [98] and card["omitted_splits"] == ["validation"]
      assert [(split["name"], split["num_examples"]) for split in card["splits"]] == [
          ("train", 7), ("test", 2), ("test_more_objects", 1)]
      assert [split["shard_lengths"] for split in card["splits"]] == [
          [len(shard.seeds) for shard in made.shards(name, resolution)] for name in SEEDS]
      assert card["licenses"] == {"asset_0": "CC-BY 4.0", "asset_1": "CC-BY 4.0", "cube": "CC0"}


def test_the_statistics_of_the_card_are_those_of_all_its_scenes(made: Made) -> None:
  card = card_of(made.folder("tfrecord"))
  assert card is not None
  seeds = [seed for mine in SEEDS.values() for seed in mine]
  values, found = np.array([depths(seed) for seed in seeds]), card["statistics"]["numbers"]["depth"]
  assert found["count"] == values.size and (found["minimum"], found["maximum"]) == (values.min(), values.max())
  assert (found["mean"], found["deviation"]) == (pytest.approx(values.mean()), pytest.approx(values.std()))
  labels = np.concatenate([truth(RECIPE, seed, (32, 32))["instances"]["shape_label"] for seed in seeds])
  assert card["statistics"]["labels"]["instances/shape_label"] == {
      name: int((labels == number).sum()) for number, name in enumerate(("cube", "cylinder", "sphere")) if number in labels}


def test_the_card_for_people(made: Made) -> None:
  text = (made.folder("array_record") / "README.md").read_text()
  for line in ("# movi_a/32x32", RECIPE.dataset.description, "| `train` | 7 | ", "| `test_more_objects` | 1 | 1 | ",
               "No seed fell into `validation`: omitted.", "Could not be made: seeds 98.", "World `movi`, seeds 0..99",
               f"kubric_gen {versions()['kubric_gen']}", "| `num_frames` | 2 |",
               "| in `test_more_objects` | `min_num_objects` = 11, `max_num_objects` = 14 |", "| cube | CC0 |",
               "| `segmentations` | 2 × 32 × 32 × 1 | image, uint8 |", "| `instances/bboxes` | any | box |",
               "| `instances/shape_label` | one | one of cube, cylinder, sphere |", "| `depth` | 20 | ",
               "| `instances/shape_label` | cube "):
    assert line in text, line
  assert "![Scenes of the dataset](contact_sheet.png)" in text and (made.folder("array_record") / "contact_sheet.png").is_file()
  rows = [line for line in text.splitlines() if line.startswith("|")]
  assert all(row.endswith("|") for row in rows)


def test_the_contact_sheet_shows_the_first_scenes(made: Made) -> None:
  sheet = decode_png((made.folder("parquet") / "contact_sheet.png").read_bytes())
  assert sheet.shape == (2 * 18 - 2, 8 * 18 - 2, 3)
  for number, seed in enumerate(sorted(seed for mine in SEEDS.values() for seed in mine)):
    row, column = divmod(number, 8)
    assert (sheet[row * 18:row * 18 + 16, column * 18:column * 18 + 16] == seed % 256).all()


def test_a_folder_of_somebody_else_has_no_card(made: Made, tmp_path: Path) -> None:
  from etils import epath
  folder = epath.Path(tmp_path)
  assert card_of(folder / "absent") is None and card_of(folder) is None
  (tmp_path / "thesis.txt").write_text("years")
  with pytest.raises(KubricGenError, match="not made"):
    card_of(folder)
  for text in ("{", "\udcff", "[]", "7", "[" * 100_000):
    (tmp_path / "card.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(KubricGenError, match=r"card.json"):
      card_of(folder)


# --- whole or not at all ---------------------------------------------------------------------------------------------------


def test_a_finished_dataset_has_its_files_and_no_others(made: Made) -> None:
  for file_format, root in made.roots.items():
    folder = made.folder(file_format)
    shards = [item.shard.file_name("movi_a", file_format) for item in made.packed if item.shard.resolution == "32x32"]
    labels = [f"instances-{name}.labels.txt" for name in ("shape_label", "size_label", "color_label", "material_label")]
    assert files(folder) == sorted(["README.md", "card.json", "contact_sheet.png", "dataset_info.json", "features.json", *shards,
                                    *labels])
    assert sorted(path.name for path in folder.parent.iterdir()) == ["1.0.0"]
    assert sorted(path.name for path in Path(root).iterdir()) == ["movi_a"]


def test_packing_again_gives_the_same_dataset(made: Made, tmp_path: Path) -> None:
  again = packed(tmp_path, ("array_record",))
  again.finish()
  assert again.packed == made.packed
  for name in ("card.json", "README.md", "features.json", "dataset_info.json", "contact_sheet.png"):
    assert (again.folder("array_record") / name).read_bytes() == (made.folder("array_record") / name).read_bytes()
  before = (again.folder("array_record") / "card.json").read_bytes()
  again.finish()  # as a pipeline may that was told too late that it had finished
  assert (again.folder("array_record") / "card.json").read_bytes() == before
  other = packed(tmp_path, ("array_record",))
  other.finish(failed=())
  card = card_of(other.folder("array_record"))
  assert card is not None and card["failed_seeds"] == []
  assert sorted(path.name for path in other.folder("array_record").parent.iterdir()) == ["1.0.0"]


def test_a_shard_may_be_packed_again(tmp_path: Path) -> None:
  unfinished = packed(tmp_path, ("array_record", "parquet"))
  for item in unfinished.packed:
    assert pack_shard(quiet, RECIPE, unfinished.store, unfinished.roots, item.shard) == item
  unfinished.finish()
  assert len(ArrayRecords(unfinished.folder("array_record"), "train")) == 7


def test_strays_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
  unfinished = packed(tmp_path, ("array_record",))
  draft = unfinished.folder("array_record").with_name("1.0.0.partial")
  (draft / ".movi_a-train.array_record-00000-of-00009.0123").write_bytes(b"half")
  (draft / "movi_a-train.array_record-00000-of-00009").write_bytes(b"other plan")
  unfinished.finish()
  assert not [name for name in files(tmp_path / "data") if "00009" in name]


def test_a_missing_shard_ends_without_a_dataset(tmp_path: Path) -> None:
  unfinished = packed(tmp_path, ("array_record", "parquet"))
  missing = unfinished.shards("test", "16x16")[0].file_name("movi_a", "parquet")
  (unfinished.folder("parquet", "16x16").with_name("1.0.0.partial") / missing).unlink()
  with pytest.raises(KubricGenError, match=f"lacks {missing}"):
    unfinished.finish()
  assert not list(tmp_path.rglob("1.0.0")) and not list(tmp_path.rglob("dataset_info.json.*"))


def _first_scene(folder: Path) -> Path:
  return Path(SceneStore(folder / "scenes", RECIPE).path(SEEDS["test"][0]))


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


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "a flipped bit": lambda path: path.write_bytes(path.read_bytes().replace(b"IDAT", b"IDAU")),
    "another seed": lambda path: _rewrite(path, lambda info: info.update(seed=-1)),
    "no statistics": lambda path: _rewrite(path, lambda info: info.pop("statistics")),
    "wrong statistics": lambda path: _rewrite(path, lambda info: info.update(statistics={"32x32": {"numbers": [], "labels": 3}})),
    "no licences": lambda path: _rewrite(path, lambda info: info.update(licenses=7)),
    "a folder": lambda path: (path.unlink(), path.mkdir())}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_scene_ends_without_its_shard(tmp_path: Path, damage: str) -> None:
  sizes = stored(RECIPE, tmp_path / "scenes", {"test": SEEDS["test"]})
  DAMAGES[damage](_first_scene(tmp_path))
  roots = format_roots(str(tmp_path / "data"), ("array_record", "parquet"))
  (shard,) = plan_shards(sizes, ["32x32"])
  with pytest.raises(KubricGenError) as caught:
    pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), roots, shard)
  assert "\n" not in str(caught.value) and not list(tmp_path.rglob("*array_record-*")) and not list(tmp_path.rglob("*parquet-*"))


@pytest.mark.parametrize("damage", ["gone", "cut short", "another seed"])
def test_a_scene_damaged_after_packing_ends_without_a_dataset(tmp_path: Path, damage: str) -> None:
  unfinished = packed(tmp_path, ("array_record",))
  DAMAGES[damage](_first_scene(tmp_path))
  with pytest.raises(KubricGenError):
    unfinished.finish()
  assert not list(tmp_path.rglob("1.0.0"))


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("room", [0, 60_000])
def test_a_full_disk_ends_without_a_shard(tmp_path: Path, file_format: str, room: int) -> None:
  sizes = stored(RECIPE, tmp_path / "scenes", {"train": SEEDS["train"]})
  (shard,) = plan_shards(sizes, ["32x32"])
  roots = format_roots(str(tmp_path / "data"), (file_format,))
  with full_disk(room), pytest.raises(KubricGenError, match="cannot write .*free some space"):
    pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), roots, shard)
  assert files(tmp_path / "data") == []
  assert sizes and pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), roots, shard).num_bytes > room


@pytest.mark.parametrize("room", [0, 2000])
def test_a_full_disk_at_the_end_ends_without_a_dataset(tmp_path: Path, room: int) -> None:
  unfinished = packed(tmp_path, ("array_record",))
  with full_disk(room), pytest.raises(KubricGenError, match="cannot write .*free some space"):
    unfinished.finish()
  assert not list(tmp_path.rglob("1.0.0"))
  unfinished.finish()
  assert len(ArrayRecords(unfinished.folder("array_record"), "train")) == 7


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, file_format: str) -> None:
  recipe = small_recipe(resolutions=((32, 32),))
  sizes = stored(recipe, tmp_path / "scenes", {"test": SEEDS["test"]})
  (tmp_path / "data").write_text("a file")
  roots = format_roots(str(tmp_path / "data"), (file_format,))
  (shard,) = plan_shards(sizes, ["32x32"])
  with pytest.raises(KubricGenError, match=f"cannot write {tmp_path / 'data'}"):
    pack_shard(quiet, recipe, str(tmp_path / "scenes"), roots, shard)
  with pytest.raises(KubricGenError, match="data"):
    finish_dataset(quiet, recipe, str(tmp_path / "scenes"), roots, [
        PackedShard(shard, 1, {"numbers": {}, "labels": {}})], Finished(REQUEST, (), ()))
  assert (tmp_path / "data").read_text() == "a file"


def test_one_format_that_cannot_be_written_ends_without_the_others(tmp_path: Path) -> None:
  sizes = stored(RECIPE, tmp_path / "scenes", {"test": SEEDS["test"]})
  (tmp_path / "data_parquet").write_text("a file")
  roots = format_roots(str(tmp_path / "data"), ("array_record", "parquet"))
  (shard,) = plan_shards(sizes, ["32x32"])
  with pytest.raises(KubricGenError, match="cannot write"):
    pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), roots, shard)
  assert files(tmp_path / "data") == []


# --- reading ahead ---------------------------------------------------------------------------------------------------------


def test_reading_ahead_keeps_order_and_passes_errors_on() -> None:
  assert list(read_ahead(lambda item: item * 2, range(50))) == [item * 2 for item in range(50)]
  assert list(read_ahead(abs, [])) == []

  def load(item: int) -> int:
    if item == 3:
      raise KubricGenError("three")
    return item

  seen = []
  with pytest.raises(KubricGenError, match="three"):
    for value in read_ahead(load, range(100)):
      seen.append(value)
  assert seen == [0, 1, 2]
  loaded: list[int] = []
  for _ in read_ahead(lambda item: loaded.append(item), range(1000)):
    if len(loaded) > 3:
      break
  assert len(loaded) < 20  # the thread has stopped
