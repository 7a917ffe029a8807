"""What worlds of posed views share: how many views there are, which are wanted, where cameras stand, and splits of records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import kubric_gen as kg
from kubric_gen.errors import KubricGenError, SceneError
from kubric_gen.scene.transforms import rotation_matrix
from kubric_gen.schema import Stills
from kubric_gen.shards.recipe import SceneKey
from kubric_gen.world import DatasetSpec, PosedViewsConfig, Split, World, path_through, shell_above, view_splits
from kubric_gen.world.identity import config_hash, scene_flags, scene_names

SMALL = {"num_train_views": 3, "num_validation_views": 0, "num_test_views": 2}


def _spec(*splits: Split) -> DatasetSpec:
  return DatasetSpec("posed", "", splits or view_splits(PosedViewsConfig()), Stills(("depth",)))


# --- how many, and which ---------------------------------------------------------------------------------------------------


def test_views_are_named_by_split_and_number() -> None:
  views = PosedViewsConfig(num_train_views=1001, num_validation_views=1, num_test_views=0).all_views()
  assert [view.name for view in views[:2]] == ["train_000", "train_001"]
  assert [(view.name, view.split) for view in views[-2:]] == [("train_1000", "train"), ("validation_000", "validation")]
  assert len({view.name for view in views}) == len(views) == 1002


def test_the_order_and_repetition_of_names_say_nothing() -> None:
  texts = ("test_001,train_000", "train_000,test_001", " train_000 , test_001,", "test_001,train_000,test_001")
  configs = {PosedViewsConfig(**SMALL, views=text) for text in texts}
  (config,) = configs
  assert config.views == "train_000,test_001" and config.wanted == (0, 4)
  world = World("posed", PosedViewsConfig, lambda config, rng: None)  # type: ignore[arg-type,return-value]
  hashes = {text: config_hash(scene_flags(world, PosedViewsConfig(**SMALL, views=text), 0, (), kg.RenderSettings()))
            for text in (*texts, "train_000", "")}
  assert len({hashes[text] for text in texts}) == 1 and len(set(hashes.values())) == 3


def test_all_views_by_name_are_all_views() -> None:
  names = [view.name for view in PosedViewsConfig(**SMALL).all_views()]
  assert names == ["train_000", "train_001", "train_002", "test_000", "test_001"]
  config = PosedViewsConfig(**SMALL, views=",".join(reversed(names)))
  assert config == PosedViewsConfig(**SMALL) and config.wanted == (0, 1, 2, 3, 4)


@pytest.mark.parametrize(("views", "told"), [
    ("train_003", "'train_003'"), ("validation_000", "'validation_000'"), ("train", "'train'"), ("Train_000", "'Train_000'"),
    ("train_000;test_000", "'train_000;test_000'"), ("train_0", "'train_0'"), ("x" * 1000, "x" * 78 + "…")])
def test_unknown_views_are_one_line(views: str, told: str) -> None:
  with pytest.raises(KubricGenError, match="there is no view") as caught:
    PosedViewsConfig(**SMALL, views=views)
  assert told in str(caught.value) and "train_000 … train_002, test_000 … test_001" in str(caught.value)
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("counts", [{"num_train_views": 0}, {"num_test_views": -1}, {"num_train_views": 100_001}])
def test_counts_that_make_no_sense_are_one_line(counts: dict[str, int]) -> None:
  with pytest.raises(KubricGenError, match=f"{next(iter(counts))} must be in ") as caught:
    PosedViewsConfig(**counts)
  assert "\n" not in str(caught.value)


def test_a_scene_of_views_has_no_frames_to_choose() -> None:
  assert not {"num_frames", "frame_rate", "step_rate"} & set(vars(PosedViewsConfig()))


# --- cameras ---------------------------------------------------------------------------------------------------------------


def test_points_of_the_shell_are_uniform_in_its_volume() -> None:
  rng, low, high = np.random.default_rng(0), 0.2, 1.2
  points = np.array([shell_above(rng, 3.6, 4.4, low, high) for _ in range(4000)])
  distance = np.linalg.norm(points, axis=1)
  height, turn = points[:, 2] / distance, np.arctan2(points[:, 1], points[:, 0])
  for values, least, most in ((distance ** 3, 3.6 ** 3, 4.4 ** 3), (height, math.sin(low), math.sin(high)),
                              (turn, -np.pi, np.pi)):
    assert stats.kstest(values, stats.uniform(least, most - least).cdf).pvalue > 1e-3


def test_a_shell_without_thickness_or_span() -> None:
  x, y, z = shell_above(np.random.default_rng(0), 2.0, 2.0, 0.5, 0.5)
  assert math.hypot(x, y) == pytest.approx(2 * math.cos(0.5)) and z == pytest.approx(2 * math.sin(0.5))


def test_cameras_along_a_path_look_at_the_target_with_a_level_horizon() -> None:
  rng = np.random.default_rng(1)
  places = [shell_above(rng, 3.6, 4.4, 0.2, 1.2) for _ in range(20)]
  path = path_through(places, (0.1, -0.2, 0.25))
  assert path.frames == tuple(range(1, 21)) and path.positions == tuple(places)
  for place, quaternion in zip(path.positions, path.quaternions):
    right, up, back = rotation_matrix(quaternion).T
    away = np.subtract(place, (0.1, -0.2, 0.25))
    np.testing.assert_allclose(back, away / np.linalg.norm(away), atol=1e-9)
    assert abs(right[2]) < 1e-9 and up[2] > 0
  with pytest.raises(SceneError):
    path_through([(0, 0, 1)], (0, 0, 1))


# --- splits of records -----------------------------------------------------------------------------------------------------


RECORDS = Split("train", of_records=True)


@pytest.mark.parametrize("splits", [
    (RECORDS, Split("test")), (Split("test"), RECORDS), (RECORDS, Split("test", 1.0)), (Split("train", 1.0, of_records=True),),
    (Split("train", of_records=True, overrides={"a": 1}),), (RECORDS, Split("test", of_records=True, paired_with="train"))])
def test_mixtures_with_splits_of_scenes_are_refused(splits: tuple[Split, ...]) -> None:
  with pytest.raises(KubricGenError, match="where a split is of records, all are, and none has a fraction, overrides or a pair"):
    _spec(*splits)


@pytest.mark.parametrize("names", [("all",), ("train", "train"), ("Train",), ("../a",), ("",)])
def test_names_of_splits_of_records(names: tuple[str, ...]) -> None:
  with pytest.raises(KubricGenError, match="posed: "):
    _spec(*(Split(name, of_records=True) for name in names))


def test_every_scene_has_records_of_all_splits() -> None:
  spec = _spec()
  assert spec.of_records and not spec.explicit
  assert [split.name for split in spec.splits] == ["train", "validation", "test"]
  (whole,) = spec.scene_splits
  assert all(spec.split_of(seed) == whole for seed in range(50)) and spec.scene_split("test") == whole
  assert spec.record_splits(whole.name) == ("train", "validation", "test")
  assert spec.scene_id(whole, 7) == spec.pair_id(whole, 7) == "posed_7" and spec.random_key(whole, 7) == (7,)
  assert spec.overrides(whole) == {} and spec.seeds_of(whole) == "" and spec.split(whole.name) == whole


def test_metadata_of_a_scene_name_no_split() -> None:
  spec = _spec()
  world = World("posed", PosedViewsConfig, lambda config, rng: None)  # type: ignore[arg-type,return-value]
  assert scene_names(world, spec, spec.split_of(3), 3) == {"world": "posed", "seed": 3}


def test_a_record_says_its_split() -> None:
  spec, scenes = _spec(), DatasetSpec("clips", "", (Split("train", 0.5), Split("test", 0.5)), Stills(("depth",)))
  assert spec.split_of_record("all", {"split": "test"}) == "test"
  assert scenes.split_of_record("train", {"split": "test"}) == "train" == scenes.split_of_record("train", {})
  assert scenes.record_splits("test") == ("test",) and scenes.scene_split("test").name == "test"
  for record in ({"split": "dev"}, {"split": "all"}, {"split": None}, {}):
    with pytest.raises(KubricGenError, match="which there is not: choose from train, validation, test") as caught:
      spec.split_of_record("all", record)
    assert "\n" not in str(caught.value)


def test_splits_can_be_described() -> None:
  told = {split.name: split.description for split in view_splits(PosedViewsConfig(num_validation_views=0), train="many")}
  assert told == {"train": "many", "test": "views for testing"}
  assert all(split.of_records for split in view_splits(PosedViewsConfig()))
  with pytest.raises(KubricGenError, match="no split 'dev': choose from train, validation, test"):
    _spec().split("dev")


def test_keys_of_scenes_are_of_the_whole() -> None:
  from kubric_gen.shards.recipe import Recipe
  from worlds.nerf import NerfConfig
  recipe = Recipe("nerf", NerfConfig(), ((32, 32), (16, 16)))
  keys: list[Any] = [recipe.key(seed) for seed in (0, 5)]
  assert keys == [SceneKey("all", 0), SceneKey("all", 5)] and len(recipe.plain()) == 1
