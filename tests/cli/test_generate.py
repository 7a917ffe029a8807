"""Whole scenes, for real, at a tiny size."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.errors import KubricGenError
from kubric_gen.scene.layers import DEFAULT_LAYERS, LAYERS
from worlds.movi import WORLD, MoviConfig

ROOT = Path(__file__).parents[2]
CONFIG = MoviConfig(resolution=(32, 48), num_frames=3)
SETTINGS = kg.RenderSettings(samples_per_pixel=4, device="cpu")
FLAGS = ("--resolution=32x48", "--num_frames=3", "--samples_per_pixel=4", "--device=cpu", "--seed=3")
EXEMPT = ("run.json", "checksums.json", "preview.mp4", "preview.gif", "contact_sheet.png")


def digests(folder: Path) -> dict[str, str]:
  return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
          for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in EXEMPT}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Seed 3 with every layer."""
  return kg.generate(WORLD, CONFIG, 3, tmp_path_factory.mktemp("scene"), layers=LAYERS, settings=SETTINGS)


@pytest.fixture(scope="module")
def movi(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Seed 3 with MOVi's layers."""
  return kg.generate(WORLD, CONFIG, 3, tmp_path_factory.mktemp("scene"), settings=SETTINGS)


def test_files_of_the_contract(movi: Path) -> None:
  for layer, suffix in {"rgba": "png", "segmentation": "png", "depth": "tiff", "normal": "png",
                        "object_coordinates": "png", "forward_flow": "png", "backward_flow": "png"}.items():
    assert sorted(path.name for path in movi.glob(f"{layer}_*")) == [f"{layer}_{t:05d}.{suffix}" for t in range(3)]
  names = {path.name for path in movi.iterdir() if "_0" not in path.name}
  assert names == {"data_ranges.json", "metadata.json", "run.json", "checksums.json", "events.json", "preview.mp4",
                   "contact_sheet.png"}


def test_metadata_of_the_contract(movi: Path) -> None:
  described = json.loads((movi / "metadata.json").read_text())
  assert set(described) == {"flags", "metadata", "camera", "instances"}
  metadata, camera, instances = described["metadata"], described["camera"], described["instances"]
  assert metadata["resolution"] == [48, 32] and metadata["num_frames"] == 3 and metadata["seed"] == 3
  assert metadata["num_instances"] == len(instances) > 0 and metadata["gravity"] == [0, 0, -10]
  assert {"bpy", "pybullet", "kubric_gen"} <= set(metadata["versions"])
  assert np.shape(camera["positions"]) == (3, 3) and np.shape(camera["R"]) == (4, 4)
  fx = camera["focal_length"] / camera["sensor_width"]
  np.testing.assert_allclose(camera["K"], [[fx, 0, -0.5], [0, -fx * 48 / 32, -0.5], [0, 0, -1]])
  totals = [sum(item["visibility"]) for item in instances]
  assert totals == sorted(totals, reverse=True) and min(totals) > 0
  for item in instances:
    assert np.shape(item["bboxes_3d"]) == (3, 8, 3) and np.shape(item["quaternions"]) == (3, 4)
    assert len(item["bboxes"]) == len(item["bbox_frames"]) == np.count_nonzero(item["visibility"])
    assert {"shape", "size_label", "color", "color_label", "material", "mass", "friction", "asset_id"} <= set(item)
    centre = np.mean(item["bboxes_3d"], axis=1)
    np.testing.assert_allclose(centre, item["positions"], atol=1e-6)
  for event in json.loads((movi / "events.json").read_text())["collisions"]:
    assert 0 <= event["frame"] < 3 and isinstance(event["frame"], int)
    assert all(-1 <= i < len(instances) for i in event["instances"])


def test_reads_back_what_was_made(made: Path) -> None:
  example = kg.read_scene(made)
  truth = kg.GroundTruth(WORLD.scene(CONFIG, 3), kg.simulate(WORLD.scene(CONFIG, 3)))
  assert set(example.layers) == set(LAYERS) - {"tracks"} and example.tracks is not None
  for t in range(3):
    np.testing.assert_array_equal(example.layers["depth"][t], truth.depth(t))
    np.testing.assert_allclose(example.layers["normal"][t], truth.normal(t), atol=2 / 65535)
    np.testing.assert_allclose(example.layers["object_coordinates"][t], truth.object_coordinates(t), atol=1 / 65535)
    np.testing.assert_array_equal(example.layers["z"][t], truth.z(t))
    np.testing.assert_array_equal(example.layers["uv"][t], truth.uv(t))
    np.testing.assert_array_equal(example.layers["occlusion_forward"][t], truth.occlusion_forward(t))
    flow = truth.forward_flow(t)
    ranges = json.loads((made / "data_ranges.json").read_text())["forward_flow"]
    np.testing.assert_allclose(example.layers["forward_flow"][t], flow, atol=0.51 * (ranges["max"] - ranges["min"]) / 65535)
    labels = example.layers["segmentation"][t]
    for k, item in enumerate(example.instances, start=1):
      assert np.count_nonzero(labels == k) == item["visibility"][t]
      full = example.layers["amodal_segmentation"][t][..., k - 1]
      assert full[labels[..., 0] == k].all()
      assert item["visibility_fraction"][t] == pytest.approx((labels == k).sum() / max(1, full.sum()))
  assert example.stack("rgba").shape == (3, 32, 48, 4)


def test_layers_do_not_depend_on_which_others_are_made(made: Path, movi: Path) -> None:
  alone, all_layers = digests(movi), digests(made)
  different = {name for name in alone if name != "metadata.json" and alone[name] != all_layers[name]}
  assert not different


def test_no_renderer_without_rgba(tmp_path: Path) -> None:
  code = ("import sys; from worlds.movi import *; from kubric_gen import generate;"
          f"generate(WORLD, MoviConfig(resolution=(16, 16), num_frames=1), 0, {str(tmp_path)!r}, layers=['depth'],"
          "preview=False); assert 'bpy' not in sys.modules and 'tensorflow' not in sys.modules")
  subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
  assert (tmp_path / "0" / "depth_00000.tiff").is_file() and not list((tmp_path / "0").glob("rgba*"))


def test_same_bytes_in_one_process_in_two_and_with_another_number_of_threads(movi: Path, tmp_path: Path) -> None:
  expected = digests(movi)
  kg.generate(WORLD, CONFIG, 7, tmp_path / "between", settings=SETTINGS)  # another scene in between
  again = kg.generate(WORLD, CONFIG, 3, tmp_path / "again", settings=SETTINGS)
  assert digests(again) == expected
  for threads in (1, 2):
    output = tmp_path / f"threads{threads}"
    subprocess.run([sys.executable, "worlds/movi.py", *FLAGS, f"--threads={threads}", f"--output_dir={output}"],
                   check=True, cwd=ROOT, capture_output=True)
    assert digests(output / "3") == expected


def test_several_cameras(tmp_path: Path) -> None:
  scene = kg.Scene([kg.Object("ball", kg.Sphere(), path=kg.Path((0, 3), ((0, 0, 0), (0.5, 0, 0)), ((1, 0, 0, 0),) * 2))],
                   [], [kg.PerspectiveCamera("left", position=(0, -5, 0), look_at=(0, 0, 0)),
                        kg.OrthographicCamera("right", position=(5, 0, 0), look_at=(0, 0, 0))], resolution=(16, 24),
                   num_frames=2)
  with kg.make_example(scene, layers=("depth", "segmentation", "rgba"), settings=SETTINGS) as example:
    path = kg.write_scene(example, tmp_path / "stereo")
  back = kg.read_scene(path)
  assert [view.name for view in back.views] == ["left", "right"]
  assert (path / "cameras" / "right" / "rgba_00001.png").is_file()
  assert back.views[1].camera["projection"] == "orthographic"
  assert not np.array_equal(back.views[0].stack("rgba"), back.views[1].stack("rgba"))


def test_save_state(tmp_path: Path) -> None:
  path = kg.generate(WORLD, MoviConfig(resolution=(16, 16), num_frames=1), 0, tmp_path, layers=("depth",),
                     settings=SETTINGS, save_state=True)
  assert (path / "scene.blend").stat().st_size > 1000 and (path / "scene.bullet").stat().st_size > 100


def test_an_existing_scene_is_kept_unless_overwritten(movi: Path) -> None:
  with pytest.raises(KubricGenError, match="--overwrite"):
    kg.generate(WORLD, CONFIG, 3, movi.parent, settings=SETTINGS)
  assert (movi / "rgba_00002.png").is_file()


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  from kubric_gen.render import CyclesRenderer

  def fail(*_: object, **__: object) -> None:
    raise RuntimeError("out of paint")

  monkeypatch.setattr(CyclesRenderer, "frames", fail)
  with pytest.raises(RuntimeError, match="paint"):
    kg.generate(WORLD, CONFIG, 1, tmp_path / "out", settings=SETTINGS)
  assert list((tmp_path / "out").iterdir()) == []


def test_default_layers_are_movi() -> None:
  assert WORLD.dataset_of(CONFIG).schema.layers == DEFAULT_LAYERS
  assert DEFAULT_LAYERS == ("rgba", "segmentation", "depth", "normal", "object_coordinates", "forward_flow", "backward_flow")
