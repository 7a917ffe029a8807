"""The distributions of MOVi's variants, over many built but not rendered scenes."""

from __future__ import annotations

import colorsys
import functools
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import kubric_gen as kg
from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.assets.collections import BlenderHdris, Catalogue
from kubric_gen.errors import KubricGenError
from kubric_gen.scene.serialization import from_json, to_json
from kubric_gen.scene.transforms import rotation_matrix
from worlds.movi import COLORS, SETTLED, WORLD, MoviConfig

CONFIG = MoviConfig()


@functools.cache
def a_scenes() -> list[kg.Scene]:
  """Scenes of A."""
  return [WORLD.scene(CONFIG, seed) for seed in range(120)]


def _foreground(scene: kg.Scene) -> list[kg.Object]:
  return [item for item in scene.objects if not item.background]


def _uniform(values: list[float], low: float, high: float) -> None:
  assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 1e-3


def test_the_same_seed_is_the_same_scene_and_another_is_not() -> None:
  assert WORLD.scene(CONFIG, 5) == a_scenes()[5] and a_scenes()[5] != a_scenes()[6]
  assert WORLD.scene(CONFIG, 0) == a_scenes()[0]


def test_scenes_survive_json() -> None:
  assert from_json(to_json(a_scenes()[3])) == a_scenes()[3]


def test_number_of_objects_is_uniform_over_3_to_10() -> None:
  counts = Counter(len(_foreground(scene)) for scene in a_scenes())
  assert set(counts) == set(range(3, 11))
  assert stats.chisquare([counts[n] for n in range(3, 11)]).pvalue > 1e-3


@pytest.mark.parametrize(("label", "values"), [
    ("shape", ("cube", "cylinder", "sphere")), ("size_label", ("small", "large")), ("material", ("metal", "rubber")),
    ("color_label", tuple(COLORS))])
def test_labels_are_uniform(label: str, values: tuple[str, ...]) -> None:
  counts = Counter(item.labels[label] for scene in a_scenes() for item in _foreground(scene))
  assert set(counts) == set(values)
  assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_physical_properties_follow_material_and_size() -> None:
  volumes = {"cube": 1.0, "sphere": np.pi / 6, "cylinder": np.pi / 4}
  for scene in a_scenes()[:40]:
    for item in _foreground(scene):
      labels = item.labels
      size = {"small": 0.7, "large": 1.4}[labels["size_label"]]
      density, friction, restitution = {"metal": (2.7, 0.4, 0.3), "rubber": (1.1, 0.8, 0.7)}[labels["material"]]
      assert item.scale == (size,) * 3 and labels["size"] == size
      assert (item.friction, item.restitution) == (friction, restitution)
      assert mass_of(item) == pytest.approx(density * volumes[labels["shape"]] * size ** 3)
      assert item.material is not None and item.material.color == labels["color"] == COLORS[labels["color_label"]]


def test_velocity_is_random_less_the_offset_from_the_centre() -> None:
  items = [item for scene in a_scenes() for item in _foreground(scene)]
  for axis in (0, 1):
    _uniform([item.velocity[axis] + item.position[axis] for item in items], -4, 4)
  assert all(item.velocity[2] == 0 and item.angular_velocity == (0, 0, 0) for item in items)


def test_objects_start_inside_the_region() -> None:
  items = [item for scene in a_scenes() for item in _foreground(scene)]
  positions = np.array([item.position for item in items])
  half = np.array([max(item.scale) / 2 for item in items])
  assert (np.abs(positions[:, :2]).max(axis=1) <= 5 - half + 1e-9).all()
  assert (positions[:, 2] >= 1 + half - 1e-9).all() and (positions[:, 2] <= 5 - half + 1e-9).all()


def test_camera_lights_floor_and_timing() -> None:
  cameras = np.array([scene.camera.position for scene in a_scenes()]) - (7.48113, -6.50764, 5.34367)
  for axis in range(3):
    _uniform(cameras[:, axis].tolist(), 0, 1)
  scene = a_scenes()[0]
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


