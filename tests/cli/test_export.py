"""The command that exports scenes, and exporters among the sinks of a script."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.sinks.posed import MOVING, STILL, example_of, posed_scene

import kubric_gen as kg
from kubric_gen.cli.export import export_scenes, exporters, main, scene_key
from kubric_gen.cli.generating import make_seed
from kubric_gen.cli.outputs import Outputs
from kubric_gen.cli.task import Task
from kubric_gen.errors import KubricGenError
from kubric_gen.render import RenderSettings
from kubric_gen.sinks import add_sink, sinks
from kubric_gen.sinks.sink import ExampleSink
from worlds.movi import WORLD, MoviConfig

MARKS = {"nerfstudio": "transforms.json", "blender": "transforms_train.json", "colmap": "sparse/0/cameras.txt"}
VIEWS, SIZE = 4, (16, 16)


def command(*arguments: Any) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, "-m", "kubric_gen.export", *map(str, arguments)], capture_output=True, text=True,
                        cwd=Path(__file__).parents[2], timeout=120)


def refused(name: str, scenes: Sequence[Path], output: Path, overwrite: bool = False) -> str:
  """The one line by which an export is refused."""
  with pytest.raises(KubricGenError) as caught:
    export_scenes(name, scenes, output, overwrite)
  assert "\n" not in str(caught.value)
  return str(caught.value)


def write(place: Path, things: Any = STILL, **metadata: Any) -> Path:
  """A scene directory of posed views."""
  with example_of(posed_scene(things, VIEWS, SIZE)) as example:
    example.views = tuple(replace(view, metadata=replace(view.metadata, **metadata)) for view in example.views)
    return kg.write_scene(example, place, preview=False)


def files(folder: Path) -> dict[str, bytes]:
  return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Scenes as a script writes them: `train/0`, `test/0` and, of a split of seeds, `7`; also one of nobody's world, `mine`."""
  folder = tmp_path_factory.mktemp("scenes")
  write(folder / "train" / "0", seed=0, split="train")
  write(folder / "test" / "0", MOVING, seed=0, split="test")
  write(folder / "7", seed=7, split="validation")
  write(folder / "mine")
  return folder


def test_formats_are_the_sinks_that_write_for_other_programs() -> None:
  assert set(MARKS) == set(exporters())
  assert "scene_directory" not in exporters()


@pytest.mark.parametrize("name", MARKS)
def test_one_scene_goes_to_the_folder_itself(name: str, scenes: Path, tmp_path: Path) -> None:
  done = command(name, scenes / "7", f"--output={tmp_path / 'deep' / 'out'}")
  assert done.returncode == 0 and done.stderr == ""
  assert done.stdout == f"{scenes / '7'}: {tmp_path / 'deep' / 'out'}\n"
  with kg.read_scene(scenes / "7") as example, sinks()[name](tmp_path / "direct") as sink:
    sink.add("7", example)
    sink.finish()
  made = files(tmp_path / "deep" / "out")
  assert MARKS[name] in made and made == files(tmp_path / "direct" / "7")
  assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_several_scenes_go_to_folders_of_their_keys(scenes: Path, tmp_path: Path) -> None:
  export_scenes("nerfstudio", [scenes / name for name in ("train/0", "test/0", "7", "mine")], tmp_path / "out")
  assert sorted(str(path.parent.relative_to(tmp_path / "out")) for path in tmp_path.rglob("transforms.json")) == [
      "7", "mine", "test/0", "train/0"]


