"""The config that stands for a dataset: TFDS loads it by the dataset's name alone, where nobody has imported this package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubric_gen.shards.default_config import default_config, write_default_config
from tests.schema.handmade import small_recipe
from tests.shards.small_dataset import SEEDS, Made, packed

LOAD = """
import sys
import tensorflow_datasets as tfds
for name in sys.argv[2:]:
  loaded, info = tfds.load(name, data_dir=sys.argv[1], with_info=True)
  records = list(tfds.as_numpy(loaded["test"]))
  print(name, info.config_name, len(records), records[0]["video"].shape)
assert not [name for name in sys.modules if name.partition(".")[0] in ("kubric_gen", "worlds")]
"""


def load(data_dir: Path | str, *names: str) -> list[str]:
  """What TFDS loads under these names, in a process without this package, which cannot even be found."""
  done = subprocess.run([sys.executable, "-I", "-c", LOAD, str(data_dir), *names], cwd="/", capture_output=True, text=True,
                        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"})
  assert done.returncode == 0, done.stderr[-3000:]
  return done.stdout.splitlines()


def named(data_dir: Path | str) -> str:
  """What TFDS's own file says."""
  value = json.loads((Path(data_dir) / "movi_a" / ".config" / "metadata.json").read_text())
  assert list(value) == ["default_config_name"]
  return str(value["default_config_name"])


def pretend(data_dir: Path, *resolutions: str) -> None:
  """Configs with all that tells that they are there."""
  for name in resolutions:
    folder = data_dir / "movi_a" / name / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "features.json").write_text("{}")


def test_tfds_loads_by_name_without_this_package(made: Made) -> None:
  root = made.roots["tfrecord"]
  assert load(root, "movi_a", "movi_a/32x32", "movi_a/16x16") == [
      "movi_a 32x32 2 (2, 32, 32, 3)", "movi_a/32x32 32x32 2 (2, 32, 32, 3)", "movi_a/16x16 16x16 2 (2, 16, 16, 3)"]
  assert all(named(folder) == "32x32" for folder in made.roots.values())


def test_a_larger_resolution_made_later_becomes_the_default_and_a_smaller_one_does_not(tmp_path: Path) -> None:
  seeds = {"test": SEEDS["test"]}
  for side, default in ((16, "16x16"), (32, "32x32"), (8, "32x32")):
    recipe = small_recipe(resolutions=((side, side),))
    made = packed(tmp_path / str(side), ("tfrecord",), recipe, seeds)
    folder = made.folder("tfrecord", f"{side}x{side}")
    target = tmp_path / "data" / "movi_a" / f"{side}x{side}"
    target.mkdir(parents=True)
    made.finish(failed=())
    os.rename(folder, target / "1.0.0")
    write_default_config(tmp_path / "data", "movi_a")
    assert named(tmp_path / "data") == default
  assert load(tmp_path / "data", "movi_a", "movi_a/8x8") == ["movi_a 32x32 2 (2, 32, 32, 3)", "movi_a/8x8 8x8 2 (2, 8, 8, 3)"]


@pytest.mark.parametrize(("there", "default"), [
    (["128x128"], "128x128"), (["128x128", "256x256", "512x512"], "256x256"), (["64x64", "512x512", "1024x64"], "512x512"),
    (["64x128", "128x64"], "128x64"), (["9x9", "10x10"], "10x10"), (["x", "16x16x16", "0x9", "-4x4", "1e3x4", "١٦x١٦"], None),
    ([], None)])
def test_the_default_is_256x256_or_else_the_largest(tmp_path: Path, there: list[str], default: str | None) -> None:
  assert default_config(tmp_path, "movi_a") is None
  pretend(tmp_path, *there)
  (tmp_path / "movi_a" / "4096x4096" / "1.0.0.partial").mkdir(parents=True)  # of a run that is not over
  assert default_config(tmp_path, "movi_a") == default
  write_default_config(tmp_path, "movi_a")
  assert (tmp_path / "movi_a" / ".config").exists() == (default is not None)
  if default:
    assert named(tmp_path) == default


def test_it_is_written_only_where_it_is_not_right(tmp_path: Path) -> None:
  pretend(tmp_path, "64x64")
  file = tmp_path / "movi_a" / ".config" / "metadata.json"
  for wrong in ("", "[]", "{", '{"default_config_name": "128x128"}', "[" * 100_000):
    file.parent.mkdir(exist_ok=True)
    file.write_text(wrong)
    write_default_config(tmp_path, "movi_a")
    assert named(tmp_path) == "64x64"
  file.write_text('{ "default_config_name":"64x64" }')  # as somebody else may write it
  before = file.stat().st_mtime_ns
  write_default_config(tmp_path, "movi_a")
  assert file.stat().st_mtime_ns == before and sorted(path.name for path in file.parent.iterdir()) == ["metadata.json"]
