"""Real renders at tiny sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kubric_gen as kg
from kubric_gen.errors import DeviceError, KubricGenError
from kubric_gen.render import CyclesRenderer

SUN = kg.SunLight("sun", position=(2, -2, 5), look_at=(0, 0, 0), strength=3.0)
CAMERA = kg.PerspectiveCamera(position=(0, -6, 2), look_at=(0, 0, 0.5))
FLOOR = kg.Object("floor", kg.Plane(), scale=20, static=True, background=True)
BALL = kg.Object("ball", kg.Sphere(), position=(0, 0, 0.6), static=True, material=kg.PrincipledMaterial(color="red"))
FAST = kg.RenderSettings(samples_per_pixel=4, device="cpu", denoiser="none")


def scene(*objects: kg.Object, camera: kg.Camera = CAMERA, **changes: object) -> kg.Scene:
  return kg.Scene(objects or (FLOOR, BALL), [SUN], [camera], resolution=(24, 32), num_frames=2, **changes)


def render(described: kg.Scene, settings: kg.RenderSettings = FAST) -> np.ndarray:
  return np.stack(list(kg.render_frames(described, kg.Motion.from_paths(described), settings)))


def test_frames_have_the_right_shape_and_the_ball_is_red() -> None:
  frames = render(scene())
  assert frames.shape == (2, 24, 32, 4) and frames.dtype == np.uint8
  red, green, blue, alpha = frames[0, 12, 16].astype(int)
  assert red > 2 * max(green, blue) and alpha == 255


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_change_the_bytes(threads: int) -> None:
  for settings in (replace(FAST, samples_per_pixel=8, denoiser="fast"), kg.RenderSettings(quality="high", device="cpu")):
    assert np.array_equal(render(scene(), settings), render(scene(), replace(settings, threads=threads)))


def test_an_explicit_number_of_samples_is_exact_and_a_quality_may_stop_early() -> None:
  assert kg.RenderSettings(quality="high").effective.adaptive_threshold > 0
  exact = kg.RenderSettings(quality="high", samples_per_pixel=7).effective
  assert (exact.samples, exact.adaptive_threshold, exact.adaptive_min_samples) == (7, 0, 0)
  assert kg.RenderSettings(samples_per_pixel=7, adaptive_threshold=0.5).effective.adaptive_threshold == 0.5
  uniform = kg.RenderSettings(quality="high", adaptive_threshold=0.0).effective
  assert uniform.adaptive_threshold == 0 and uniform.samples == kg.RenderSettings(quality="high").effective.samples
  few, many = (render(scene(), replace(FAST, samples_per_pixel=64, adaptive_threshold=level)) for level in (1.0, 0.0))
  assert not np.array_equal(few, many)


def test_only_the_frames_asked_for_are_rendered_and_match_the_clip() -> None:
  described = scene(FLOOR, replace(BALL, static=False, path=kg.Path((0, 3), ((-1, 0, 0.6), (2, 0, 0.6)),
                                                                  ((1, 0, 0, 0),) * 2)))
  motion = kg.Motion.from_paths(described)
  with CyclesRenderer(described, motion, FAST) as renderer:
    clip = list(renderer.frames())
    alone = list(renderer.frames(indices=[1]))
  assert len(alone) == 1 and np.array_equal(alone[0], clip[1]) and not np.array_equal(clip[0], clip[1])


def test_noise_differs_between_frames_of_a_still_scene() -> None:
  first, second = render(scene())
  assert not np.array_equal(first, second)


def test_transparent_background() -> None:
  frame = render(scene(BALL, transparent_background=True))[0]
  assert frame[0, 0, 3] == 0 and frame[12, 16, 3] == 255


def test_view_transform_is_what_the_scene_says() -> None:
  white = kg.Object("wall", kg.Plane(), scale=50, static=True, material=kg.FlatMaterial(color=(0.5, 0.5, 0.5)))
  up = kg.PerspectiveCamera(position=(0, 0, 5), look_at=(0, 0, 0))
  standard = render(scene(white, camera=up, view_transform="Standard"))[0, 12, 16, 0]
  filmic = render(scene(white, camera=up, view_transform="Filmic"))[0, 12, 16, 0]
  assert standard == round(255 * (1.055 * 0.5 ** (1 / 2.4) - 0.055))  # the sRGB curve
  assert filmic != standard


def test_motion_blur_smears_a_moving_ball() -> None:
  fast = replace(BALL, static=False, path=kg.Path((0, 3), ((-3, 0, 0.6), (3, 0, 0.6)), ((1, 0, 0, 0),) * 2))
  sharp = render(scene(FLOOR, fast), replace(FAST, samples_per_pixel=32))[0].astype(int)
  blurred = render(scene(FLOOR, fast, camera=replace(CAMERA, shutter=1.0)), replace(FAST, samples_per_pixel=32))[0].astype(int)

  def reddish(frame: np.ndarray) -> np.ndarray:
    return np.flatnonzero((frame[..., 0] > frame[..., 1] + 20).any(axis=0))

  assert len(reddish(blurred)) > len(reddish(sharp)) + 2
  assert abs(reddish(blurred).mean() - reddish(sharp).mean()) < 1.5  # centred on the frame


def test_depth_of_field_softens_the_edge() -> None:
  settings = replace(FAST, samples_per_pixel=64)
  sharp = render(scene(), settings)[0].astype(float)
  soft = render(scene(camera=replace(CAMERA, f_stop=0.2, focus_distance=1.0)), settings)[0].astype(float)
  assert np.abs(np.diff(soft[12, :, 1])).max() < 0.6 * np.abs(np.diff(sharp[12, :, 1])).max()


def test_flat_holdout_and_alpha() -> None:
  hole = replace(BALL, material=kg.FlatMaterial(holdout=True))
  frame = render(scene(FLOOR, hole))[0]
  assert frame[12, 16, 3] == 0 and frame[22, 2, 3] == 255
  gone = replace(BALL, material=kg.PrincipledMaterial(alpha=0.0))
  floor_only = render(scene(FLOOR), replace(FAST, samples_per_pixel=16))[0].astype(int)
  assert np.abs(render(scene(FLOOR, gone), replace(FAST, samples_per_pixel=16))[0].astype(int) - floor_only).mean() < 12


def test_every_light_shines_and_a_texture_shows(tmp_path: Path) -> None:
  checks = np.indices((8, 8)).sum(axis=0) % 2 * 255
  Image.fromarray(np.stack([checks, checks, np.full_like(checks, 255)], -1).astype(np.uint8)).save(tmp_path / "c.png")
  textured = replace(FLOOR, scale=(4, 4, 1), material=kg.PrincipledMaterial(
      color=kg.Texture(str(tmp_path / "c.png")), roughness=1.0, normal_map=None))
  dark = kg.Environment(color="black")
  for light in (kg.SunLight("l", position=(0, 0, 4), look_at=(0, 0, 0)), kg.PointLight("l", position=(0, 0, 3), power=300),
                kg.SpotLight("l", position=(0, 0, 4), look_at=(0, 0, 0), power=800, angle=1.5),
                kg.AreaLight("l", position=(0, 0, 3), look_at=(0, 0, 0), power=200)):
    lit = kg.Scene([textured], [light], [kg.PerspectiveCamera(position=(0, 0, 6), look_at=(0, 0, 0))], environment=dark,
                   resolution=(32, 32), num_frames=1, view_transform="Standard")
    frame = render(lit, replace(FAST, samples_per_pixel=16))[0].astype(int)
    assert frame[12:20, 12:20, :3].max() > 30, light
    assert frame[..., 2].sum() > 1.2 * frame[..., 0].sum(), light  # every second check is blue


def test_environment_image_lights_and_shows(tmp_path: Path) -> None:
  Image.fromarray(np.full((8, 16, 3), (0, 255, 0), np.uint8)).save(tmp_path / "sky.png")
  described = kg.Scene([FLOOR], [], [CAMERA], environment=kg.Environment(hdri=str(tmp_path / "sky.png")),
                       resolution=(24, 32), num_frames=1, view_transform="Standard")
  frame = render(described)[0].astype(int)
  assert frame[0, 0].tolist() == [0, 255, 0, 255] and frame[20, 16, 1] > 4 * frame[20, 16, 0]


@pytest.mark.parametrize("device", ["optix", "hip", "metal"])
def test_a_missing_gpu_is_an_error(device: str) -> None:
  try:
    with CyclesRenderer(scene(), kg.Motion.from_paths(scene()), replace(FAST, device=device)) as renderer:
      assert renderer.device == device and renderer.device_names  # a machine that has one
  except DeviceError as error:
    assert device in str(error) and "--device" in str(error)


def test_auto_names_its_device() -> None:
  with CyclesRenderer(scene(), kg.Motion.from_paths(scene()), replace(FAST, device="auto")) as renderer:
    assert renderer.device in ("cpu", "cuda", "optix", "hip", "metal")


def test_broken_texture_is_refused(tmp_path: Path) -> None:
  (tmp_path / "bad.png").write_bytes(b"no image")
  broken = replace(BALL, material=kg.PrincipledMaterial(color=kg.Texture(str(tmp_path / "bad.png"))))
  with pytest.raises(KubricGenError, match="bad.png"):
    render(scene(FLOOR, broken))


def test_output_of_blender_is_kept_out_of_the_way(capfd: pytest.CaptureFixture[str]) -> None:
  render(scene())
  captured = capfd.readouterr()
  assert captured.out == "" and captured.err == ""


def test_environment_image_turns_counter_clockwise(tmp_path: Path) -> None:
  sky = np.zeros((16, 32, 3), np.uint8)
  sky[:, 14:18] = (0, 255, 0)
  Image.fromarray(sky).save(tmp_path / "sky.png")

  def greenest(rotation: float) -> int:
    """Which of the directions +X, +Y, -X, -Y shows the green stripe."""
    environment = kg.Environment(hdri=str(tmp_path / "sky.png"), rotation=rotation)
    greens = []
    for target in ((1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)):
      described = kg.Scene([], [], [kg.PerspectiveCamera(look_at=target)], environment=environment, resolution=(8, 8),
                           num_frames=1, view_transform="Standard")
      greens.append(int(render(described, replace(FAST, samples_per_pixel=1))[0, ..., 1].sum()))
    return int(np.argmax(greens))

  assert greenest(np.pi / 2) == (greenest(0.0) + 1) % 4


def test_a_broken_texture_says_so_in_one_place(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
  (tmp_path / "bad.png").write_bytes(b"no image")
  broken = replace(BALL, material=kg.PrincipledMaterial(color=kg.Texture(str(tmp_path / "bad.png"))))
  with pytest.raises(KubricGenError, match="bad.png"):
    render(scene(FLOOR, broken))
  captured = capfd.readouterr()
  assert captured.out == captured.err == ""


def test_images_too_small_for_blender_are_refused() -> None:
  with pytest.raises(KubricGenError, match="resolution"):
    render(replace(scene(), resolution=(2, 20)))


def test_mesh_file_with_two_materials(tmp_path: Path) -> None:
  (tmp_path / "two.mtl").write_text("newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 1\n")
  (tmp_path / "two.obj").write_text(
      "mtllib two.mtl\nv -1 0 -1\nv 0 0 -1\nv 0 0 1\nv -1 0 1\nv 1 0 -1\nv 1 0 1\n"
      "usemtl red\nf 1 2 3\nf 1 3 4\nusemtl blue\nf 2 5 6\nf 2 6 3\n")
  wall = kg.Object("wall", kg.MeshFile(str(tmp_path / "two.obj")), static=True)
  described = kg.Scene([wall], [kg.SunLight("sun", position=(0, -5, 2), look_at=(0, 0, 0), strength=3)],
                       [kg.PerspectiveCamera(position=(0, -4, 0), look_at=(0, 0, 0))], resolution=(16, 24), num_frames=1)
  frame = render(described)[0].astype(int)
  left, right = frame[8, 8], frame[8, 15]
  assert left[0] > 2 * left[2] and right[2] > 2 * right[0]
