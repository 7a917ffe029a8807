"""The command line of the pipeline, and what it makes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.beam_pipelines.runs import (ROOT, SCENES, TINY, assert_same_records, decoded, environment, generate, same, start,
                                       stored, wait_until)


def refused(*flags: str, num_scenes: int = SCENES, data_dir: Path) -> str:
  """The one line of a command that must be refused before any scene is made."""
  result = generate(data_dir, *flags, num_scenes=num_scenes)
  assert result.returncode == 2, result.stdout + result.stderr
  lines = result.stderr.strip().splitlines()
  assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
  return lines[0]


@pytest.mark.parametrize("flags, message", [
    (["--variant=c", "--gso_assets=/nope/GSO.json"], "GSO.json"),
    (["--variant=c", "--held_out_backgrounds=0.01"], "none of the 8 assets of hdris is for test"),
    (["--world=nope"], "unknown world 'nope': choose from movi"), (["--variant=z"], "unknown variant 'z'"),
    (["--world=no.such.module"], "unknown world"), (["--file_format=csv"], "unknown file format 'csv'"),
    (["--resolution=64,48"], "no whole fraction"), (["--resolution=64,64"], "each image size once"),
    (["--resolution=0"], "resolution must be"), (["--seed=1,2,1"], "twice"), (["--splits=nope"], "no split 'nope'"),
    (["--splits=train,test_more_objects"], "falls into the split test_more_objects"), (["--num_frames=0"], "num_frames"),
    (["--step_rate=100"], "multiple of frame_rate"), (["--max_failed_fraction=2"], "max_failed_fraction"),
    (["--bogus=1"], "--bogus=1"), (["stray"], "stray"), (["--quality=best"], "quality"),
    (["--runner=DataflowRunner"], "cannot see"), (["--runner=Nonsense"], "Nonsense"),
    (["--device=metal"], "metal"), (["--seed=99999999999999999999"], "at most"),
    (["--num_scenes=99999999999"], "num_scenes"), (["--data_dir=s4://nowhere/x"], "s4://"), (["--stall_timeout=0"], "stall")])
def test_bad_input_is_one_line(tmp_path: Path, flags: list[str], message: str) -> None:
  assert message in refused(*flags, data_dir=tmp_path / "data")
  assert not (tmp_path / "data" / "movi_a").exists() and not stored(tmp_path / "data")


def test_an_unwritable_data_dir(tmp_path: Path) -> None:
  (tmp_path / "file").write_text("in the way")
  assert "cannot" in refused(data_dir=tmp_path / "file" / "data")


def test_the_same_request_again_is_complete_and_another_is_refused(undisturbed: Path) -> None:
  before = {path: path.stat().st_mtime_ns for path in (undisturbed / "movi_a").rglob("*") if path.is_file()}
  again = generate(undisturbed)
  assert again.returncode == 0 and again.stdout.startswith("already complete")
  assert "holds another dataset: seeds (0..7, not 0..8)" in refused(num_scenes=9, data_dir=undisturbed)
  assert "file_format (tfrecord, not parquet)" in refused("--file_format=parquet", data_dir=undisturbed)
  assert "was made with another splits.test.samples_per_pixel (2, not 3)" in refused(
      "--samples_per_pixel=3", "--overwrite", data_dir=undisturbed)
  assert before == {path: path.stat().st_mtime_ns for path in (undisturbed / "movi_a").rglob("*") if path.is_file()}


def test_a_dataset_of_somebody_else_is_kept(tmp_path: Path) -> None:
  other = tmp_path / "movi_a" / "32x32" / "1.0.0" / "dataset_info.json"
  other.parent.mkdir(parents=True)
  other.write_text("{}")
  assert "has not made" in refused("--overwrite", data_dir=tmp_path)
  assert other.read_text() == "{}"


def _contents(folder: Path) -> dict[str, bytes]:
  return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_a_dataset_of_an_older_layout_is_refused_and_kept(tmp_path: Path, undisturbed: Path) -> None:
  shutil.copytree(undisturbed / "movi_a", tmp_path / "movi_a")
  for resolution in ("32x32", "16x16"):
    folder = tmp_path / "movi_a" / resolution / "1.0.0"
    (folder / "metadata.json").unlink()  # as it was when cards told of no layout
    card = json.loads((folder / "card.json").read_text())
    del card["layout"], card["sha256"]
    card["files"] = {name: said["size"] for name, said in card["files"].items()}
    (folder / "card.json").write_text(json.dumps(card))
  before = _contents(tmp_path)
  line = refused(data_dir=tmp_path)
  assert "holds a dataset of an older layout (1, now 2): choose another --data_dir, or pass --overwrite" in line
  assert _contents(tmp_path) == before


def test_a_store_of_an_older_format_is_refused_and_kept(tmp_path: Path, undisturbed: Path) -> None:
  shutil.copytree(undisturbed / "scenes", tmp_path / "scenes")
  store = tmp_path / "scenes" / "movi_a" / "store.json"
  store.write_text(json.dumps({**json.loads(store.read_text()), "format": 1}))
  before = _contents(tmp_path)
  for flags in ((), ("--overwrite",)):
    line = refused(*flags, data_dir=tmp_path)
    assert "was made with another format (1, not 4): " in line and "--store_dir" in line
  assert _contents(tmp_path) == before


def test_the_records_do_not_depend_on_workers_order_or_store(tmp_path: Path, undisturbed: Path) -> None:
  backwards = ",".join(map(str, reversed(range(SCENES))))
  result = generate(tmp_path / "data", f"--seed={backwards}", "--processes=3", f"--store_dir={tmp_path / 'store'}")
  assert result.returncode == 0, result.stderr
  assert not (tmp_path / "data" / "scenes").exists() and list((tmp_path / "store").glob("*/*/*/*.zip"))
  for resolution in ("32x32", "16x16"):
    expected, found = decoded(undisturbed, resolution), decoded(tmp_path / "data", resolution)
    assert list(expected) == list(found) and all(same(found[name], expected[name]) for name in expected)
  one = json.loads((undisturbed / "movi_a" / "16x16" / "1.0.0" / "card.json").read_text())
  two = json.loads((tmp_path / "data" / "movi_a" / "16x16" / "1.0.0" / "card.json").read_text())
  assert one == two


def test_more_scenes_reuse_those_in_the_store_and_a_named_split_takes_only_its_own(tmp_path: Path, undisturbed: Path) -> None:
  store = f"--store_dir={undisturbed / 'scenes'}"
  result = generate(tmp_path, store, "--splits=train", "--file_format=array_record,parquet", num_scenes=SCENES + 1)
  assert result.returncode == 0, result.stderr
  splits = {name: record["split"] for name, record in decoded(undisturbed).items()}
  train = [name for name, split in splits.items() if split == "train"]
  assert f"{len(train) + 1} scenes asked, 1 made, {len(train)} reused, 0 failed" in result.stdout
  for root, file_format in ((tmp_path, "array_record"), (Path(f"{tmp_path}_parquet"), "parquet")):
    info = json.loads((root / "movi_a" / "32x32" / "1.0.0" / "dataset_info.json").read_text())
    assert info["fileFormat"] == file_format and [split["name"] for split in info["splits"]] == ["train"]
  assert "omitted" not in result.stdout


def test_the_largest_resolution_is_averaged_and_the_geometry_sampled_anew(undisturbed: Path) -> None:
  import numpy as np
  large, small = decoded(undisturbed, "32x32"), decoded(undisturbed, "16x16")
  for name in large:
    mean = large[name]["video"].reshape(2, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    assert np.abs(small[name]["video"] - mean).max() <= 0.5
    # Few pixels may show fewer objects, but those are the same
    poses = {tuple(item.ravel()) for item in large[name]["instances"]["positions"]}
    assert {tuple(item.ravel()) for item in small[name]["instances"]["positions"]} <= poses
    assert not np.array_equal(small[name]["depth"], large[name]["depth"][:, ::2, ::2])


def test_the_driver_imports_no_tensorflow_and_no_blender(undisturbed: Path, tmp_path: Path) -> None:
  code = ("import sys; from beam_pipelines import generate; import atexit\n"
          "atexit.register(lambda: print('loaded:', [m for m in ('tensorflow', 'tensorflow_datasets', 'bpy', 'pybullet', 'cv2')"
          " if m in sys.modules]))\n"
          f"sys.argv = ['generate', '--data_dir={tmp_path}', '--store_dir={undisturbed / 'scenes'}', '--num_scenes={SCENES}',"
          f" *{list(TINY)}]; generate.main()")
  result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=200)
  assert "8 reused" in result.stdout and "loaded: []" in result.stdout, result.stdout + result.stderr


def test_a_dry_run_checks_the_job_for_dataflow_and_runs_nothing(tmp_path: Path) -> None:
  flags = ["--runner=DataflowRunner", "--project=my-project", "--region=europe-west4", "--temp_location=gs://bucket/tmp"]
  assert "--sdk_container_image" in refused(*flags, "--data_dir=gs://bucket/data", "--dry_run", data_dir=tmp_path)
  result = generate(tmp_path, *flags, "--data_dir=gs://bucket/data", "--sdk_container_image=example/kubric-gen:1", "--dry_run",
                    num_scenes=1_000_000)
  assert result.returncode == 0, result.stderr
  assert "image example/kubric-gen:1" in result.stdout and "step Make scenes" in result.stdout
  assert not os.listdir(tmp_path)


def test_the_portable_job_has_every_step_in_the_image() -> None:
  from apache_beam.options.pipeline_options import PipelineOptions
  from apache_beam.portability.api import beam_runner_api_pb2

  from beam_pipelines.dataflow import portable_proto
  from beam_pipelines.job import Job, SeedRange
  from kubric_gen.shards.recipe import Recipe
  from worlds.movi import MoviConfig
  job = Job(Recipe("movi", MoviConfig(), ((256, 256), (128, 128))), (SeedRange(0, 999_999),), "gs://bucket/data",
            ("tfrecord", "parquet"))
  proto = portable_proto(job, PipelineOptions(["--sdk_container_image=example/kubric-gen:1"]))
  images = {beam_runner_api_pb2.DockerPayload.FromString(item.payload).container_image
            for item in proto.components.environments.values()}
  assert images == {"example/kubric-gen:1"}
  steps = {item.unique_name: item for item in proto.components.transforms.values()}
  assert {"Make scenes", "Pack shards", "Finish"} <= {name.partition("/")[0] for name in steps}
  functions = [item for item in steps.values() if item.spec.urn == "beam:transform:pardo:v1"]
  assert functions and all(item.environment_id in proto.components.environments for item in functions)
  assert proto.ByteSize() < 1_000_000  # the seeds travel as ranges


def test_a_damaged_dataset_is_packed_again(tmp_path: Path, undisturbed: Path) -> None:
  shutil.copytree(undisturbed, tmp_path / "data")
  shard = next((tmp_path / "data").glob("movi_a/32x32/1.0.0/movi_a-train*"))
  shard.write_bytes(shard.read_bytes()[:100])
  result = generate(tmp_path / "data")
  assert result.returncode == 0 and "8 reused" in result.stdout and f"{shard} is damaged or gone" in result.stderr
  assert_same_records(tmp_path / "data", undisturbed)


def test_an_interruption_is_told_in_one_line_and_the_next_run_goes_on(tmp_path: Path, running: list) -> None:
  driver = start(tmp_path)
  running.append(driver)
  wait_until(lambda: len(stored(tmp_path)) >= 2)
  assert "another run is writing" in refused(data_dir=tmp_path)
  driver.send_signal(signal.SIGINT)
  _, err = driver.communicate(timeout=60)
  assert driver.returncode == 130 and "Traceback" not in err and "attempt" not in err, err
  assert err.strip().splitlines()[-1].startswith("interrupted")
  again = generate(tmp_path)
  assert again.returncode == 0 and "0 failed" in again.stdout
