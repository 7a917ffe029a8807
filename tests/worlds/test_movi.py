"""MOVi-A's distribution, over many built but not rendered scenes."""

from __future__ import annotations

import colorsys
from collections import Counter

import numpy as np
import pytest
from scipy import stats

import kubric_gen as kg
from kubric_gen.errors import KubricGenError
from kubric_gen.scene.serialization import from_json, to_json
from worlds.movi import COLORS, WORLD, MoviConfig

CONFIG = MoviConfig()
SCENES = [WORLD.scene(CONFIG, seed) for seed in range(120)]


def _foreground(scene: kg.Scene) -> list[kg.Object]:
  return [item for item in scene.objects if not item.background]


def _uniform(values: list[float], low: float, high: float) -> None:
  assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 1e-3


def test_the_same_seed_is_the_same_scene_and_another_is_not() -> None:
  assert WORLD.scene(CONFIG, 5) == SCENES[5] and SCENES[5] != SCENES[6]
  assert WORLD.scene(CONFIG, 0) == SCENES[0]


def test_scenes_survive_json() -> None:
  assert from_json(to_json(SCENES[3])) == SCENES[3]


def test_number_of_objects_is_uniform_over_3_to_10() -> None:
  counts = Counter(len(_foreground(scene)) for scene in SCENES)
  assert set(counts) == set(range(3, 11))
  assert stats.chisquare([counts[n] for n in range(3, 11)]).pvalue > 1e-3


@pytest.mark.parametrize(("label", "values"), [
    ("shape", ("cube", "cylinder", "sphere")), ("size_label", ("small", "large")), ("material", ("metal", "rubber")),
    ("color_label", tuple(COLORS))])
def test_labels_are_uniform(label: str, values: tuple[str, ...]) -> None:
  counts = Counter(item.labels[label] for scene in SCENES for item in _foreground(scene))
  assert set(counts) == set(values)
  assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_physical_properties_follow_material_and_size() -> None:
  volumes = {"cube": 1.0, "sphere": np.pi / 6, "cylinder": np.pi / 4}
  for scene in SCENES[:40]:
    for item in _foreground(scene):
      labels = item.labels
      size = {"small": 0.7, "large": 1.4}[labels["size_label"]]
      density, friction, restitution = {"metal": (2.7, 0.4, 0.3), "rubber": (1.1, 0.8, 0.7)}[labels["material"]]
      assert item.scale == (size,) * 3 and labels["size"] == size
      assert (item.friction, item.restitution) == (friction, restitution)
      from kubric_gen.assets import mass_of
      assert mass_of(item) == pytest.approx(density * volumes[labels["shape"]] * size ** 3)
      assert item.material is not None and item.material.color == labels["color"] == COLORS[labels["color_label"]]


def test_velocity_is_random_less_the_offset_from_the_centre() -> None:
  items = [item for scene in SCENES for item in _foreground(scene)]
  for axis in (0, 1):
    _uniform([item.velocity[axis] + item.position[axis] for item in items], -4, 4)
  assert all(item.velocity[2] == 0 and item.angular_velocity == (0, 0, 0) for item in items)


def test_objects_start_inside_the_region() -> None:
  items = [item for scene in SCENES for item in _foreground(scene)]
  positions = np.array([item.position for item in items])
  half = np.array([max(item.scale) / 2 for item in items])
  assert (np.abs(positions[:, :2]).max(axis=1) <= 5 - half + 1e-9).all()
  assert (positions[:, 2] >= 1 + half - 1e-9).all() and (positions[:, 2] <= 5 - half + 1e-9).all()


def test_camera_lights_floor_and_timing() -> None:
  cameras = np.array([scene.camera.position for scene in SCENES]) - (7.48113, -6.50764, 5.34367)
  for axis in range(3):
    _uniform(cameras[:, axis].tolist(), 0, 1)
  scene = SCENES[0]
  assert isinstance(scene.camera, kg.PerspectiveCamera) and round(scene.camera.field_of_view, 4) == 0.8576
  assert scene.gravity == (0, 0, -10) and scene.view_transform == "Filmic"
  assert [light.name for light in scene.lights] == ["sun", "lamp_back", "lamp_key", "lamp_fill"]
  floor = scene.objects[0]
  assert floor.background and floor.static and (floor.friction, floor.restitution) == (0.3, 0.5)
  assert (scene.num_frames, scene.frame_rate, scene.step_rate) == (24, 12, 240)


