"""Damage in scene directories: the command that finds it, the flag of scripts, and what --resume makes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kubric_gen as kg
from kubric_gen.cli import verify as command
from kubric_gen.cli.generating import generate
from kubric_gen.cli.outputs import Outputs
from kubric_gen.cli.task import Task
from kubric_gen.cli.verify import find_damage, verify, verify_task
from kubric_gen.errors import KubricGenError
from kubric_gen.system.checksums import CHECKSUMS
from worlds.movi import WORLD, MoviConfig

ROOT = Path(__file__).parents[2]
CONFIG = MoviConfig(resolution=(16, 16), num_frames=2)
LAYERS = ("depth", "segmentation", "forward_flow", "tracks")
FLAGS = ("--resolution=16", "--num_frames=2", f"--layers={','.join(LAYERS)}")
SETTINGS = kg.RenderSettings()


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Scenes 3 and 4."""
  folder = tmp_path_factory.mktemp("scenes")
  for seed in (3, 4):
    generate(WORLD, CONFIG, seed, folder, layers=LAYERS, settings=SETTINGS)
  return folder


@pytest.fixture
def scenes(made: Path, tmp_path: Path) -> Path:
  """Copies of them that may be damaged."""
  return Path(shutil.copytree(made, tmp_path / "scenes"))


def task(folder: Path, *seeds: int, overwrite: bool = False) -> Task:
  return Task.of(WORLD, CONFIG, seeds or (3,), folder, layers=LAYERS, settings=SETTINGS, overwrite=overwrite)


def outputs(folder: Path, overwrite: bool = False) -> Outputs:
  return Outputs(task(folder, overwrite=overwrite), ["scene_directory"])


def flip(path: Path, at: int | None = None) -> None:
  data = bytearray(path.read_bytes())
  data[len(data) // 2 if at is None else at] ^= 4
  path.write_bytes(data)


def names(made: Path) -> list[str]:
  return sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file())


def each_file(made: Path) -> Iterator[str]:
  files = names(made / "3")
  assert {"metadata.json", "events.json", "data_ranges.json", "run.json", "preview.mp4", "contact_sheet.png", "tracks.npz",
          "depth_00001.tiff", "segmentation_00000.png", CHECKSUMS} < set(files)
  yield from files


def test_a_flipped_byte_in_any_file_is_found_by_all_who_look(made: Path, scenes: Path) -> None:
  sink = outputs(scenes)
  for name in each_file(made):
    path = scenes / "3" / name
    flip(path)
    line, *more = find_damage(str(scenes / "3"))
    assert name in line and not more
    with pytest.raises(KubricGenError, match=name):
      kg.read_scene(scenes / "3", verify=True)
    with pytest.raises(KubricGenError, match=name):
      verify_task(task(scenes, 4, 3))
    assert name in next(sink.damage(3)), name
    flip(path)
    assert list(find_damage(str(scenes / "3"))) == [] == list(sink.damage(3))


@pytest.mark.parametrize("name", ["depth_00000.tiff", "tracks.npz", "run.json", CHECKSUMS])
def test_missing_cut_and_swapped_files_are_found(scenes: Path, name: str) -> None:
  path = scenes / "3" / name
  whole, other = path.read_bytes(), (scenes / "4" / name).read_bytes()
  for content in (None, b"", whole[:-1], whole + b"\n", other):
    path.unlink(missing_ok=True)
    if content is not None:
      path.write_bytes(content)
    with pytest.raises(KubricGenError, match=name) as caught:
      kg.read_scene(scenes / "3", verify=True)
    assert "make the scene again" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_readers_would_count_are_damage_and_others_are_not(scenes: Path) -> None:
  for name in ("notes.txt", ".DS_Store", "prediction_00000.png"):
    (scenes / "3" / name).write_text("mine")
  with kg.read_scene(scenes / "3", verify=True) as example:
    assert len(example.layers) == 3
  for name in ("depth_00002.tiff", "rgba_00000.png", "amodal_00000.npz", "cameras/left/metadata.json"):
    (scenes / "3" / name).parent.mkdir(parents=True, exist_ok=True)
    (scenes / "3" / name).write_text("mine")
    with pytest.raises(KubricGenError, match=f"{name} is not one of the files"):
      kg.read_scene(scenes / "3", verify=True)
    (scenes / "3" / name).unlink()


def test_a_scene_without_checksums_is_read_and_not_verified(scenes: Path) -> None:
  (scenes / "3" / CHECKSUMS).unlink()
  kg.read_scene(scenes / "3").close()
  with pytest.raises(KubricGenError, match=f"cannot be verified .it has no {CHECKSUMS}, or is of an earlier version"):
    kg.read_scene(scenes / "3", verify=True)


def test_frames_that_are_damaged_later_are_found_as_well(scenes: Path) -> None:
  with kg.read_scene(scenes / "3", verify=True) as example, kg.read_scene(scenes / "3") as unverified:
    flip(scenes / "3" / "depth_00001.tiff", -2)
    example.layers["depth"][0]
    with pytest.raises(KubricGenError, match="depth_00001.tiff cannot be read .its SHA-256"):
      example.layers["depth"][1]
    unverified.layers["depth"][1]  # a TIFF does not tell