@functools.cache
def b_scenes() -> list[kg.Scene]:
  """A hundred scenes of B."""
  return [WORLD.scene(B, seed) for seed in range(100)]


def test_b_draws_eleven_shapes_of_any_size_and_hue() -> None:
  items = [item for scene in b_scenes() for item in _foreground(scene)]
  shapes = Counter(item.labels["shape"] for item in items)
  assert len(shapes) == 11 and stats.chisquare(list(shapes.values())).pvalue > 1e-3
  _uniform([item.labels["size"] for item in items], 0.7, 1.4)
  assert all(item.scale == (item.labels["size"],) * 3 for item in items)
  colors = np.array([item.labels["color"] for item in items])
  assert (colors.max(axis=1) == 1).all() and (colors.min(axis=1) == 0).all()
  _uniform([colorsys.rgb_to_hsv(*color)[0] for color in colors.tolist()], 0, 1)
  assert set(Counter(item.labels["material"] for item in items)) == {"metal", "rubber"}


def _half_shell(positions: np.ndarray, inner: float, outer: float) -> None:
  """As published: uniform in the volume, in the direction of a normally distributed point that is higher than 0.1."""
  distance = np.linalg.norm(positions, axis=1)
  _uniform((distance ** 3).tolist(), inner ** 3, outer ** 3)
  points = np.random.default_rng(0).standard_normal((40_000, 3))
  points = points[points[:, 2] > 0.1]
  expected = points[:, 2] / np.linalg.norm(points, axis=1)
  assert stats.ks_2samp(positions[:, 2] / distance, expected).pvalue > 1e-3
  _uniform(np.arctan2(positions[:, 1], positions[:, 0]).tolist(), -np.pi, np.pi)


def test_b_looks_from_anywhere_above_the_floor() -> None:
  _half_shell(np.array([scene.camera.position for scene in b_scenes()]), 7, 9)


def test_b_has_a_backdrop_of_any_hue() -> None:
  hues = []
  for scene in b_scenes():
    floor, dome = (item for item in scene.objects if item.background)
    assert floor.material == dome.material and floor.material.color == scene.labels["background_color"]
    hues.append(colorsys.rgb_to_hsv(*scene.labels["background_color"])[0])
  _uniform(hues, 0, 1)
  for scene in b_scenes():  # as the published builder reads it
    digits = scene.labels["background"].removeprefix("#")
    assert len(digits) == 6 and scene.labels["background"] == f"#{digits.lower()}"
    np.testing.assert_allclose([int(digits[k:k + 2], 16) / 255 for k in (0, 2, 4)], scene.labels["background_color"],
                               atol=0.5 / 255 + 1e-9)


def test_b_is_reproducible_and_starts_without_overlap() -> None:
  assert WORLD.scene(B, 7) == b_scenes()[7] and from_json(to_json(b_scenes()[7])) == b_scenes()[7]
  for scene in b_scenes()[:20]:
    motion = kg.simulate(kg.Scene(scene.objects, scene.lights, scene.cameras, num_frames=1, gravity=scene.gravity))
    moved = np.abs(motion.positions[1] - motion.positions[0]).max()
    assert moved < 1.5  # overlap would throw them apart


@pytest.mark.parametrize("fields", [{"small_size": 2.0}, {"camera_inner": 10.0}, {"camera_offset": 4.0}])
def test_b_refuses_what_makes_no_sense(fields: dict[str, float]) -> None:
  with pytest.raises(KubricGenError):
    MoviConfig(variant="b", **fields)


# --- C to F ----------------------------------------------------------------------------------------------------------------

EVERYDAY = ("c", *SETTLED)


@functools.cache
def scenes_of(variant: str) -> list[kg.Scene]:
  """Many scenes; what lies there has hardly fallen yet, which takes long and changes none of the draws."""
  config = MoviConfig(variant=variant, settle_seconds=0.05)
  return [WORLD.scene(config, seed) for seed in range({"c": 60, "d": 45}.get(variant, 12))]


