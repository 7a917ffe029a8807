"""Scene directories and datasets hold neither the name of the machine nor its paths, nor the user's name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
from PIL import Image

from tests.beam_pipelines.runs import ROOT, TINY

RENAMED = """
import getpass, platform, runpy, socket, sys
platform.node = socket.gethostname = lambda: "the-name-of-the-host"
getpass.getuser = lambda: "the-name-of-the-user"
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""
TEXTURED = """
import sys
import kubric_gen as kg
from kubric_gen.render.cycles import CyclesRenderer
folder = sys.argv[1]
box = kg.Object("box", kg.MeshFile(folder + "/box.obj"), static=True)
scene = kg.Scene([box], [], [kg.PerspectiveCamera(position=(0, -3, 1), look_at=(0, 0, 0))], resolution=(8, 8), num_frames=1)
with CyclesRenderer(scene, kg.simulate(scene), kg.RenderSettings(samples_per_pixel=1, device="cpu")) as renderer:
  first = list(renderer.frames())[0]
  renderer.save_blend(folder + "/scene.blend")
  assert (list(renderer.frames())[0] == first).all()
import bpy
bpy.ops.wm.open_mainfile(filepath=folder + "/scene.blend")
assert [image.size[:] for image in bpy.data.images if image.packed_file] == [(8, 8)]
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
  """Words that must not appear."""
  places = {name: tmp_path / f"the_folder_{name.lower()}" for name in ("HOME", "TMPDIR", "KUBRIC_GEN_CACHE")}
  for name, place in places.items():
    place.mkdir()
    monkeypatch.setenv(name, str(place))
  for name in ("USER", "LOGNAME", "HOSTNAME"):
    monkeypatch.setenv(name, f"the-name-of-the-{name.lower()}")
  return ["the-name-of-", "the_folder_", str(tmp_path), str(ROOT), sys.prefix]


def run(*command: str) -> None:
  result = subprocess.run([sys.executable, "-c", *command], cwd=ROOT, capture_output=True, text=True, timeout=280)
  assert result.returncode == 0, result.stderr


def content(path: Path) -> bytes:
  if path.suffix != ".blend":
    return path.read_bytes()
  with pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd") as file:
    return file.read()


def check(folder: Path, words: list[str]) -> None:
  files = [path for path in folder.rglob("*") if path.is_file()]
  assert files
  found = [(str(path.relative_to(folder)), word) for path in files for word in words if os.fsencode(word) in content(path)]
  assert not found


def test_a_scene_directory(tmp_path: Path, machine: list[str]) -> None:
  run(RENAMED, "worlds.movi", f"--output_dir={tmp_path / 'scenes'}", "--variant=c", "--resolution=32", "--num_frames=2",
      "--samples_per_pixel=2", "--device=cpu", "--save_state")
  check(tmp_path / "scenes", machine)
  names = {path.name for path in (tmp_path / "scenes" / "0").iterdir()}
  assert {"run.json", "scene.blend", "scene.bullet", "preview.mp4"} <= names


def test_a_scene_of_blender_with_a_texture(tmp_path: Path, machine: list[str]) -> None:
  place = tmp_path / "the_folder_of_the_object"
  place.mkdir()
  Image.new("RGB", (8, 8), (200, 30, 30)).save(place / "paint.png")
  (place / "box.mtl").write_text("newmtl m\nmap_Kd paint.png\n")
  (place / "box.obj").write_text("mtllib box.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nvt 0 0\n"
                                 "f 1/1 2/1 3/1\nf 1/1 2/1 4/1\nf 1/1 3/1 4/1\nf 2/1 3/1 4/1\n")
  run(TEXTURED, str(place))
  saved = content(place / "scene.blend")
  assert b"kubric_gen_render" not in saved and not [word for word in machine if os.fsencode(word) in saved]
  assert saved.startswith(b"BLENDER") and b"ENDB" in saved


def test_a_dataset(tmp_path: Path, machine: list[str]) -> None:
  run(RENAMED, "beam_pipelines.generate", f"--data_dir={tmp_path / 'data'}", "--num_scenes=1", "--file_format=tfrecord,parquet",
      *TINY)
  for place in ("data", "data_parquet"):
    check(tmp_path / place, machine)
