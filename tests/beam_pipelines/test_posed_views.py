"""The world nerf from its script and through Beam to TFDS: views are records, of all splits in every scene."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.shards.reader import ArrayRecords

ROOT = Path(__file__).parents[2]
COUNTS = {"train": 4, "validation": 1, "test": 2}
ROBUST = ("--variant=robust", "--num_static=2", "--num_distractors=1", "--clean_fraction=0.5", "--settle_seconds=1",
          *(f"--num_{split}_views={count}" for split, count in COUNTS.items()), "--samples_per_pixel=2", "--denoiser=none",
          "--device=cpu")
VIEWS = [f"{split}_{number:03d}" for split, count in COUNTS.items() for number in range(count)]
SOME = ["train_001", "train_003", "test_001"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=280)


def told(result: subprocess.CompletedProcess[str], status: int = 0) -> str:
  assert result.returncode == status, result.stderr
  return result.stderr


def script(output: Path, *flags: str) -> subprocess.CompletedProcess[str]:
  return run("worlds/nerf.py", *ROBUST, "--resolution=32", f"--output_dir={output}", *flags)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Two scenes by the script, one under a sky, one before an HDRI, and their records."""
  output = tmp_path_factory.mktemp("scenes")
  result = script(output, "--seed=0..1", "--sinks=scene_directory,array_record")
  assert told(result) == "" and "3 layers" in result.stdout
  return output


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """The same two as a dataset at two resolutions, in two formats."""
  folder = tmp_path_factory.mktemp("datasets") / "data"
  told(run("-m", "beam_pipelines.generate", "--world=nerf", *ROBUST, "--num_scenes=2", "--resolution=32,16",
           "--file_format=array_record,tfrecord", f"--data_dir={folder}"))
  return folder


def place(datasets: Path, file_format: str = "", resolution: str = "32x32") -> Path:
  name = datasets.name + (f"_{file_format}" if file_format else "")
  return datasets.with_name(name) / "nerf_robust" / resolution / "1.0.0"


# --- the script ------------------------------------------------------------------------------------------------------------


def test_a_scene_directory_has_its_views_and_a_sheet_of_them(scenes: Path) -> None:
  backgrounds = []
  for seed in ("0", "1"):
    described = json.loads((scenes / seed / "metadata.json").read_text())["metadata"]
    assert [view["name"] for view in described["views"]] == VIEWS
    assert all(set(view) == {"name", "split", "clean"} and view["name"].startswith(view["split"]) for view in described["views"])
    assert [view["clean"] for view in described["views"]].count(True) == 2 + 3
    assert described["world"] == "nerf" and "split" not in {key for key, value in described.items() if value is not None}
    names = {path.name for path in (scenes / seed).iterdir()}
    assert "contact_sheet.png" in names and not any(name.startswith("preview") or "flow" in name for name in names)
    assert sum(name.startswith("rgba_") for name in names) == len(VIEWS)
    backgrounds.append("_" in described["background"])
  assert sorted(backgrounds) == [False, True]


@pytest.mark.parametrize("seed", [0, 1])
def test_some_views_are_byte_for_byte_those_of_all(scenes: Path, tmp_path: Path, seed: int) -> None:
  told(script(tmp_path, f"--seed={seed}", f"--views={','.join(reversed(SOME))}"))
  whole, part = kg.read_scene(scenes / str(seed)), kg.read_scene(tmp_path / str(seed))
  assert [view.name for view in part.metadata.views] == SOME
  ours = {item.name: k + 1 for k, item in enumerate(whole.instances)}
  theirs = {item.name: k + 1 for k, item in enumerate(part.instances)}
  assert set(theirs) <= set(ours)
  for t, name in enumerate(SOME):
    k = VIEWS.index(name)
    for item, number in theirs.items():
      one_instance, other_instance = part.instances[number - 1], whole.instances[ours[item] - 1]
      assert (one_instance.positions[t] == other_instance.positions[k]).all()
      assert abs(one_instance.quaternions[t] @ other_instance.quaternions[k]) == pytest.approx(1, abs=1e-12)
      assert one_instance.visibility[t] == other_instance.visibility[k]
    assert part.metadata.views[t] == whole.metadata.views[k]
    for layer in ("rgba", "depth"):
      one, other = (folder / str(seed) / next((folder / str(seed)).glob(f"{layer}_{number:05d}.*")).name
                    for folder, number in ((tmp_path, t), (scenes, k)))
      assert one.read_bytes() == other.read_bytes(), (layer, name)
    ids = part.main.layers["segmentation"][t]
    renumbered = np.zeros(len(theirs) + 1, np.uint16)
    for item, number in theirs.items():
      renumbered[number] = ours[item]
    assert (renumbered[ids] == whole.main.layers["segmentation"][k]).all()


def test_the_same_views_in_another_order_are_there_already(tmp_path: Path) -> None:
  flags = ("--seed=0", "--layers=depth")
  told(script(tmp_path, *flags, "--views=train_001,test_001"))
  again = script(tmp_path, *flags, "--views=test_001,train_001", "--resume")
  assert told(again) == "" and "already there" in again.stdout
  other = script(tmp_path, *flags, "--views=test_001", "--resume")
  assert "already exists" in told(other, status=2)