def _extent(item: kg.Object) -> float:
  return float((np.ptp(load_mesh(item.shape).bounds, axis=0) * item.scale).max())


def test_c_throws_3_to_10_everyday_objects() -> None:
  counts = Counter(len(_foreground(scene)) for scene in scenes_of("c"))
  assert set(counts) <= set(range(3, 11)) and stats.chisquare([counts[n] for n in range(3, 11)]).pvalue > 1e-3
  items = [item for scene in scenes_of("c") for item in _foreground(scene)]
  _uniform([item.labels["scale"] for item in items], 0.75, 3.0)
  for axis in (0, 1):
    _uniform([item.velocity[axis] + item.position[axis] for item in items], -4, 4)
  assert all(item.velocity[2] == 0 and item.labels["is_dynamic"] for item in items)


def test_d_has_10_to_20_objects_that_lie_and_1_to_3_that_are_thrown() -> None:
  lying, thrown = ([[item for item in _foreground(scene) if item.labels["is_dynamic"] == dynamic] for scene in scenes_of("d")]
                   for dynamic in (False, True))
  for groups, low, high in ((lying, 10, 20), (thrown, 1, 3)):
    counts = Counter(map(len, groups))
    assert set(counts) <= set(range(low, high + 1))
    assert stats.chisquare([counts[n] for n in range(low, high + 1)]).pvalue > 1e-3
  assert all(item.velocity == (0, 0, 0) for group in lying for item in group)
  for axis in (0, 1):
    _uniform([item.velocity[axis] + item.position[axis] for group in thrown for item in group], -4, 4)
  _uniform([item.labels["scale"] for group in (*lying, *thrown) for item in group], 0.75, 3.0)
  low, high = (np.array([item.position for group in groups for item in group]).min(axis=0).tolist() for groups in (lying, thrown))
  assert low[0] < -5 and high[0] > -5 and high[2] > 1  # the ones from a larger region, the others from above the floor


@pytest.mark.parametrize("variant", EVERYDAY)
def test_everyday_objects_are_as_published(variant: str) -> None:
  source, training = Catalogue(), set(Catalogue().split(0.1)[0])
  seen = []
  for scene in scenes_of(variant)[:12]:
    for item in _foreground(scene):
      assert (item.friction, item.restitution, item.angular_damping, item.static) == (0.5, 0.5, 0.0, False)
      assert item.asset_id in training and item.labels["category"] == "None"
      assert item.labels["asset_category"] == source.find(item.asset_id).category
      assert len(set(item.scale)) == 1
      seen.append(item)
  for item in seen[::20]:  # the mass of the real thing, however large it is here
    assert _extent(item) == pytest.approx(item.labels["scale"])
    assert mass_of(item) == source.create(item.asset_id, "item").mass
  assert len({item.labels["asset_category"] for item in seen}) > 25


@pytest.mark.parametrize("variant", EVERYDAY)
def test_backgrounds_are_hdris_for_training(variant: str) -> None:
  training, held_out = BlenderHdris().split(0.1)
  assert held_out
  found = Counter(scene.labels["background"] for scene in scenes_of(variant))
  assert set(found) <= set(training) and stats.chisquare([found[name] for name in training]).pvalue > 1e-3
  for scene in scenes_of(variant)[:5]:
    assert scene.environment == BlenderHdris().create(scene.labels["background"]) and scene.lights == ()
    floor, dome = (item for item in scene.objects if item.background)
    assert isinstance(floor.material, kg.ProjectedEnvironment) and floor.material == dome.material
    assert (floor.friction, floor.restitution) == (0.3, 0.5)