def test_keys_come_from_metadata_and_folders(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  def key(path: Path) -> str:
    with kg.read_scene(path) as example:
      return scene_key(path, example)

  assert key(scenes / "train" / "0") == "train/0"
  monkeypatch.chdir(scenes / "train" / "0")
  assert key(Path(".")) == "train/0"
  (tmp_path / "link").symlink_to(scenes / "mine")
  assert key(tmp_path / "link") == "link"
  (tmp_path / "moved").symlink_to(scenes / "train" / "0")
  assert key(tmp_path / "moved") == "0"


def test_two_scenes_of_one_key_are_refused(scenes: Path, tmp_path: Path) -> None:
  (tmp_path / "copy").symlink_to(scenes / "7")
  line = refused("colmap", [scenes / "7", tmp_path / "copy"], tmp_path / "out")
  assert str(scenes / "7") in line and str(tmp_path / "copy") in line
  assert not (tmp_path / "out").exists()


def test_what_is_there_is_kept_or_replaced(scenes: Path, tmp_path: Path) -> None:
  out = tmp_path / "out"
  export_scenes("blender", [scenes / "7"], out)
  before = files(out)
  line = refused("blender", [scenes / "mine"], out)
  assert str(out) in line and "--overwrite" in line and files(out) == before
  (out / "train" / "old.png").write_bytes(b"old")
  export_scenes("blender", [scenes / "7"], out, overwrite=True)
  assert files(out) == before
  # Another format's folder, or a scene, is not what is meant
  for place, scene in ((out, scenes / "7"), (scenes / "7", scenes / "mine")):
    assert "will not be replaced" in refused("nerfstudio", [scene], place, overwrite=True)
  assert files(out) == before and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_all_scenes_are_looked_at_before_the_first_is_written(scenes: Path, tmp_path: Path) -> None:
  blind = tmp_path / "blind"
  with example_of(posed_scene(STILL, VIEWS, SIZE)) as example:
    example.views = tuple(replace(view, layers={"rgba": view.layers["rgba"]}) for view in example.views)
    kg.write_scene(example, blind, preview=False)
  line = refused("nerfstudio", [scenes / "7", blind], tmp_path / "out")
  assert str(blind) in line and "needs the layer depth" in line
  assert "no scene directory" in refused("nerfstudio", [scenes / "7", tmp_path / "nothing"], tmp_path / "out")
  assert not (tmp_path / "out").exists()


def test_places_that_cannot_be_written_to_are_refused(scenes: Path, tmp_path: Path) -> None:
  (tmp_path / "file").write_text("x")
  for place, word in ((tmp_path / "file", "already exists"), (tmp_path / "file" / "below", "cannot"),
                      (Path("/proc/nowhere"), "cannot")):
    assert word in refused("colmap", [scenes / "7"], place)
  assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("arguments", "word"), [
    (("nope", "scene", "--output=out"), "'nope'"), (("scene_directory", "scene", "--output=out"), "'scene_directory'"),
    (("colmap", "scene"), "--output"), (("colmap", "--output=out"), "SCENE")])
def test_bad_command_lines_are_refused(arguments: tuple[str, ...], word: str, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
  monkeypatch.setattr(sys, "argv", ["export", *arguments])
  with pytest.raises(SystemExit) as caught:
    main()
  line, = capsys.readouterr().err.splitlines()
  assert caught.value.code == 2 and line.startswith("error: ") and word in line


def test_the_command_tells_in_one_line_what_is_wrong(tmp_path: Path) -> None:
  done = command("colmap", tmp_path, f"--output={tmp_path / 'out'}")
  assert (done.returncode, done.stdout) == (2, "") and not (tmp_path / "out").exists()
  assert done.stderr == f"error: {tmp_path} is no scene directory: it has no metadata.json\n"
  assert "nerfstudio" in command("--help").stdout


# --- scenes that somebody else has written ----------------------------------------------------------------------------------


def _set(*keys: Any, to: Any) -> Callable[[Any], None]:
  """A change of one value in metadata."""
  def change(described: Any) -> None:
    for key in keys[:-1]:
      described = described[key]
    described[keys[-1]] = to(described[keys[-1]]) if callable(to) else to
  return change


DAMAGE = {
    "name": _set("camera", "name", to="../../escaped"), "view": _set("metadata", "views", 0, "name", to="../escaped"),
    "twin": _set("metadata", "views", to=lambda views: views[:1] * VIEWS), "split": _set("metadata", "views", 0, "split", to=7),
    "count": _set("metadata", "num_frames", to=10 ** 9), "negative": _set("metadata", "num_frames", to=-1),
    "nan": _set("camera", "positions", 0, 0, to=float("nan")), "huge": _set("camera", "positions", 0, 0, to=1e308),
    "integer": _set("camera", "positions", 0, 0, to=10 ** 400), "turn": _set("camera", "quaternions", 0, to=[0, 0, 0, 0]),
    "focal": _set("camera", "intrinsics_cv", 0, 0, to=float("inf")),
    "size": _set("camera", "resolution", to=[10 ** 8, 10 ** 8]),
    "model": _set("camera", "model", to="kaleidoscope"), "bent": _set("camera", "distortion", to=[1e300] * 4),
    "wild": _set("camera", "distortion", to=[float("nan")] * 5),
    "cameras": _set("metadata", "cameras", to=["camera", "../camera"]),
    "ids": _set("instances", to=lambda instances: instances[:1]), "path": _set("instances", 0, "positions", to=[])}
FINE = {"bent"}
"""A lens that bends all light away sees nothing."""


@pytest.fixture(params=DAMAGE)
def damaged(request: pytest.FixtureRequest, scenes: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
  path = tmp_path / "scene"
  path.mkdir()
  for file in (scenes / "7").iterdir():
    os.link(file, path / file.name)
  described = json.loads((path / "metadata.json").read_text())
  DAMAGE[request.param](described)
  for name in ("metadata.json", "checksums.json"):  # without these nobody can tell that it was changed
    (path / name).unlink()
  (path / "metadata.json").write_text(json.dumps(described))
  yield request.param, path


def test_hostile_scenes_are_refused_in_one_line(damaged: tuple[str, Path], tmp_path: Path) -> None:
  kind, path = damaged
  for name in ("nerfstudio", "colmap"):
    if kind in FINE:
      export_scenes(name, [path], tmp_path / "out" / name)
    else:
      refused(name, [path], tmp_path / "out" / name)
      assert not list((tmp_path / "out").glob("*"))
  assert sorted(each.name for each in tmp_path.iterdir() if each.name != "out") == ["scene"]


# --- scripts ---------------------------------------------------------------------------------------------------------------

CONFIG = MoviConfig(resolution=SIZE, num_frames=1)
SETTINGS = RenderSettings(samples_per_pixel=1, device="cpu")


def test_a_script_writes_exports_beside_scenes(tmp_path: Path) -> None:
  task = Task.of(WORLD, CONFIG, (3,), tmp_path, settings=SETTINGS)
  outputs = Outputs(task, ["nerfstudio", "scene_directory"])
  outputs.check(3)
  with outputs:
    with outputs.reserve(3), make_seed(task, 3) as example:
      assert outputs.add(3, example) == tmp_path / "nerfstudio" / "3"
    outputs.finish()
  assert (tmp_path / "3" / "metadata.json").is_file() and (tmp_path / "nerfstudio" / "3" / "transforms.json").is_file()
  assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "nerfstudio"]
  with pytest.raises(KubricGenError, match="nerfstudio/3 already exists"):
    Outputs(task, ["nerfstudio"]).check(3)
  with pytest.raises(KubricGenError, match="--resume cannot go on with nerfstudio"):
    outputs.check_resumable()


def test_a_script_says_before_it_starts_that_a_layer_is_missing(tmp_path: Path) -> None:
  task = Task.of(WORLD, CONFIG, (3,), tmp_path, layers=("rgba", "depth"))
  with pytest.raises(KubricGenError, match="--sinks=colmap needs the layer segmentation"):
    Outputs(task, ["scene_directory", "colmap"])
  Outputs(task, ["scene_directory", "blender"])


def test_an_export_neither_holds_its_scene_nor_lies_in_it(scenes: Path, tmp_path: Path) -> None:
  inside = tmp_path / "data" / "scene"
  shutil.copytree(scenes / "7", inside)
  (tmp_path / "link").symlink_to(inside)
  for scene, output in ((inside, inside.parent), (inside, inside), (inside, inside / "out"), (tmp_path / "link", inside.parent),
                        (inside, tmp_path / "link" / "out")):
    assert "lie in one another" in refused("nerfstudio", [scene], output, overwrite=True)
  assert files(inside) == files(scenes / "7") and not (inside / "out").exists()


def test_a_reader_that_goes_away_is_no_traceback(scenes: Path, tmp_path: Path) -> None:
  shell = f"{shlex.quote(sys.executable)} -m kubric_gen.export blender {scenes / '7'} --output={tmp_path / 'out'} | true"
  done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=120)
  assert "Traceback" not in done.stderr and (tmp_path / "out" / "transforms_train.json").is_file()


