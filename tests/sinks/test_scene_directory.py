"""Scene directories that appear whole or not at all, and readers that say what is wrong with a damaged one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.errors import KubricGenError
from kubric_gen.scene.layers import LAYERS
from kubric_gen.system.whole import whole_directory

GEOMETRY = tuple(name for name in LAYERS if name != "rgba")


def _scene(*objects: kg.Object, cameras: tuple[str, ...] = ("camera",)) -> kg.Scene:
  return kg.Scene(objects, [], [kg.PerspectiveCamera(name, position=(0, -5 - i, 1), look_at=(0, 0, 0))
                                for i, name in enumerate(cameras)], resolution=(8, 10), num_frames=2)


def _write(path: Path, scene: kg.Scene, layers: tuple[str, ...] = GEOMETRY) -> Path:
  with kg.make_example(scene, layers=layers) as example:
    return kg.write_scene(example, path)


BALL = kg.Object("ball", kg.Sphere(), static=True)


def test_nothing_visible_still_makes_every_layer(tmp_path: Path) -> None:
  back = kg.read_scene(_write(tmp_path / "empty", _scene(kg.Object("away", kg.Sphere(), position=(0, -90, 0), static=True))))
  assert len(back.instances) == 0 and back.metadata["num_instances"] == 0
  assert back.stack("amodal_segmentation").shape == (2, 8, 10, 0)
  assert (back.stack("depth") == 1000).all() and not back.stack("segmentation").any()


def test_cameras_keep_their_order(tmp_path: Path) -> None:
  back = kg.read_scene(_write(tmp_path / "s", _scene(BALL, cameras=("one", "zwei", "drei")), ("depth",)))
  assert [view.name for view in back.views] == ["one", "zwei", "drei"]


def test_tracks_name_their_instance(tmp_path: Path) -> None:
  scene = _scene(kg.Object("hidden", kg.Cube(), position=(0, 9, 0), scale=0.1, static=True),
                 kg.Object("small", kg.Cube(), position=(1, -1, 0.5), scale=0.4, static=True), BALL)
  back = kg.read_scene(_write(tmp_path / "s", scene))
  labels, tracks = back.stack("segmentation"), back.tracks
  assert tracks is not None and len(back.instances) == 2
  for (t, row, column), instance in zip(tracks["query_points"], tracks["instance"]):
    assert labels[int(t), int(row), int(column), 0] == instance + 1


def test_only_scenes_and_empty_folders_are_replaced(tmp_path: Path) -> None:
  scene, precious = _scene(BALL), tmp_path / "precious"
  precious.mkdir()
  with kg.make_example(scene, layers=("depth",)) as example:
    kg.write_scene(example, precious, overwrite=True)
    kg.write_scene(example, precious, overwrite=True)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("years")
    for target in (tmp_path / "work", tmp_path):
      with pytest.raises(KubricGenError, match="no scene directory"):
        kg.write_scene(example, target, overwrite=True)
  assert (tmp_path / "work" / "thesis.txt").read_text() == "years"
  assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "work"]


def test_a_failed_replacement_keeps_the_old_scene(tmp_path: Path) -> None:
  path = _write(tmp_path / "s", _scene(BALL), ("depth",))
  before = (path / "metadata.json").read_bytes()
  with pytest.raises(RuntimeError), whole_directory(path, overwrite=True) as staging:
    (staging / "half").write_text("half")
    raise RuntimeError
  assert (path / "metadata.json").read_bytes() == before
  assert [item.name for item in tmp_path.iterdir()] == ["s"]


def test_a_file_is_no_place_for_a_scene(tmp_path: Path) -> None:
  (tmp_path / "file").write_text("x")
  with pytest.raises(KubricGenError, match="file"), whole_directory(tmp_path / "file", overwrite=True):
    pass
  with pytest.raises(KubricGenError, match="cannot"), whole_directory(tmp_path / "file" / "below"):
    pass


def _drop_key(path: Path) -> None:
  described = json.loads((path / "metadata.json").read_text())
  del described["camera"]
  (path / "metadata.json").write_text(json.dumps(described))


@pytest.mark.parametrize(("damage", "word"), [
    (lambda path: (path / "metadata.json").unlink(), "metadata.json"),
    (lambda path: (path / "metadata.json").write_text("{"), "metadata.json"),
    (_drop_key, "damaged"),
    (lambda path: (path / "depth_00001.tiff").unlink(), "depth_00001.tiff"),
    (lambda path: (path / "depth_00001.tiff").write_bytes(b"II"), "depth_00001.tiff"),
    (lambda path: (path / "normal_00001.png").write_bytes(b"x" * 50), "normal_00001.png"),
    (lambda path: (path / "amodal_00001.npz").write_bytes(b"PK"), "amodal_00001.npz"),
    (lambda path: (path / "data_ranges.json").unlink(), "data_ranges.json"),
    (lambda path: (path / "tracks.npz").write_bytes(b"PK\x03\x04"), "tracks.npz")])
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], None], word: str) -> None:
  path = _write(tmp_path / "s", _scene(BALL))
  damage(path)
  with pytest.raises(KubricGenError, match=word) as caught:
    example = kg.read_scene(path)
    for frames in example.layers.values():
      frames[1]
  assert "\n" not in str(caught.value)


def test_a_point_that_passes_the_camera_does_not_spoil_the_flow(tmp_path: Path) -> None:
  fly = kg.Path((0, 3), ((0.3, 2, 0), (0.3, -10, 0)), ((1, 0, 0, 0),) * 2)
  scene = kg.Scene([kg.Object("ball", kg.Sphere(), path=fly)], [], [kg.PerspectiveCamera(position=(0, -5, 0), look_at=(0, 0, 0))],
                   resolution=(40, 40), num_frames=2)
  back = kg.read_scene(_write(tmp_path / "s", scene, ("forward_flow", "backward_flow")))
  assert np.abs(back.stack("forward_flow")).max() < 40 / 36 * 50 * 10  # a focal length of pixels over ten times the near distance


def test_exported_names_are_not_shadowed_by_modules() -> None:
  import subprocess
  import sys
  code = ("import importlib, pkgutil, types\n"
          "for name in ('kubric_gen', 'kubric_gen.world', 'kubric_gen.cli', 'kubric_gen.schema', 'kubric_gen.example',"
          " 'kubric_gen.sinks'):\n"
          "  package = importlib.import_module(name)\n"
          "  names = [n for n in dir(package) if not n.startswith('_') and n != 'epy']\n"
          "  modules = {m.name for m in pkgutil.iter_modules(package.__path__)}\n"
          "  assert not modules & (set(names) - modules), name\n"
          "  for exported in names:\n"
          "    assert exported in modules or not isinstance(getattr(package, exported), types.ModuleType), exported\n"
          "import kubric_gen as kg\n"
          "assert callable(kg.make_example) and callable(kg.read_scene) and callable(kg.render_frames) and callable(kg.generate)")
  subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