def test_splits_hold_out_objects_and_backgrounds() -> None:
  assert WORLD.dataset is not None
  spec = WORLD.dataset(MoviConfig(variant="e"))
  assert [split.name for split in spec.splits] == ["train", "validation", "test", "test_objects", "test_backgrounds"]
  assert spec.split("train").fraction == pytest.approx(0.9)
  everything = WORLD.dataset(MoviConfig(variant="e", held_out_objects=0.0))
  assert [split.name for split in everything.splits] == ["train", "validation", "test_backgrounds"]
  for name, held_out in (("train", (False, False)), ("test", (True, True)), ("test_objects", (True, False)),
                         ("test_backgrounds", (False, True))):
    config = replace(MoviConfig(variant="c"), **spec.split(name).overrides)
    for seed in range(3):
      scene = WORLD.scene(config, seed)
      objects, backgrounds = Catalogue().split(0.1)[held_out[0]], BlenderHdris().split(0.1)[held_out[1]]
      assert {item.asset_id for item in _foreground(scene)} <= set(objects) and scene.labels["background"] in backgrounds


@pytest.mark.parametrize("variant", ["c", "d"])
def test_c_and_d_have_a_still_camera(variant: str) -> None:
  _half_shell(np.array([scene.camera.position for scene in scenes_of(variant)]), 7, 9)
  assert all(scene.camera.path is None and scene.camera.shutter == 0 for scene in scenes_of(variant))


