"""Records that a script writes are those that the pipeline makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubric_gen.cli.generating import make_seed
from kubric_gen.cli.outputs import Outputs
from kubric_gen.cli.task import Task, task_from_flags
from kubric_gen.errors import KubricGenError
from kubric_gen.render import RenderSettings
from kubric_gen.shards.recipe import Recipe, resolution_name
from kubric_gen.shards.scene import make_scene
from worlds.movi import WORLD, MoviConfig

SIZE = (16, 16)
CONFIG = MoviConfig(resolution=SIZE, num_frames=1)
SETTINGS = RenderSettings(samples_per_pixel=1, device="cpu")


class _Flags:
  """What the flags of a script may say."""

  seed, split, layers, overwrite, save_state = "0", "", None, False, False

  def __init__(self, **values: object) -> None:
    self.__dict__.update(values)


def _task(folder: Path, **values: object) -> Task:
  return task_from_flags(WORLD, CONFIG, SETTINGS, _Flags(output_dir=str(folder), **values))


def test_records_of_a_held_out_seed_are_those_of_the_dataset(tmp_path: Path) -> None:
  from array_record.python.array_record_module import ArrayRecordReader
  dataset = WORLD.dataset_of(CONFIG)
  seed = next(seed for seed in range(1000) if dataset.split_of(seed).name == "test_more_objects")
  task = _task(tmp_path, seed=str(seed), sinks="array_record")
  outputs = Outputs(task, ["array_record"])
  with outputs, make_seed(task, seed) as example:
    assert len([item for item in WORLD.scene(CONFIG, seed, dataset.split_of(seed)).objects if not item.background]) > 10
    outputs.add(seed, example)
    outputs.finish()
  recipe = Recipe("movi", CONFIG, (SIZE,), SETTINGS)
  wanted = make_scene(recipe, recipe.key(seed)).records[resolution_name(SIZE)]
  assert ArrayRecordReader(str(tmp_path / "movi_a.array_record")).read_all() == list(wanted.values())


def test_without_records_a_seed_is_as_the_config_says(tmp_path: Path) -> None:
  task = _task(tmp_path, seed="3", sinks="scene_directory")
  assert task.split_of(3) is None and task.key(3) == "3"


def test_a_split_of_seeds_takes_those_that_belong_to_it(tmp_path: Path) -> None:
  dataset = WORLD.dataset_of(CONFIG)
  task = _task(tmp_path, seed="0..199", split="validation", sinks="scene_directory")
  assert tuple(task.seeds) == tuple(seed for seed in range(200) if dataset.split_of(seed).name == "validation") and task.seeds
  assert task.key(task.seeds[0]) == str(task.seeds[0])  # MOVi's directories keep their names
  train = next(seed for seed in range(100) if dataset.split_of(seed).name == "train")
  with pytest.raises(KubricGenError, match=f"seed {train} belongs to the split train of movi_a"):
    _task(tmp_path, seed=str(train), split="validation", sinks="scene_directory")
  with pytest.raises(KubricGenError, match="no split 'nope'"):
    _task(tmp_path, split="nope", sinks="scene_directory")
