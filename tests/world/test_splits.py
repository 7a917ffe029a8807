"""Splits: fractions or seeds of their own, pairs that share all randomness, and names."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.scene import Cube, Object, PerspectiveCamera, Scene
from kubric_gen.scene.randomness import Key, generator
from kubric_gen.schema import Schema, Stills, Text
from kubric_gen.shards.recipe import Recipe, SceneKey
from kubric_gen.world import DatasetSpec, Split, World, WorldConfig, setting


class Nothing(Schema):
  """Records of a name."""

  layers = ()

  def features(self, config: Any, resolution: Any) -> Any:
    return {"name": Text()}

  def records(self, example: Any, scene_id: str) -> Any:
    yield scene_id, {"name": scene_id}


def spec(*splits: Split, name: str = "x") -> DatasetSpec:
  return DatasetSpec(name, "", splits, Nothing())


EXPLICIT = spec(Split("train"), Split("test"), Split("higher", overrides={"height": 2.0}, paired_with="test"),
                Split("highest", overrides={"height": 3.0}, paired_with="higher"))
FRACTIONS = spec(Split("train", 0.75), Split("test", 0.25))


# --- what is declared ------------------------------------------------------------------------------------------------------


def test_splits_have_fractions_or_seeds_of_their_own() -> None:
  assert EXPLICIT.explicit and not FRACTIONS.explicit
  assert [split.name for split in EXPLICIT.splits] == ["train", "test", "higher", "highest"]
  with pytest.raises(KubricGenError, match="explicit splits: say which, out of train, test, higher, highest"):
    EXPLICIT.split_of(0)


@pytest.mark.parametrize("fractions", [(0.5,), (0.5, 0.6), (1.5, -0.5), (1.0, 0.0), (float("nan"), 0.5), (0.5, float("inf")),
                                       (None, 1.0), (0.5, None, 0.5)])
def test_fractions_that_make_no_whole_and_mixtures_are_refused(fractions: tuple[float | None, ...]) -> None:
  with pytest.raises(KubricGenError, match="must be positive and add up to 1, or all be left out"):
    spec(*(Split(f"part_{number}", fraction) for number, fraction in enumerate(fractions)))


@pytest.mark.parametrize("name", ["", "Train", "1st", "a-b", "a b", "a/b", "../a", "a\n", "ä", "_a", "."])
def test_names_are_small_letters_digits_and_underscores(name: str) -> None:
  for make in (lambda: spec(Split(name)), lambda: spec(Split("train"), name=name)):
    with pytest.raises(KubricGenError, match="need names of small letters"):
      make()
  for sound in ("a", "train", "test_2", "held_out"):
    assert spec(Split(sound), name=sound).split(sound).name == sound


def test_each_split_has_its_own_name() -> None:
  for splits in ((Split("a"), Split("a")), (Split("a", 0.5), Split("a", 0.5)), ()):
    with pytest.raises(KubricGenError, match="each its own"):
      spec(*splits)
  with pytest.raises(KubricGenError, match="x has no split 'b': choose from a"):
    spec(Split("a")).split("b")


# --- fractions -------------------------------------------------------------------------------------------------------------


def test_the_hash_of_a_seed_decides_its_split() -> None:
  first = [FRACTIONS.split_of(seed).name for seed in range(4000)]
  assert first == [FRACTIONS.split_of(seed).name for seed in range(4000)]
  assert abs(Counter(first)["train"] / 4000 - 0.75) < 0.03
  renamed = dataclasses.replace(FRACTIONS, name="y")
  assert first != [renamed.split_of(seed).name for seed in range(4000)]
  # A smaller split at the end takes no seed from the first one
  finer = spec(Split("train", 0.75), Split("test", 0.125), Split("dev", 0.125))
  assert all((finer.split_of(seed).name == "train") == (name == "train") for seed, name in enumerate(first))


def test_scenes_of_fractions_are_named_by_dataset_and_seed() -> None:
  train, test = FRACTIONS.splits
  assert FRACTIONS.scene_id(train, 7) == FRACTIONS.pair_id(train, 7) == "x_7"
  assert FRACTIONS.random_key(train, 7) == FRACTIONS.random_key(test, 7) == (7,)
  assert FRACTIONS.base(test) == test


# --- pairs -----------------------------------------------------------------------------------------------------------------


def test_pairs_may_be_chained() -> None:
  base = {split.name: EXPLICIT.base(split).name for split in EXPLICIT.splits}
  assert base == {"train": "train", "test": "test", "higher": "test", "highest": "test"}
  assert [EXPLICIT.scene_id(split, 7) for split in EXPLICIT.splits] == ["train/7", "test/7", "higher/7", "highest/7"]
  assert [EXPLICIT.pair_id(split, 7) for split in EXPLICIT.splits] == ["train/7", "test/7", "test/7", "test/7"]


@pytest.mark.parametrize("pairs", [
    {"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "a"}, {"a": "b", "b": "c", "c": "b"}])
def test_circles_are_refused(pairs: dict[str, str]) -> None:
  with pytest.raises(KubricGenError, match="the split a is paired with itself") as caught:
    spec(*(Split(name, paired_with=other) for name, other in pairs.items()))
  assert "\n" not in str(caught.value)


def test_pairs_need_a_partner_with_seeds() -> None:
  with pytest.raises(KubricGenError, match="no split 'c'"):
    spec(Split("a"), Split("b", paired_with="c"))
  with pytest.raises(KubricGenError, match="the split b is paired, so no split has a fraction"):
    spec(Split("a", 0.5), Split("b", 0.5, paired_with="a"))


# --- randomness ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class LiftConfig(WorldConfig):
  """Every number of the distribution."""

  height: float = setting(1.0, "metres above the floor", minimum=0)
  splits: str = setting("explicit", "explicit or fractions")


def _build(config: LiftConfig, rng: np.random.Generator) -> Scene:
  place = (float(rng.uniform()), float(rng.uniform()), config.height)
  camera = PerspectiveCamera("camera", position=(0, -6, 2), look_at=(0, 0, 0.5))
  return Scene((Object("cube", Cube(), position=place),), (), (camera,), resolution=config.resolution)


WORLD = World("lift", LiftConfig, _build, lambda config: EXPLICIT if config.splits == "explicit" else FRACTIONS)


def test_paired_scenes_have_the_same_randomness_and_others_none_in_common() -> None:
  config = LiftConfig()
  keys: dict[str, Key] = {split.name: WORLD.random_key(config, 7, split) for split in EXPLICIT.splits}
  assert keys["test"] == keys["higher"] == keys["highest"] != keys["train"]
  assert keys["test"] != WORLD.random_key(config, 8, EXPLICIT.split("test"))
  assert WORLD.random_key(config, 7) == WORLD.random_key(LiftConfig(splits="fractions"), 7, FRACTIONS.splits[0])
  everything = {WORLD.random_key(config, seed, EXPLICIT.split(name)) for seed in range(50) for name in ("train", "test")}
  assert len(everything) == len({generator(*key).integers(2**62) for key in everything}) == 100
  assert all(key[0] == "lift" for key in everything)


def test_paired_scenes_differ_in_what_the_split_changes_alone() -> None:
  config = LiftConfig()
  places = {split.name: WORLD.scene(config, 7, split).objects[0].position for split in EXPLICIT.splits}
  assert places["test"][:2] == places["higher"][:2] == places["highest"][:2] != places["train"][:2]
  assert [places[name][2] for name in ("train", "test", "higher", "highest")] == [1, 1, 2, 3]
  assert WORLD.scene(config, 8, EXPLICIT.split("test")).objects[0].position[:2] != places["test"][:2]


# --- recipes ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
  """The configs of which the world was asked for its dataset; recipes find it as `worlds.movi`."""
  import worlds.movi
  asked: list[Any] = []

  def dataset(config: LiftConfig) -> DatasetSpec:
    asked.append(config)
    return EXPLICIT if config.splits == "explicit" else FRACTIONS

  monkeypatch.setattr(worlds.movi, "WORLD", dataclasses.replace(WORLD, dataset=dataset))
  return asked


def test_a_recipe_asks_its_world_once(calls: list[Any]) -> None:
  recipe = Recipe("movi", LiftConfig(splits="fractions"), ((32, 32),))
  keys = [recipe.key(seed) for seed in range(1000)]
  assert [key.split for key in keys] == [FRACTIONS.split_of(seed).name for seed in range(1000)]
  assert recipe.hash(recipe.dataset.splits[0]) and recipe.plain() and len(calls) == 1


def test_a_recipe_of_explicit_splits_wants_the_split(calls: list[Any]) -> None:
  recipe = Recipe("movi", LiftConfig(), ((32, 32),))
  assert [recipe.key(seed, "higher") for seed in (0, 5)] == [SceneKey("higher", 0), SceneKey("higher", 5)]
  for name in ("", "dev"):
    with pytest.raises(KubricGenError, match="choose from train, test, higher, highest"):
      recipe.key(0, name)
  assert len(calls) == 1


def test_scenes_of_all_splits_have_hashes_of_their_own(calls: list[Any]) -> None:
  recipe = Recipe("movi", LiftConfig(), ((32, 32),))
  hashes = {split.name: recipe.hash(split) for split in recipe.dataset.splits}
  assert len(set(hashes.values())) == 4  # train and test have one config, but not the same seeds


def test_a_pair_differs_from_its_pair_in_its_own_overrides_alone() -> None:
  shift, more = Split("shift", None, {"b": 3}, paired_with="test"), Split("more", None, {"c": 4}, paired_with="shift")
  spec = DatasetSpec("d", "", (Split("train"), Split("test", overrides={"a": 1, "b": 2}), shift, more), Stills(("depth",)))
  assert spec.overrides(spec.split("train")) == {} and spec.overrides(spec.split("shift")) == {"a": 1, "b": 3}
  assert spec.overrides(spec.split("more")) == {"a": 1, "b": 3, "c": 4}
  assert [spec.seeds_of(split) for split in spec.splits] == ["train", "test", "test", "test"]