@pytest.mark.parametrize(("flags", "word"), [
    (["--views=train_004"], "no view 'train_004'"), (["--num_train_views=0"], "num_train_views"),
    (["--split=train"], "every scene of nerf_robust has records of all splits"), (["--split=nope"], "no split 'nope'"),
    (["--layers=rgba,forward_flow"], "no layer forward_flow"),
    (["--layers=tracks", "--dry_run", "--seed=0..1"], "no layer tracks"),
    (["--layers=rgba", "--sinks=tfrecord"], "records of nerf_robust need the layer depth"), (["--num_frames=3"], "num_frames")])
def test_bad_input_is_one_line(tmp_path: Path, flags: list[str], word: str) -> None:
  result = script(tmp_path / "out", *flags)
  error = told(result, status=2)
  assert error.count("\n") == 1 and word in error and result.stdout == ""
  assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize(("flags", "word"), [
    (["--num_scenes=2", "--splits=train"], "every scene of nerf has records of all splits"),
    (["--split_scenes=train=2"], "of records, of which every scene has some: give --num_scenes"),
    (["--num_scenes=2", "--splits=nope"], "no split 'nope'"), (["--num_scenes=2", "--views=train_999"], "no view 'train_999'")])
def test_bad_input_for_beam_is_one_line(tmp_path: Path, flags: list[str], word: str) -> None:
  error = told(run("-m", "beam_pipelines.generate", "--world=nerf", *flags, f"--data_dir={tmp_path / 'data'}"), status=2)
  assert error.count("\n") == 1 and word in error and not (tmp_path / "data").exists()


# --- the dataset -----------------------------------------------------------------------------------------------------------


def test_records_of_the_script_are_those_of_beam(datasets: Path, scenes: Path) -> None:
  from array_record.python.array_record_module import ArrayRecordReader
  found = {data for split in COUNTS for path in place(datasets).glob(f"*-{split}.array_record-*")
           for data in ArrayRecordReader(str(path)).read_all()}
  written = ArrayRecordReader(str(scenes / "nerf_robust.array_record")).read_all()
  assert len(written) == 14 and set(written) == found


def test_records_have_the_pixels_of_the_scene_directories(datasets: Path, scenes: Path) -> None:
  found = {(record["scene"], record["view"]): record for split in COUNTS for record in ArrayRecords(place(datasets), split)}
  assert len(found) == 14
  for seed in (0, 1):
    view = kg.read_scene(scenes / str(seed)).main
    for t, posed in enumerate(view.metadata.views):
      record = found[f"nerf_robust_{seed}", posed.name]
      np.testing.assert_array_equal(record["image"], view.layers["rgba"][t][..., :3])
      np.testing.assert_array_equal(record["depth"], view.layers["depth"][t])
      np.testing.assert_array_equal(record["segmentation"], view.layers["segmentation"][t])
      np.testing.assert_allclose(record["camera_to_world"], view.camera.camera_to_world(t), atol=1e-6)
      assert (record["split"], bool(record["clean"])) == (posed.split, posed.labels["clean"])
      assert record["background"] == view.metadata.background


def test_the_smaller_resolution_has_averaged_colours_and_geometry_of_its_own(datasets: Path) -> None:
  for large, small in zip(*(ArrayRecords(place(datasets, resolution=name), "test") for name in ("32x32", "16x16"))):
    mean = large["image"].reshape(16, 2, 16, 2, 3).astype(float).mean(axis=(1, 3))
    assert large["view"] == small["view"] and np.abs(small["image"] - mean).max() <= 0.5
    hit = small["depth"] < 1000
    assert hit.mean() > 0.3 and all((small["depth"] != large["depth"][row::2, column::2])[hit].mean() > 0.9
                                    for row in (0, 1) for column in (0, 1))
    np.testing.assert_allclose(small["intrinsics"][:2], large["intrinsics"][:2] / 2)
    np.testing.assert_array_equal(small["camera_to_world"], large["camera_to_world"])


def test_tfds_loads_all_splits_by_name_or_folder(datasets: Path) -> None:
  import tensorflow_datasets as tfds

  import kubric_gen.datasets  # noqa: F401
  for resolution in ("32x32", "16x16"):
    builder = tfds.builder_from_directory(str(place(datasets, resolution=resolution)))
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {
        split: 2 * count for split, count in COUNTS.items()}
    assert builder.info.full_name == f"nerf_robust/{resolution}/1.0.0"
  loaded = tfds.load("nerf_robust/32x32", data_dir=f"{datasets}_tfrecord")
  assert set(loaded) == set(COUNTS)
  for split, count in COUNTS.items():
    records = {(record["scene"].decode(), record["view"].decode()): record for record in tfds.as_numpy(loaded[split])}
    assert len(records) == 2 * count
    for record in ArrayRecords(place(datasets), split):
      other = records[record["scene"], record["view"]]
      assert set(other) == set(record) and other["split"].decode() == split
      for name in ("image", "depth", "segmentation", "K", "clean"):
        np.testing.assert_array_equal(other[name], record[name], err_msg=name)


