"""The house grows by one file at a time: a world, a layer, a schema and a sink that live in tests/growth/house alone work with
everything there is, and nothing in the package knows their names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.schema import physical
from kubric_gen.shards.reader import ArrayRecords, features_of
from tests.growth.house.world import WORLD, HouseConfig

ROOT = Path(__file__).parents[2]
NAME, MODULE = "growth_house", "tests.growth.house.world"
KEYS = ("front_0", "front_1", "above_0", "above_1")


def run(*command: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=280)


def told(result: subprocess.CompletedProcess[str], status: int = 0) -> str:
  assert result.returncode == status, result.stderr
  return result.stderr


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Scenes of two splits, by the world's script, into every kind of sink."""
  output = tmp_path_factory.mktemp("scripts")
  for split in ("test", "lifted"):
    told(run(MODULE, "--seed=0..1", f"--split={split}", "--sinks=scene_directory,record_lines", f"--output_dir={output}"))
  told(run(MODULE, "--seed=0..1", "--split=train", "--sinks=example_lines", f"--output_dir={output}"))
  return output


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """A dataset of it, by Beam, in three formats."""
  folder = tmp_path_factory.mktemp("datasets") / "data"
  told(run("beam_pipelines.generate", f"--world={MODULE}", "--split_scenes=train=3,test=2,lifted=1", "--resolution=16",
           "--file_format=tfrecord,array_record,record_lines", f"--data_dir={folder}"))
  return folder


def place(folder: Path, file_format: str = "") -> Path:
  return folder.with_name(folder.name + (f"_{file_format}" if file_format else "")) / NAME / "16x16" / "1.0.0"


def test_nothing_in_the_package_knows_it() -> None:
  for package in ("kubric_gen", "worlds", "beam_pipelines"):
    for file in (ROOT / package).rglob("*.py"):
      assert not {word for word in ("proximity", NAME, "record_lines") if word in file.read_text()}, file


def test_scripts_write_scene_directories_of_all_views(scripts: Path) -> None:
  folder = scripts / "lifted" / "1"
  names = {path.name for path in folder.iterdir()}
  assert {"proximity_00000.png", "proximity_00001.png", "contact_sheet.png", "metadata.json", "cameras"} <= names
  assert not any(name.startswith(("rgba", "segmentation", "depth")) for name in names)
  example = kg.read_scene(folder)
  assert [view.name for view in example.views] == ["front", "above"]
  scene = WORLD.scene(HouseConfig(), 1, WORLD.dataset_of(HouseConfig()).split("lifted"))
  motion = kg.simulate(scene)
  for view, camera, size in zip(example.views, scene.cameras, (16, 8)):
    truth = kg.GroundTruth(scene, motion, camera)
    assert view.metadata.resolution == view.camera.resolution == (size, size)
    np.testing.assert_allclose(view.layers["proximity"][1], 1 / (1 + truth.depth(1)), atol=1 / 65535)


def test_paired_splits_differ_in_one_factor(scripts: Path) -> None:
  told_apart = []
  for seed in (0, 1):
    plain, lifted = (kg.read_scene(scripts / split / str(seed)).main for split in ("test", "lifted"))
    assert plain.metadata.pair_id == lifted.metadata.pair_id == f"test/{seed}"
    assert (plain.metadata.split, lifted.metadata.split) == ("test", "lifted")
    assert plain.metadata.labels == lifted.metadata.labels
    np.testing.assert_allclose(lifted.instances[0].positions - plain.instances[0].positions, [[0, 0, 1]] * 2, atol=1e-12)
    told_apart.append(plain.metadata["size"])
  train = WORLD.scene(HouseConfig(), 0, WORLD.dataset_of(HouseConfig()).split("train"))
  assert len({*told_apart, train.labels["size"]}) == 3


def test_sinks_of_its_own_take_records_and_examples(scripts: Path) -> None:
  lines = [json.loads(line) for line in (scripts / f"{NAME}-lifted.record_lines").read_text().splitlines()]
  assert [line["key"] for line in lines] == [f"lifted/{seed}/{key}" for seed in (0, 1) for key in KEYS]
  assert all(line["proximity"] == pytest.approx(line["stretched"], abs=1e-4) for line in lines)
  assert (scripts / "examples.txt").read_text() == "train/0 front,above 1\ntrain/1 front,above 1\n"


def test_bad_input_is_one_line(scripts: Path, tmp_path: Path) -> None:
  for flags, word in ((["--split=nope"], "no split 'nope'"), (["--sinks=nope"], "unknown sink 'nope'"),
                      (["--sinks=record_lines", "--layers=depth"], "proximity"), (["--layers=nope"], "unknown layer nope")):
    error = told(run(MODULE, *flags, f"--output_dir={tmp_path / 'out'}"), status=2)
    assert error.count("\n") == 1 and word in error
  error = told(run(MODULE, "--sinks=record_lines", "--split=test", f"--output_dir={scripts}"), status=2)
  assert "already exists" in error
  assert not (tmp_path / "out").exists()


def test_beam_makes_a_dataset_in_every_format(datasets: Path) -> None:
  card = json.loads((place(datasets) / "card.json").read_text())
  assert {split["name"]: split["num_examples"] for split in card["splits"]} == {"train": 12, "test": 8, "lifted": 4}
  assert (place(datasets) / "contact_sheet.png").stat().st_size > 500
  text = (place(datasets) / "README.md").read_text()
  assert "`lifted` with `test`" in text and "1 / (1 + distance in metres)" in text and "`proximity`" in text
  (lines,) = place(datasets, "record_lines").glob("*lifted*")
  assert [json.loads(line)["key"] for line in lines.read_text().splitlines()] == [f"lifted/0/{key}" for key in KEYS]


