"""Annotations against Cycles' own data passes: two ray tracers, one scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kubric_gen as kg
from kubric_gen.render import CyclesRenderer

N = 3


def _scene(camera: kg.Camera, resolution: tuple[int, int]) -> kg.Scene:
  turn = kg.Path((0, N + 1), ((-1.0, 0.5, 0.8), (0.5, 1.0, 1.2)), ((1, 0, 0, 0), (0.7, 0.3, 0.5, 0.2)))
  fly = kg.Path((0, N + 1), ((1.5, -1.0, 1.5), (0.5, -1.5, 0.5)), ((1, 0.2, 0, 0), (1, -0.5, 0.4, 0.2)))
  return kg.Scene(
      [kg.Object("floor", kg.Disc(), scale=30, static=True, background=True),
       kg.Object("cube", kg.Cube(), scale=(1.0, 1.5, 0.7), path=turn),
       kg.Object("cylinder", kg.Cylinder(), scale=(1.2, 0.8, 1.6), path=fly),
       kg.Object("sphere", kg.Sphere(), position=(0, -0.5, 0.6), scale=1.2, static=True)],
      [kg.SunLight("sun", position=(1, 1, 3), look_at=(0, 0, 0))], [camera], resolution=resolution, num_frames=N)


def _data_passes(renderer: CyclesRenderer, t: int) -> dict[str, np.ndarray]:
  """Cycles' index, position and normal at one sample per pixel, read from the render engine's result."""
  import bpy
  import cycles
  scene = bpy.context.scene
  for index, name in enumerate(item.name for item in renderer.scene.objects):
    bpy.data.objects[name].pass_index = index + 1
  layer = scene.view_layers[0]
  layer.use_pass_position = layer.use_pass_object_index = layer.use_pass_normal = layer.use_pass_uv = True
  layer.use_pass_vector = True
  scene.cycles.samples, scene.cycles.use_denoising = 1, False
  scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BOX", 0.01
  found: dict[str, np.ndarray] = {}
  finish = cycles.CyclesRender.render_frame_finish

  def read(engine: object) -> None:
    finish(engine)
    result = engine.get_result()  # type: ignore[attr-defined]
    for entry in result.layers[0].passes:
      values = np.empty(result.resolution_x * result.resolution_y * entry.channels, np.float32)
      entry.rect.foreach_get(values)
      found[entry.name] = values.reshape(result.resolution_y, result.resolution_x, entry.channels)[::-1]

  cycles.CyclesRender.render_frame_finish = read
  try:
    next(renderer.frames(indices=[t]))
  finally:
    cycles.CyclesRender.render_frame_finish = finish
  return found


CAMERAS = {
    "moving": kg.PerspectiveCamera(focal_length=35, sensor_width=32, path=kg.Path(
        (0, N + 1), ((5, -5, 4), (6, -4, 4)), (kg.PerspectiveCamera(position=(5, -5, 4), look_at=(0, 0, 0.5)).quaternion,
                                               kg.PerspectiveCamera(position=(6, -4, 4), look_at=(0, 0, 0)).quaternion))),
    "orthographic": kg.OrthographicCamera(position=(5, -5, 4), look_at=(0, 0, 0), scale=7.0),
}


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("resolution", [(48, 80), (64, 40)])
def test_layers_agree_with_cycles(name: str, resolution: tuple[int, int]) -> None:
  scene = _scene(CAMERAS[name], resolution)
  motion = kg.Motion.from_paths(scene)
  truth = kg.GroundTruth(scene, motion)
  with CyclesRenderer(scene, motion, kg.RenderSettings(device="cpu")) as renderer:
    passes = _data_passes(renderer, 1)
  samples = truth.samples(1)
  ids = passes["Object Index"] if "Object Index" in passes else passes["IndexOB"]
  same = samples.object_index + 1 == ids[..., 0]
  assert same.mean() > 0.999
  hit = same & (samples.object_index >= 0)
  world = passes["Position"]
  distance = np.linalg.norm(world - truth.sampler.camera_positions[2], axis=-1)
  np.testing.assert_allclose(truth.depth(1)[hit][:, 0], distance[hit], rtol=3e-4)
  cosine = np.einsum("ij,ij->i", truth.normal(1)[hit], passes["Normal"][hit])
  assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.5
  uv_error = np.abs(truth.uv(1)[hit] - passes["UV"][hit][:, :2])
  assert np.percentile(np.minimum(uv_error, 1 - uv_error), 99) < 2e-3
  if name == "moving":  # Vector: to the previous frame in (x, y), from the next in (z, w), both with y upwards
    vector = passes["Vector"][hit]
    np.testing.assert_allclose(truth.forward_flow(1)[hit], np.stack([vector[:, 3], -vector[:, 2]], -1), atol=5e-3)
    np.testing.assert_allclose(truth.backward_flow(1)[hit], np.stack([vector[:, 1], -vector[:, 0]], -1), atol=5e-3)


def test_cut_outs_agree_with_cycles(tmp_path: Path) -> None:
  checks = (np.indices((6, 6)).sum(axis=0) % 2 * 255).astype(np.uint8)
  Image.fromarray(checks).save(tmp_path / "checks.png")
  leaf = kg.PrincipledMaterial(alpha=kg.Texture(str(tmp_path / "checks.png"), "raw", repeat=1.5))
  scene = kg.Scene([kg.Object("floor", kg.Disc(), scale=30, static=True, background=True),
                    kg.Object("leaf", kg.Plane(), scale=(2, 3, 1), position=(0, 0, 1), static=True, material=leaf),
                    kg.Object("ball", kg.Sphere(), static=True, material=leaf, scale=1.5, position=(0.5, 0.5, 0.5))],
                   [], [kg.PerspectiveCamera(position=(1, -4, 4), look_at=(0, 0, 0.5))], resolution=(60, 90), num_frames=1)
  motion = kg.Motion.from_paths(scene)
  index = kg.GroundTruth(scene, motion).samples(0).object_index
  with CyclesRenderer(scene, motion, kg.RenderSettings(device="cpu")) as renderer:
    passes = _data_passes(renderer, 0)
  ids = passes["Object Index"] if "Object Index" in passes else passes["IndexOB"]
  assert set(np.unique(index)) == {0, 1, 2}
  assert (index + 1 == ids[..., 0]).mean() > 0.995