def _paths(variant: str, count: int = 400) -> list[kg.PerspectiveCamera]:
  from worlds.movi import _camera
  config = MoviConfig(variant=variant)
  return [_camera(config, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize(("variant", "longest"), [("e", 4.0), ("f", 4.0), ("panning_e", 8.0)])
def test_e_and_f_move_the_camera_along_a_line(variant: str, longest: float) -> None:
  lengths = []
  for camera in _paths(variant):
    frames = np.arange(26)
    positions, quaternions = camera.poses(frames)
    steps = np.diff(positions, axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-9)  # one beyond each end, too
    ends = positions[[0, -1]]
    distance = np.linalg.norm(ends, axis=1)
    assert (distance > 8 - 1e-9).all() and (distance < 12 + 1e-9).all() and ends[0, 2] > 0 and ends[1, 2] > 0.1
    lengths.append(float(np.linalg.norm(ends[1] - ends[0])))
    if variant != "panning_e":
      forward = -rotation_matrix(quaternions)[:, :, 2]
      np.testing.assert_allclose(np.cross(forward, positions / np.linalg.norm(positions, axis=1)[:, None]), 0, atol=1e-9)
  _uniform(lengths, 0, longest)
  assert ({camera.shutter for camera in _paths(variant, 5)} == {0.0}) == (variant != "f")


def test_panning_e_looks_past_the_centre() -> None:
  nearest, turned = [], []
  for camera in _paths("panning_e"):
    positions, quaternions = camera.poses(np.arange(26))
    forward = -rotation_matrix(quaternions)[:, :, 2]
    along = -np.einsum("ij,ij->i", positions, forward)
    nearest.append(np.linalg.norm(positions + along[:, None] * forward, axis=1).min())
    turned.append(math_angle(forward[0], forward[-1]))
  assert max(nearest) < 4.0 and float(np.median(nearest)) < 1.2
  assert float(np.median(turned)) > np.median([math_angle(*(-rotation_matrix(camera.poses([0, 25])[1])[:, :, 2]))
                                               for camera in _paths("e")])


def math_angle(a: np.ndarray, b: np.ndarray) -> float:
  return float(np.arccos(np.clip(a @ b, -1, 1)))


def test_f_blurs_by_up_to_two_frames() -> None:
  shutters = [camera.shutter for camera in _paths("f")]
  _uniform(shutters, 0, 2)
  for scene in scenes_of("f")[:3]:
    assert scene.labels["motion_blur"] == scene.camera.shutter


def test_what_lies_there_has_come_to_rest() -> None:
  """Over the clip nothing that was not hit sinks, jumps or wanders, and nothing reaches below the floor by 5 mm."""
  for seed in (1, 2):
    scene = WORLD.scene(MoviConfig(variant="d"), seed)
    still = replace(scene, objects=tuple(item for item in scene.objects if item.background or not item.labels["is_dynamic"]))
    motion = kg.simulate(still)
    moved = []
    for index, item in enumerate(still.objects):
      if item.background:
        continue
      moved.append(float(np.abs(motion.positions[:, index] - motion.positions[0, index]).max()))
      vertices = load_mesh(item.shape).vertices * item.scale
      lowest = (vertices @ rotation_matrix(motion.quaternions[-1, index]).T)[:, 2].min() + motion.positions[-1, index, 2]
      assert lowest > -5e-3 * max(1.0, item.labels["scale"]), item.asset_id
    assert float(np.median(moved)) < 0.01, moved


@pytest.mark.parametrize("variant", EVERYDAY)
def test_everyday_scenes_are_reproducible_plain_data(variant: str) -> None:
  scene = scenes_of(variant)[4]
  assert WORLD.scene(MoviConfig(variant=variant, settle_seconds=0.05), 4) == scene
  assert from_json(to_json(scene)) == scene


def test_a_full_scene_builds_and_settles_in_time() -> None:
  """23 objects in under 10 s of one processor; the benchmark prints how long it takes on a quiet machine."""
  config = MoviConfig(variant="d", min_num_static=20, max_num_static=20, min_num_dynamic=3, max_num_dynamic=3)
  started = time.process_time()
  scene = WORLD.scene(config, 11)
  assert len(_foreground(scene)) == 23 and time.process_time() - started < 10


def test_what_rolls_far_away_is_left_out() -> None:
  config = MoviConfig(variant="d", clutter_min=(-12.0, -12.0, 0.0), clutter_max=(12.0, 12.0, 3.0), floor_diameter=30.0,
                      settle_seconds=2.0, min_num_static=8, max_num_static=8)
  counts = []
  for seed in range(4):
    scene = WORLD.scene(config, seed)
    lying = [item for item in _foreground(scene) if not item.labels["is_dynamic"]]
    assert all(np.hypot(*item.position[:2]) < 0.35 * 30 for item in lying)
    assert len(_foreground(scene)) > len(lying)
    counts.append(len(lying))
  assert 0 < min(counts) < 8


@pytest.mark.parametrize(("fields", "word"), [
    ({"min_num_static": 30}, "min_num_static"), ({"min_extent": 4.0}, "min_extent"), ({"moving_inner": 20.0}, "moving_inner"),
    ({"max_motion_blur": 3.0}, "max_motion_blur"), ({"objects_split": "validation"}, "objects_split"),
    ({"clutter_min": (9.0, 0.0, 0.0)}, "clutter_min")])
def test_c_to_f_refuse_what_makes_no_sense(fields: dict[str, object], word: str) -> None:
  with pytest.raises(KubricGenError, match=word):
    MoviConfig(variant="f", **fields)  # type: ignore[arg-type]


def test_an_empty_split_and_a_manifest_that_is_not_there(tmp_path: Path) -> None:
  with pytest.raises(KubricGenError, match="none of the 8"):
    WORLD.scene(MoviConfig(variant="c", backgrounds_split="test", held_out_backgrounds=0.0), 0)
  missing = MoviConfig(variant="c", gso_assets=str(tmp_path / "GSO.json"))
  for use in (lambda: WORLD.scene(missing, 0), lambda: WORLD.digests(missing)):
    with pytest.raises(KubricGenError, match="GSO.json"):
      use()


def test_what_counts_of_a_manifest_is_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  import json
  from kubric_gen.world.identity import scene_flags
  entry = {"asset_type": "FileBasedObject", "license": "CC0", "kwargs": {"render_filename": "{asset_dir}/a.obj"}}
  for folder, count in (("one", 2), ("two", 2), ("three", 3)):
    (tmp_path / folder).mkdir()
    assets = {f"a{i}": {"id": f"a{i}", **entry} for i in range(count)}
    (tmp_path / folder / "m.json").write_text(json.dumps({"name": "m", "assets": assets}))
  monkeypatch.chdir(tmp_path)

  def flags(path: str) -> dict[str, object]:
    config = MoviConfig(variant="c", gso_assets=path, held_out_objects=0.0)
    return scene_flags(WORLD, config, 0, ["rgba"], kg.RenderSettings())

  assert flags("one/m.json") == flags(str(tmp_path / "two" / "m.json")) != flags("three/m.json")