def test_the_reader_gives_units(datasets: Path) -> None:
  stored, decoded = (ArrayRecords(place(datasets, "array_record"), "test", decode=decode) for decode in (False, True))
  assert len(stored) == 8 and stored[0]["proximity"].dtype == np.uint16 and decoded[0]["proximity"].dtype == np.float32
  for record in decoded:
    np.testing.assert_allclose(record["proximity"], record["stretched"], atol=1e-4)
    assert record["proximity"].shape == (8, 8, 1) and 0 < record["proximity"].mean() < 1


def test_records_are_those_of_the_scripts(datasets: Path, scripts: Path) -> None:
  example = kg.read_scene(scripts / "test" / "0")
  records = {record["id"]: record for record in ArrayRecords(place(datasets, "array_record"), "test", decode=True)}
  np.testing.assert_allclose(records["test/0/above_1"]["proximity"], example.views[1].layers["proximity"][1], atol=1 / 65535)


def test_random_layers_follow_from_seed_and_view_alone(datasets: Path, scripts: Path) -> None:
  records = {record["id"]: record["query"].tolist() for record in ArrayRecords(place(datasets, "array_record"), "test")}
  for seed in (0, 1):
    for view in kg.read_scene(scripts / "test" / str(seed)).views:
      assert view.tracks is not None
      assert records[f"test/{seed}/{view.name}_0"] == view.tracks["query_points"][0].tolist()
  assert len(set(map(tuple, records.values()))) == 4  # two seeds, two views


def test_tfds_loads_it(datasets: Path) -> None:
  import tensorflow_datasets as tfds

  from kubric_gen.datasets import in_units, register
  assert set(register(MODULE)) == {"GrowthHouse"}
  records = tfds.load(f"{NAME}/16x16", data_dir=str(datasets), split="train")
  plain = {record["id"]: record for record in tfds.as_numpy(records)}
  assert len(plain) == 12
  convert = in_units(f"{NAME}/16x16", data_dir=datasets)
  features: Any = features_of(place(datasets))
  for record in tfds.as_numpy(records.map(convert)):
    again = physical(features, plain[record["id"]])
    for name in ("proximity", "stretched"):
      np.testing.assert_allclose(record[name], again[name], atol=1e-6)


def test_records_of_a_failed_scene_are_not_in_the_file(tmp_path: Path) -> None:
  """The third record of a seed cannot be made: nothing of this seed is written, and all of the others."""
  code = ("import sys, numpy as np\n"
          "from tests.growth.house import frames, world\n"
          "plain = frames.Frames.records\n"
          "def records(self, example, scene_id):\n"
          "  for number, (key, record) in enumerate(plain(self, example, scene_id)):\n"
          "    yield key, record | ({'size': 'tall'} if scene_id.endswith('/1') and number == 2 else {})\n"
          "frames.Frames.records = records\n"
          "sys.argv = ['house', '--seed=0..2', '--sinks=scene_directory,record_lines', '--output_dir=' + sys.argv[1]]\n"
          "world.main(world.WORLD)\n")
  result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=200)
  assert "seed 1" in told(result, status=2) and "1 of 3 scenes failed" in result.stderr
  lines = [json.loads(line)["key"] for line in (tmp_path / f"{NAME}-train.record_lines").read_text().splitlines()]
  assert lines == [f"train/{seed}/{key}" for seed in (0, 2) for key in KEYS]
  assert sorted(path.name for path in (tmp_path / "train").iterdir()) == ["0", "2"]


def test_resuming_needs_every_sink_to_have_the_scene(scripts: Path, tmp_path: Path) -> None:
  made = run(MODULE, "--seed=0..1", "--split=test", "--resume", f"--output_dir={scripts}")
  assert told(made) == "" and made.stdout.count("already there") == 2
  for sink in ("record_lines", "example_lines"):
    error = told(run(MODULE, f"--sinks=scene_directory,{sink}", "--resume", f"--output_dir={tmp_path}"), status=2)
    assert "--resume cannot go on with" in error


def test_layers_are_made_known_once() -> None:
  from dataclasses import replace

  from kubric_gen.errors import KubricGenError
  from kubric_gen.scene.layers import LAYERS, add_layer
  from tests.growth.house.proximity import PROXIMITY
  assert add_layer(PROXIMITY) is PROXIMITY
  for other, word in ((replace(PROXIMITY, meaning="another"), "already"), (replace(PROXIMITY, name="depth", stem=""), "already"),
                      (replace(PROXIMITY, name="depth_edges", stem=""), "begin with 'depth'"),
                      (replace(PROXIMITY, name="near", stem="proximity"), "begin with 'proximity'"),
                      (replace(PROXIMITY, name="near", stem="", compute=None), "compute")):
    with pytest.raises(KubricGenError, match=word):
      add_layer(other)
  for fields, word in (({"stem": "../up"}, "lower-case"), ({"rendered": True}, "4 channels")):
    with pytest.raises(KubricGenError, match=word):
      replace(PROXIMITY, **fields)
  assert LAYERS["proximity"] is PROXIMITY and "near" not in LAYERS


def test_a_world_of_views_needs_no_dataset(tmp_path: Path) -> None:
  told(run("tests.growth.house.plain_views", "--seed=0", "--resolution=16", "--samples_per_pixel=1", f"--output_dir={tmp_path}"))
  example = kg.read_scene(tmp_path / "0")
  assert [view.name for view in example.metadata.views] == ["view_0", "view_1"]
  assert list(example.layers) == ["rgba", "segmentation", "depth", "normal", "object_coordinates"]
