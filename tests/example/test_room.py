"""Whether there is room for a scene, asked before anything is made of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import kubric_gen as kg
from kubric_gen.errors import KubricGenError
from kubric_gen.example import room
from kubric_gen.example.room import MOTION_BYTES, PIXEL_BYTES, Need, check_room, size_text
from kubric_gen.limits import MAX_FRAMES

ROOT = Path(__file__).parents[2]
LAYERS = ("rgba", "segmentation", "depth", "amodal_segmentation", "tracks")


def small_scene(**fields: object) -> kg.Scene:
  objects = (kg.Object("floor", kg.Plane(), static=True, background=True), kg.Object("cube", kg.Cube(), position=(0, 0, 2)))
  return kg.Scene(objects, (), (kg.PerspectiveCamera(position=(4, 0, 2), look_at=(0, 0, 0)),), resolution=(8, 12), num_frames=2,
                  **fields)  # type: ignore[arg-type]


def have(monkeypatch: pytest.MonkeyPatch, disk: int = 1 << 60, memory: int | None = None) -> None:
  """As if the machine had so many bytes."""
  monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=disk))
  monkeypatch.setattr(room, "available_memory", lambda: memory)


def test_what_is_counted() -> None:
  need = Need.of(small_scene(), LAYERS)
  assert need.disk() == 2 * 8 * 12 * (4 + 2 + 4) + 2 * 12  # masks have a bit for each pixel of the cube, tracks have no frames
  assert need.memory() == 8 * 12 * PIXEL_BYTES + 2 * 2 * MOTION_BYTES
  cameras = tuple(kg.PerspectiveCamera(str(n), resolution=side) for n, side in enumerate([(4, 4), None, (2, 100)]))
  several = Need.of(kg.Scene((), (), cameras, resolution=(8, 12), num_frames=1), ("depth",))
  assert several.disk() == 4 * (16 + 96 + 200) and several.memory() == 200 * PIXEL_BYTES


def test_exactly_what_is_counted_is_put_aside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
  monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
  layers = ("segmentation", "depth", "normal", "forward_flow", "amodal_segmentation", "tracks")
  scene = small_scene()
  with kg.make_example(scene, layers=layers):
    written = sum(path.stat().st_size for path in tmp_path.rglob("*.raw"))
  assert written == Need.of(scene, layers).disk()


def test_refused_where_there_is_clearly_no_room_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
  need = Need.of(small_scene(), LAYERS)
  have(monkeypatch, need.disk(), need.memory())
  check_room(need)
  have(monkeypatch, need.disk())  # nothing is known of memory
  check_room(need)
  have(monkeypatch, need.disk() - 1, need.memory())
  with pytest.raises(KubricGenError, match="the frames need 1.94 kB in .*, where 1.94 kB are free: .*TMPDIR"):
    check_room(need)
  have(monkeypatch, need.disk(), need.memory() - 1)
  with pytest.raises(KubricGenError, match="images of 8x12 need at least 10 kB of memory, and 10 kB are to be had: make smaller"):
    check_room(need)


def test_an_example_is_refused_before_it_is_simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
  monkeypatch.setattr("kubric_gen.example.making.simulate", lambda *_, **__: pytest.fail("it is simulated"))
  monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
  have(monkeypatch, 100)
  with pytest.raises(KubricGenError, match=f"the frames need .* in {tmp_path}"):
    kg.make_example(small_scene(), layers=("depth",))
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("size", "text"), [
    (0, "0 bytes"), (999, "999 bytes"), (999_600, "1 MB"), (1_340_000_000_000_000, "1.34 PB"), (10 ** 30, "1e+12 EB")])
def test_sizes_for_people(size: int, text: str) -> None:
  assert size_text(size) == text


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=100,
                        env={**os.environ, "TMPDIR": str(folder)})


@pytest.mark.parametrize("command", [
    ("worlds/movi.py", "--output_dir=OUT"), ("worlds/movi.py", "--output_dir=OUT", "--dry_run"),
    ("worlds/nerf.py", "--num_train_views=90000", "--resolution=512", "--output_dir=OUT"),
    ("-m", "beam_pipelines.generate", "--world=movi", "--num_scenes=1", "--data_dir=OUT")])
def test_command_lines_ask_for_room_in_the_real_memory_disk(command: tuple[str, ...], tmp_path: Path) -> None:
  memory = Path("/dev/shm")
  free = shutil.disk_usage(memory).free if os.access(memory, os.W_OK) else 0
  if not 0 < free < 250e9:
    pytest.skip("there is no disk in memory, or it is too large to ask too much of it")
  frames = () if "worlds/nerf.py" in command else (f"--num_frames={MAX_FRAMES}",)
  result = run(*(part.replace("OUT", str(tmp_path / "out")) for part in command), *frames, folder=memory)
  lines = result.stderr.strip().splitlines()
  assert result.returncode == 2 and len(lines) == 1 and not result.stdout, result.stderr
  assert "the frames need " in lines[0] and " in /dev/shm, where " in lines[0] and not (tmp_path / "out").exists()