def test_a_script_refuses_views_without_training_before_it_renders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  from worlds import nerf
  config = nerf.NerfConfig(resolution=SIZE, num_train_views=1, num_validation_views=0, num_test_views=1, views="test_000",
                           min_num_objects=1, max_num_objects=1, settle_seconds=0.1)
  task = Task.of(nerf.WORLD, config, (0,), tmp_path / "out")
  monkeypatch.setattr("kubric_gen.cli.generating.make_example", lambda *_, **__: pytest.fail("it is rendered"))
  outputs = Outputs(task, ["nerfstudio"])
  with pytest.raises(KubricGenError, match="no training views for nerfstudio"), outputs:
    make_seed(task, 0, check=partial(outputs.check_scene, 0))


def test_a_new_format_is_one_class(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  from kubric_gen.sinks import sink
  monkeypatch.setattr(sink, "_SINKS", dict(sink._SINKS))

  @add_sink
  class Together(ExampleSink):
    """Puts all scenes into one folder."""

    name, folder, shared = "together", "together", True

    def add(self, key: str, item: kg.Example) -> None:
      self.target.mkdir(exist_ok=True)
      (self.target / f"{key.replace('/', '_')}.txt").write_text(str(len(item.instances)))

  export_scenes("together", [scenes / "7"], tmp_path / "one")
  assert sorted(files(tmp_path / "one")) == ["7.txt"]
  export_scenes("together", [scenes / "7", scenes / "train" / "0"], tmp_path / "two")
  assert sorted(files(tmp_path / "two")) == ["7.txt", "train_0.txt"]


def test_a_scene_whose_files_were_changed_is_refused(tmp_path: Path) -> None:
  scene = write(tmp_path / "scene", seed=3)
  shutil.copyfile(scene / "rgba_00000.png", scene / "rgba_00001.png")
  assert "rgba_00001.png" in refused("blender", [scene], tmp_path / "out") and not (tmp_path / "out").exists()
  (scene / "checksums.json").unlink()  # of a scene without checksums nobody can tell
  export_scenes("blender", [scene], tmp_path / "out")
