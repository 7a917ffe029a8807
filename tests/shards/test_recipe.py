"""What the scenes of a dataset are made from: splits that never change, hashes, resolutions, and smaller images."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from kubric_gen.errors import KubricGenError
from kubric_gen.render import RenderSettings
from kubric_gen.schema import MoviSchema
from kubric_gen.shards.recipe import Recipe, SceneKey, resolution_name
from kubric_gen.shards.scene import box_average
from kubric_gen.world import World
from kubric_gen.world.loading import load_world
from kubric_gen.world.splits import DatasetSpec, Split
from tests.schema.handmade import small_recipe
from worlds.movi import MoviConfig

RECIPE = small_recipe()
SPEC = RECIPE.dataset
BARE = World("bare", MoviConfig, lambda config, rng: None)  # type: ignore[arg-type,return-value]
"""A world that declares no dataset."""


# --- splits ----------------------------------------------------------------------------------------------------------------


def test_the_split_of_a_seed_is_the_same_for_ever() -> None:
  pinned = {0: "train", 5: "validation", 18: "test", 59: "test_more_objects", 100_000: "test_more_objects", 999_999: "test",
            2**62: "train"}
  assert {seed: SPEC.split_of(seed).name for seed in pinned} == pinned


def test_fractions_are_those_declared() -> None:
  counts = Counter(SPEC.split_of(seed).name for seed in range(20_000))
  expected = {split.name: 20_000 * split.fraction for split in SPEC.splits}
  assert set(counts) == set(expected) and sum(counts.values()) == 20_000
  assert stats.chisquare([counts[name] for name in expected], list(expected.values())).pvalue > 1e-3


def test_a_split_does_not_depend_on_what_else_is_made_nor_on_the_config() -> None:
  other = small_recipe(num_frames=5, resolutions=((64, 64),), max_num_objects=4).dataset
  assert all(SPEC.split_of(seed).name == other.split_of(seed).name for seed in reversed(range(300)))
  renamed = replace(SPEC, name="another")
  assert any(SPEC.split_of(seed).name != renamed.split_of(seed).name for seed in range(300))


@pytest.mark.parametrize("fractions", [(0.5,), (0.5, 0.6), (1.5, -0.5), (1.0, 0.0), (float("nan"), 0.5)])
def test_fractions_that_make_no_whole_are_refused(fractions: tuple[float, ...]) -> None:
  with pytest.raises(KubricGenError, match="fractions"):
    DatasetSpec("x", "", tuple(Split(f"part_{number}", fraction) for number, fraction in enumerate(fractions)), MoviSchema())


def test_a_dataset_without_splits_is_refused() -> None:
  with pytest.raises(KubricGenError, match="splits need names"):
    DatasetSpec("x", "", (), MoviSchema())


def test_fractions_may_be_rounded_numbers() -> None:
  spec = DatasetSpec("x", "", tuple(Split(f"part_{number}", 0.1) for number in range(10)), MoviSchema())
  assert len({spec.split_of(seed).name for seed in range(500)}) == 10


def test_an_unknown_split_is_named_with_the_known_ones() -> None:
  assert SPEC.split("test").fraction == 0.05
  with pytest.raises(KubricGenError, match="no split 'dev'.*train, validation, test, test_more_objects"):
    SPEC.split("dev")


def test_a_seed_is_looked_up_in_its_own_split_alone() -> None:
  assert RECIPE.key(18) == RECIPE.key(18, "test") == SceneKey("test", 18)
  with pytest.raises(KubricGenError, match="the seed 18 of movi_a belongs to the split test, not train"):
    RECIPE.key(18, "train")
  with pytest.raises(KubricGenError, match="no split 'dev'"):
    RECIPE.key(18, "dev")


def test_the_held_out_split_differs_in_config_and_hash() -> None:
  configs = {split.name: RECIPE.config_of(split) for split in SPEC.splits}
  hashes = {split.name: RECIPE.hash(split) for split in SPEC.splits}
  assert configs["train"] == configs["validation"] == configs["test"] == RECIPE.config
  assert (configs["test_more_objects"].min_num_objects, configs["test_more_objects"].max_num_objects) == (11, 14)  # type: ignore[attr-defined]
  assert replace(configs["test_more_objects"], min_num_objects=3, max_num_objects=10) == RECIPE.config
  assert hashes["train"] == hashes["validation"] == hashes["test"] != hashes["test_more_objects"]
  assert set(RECIPE.plain()) == set(hashes)


# --- hashes ----------------------------------------------------------------------------------------------------------------


def _hash(recipe: Recipe) -> str:
  return recipe.hash(recipe.dataset.splits[0])


def _with(**changes: Any) -> str:
  return _hash(replace(RECIPE, settings=RenderSettings(**{"quality": "draft", **changes})))


def test_the_hash_does_not_depend_on_the_machine() -> None:
  assert _hash(RECIPE) == _with(device="cpu") == _with(device="cuda") == _with(threads=1) == _with(threads=64)
  assert _with(quality="high") != _hash(RECIPE) != _with(samples_per_pixel=5) and _with(denoiser="none") != _hash(RECIPE)
  assert _with(quality="high", samples_per_pixel=4, denoiser="fast") == _hash(RECIPE)  # said in other words
  assert _hash(pickle.loads(pickle.dumps(RECIPE))) == _hash(RECIPE) and pickle.loads(pickle.dumps(RECIPE)) == RECIPE


def test_every_number_of_the_config_is_in_the_hash() -> None:
  changes: list[dict[str, Any]] = [{"num_frames": 3}, {"frame_rate": 24}, {"gravity": 9.81}, {"camera_jitter": 0.5},
                                   {"spawn_min": (-4.0, -5.0, 1.0)}]
  hashes = {_hash(RECIPE), *(_hash(replace(RECIPE, config=replace(RECIPE.config, **change))) for change in changes)}
  assert len(hashes) == 1 + len(changes)


def test_the_hash_knows_the_resolutions_and_not_their_order() -> None:
  sizes = ((64, 64), (32, 32), (16, 16))
  ordered = Recipe("movi", MoviConfig(), sizes)
  for order in (sizes[::-1], (sizes[1], sizes[0], sizes[2])):
    assert Recipe("movi", MoviConfig(), order) == ordered and _hash(Recipe("movi", MoviConfig(), order)) == _hash(ordered)
  assert ordered.resolutions == sizes and ordered.config.resolution == (64, 64)
  assert len({_hash(Recipe("movi", MoviConfig(), some)) for some in (sizes, sizes[:2], sizes[:1], sizes[1:])}) == 4


# --- resolutions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [((64, 64), (64, 64)), ((8, 8), (16, 16), (8, 8)), ()])
def test_each_resolution_is_named_once(sizes: tuple[tuple[int, int], ...]) -> None:
  with pytest.raises(KubricGenError, match="once"):
    Recipe("movi", MoviConfig(), sizes)


@pytest.mark.parametrize("sizes", [((64, 64), (48, 48)), ((64, 64), (64, 32)), ((64, 64), (32, 64)), ((64, 64), (32, 16)),
                                   ((30, 40), (15, 21)), ((32, 64), (64, 32)), ((9, 9), (4, 4)), ((64, 64), (0, 0)),
                                   ((64, 64), (-1, -1)), ((0, 0),)])
def test_what_is_no_whole_fraction_is_refused(sizes: tuple[tuple[int, int], ...]) -> None:
  with pytest.raises(KubricGenError, match="resolution"):
    Recipe("movi", MoviConfig(), sizes)


@pytest.mark.parametrize("sizes", [((64, 64), (32, 32), (16, 16)), ((120, 160), (30, 40), (60, 80)), ((7, 7), (1, 1)),
                                   ((6, 4), (3, 2))])
def test_whole_fractions_are_taken(sizes: tuple[tuple[int, int], ...]) -> None:
  recipe = Recipe("movi", MoviConfig(), sizes)
  for height, width in sizes:
    features: Any = recipe.features((height, width))
    assert features["video"].shape == (24, height, width, 3)
  assert resolution_name((120, 160)) == "120x160"


# --- worlds ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mowi", "", "movi.py", "worlds.mowi", "os.path", "..movi", "worlds/movi", "no.such.one"])
def test_an_unknown_world_is_named_with_the_known_ones(name: str) -> None:
  with pytest.raises(KubricGenError, match="unknown world.*choose from .*movi") as caught:
    load_world(name)
  assert repr(name) in str(caught.value) and "\n" not in str(caught.value)


def test_a_world_may_have_a_dotted_name() -> None:
  assert load_world("worlds.movi") is load_world("movi")


def test_a_world_without_a_dataset_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
  import worlds.movi
  monkeypatch.setattr(worlds.movi, "WORLD", BARE)
  with pytest.raises(KubricGenError, match="the world bare declares no dataset: give its WORLD"):
    small_recipe()


def test_splits_that_do_not_fit_the_config_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
  import worlds.movi
  splits = (Split("train", 1.0, {"min_num_objects": 99}),)
  monkeypatch.setattr(worlds.movi, "WORLD", replace(BARE, dataset=lambda config: DatasetSpec("x", "", splits, MoviSchema())))
  with pytest.raises(KubricGenError, match="min_num_objects"):
    small_recipe()


# --- smaller images --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "smaller"), [((8, 8), (4, 4)), ((6, 9), (2, 3)), ((5, 7), (1, 1)), ((4, 6), (4, 6))])
@pytest.mark.parametrize("channels", [1, 3])
def test_smaller_images_are_rounded_means(size: tuple[int, int], smaller: tuple[int, int], channels: int) -> None:
  image = np.random.default_rng(0).integers(0, 256, (*size, channels)).astype(np.uint8)
  image[0, 0] = 255
  result = box_average(image, *smaller)
  assert result.shape == (*smaller, channels) and result.dtype == np.uint8
  step = size[0] // smaller[0]
  wide = size[1] // smaller[1]
  for row in range(smaller[0]):
    for column in range(smaller[1]):
      for channel in range(channels):
        covered = [int(image[r, c, channel]) for r in range(row * step, (row + 1) * step)
                   for c in range(column * wide, (column + 1) * wide)]
        assert result[row, column, channel] == int(sum(covered) / len(covered) + 0.5)


def test_means_neither_overflow_nor_drift() -> None:
  assert (box_average(np.full((256, 256, 3), 255, np.uint8), 1, 1) == 255).all()
  noise = np.random.default_rng(1).integers(0, 256, (512, 512, 1)).astype(np.uint8)
  assert abs(box_average(noise, 256, 256).mean() - noise.mean()) < 0.2  # half of the ties are rounded up
