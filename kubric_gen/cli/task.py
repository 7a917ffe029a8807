"""What the flags of a world's script ask for, made sense of before any engine is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.layers import DEFAULT_LAYERS, LAYERS, check_layers
from kubric_gen.world.config import Config, WorldConfig
from kubric_gen.world.seeds import parse_seeds
from kubric_gen.world.splits import DatasetSpec, Split
from kubric_gen.world.world import World

SEARCHED = 100_000
"""Seeds among which one is looked for that belongs to a split, to name it in an error."""


def default_layers(dataset: DatasetSpec | None) -> tuple[str, ...]:
  """What is made of a scene where nothing is said of layers: what the schema of its world's dataset needs."""
  return DEFAULT_LAYERS if dataset is None else check_layers(dataset.schema.layers)


def default_split(dataset: DatasetSpec | None) -> Split | None:
  """The split where none is named: the first one of explicit splits, else none."""
  return dataset.splits[0] if dataset is not None and dataset.explicit else None


def scene_key(dataset: DatasetSpec | None, split: Split | None, seed: int) -> str:
  """The key of a scene in sinks: `<seed>`, or `<split>/<seed>` where splits are explicit."""
  return f"{split.name}/{seed}" if dataset is not None and split is not None and dataset.explicit else str(seed)


@dataclass(frozen=True)
class Task:
  """Scenes of a world that are to be made.

  Attributes:
    split: that all of them belong to; None where the splits are fractions of seeds and none was chosen.
    layers, settings: what to make of them, and how to render.
    output_dir: where sinks write. overwrite: what is there may be replaced.
    save_state: also keep the states of the engines.
  """

  world: World[Any]
  config: WorldConfig
  dataset: DatasetSpec | None
  split: Split | None
  seeds: tuple[int, ...]
  layers: tuple[str, ...]
  settings: RenderSettings
  output_dir: Path
  overwrite: bool = False
  save_state: bool = False

  def key(self, seed: int) -> str:
    """The key of a seed's scene in sinks."""
    return scene_key(self.dataset, self.split, seed)


def choose_split(world: World[Config], config: Config, name: str, seeds: Sequence[int]) -> tuple[Split | None, tuple[int, ...]]:
  """The split that is asked for, and those of the seeds that belong to it.

  Raises:
    KubricGenError: there is no such split, or none of the seeds belongs to it.
  """
  if not name:
    return default_split(world.dataset(config) if world.dataset is not None else None), tuple(seeds)
  dataset = world.dataset_of(config)
  split = dataset.split(name)
  if dataset.explicit:
    return split, tuple(seeds)
  mine = tuple(seed for seed in seeds if dataset.split_of(seed) == split)
  if not mine:
    other = next((seed for seed in range(SEARCHED) if dataset.split_of(seed) == split), None)
    raise KubricGenError(f"seed {seeds[0]} belongs to the split {dataset.split_of(seeds[0]).name} of {dataset.name}, and none of "
                         f"those given to {name}: choose other seeds, such as {other}, or leave out --split")
  return split, mine


def _layers(dataset: DatasetSpec | None, text: str | None) -> tuple[str, ...]:
  if text is None:
    return default_layers(dataset)
  names = check_layers(name for name in text.split(",") if name)
  if not names:
    raise KubricGenError(f"no layers to make: choose from {', '.join(LAYERS)}")
  return names


def task_from_flags(world: World[Config], config: Config, settings: RenderSettings, values: Any) -> Task:
  """What the flags ask for.

  Args:
    values: the flags of `define_run_flags`.

  Raises:
    KubricGenError: something that makes no sense.
  """
  seeds = parse_seeds(values.seed)
  dataset = world.dataset(config) if world.dataset is not None else None
  split, mine = choose_split(world, config, values.split, seeds)
  return Task(world, config, dataset, split, mine, _layers(dataset, values.layers), settings, Path(values.output_dir),
              values.overwrite, values.save_state)