def test_every_ray_hits_something() -> None:
  small = MoviConfig(resolution=(24, 24), num_frames=1)
  for seed in range(3):
    scene = WORLD.scene(small, seed)
    truth = kg.GroundTruth(scene, kg.Motion.from_paths(scene))
    assert truth.depth(0).max() < 100


@pytest.mark.parametrize(("changes", "word"), [
    ({"variant": "z"}, "variant"), ({"resolution": "0"}, "resolution"), ({"resolution": "64x"}, "resolution"),
    ({"step_rate": 100}, "step_rate"), ({"num_frames": 0}, "num_frames"), ({"min_num_objects": 11}, "min_num_objects"),
    ({"small_size": 0.0}, "small_size"), ({"metal_restitution": 1.5}, "metal_restitution"),
    ({"spawn_min": (6.0, -5.0, 1.0)}, "spawn_min")])
def test_config_refuses_nonsense(changes: dict[str, object], word: str) -> None:
  with pytest.raises(KubricGenError, match=word):
    MoviConfig(**changes)  # type: ignore[arg-type]


# --- B ---------------------------------------------------------------------------------------------------------------------

B = MoviConfig(variant="b")
B_SCENES = [WORLD.scene(B, seed) for seed in range(100)]


def test_b_draws_eleven_shapes_of_any_size_and_hue() -> None:
  items = [item for scene in B_SCENES for item in _foreground(scene)]
  shapes = Counter(item.labels["shape"] for item in items)
  assert len(shapes) == 11 and stats.chisquare(list(shapes.values())).pvalue > 1e-3
  _uniform([item.labels["size"] for item in items], 0.7, 1.4)
  assert all(item.scale == (item.labels["size"],) * 3 for item in items)
  colors = np.array([item.labels["color"] for item in items])
  assert (colors.max(axis=1) == 1).all() and (colors.min(axis=1) == 0).all()
  _uniform([colorsys.rgb_to_hsv(*color)[0] for color in colors.tolist()], 0, 1)
  assert set(Counter(item.labels["material"] for item in items)) == {"metal", "rubber"}


def test_b_looks_from_anywhere_above_the_floor() -> None:
  positions = np.array([scene.camera.position for scene in B_SCENES])
  distance = np.linalg.norm(positions, axis=1)
  _uniform(distance.tolist(), 7, 9)
  _uniform((positions[:, 2] / distance).tolist(), 0.1, 1)  # a uniform direction has a uniform height (Archimedes)
  _uniform(np.arctan2(positions[:, 1], positions[:, 0]).tolist(), -np.pi, np.pi)


def test_b_has_a_backdrop_of_any_hue() -> None:
  hues = []
  for scene in B_SCENES:
    floor, dome = (item for item in scene.objects if item.background)
    assert floor.material == dome.material and floor.material.color == scene.labels["background_color"]
    hues.append(colorsys.rgb_to_hsv(*scene.labels["background_color"])[0])
  _uniform(hues, 0, 1)
  assert all(scene.labels["background"] == "colored" for scene in B_SCENES)


def test_b_is_reproducible_and_starts_without_overlap() -> None:
  assert WORLD.scene(B, 7) == B_SCENES[7] and from_json(to_json(B_SCENES[7])) == B_SCENES[7]
  for scene in B_SCENES[:20]:
    motion = kg.simulate(kg.Scene(scene.objects, scene.lights, scene.cameras, num_frames=1, gravity=scene.gravity))
    moved = np.abs(motion.positions[1] - motion.positions[0]).max()
    assert moved < 1.5  # overlap would throw them apart


@pytest.mark.parametrize("fields", [{"small_size": 2.0}, {"camera_inner": 10.0}, {"camera_slope": 1.0}])
def test_b_refuses_what_makes_no_sense(fields: dict[str, float]) -> None:
  with pytest.raises(KubricGenError):
    MoviConfig(variant="b", **fields)
