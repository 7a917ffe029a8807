"""Finished datasets are checked when that is asked for, and whenever the same command runs again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.shards.verify import verify_dataset
from tests.beam_pipelines.runs import assert_same_records, generate


@pytest.fixture
def data(tmp_path: Path, undisturbed: Path) -> Path:
  """A copy of a dataset and its store."""
  shutil.copytree(undisturbed, tmp_path / "data")
  return tmp_path / "data"


def dataset(data: Path, resolution: str = "16x16") -> Path:
  return data / "movi_a" / resolution / "1.0.0"


def flip(path: Path) -> None:
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 4
  path.write_bytes(content)


def times(data: Path) -> dict[Path, int]:
  return {path: path.stat().st_mtime_ns for path in data.rglob("*")}


def told(result: subprocess.CompletedProcess[str], status: int) -> str:
  assert result.returncode == status and "Traceback" not in result.stderr, result.stdout + result.stderr
  return result.stdout


def test_verify_reads_every_file_and_makes_nothing(data: Path) -> None:
  before = times(data)
  sound = told(generate(data, "--verify"), 0)
  assert sound.splitlines() == [f"{dataset(data, name)} is sound" for name in ("32x32", "16x16")]
  assert times(data) == before
  spoilt = [dataset(data) / "features.json", next(dataset(data, "32x32").glob("movi_a-train*")), dataset(data) / "card.json"]
  for path in spoilt:
    flip(path)
  before = times(data)
  result = generate(data, "--verify")
  lines = told(result, 2).splitlines()
  assert len(lines) == 2 and lines[0].startswith(f"{spoilt[1]} has another SHA-256")
  assert lines[1].startswith(f"{spoilt[2]} is damaged")  # which would tell of the others
  assert result.stderr == (f"error: 2 damages in {data}: run the same command without --verify to have the datasets packed again "
                           "from their store\n")
  assert times(data) == before


def test_verify_wants_the_dataset_that_is_asked_for(data: Path, tmp_path: Path) -> None:
  nothing = generate(tmp_path / "nothing", "--verify")
  assert "is no finished dataset: it has no card.json" in told(nothing, 2) and not (tmp_path / "nothing").exists()
  other = generate(data, "--verify", num_scenes=9)
  assert told(other, 2) == "" and "holds another dataset: seeds (0..7, not 0..8)" in other.stderr


def _path(folder: Path, name: str) -> Path:
  return next(folder.glob("movi_a-train*")) if name == "a shard" else folder / name


@pytest.mark.parametrize(("flipped", "gone"), [("a shard", "card.json"), ("card.json", "features.json"),
                                               ("instances-shape_label.labels.txt", "a shard")])
def test_damage_is_found_by_the_next_run_and_the_dataset_packed_again(
    data: Path, undisturbed: Path, flipped: str, gone: str) -> None:
  paths = [_path(dataset(data, "32x32"), flipped), _path(dataset(data, "16x16"), gone)]
  flip(paths[0])
  paths[1].unlink()
  result = generate(data)
  assert "8 reused" in told(result, 0)
  cards = [path for path in paths if path.name == "card.json"]
  for path in cards or paths:  # without its card a dataset is packed again whatever the others hold
    assert f"{path} is damaged or gone" in result.stderr
  for path, resolution in zip(paths, ("32x32", "16x16")):
    assert verify_dataset(dataset(data, resolution)) == []
    assert path.read_bytes() == (dataset(undisturbed, resolution) / path.name).read_bytes()
  assert_same_records(data, undisturbed)


def test_what_the_store_has_lost_is_not_rendered_again_unasked(data: Path) -> None:
  shard = _path(dataset(data, "32x32"), "a shard")
  flip(shard)
  shutil.rmtree(data / "scenes")
  before = times(data)
  result = generate(data)
  told(result, 2)
  assert f"{shard} is damaged" in result.stderr and "the store has lost" in result.stderr and "--overwrite" in result.stderr
  assert times(data) == before


def test_what_cannot_be_read_now_is_not_packed_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  from beam_pipelines import checks
  folder = dataset(data, "32x32")
  card = checks.card_of(folder)
  monkeypatch.setattr(checks, "damaged_files", lambda *_: iter([(folder / "features.json", "cannot be read (a stale handle)")]))
  with pytest.raises(KubricGenError, match="features.json cannot be read .*mend that, then run again"):
    checks._is_sound(None, folder, card)  # type: ignore[arg-type]


def test_a_damaged_card_of_another_request_is_kept_until_it_may_be_overwritten(data: Path) -> None:
  for resolution in ("32x32", "16x16"):
    flip(dataset(data, resolution) / "card.json")
  before = times(data)
  result = generate(data, num_scenes=9)
  told(result, 2)
  assert "card.json is damaged" in result.stderr and "pass --overwrite" in result.stderr and times(data) == before
  (dataset(data, "32x32") / "metadata.json").unlink()  # nothing tells any more that it is one of ours
  before = times(data)
  told(generate(data, "--overwrite"), 2)
  assert times(data) == before


def test_the_default_config_is_named_where_it_is_not(data: Path) -> None:
  default = data / "movi_a" / ".config" / "metadata.json"
  sound = default.read_text()
  assert sound == '{"default_config_name": "32x32"}'
  for spoil in (default.unlink, lambda: default.write_text('{"default_config_name": "33x32"}')):
    spoil()
    assert told(generate(data), 0).startswith("already complete") and default.read_text() == sound


# --- runners that need to be told who starts Python workers ----------------------------------------------------------------


@pytest.mark.parametrize(("flags", "message"), [
    (["--runner=PortableRunner"], "who runs the job? give --job_endpoint="),
    (["--runner=PortableRunner", "--job_endpoint=embed"],
     "who starts Python workers? PortableRunner needs --environment_type=LOOPBACK, for workers on this machine, or "
     "--environment_type=DOCKER with --environment_config=IMAGE"),
    (["--runner=portable", "--job_endpoint=localhost:1"], "who starts Python workers?"),
    (["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=DOCKER"], "needs --environment_config=IMAGE"),
    (["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=PROCESS"], "needs --environment_config='{"),
    (["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=EXTERNAL"], "needs --environment_config=HOST:PORT"),
    (["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=MAGIC"], "unknown --environment_type 'MAGIC'"),
    (["--runner=FlinkRunner", "--flink_master=localhost:8081"], "who starts Python workers? FlinkRunner needs")])
def test_a_job_server_must_be_told_who_starts_workers(tmp_path: Path, flags: list[str], message: str) -> None:
  result = generate(tmp_path / "data", *flags)
  assert result.returncode == 2 and result.stdout == "" and result.stderr.count("\n") == 1
  assert result.stderr.startswith("error: ") and message in result.stderr and not (tmp_path / "data").exists()


@pytest.mark.parametrize("flags", [
    ["--runner=FlinkRunner"], ["--runner=SparkRunner"], ["--runner=FnApiRunner"], ["--runner=DirectRunner"],
    ["--runner=PortableRunner", "--job_endpoint=h:1", "--environment_type=LOOPBACK"],
    ["--runner=PortableRunner", "--job_endpoint=h:1", "--environment_type=DOCKER", "--environment_config=image"],
    ["--runner=PortableRunner", "--job_endpoint=h:1", "--environment_type=DOCKER",
     "--environment_options=docker_container_image=image"],
    ["--runner=PortableRunner", "--job_endpoint=h:1", "--environment_config=image"],
    ["--runner=FlinkRunner", "--flink_master=h:1", "--environment_type=EXTERNAL", "--environment_config=h:2"]])
def test_what_names_its_workers_passes(flags: list[str]) -> None:
  from apache_beam.options.pipeline_options import PipelineOptions

  from beam_pipelines.checks import check_environment
  check_environment(flags[0].partition("=")[2], PipelineOptions(flags))
