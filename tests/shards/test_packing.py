"""From stored scenes to shards, each whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.shards.card import Finished
from kubric_gen.shards.finish import finish_dataset
from kubric_gen.shards.layout import format_roots, plan_shards
from kubric_gen.shards.packing import PackedShard, pack_shard, read_ahead
from kubric_gen.shards.reader import ArrayRecords
from kubric_gen.shards.store import SceneStore
from tests.schema.handmade import files, finished_scene, full_disk, small_recipe
from tests.shards.small_dataset import DAMAGES, FORMATS, RECIPE, REQUEST, SEEDS, first_scene, packed, quiet, stored

ROOT = Path(__file__).parents[2]


def test_a_shard_may_be_packed_again(tmp_path: Path) -> None:
  unfinished = packed(tmp_path, ("array_record", "parquet"))
  for item in unfinished.packed:
    assert pack_shard(quiet, RECIPE, unfinished.store, unfinished.roots, item.shard) == item
  unfinished.finish()
  assert len(ArrayRecords(unfinished.folder("array_record"), "train")) == 7


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_scene_ends_without_its_shard(tmp_path: Path, damage: str) -> None:
  sizes = stored(RECIPE, tmp_path / "scenes", {"test": SEEDS["test"]})
  DAMAGES[damage](first_scene(tmp_path))
  roots = format_roots(str(tmp_path / "data"), ("array_record", "parquet"))
  (shard,) = plan_shards(sizes, ["32x32"])
  with pytest.raises(KubricGenError) as caught:
    pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), roots, shard)
  assert "\n" not in str(caught.value) and not list(tmp_path.rglob("*array_record-*")) and not list(tmp_path.rglob("*parquet-*"))


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
        PackedShard(shard, 1, 1, {"numbers": {}, "labels": {}})], Finished(REQUEST, (), ()))
  assert (tmp_path / "data").read_text() == "a file"


def test_one_format_that_cannot_be_written_ends_without_the_others(tmp_path: Path) -> None:
  sizes = stored(RECIPE, tmp_path / "scenes", {"test": SEEDS["test"]})
  (tmp_path / "data_parquet").write_text("a file")
  roots = format_roots(str(tmp_path / "data"), ("array_record", "parquet"))
  (shard,) = plan_shards(sizes, ["32x32"])
  with pytest.raises(KubricGenError, match="cannot write"):
    pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), roots, shard)
  assert files(tmp_path / "data") == []


IN_C = """
import sys
from pathlib import Path
from kubric_gen.shards.reader import ArrayRecords
from kubric_gen.shards.verify import verify_dataset
from tests.shards.small_dataset import FORMATS, SEEDS, packed
folder = Path(sys.argv[1])
made = packed(folder, FORMATS, seeds={"test": SEEDS["test"]})
made.finish(failed=())
print([verify_dataset(made.folder(name)) for name in FORMATS], len(list(ArrayRecords(made.folder("array_record"), "test"))))
"""


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
                         ids=["C", "C without UTF-8"])
def test_a_path_beyond_ascii_in_the_c_locale(tmp_path: Path, variables: dict[str, str]) -> None:
  """Python then has such names in a form of its own, which no library takes."""
  folder = tmp_path / "Größe"
  done = subprocess.run([sys.executable, "-c", IN_C, str(folder)], cwd=ROOT, capture_output=True, text=True,
                        env={**os.environ, **variables})
  assert done.returncode == 0, done.stderr[-3000:]
  assert done.stdout == "[[], [], []] 2\n" and (folder / "data" / "movi_a" / "32x32" / "1.0.0" / "card.json").is_file()


def test_a_path_that_is_no_text_at_all_is_told_of(tmp_path: Path) -> None:
  sizes = stored(RECIPE, tmp_path / "scenes", {"test": SEEDS["test"]})
  (shard,) = plan_shards(sizes, ["32x32"])
  for file_format in FORMATS:
    roots = format_roots(os.fsdecode(os.fsencode(tmp_path) + b"/d\xff"), (file_format,))
    with pytest.raises(KubricGenError, match="its path is no UTF-8") as caught:
      pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), roots, shard)
    assert "store" not in str(caught.value)


def test_what_a_stored_scene_does_not_tell_is_no_reason_to_remove_it(tmp_path: Path) -> None:
  scene = finished_scene(RECIPE, SEEDS["test"][0])
  store = SceneStore(tmp_path / "scenes", RECIPE)
  for wrong in ({"statistics": {}}, {"licenses": 7}):  # as another version may store it, with sound checksums
    store.write(replace(scene, info={**scene.info, **wrong}))
    sizes = {"test": {SEEDS["test"][0]: {name: found["test"] for name, found in scene.sizes.items()}}}
    (shard,) = plan_shards(sizes, ["32x32"])
    with pytest.raises(KubricGenError, match="zip tells statistics or licences that this version does not read .*: pack it with"):
      pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), format_roots(str(tmp_path / "data"), ("parquet",)), shard)


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