def test_array_records_need_no_tensorflow(datasets: Path) -> None:
  code = ("import sys\n"
          "from kubric_gen.shards.reader import ArrayRecords\n"
          "records = ArrayRecords(sys.argv[1], 'validation', decode=True)\n"
          "print(len(records), records[0]['image'].shape, records[0]['view'])\n"
          "loaded = {name.partition('.')[0] for name in sys.modules}\n"
          "print(sorted(loaded & {'tensorflow', 'tensorflow_datasets', 'bpy', 'pybullet', 'worlds'}))\n")
  result = run("-c", code, str(place(datasets)))
  assert told(result) == "" and result.stdout == "2 (32, 32, 3) validation_000\n[]\n"


def test_the_card_tells_of_the_views(datasets: Path) -> None:
  for folder in (place(datasets), place(datasets, "tfrecord", "16x16")):
    card = json.loads((folder / "card.json").read_text())
    assert {split["name"]: split["num_examples"] for split in card["splits"]} == {"train": 8, "validation": 2, "test": 4}
    assert not card["omitted_splits"] and not card["failed_seeds"] and len(card["licenses"]) > 2
    pixels = 14 * int(folder.parent.name.partition("x")[0]) ** 2
    assert card["statistics"]["numbers"]["depth"]["count"] == pixels
    text = (folder / "README.md").read_text()
    assert "| `train` | 8 | 1 |" in text and "most of them with distractors" in text and "`camera_to_world`" in text
    assert "Every scene has records of all splits." in text and "| `num_train_views` | 4 |" in text
    assert (folder / "contact_sheet.png").stat().st_size > 500


def test_another_run_finds_it_finished_or_packs_what_the_store_has(datasets: Path) -> None:
  command = ("-m", "beam_pipelines.generate", "--world=nerf", *ROBUST, "--num_scenes=2", "--resolution=32,16",
             "--file_format=array_record,tfrecord", f"--data_dir={datasets}")
  card, shards = place(datasets) / "card.json", {path.name: path.read_bytes() for path in place(datasets).glob("*array_record-*")}
  before, text = card.stat().st_mtime_ns, card.read_text()
  told(run(*command))
  assert card.stat().st_mtime_ns == before and len(shards) == 3
  shutil.rmtree(place(datasets))
  again = run(*command)
  told(again)
  assert "0 made, 2 reused" in again.stdout
  assert card.read_text() == text and {name: (place(datasets) / name).read_bytes() for name in shards} == shards


def test_a_split_without_records_is_omitted_and_told(tmp_path: Path) -> None:
  flags = [flag for flag in ROBUST if "views" not in flag and "clean" not in flag]
  flags += ["--num_train_views=1", "--num_validation_views=1", "--num_test_views=1", "--views=train_000,test_000"]
  flags += ["--surroundings=sky"]
  result = run("-m", "beam_pipelines.generate", "--world=nerf", *flags, "--num_scenes=1", "--resolution=8",
               "--file_format=array_record", f"--data_dir={tmp_path / 'data'}")
  told(result)
  assert "no record fell into the split validation: omitted\n" in result.stdout
  folder = tmp_path / "data" / "nerf_robust" / "8x8" / "1.0.0"
  assert json.loads((folder / "card.json").read_text())["omitted_splits"] == ["validation"]
  import tensorflow_datasets as tfds
  assert set(tfds.builder_from_directory(str(folder)).info.splits) == {"train", "test"}


def test_tfds_makes_each_scene_once_for_all_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  import tensorflow_datasets as tfds

  from kubric_gen.datasets import builder as module
  from kubric_gen.workers import WorkerPool
  outcomes: list[Any] = []
  call = WorkerPool.call

  def told(self: WorkerPool, *arguments: Any) -> Any:
    outcome = call(self, *arguments)
    outcomes.append(outcome.value)
    return outcome

  monkeypatch.setattr(WorkerPool, "call", told)
  options = {"variant": "robust", "num_static": 1, "num_distractors": 1, "settle_seconds": 0.5, "surroundings": "sky",
             "num_train_views": 2, "num_validation_views": 1, "num_test_views": 1}
  config = module.SceneConfig(name="8x8", description="", resolution=(8, 8), num_scenes=2, quality="draft")
  kind = type("NerfTiny", (module.WorldBuilder,), {"WORLD": "nerf", "OPTIONS": options, "BUILDER_CONFIGS": [config],
                                                   "name": "nerf_tiny"}, skip_registration=True)
  made = kind(data_dir=str(tmp_path), config="8x8")
  made.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
  assert sorted(outcome.key.seed for outcome in outcomes if outcome.made) == [0, 1]
  assert {name: split.num_examples for name, split in made.info.splits.items()} == {"train": 4, "validation": 2, "test": 2}
  views = [record["view"].decode() for record in tfds.as_numpy(made.as_dataset(split="train"))]
  assert sorted(views) == ["train_000", "train_000", "train_001", "train_001"]