def test_the_command(scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
  verify([str(scenes / "3"), str(scenes / "4")])
  assert capsys.readouterr().out.splitlines() == [f"{scenes / name}: sound" for name in "34"]
  flip(scenes / "3" / "tracks.npz")
  (scenes / "3" / "metadata.json").unlink()
  done = run("-m", "kubric_gen.verify", scenes / "3", scenes / "4", scenes, scenes / "nowhere")
  assert done.returncode == 2 and done.stdout == f"{scenes / '4'}: sound\n"
  lines = done.stderr.splitlines()
  assert [line.split()[1] for line in lines] == [
      str(scenes / name) for name in ("3/metadata.json", "3/tracks.npz", "", "nowhere")]
  assert all(line.startswith("error: ") and ": " in line[7:] for line in lines)
  assert run("-m", "kubric_gen.verify", scenes / "4").returncode == 0


def test_a_dataset_is_known_by_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  seen = []

  def damage(path: str) -> list[str]:
    seen.append(path)
    return ["it is broken"]

  monkeypatch.setattr(command, "_damage_of_dataset", damage)
  (tmp_path / "card.json").write_text("{}")
  for path in (str(tmp_path), "gs://bucket/movi_a/16x16/1.0.0"):
    line, = find_damage(path)
    assert line.startswith("it is broken: make it again") and seen[-1] == path


def test_the_flag_of_scripts(scenes: Path) -> None:
  def script(*flags: str) -> subprocess.CompletedProcess[str]:
    return run("worlds/movi.py", *FLAGS, f"--output_dir={scenes}", *flags)

  before = names(scenes)
  sound = script("--seed=3,4", "--verify")
  assert sound.returncode == 0 and len(sound.stdout.splitlines()) == 2, sound.stderr
  flip(scenes / "4" / "depth_00000.tiff", -3)
  wrong = script("--seed=3..5", "--verify")
  damaged, missing = wrong.stderr.splitlines()
  assert wrong.returncode == 2 and "4/depth_00000.tiff is damaged" in damaged and f"{scenes / '5'} is missing" in missing
  assert all("--resume" in line for line in (damaged, missing)) and names(scenes) == before
  other = script("--seed=3", "--max_speed=1", "--verify")
  assert other.returncode == 2 and "made from other flags" in other.stderr
  assert "--sinks" in script("--verify", "--sinks=parquet").stderr
  again = script("--seed=3,4", "--resume")
  first, second, told = again.stdout.splitlines()
  assert again.returncode == 0 and "already there" in first and second.startswith(str(scenes / "4" / "depth_00000.tiff"))
  assert "made again" in second and "4: " in told
  assert script("--seed=3,4", "--verify").returncode == 0 and names(scenes) == before


def _make_again(folder: Path, overwrite: bool = False) -> None:
  """What --resume does with a damaged scene, as far as that anything is lost."""
  sink = outputs(folder, overwrite)
  assert next(sink.damage(3), None) is not None
  sink.make_again(3)
  sink.check(3)


def test_damage_in_any_file_but_the_metadata_is_mended(scenes: Path) -> None:
  flip(scenes / "3" / "metadata.json", -30)  # and there, too, where it still says what the scene was made from
  _make_again(scenes)
  (scenes / "3" / CHECKSUMS).unlink()
  _make_again(scenes)


def _cut_hash(path: Path) -> None:
  found = json.loads((path / "metadata.json").read_text())["metadata"]["config_hash"]
  (path / "metadata.json").write_text((path / "metadata.json").read_text().replace(found, "0" + found[1:]))


@pytest.mark.parametrize("harm", [
    _cut_hash, lambda path: (path / "metadata.json").write_text("{"), lambda path: (path / "metadata.json").unlink(),
    lambda path: os.truncate(path / "metadata.json", 0)])
def test_a_scene_that_might_be_another_one_is_kept(scenes: Path, harm: Callable[[Path], None]) -> None:
  harm(scenes / "3")
  sink = outputs(scenes)
  assert list(sink.damage(3)) == [] and not sink.made(3)
  with pytest.raises(KubricGenError, match="metadata.json .*nobody can tell what the scene was made from: move"):
    sink.check(3)


@pytest.mark.parametrize(("name", "harm"), [
    *((name, lambda path: flip(path / "events.json")) for name in ("notes.txt", "depth_mine.npy", "cameras/x/y")),
    ("notes.txt", lambda path: flip(path / CHECKSUMS)), ("notes.txt", lambda path: (path / CHECKSUMS).unlink())])
def test_what_is_not_of_the_scene_is_not_lost_with_it(scenes: Path, name: str, harm: Callable[[Path], None]) -> None:
  (scenes / "3" / name).parent.mkdir(parents=True, exist_ok=True)
  (scenes / "3" / name).write_text("a week's work")
  harm(scenes / "3")
  with pytest.raises(KubricGenError, match=f"{name} in it is not of the scene: move that elsewhere, or pass --overwrite"):
    _make_again(scenes)
  _make_again(scenes, overwrite=True)
