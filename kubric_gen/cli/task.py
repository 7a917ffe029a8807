"""What the flags of a world's script ask for, made sense of before any engine is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.example.room import Need, check_room
from kubric_gen.limits import MAX_SEARCHED
from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.layers import DEFAULT_LAYERS, LAYERS, check_layers, check_need_no_clip
from kubric_gen.world.config import Config, StaticWorldConfig, WorldConfig
from kubric_gen.world.identity import scene_flags
from kubric_gen.world.posed_views import PosedViewsConfig
from kubric_gen.world.seeds import Seeds, parse_seeds
from kubric_gen.world.splits import DatasetSpec, Split
from kubric_gen.world.world import World


def default_layers(config: StaticWorldConfig, dataset: DatasetSpec | None) -> tuple[str, ...]:
  """What is made of a scene where nothing is said of layers: what the schema of its world's dataset needs, or MOVi's layers, as
  far as a world whose scenes are no clips can have them."""
  if dataset is not None:
    return check_layers(dataset.schema.layers)
  return tuple(name for name in DEFAULT_LAYERS if isinstance(config, WorldConfig) or not LAYERS[name].needs_clip)


def default_split(dataset: DatasetSpec | None) -> Split | None:
  """The split where none is named: the first one of explicit splits, else none."""
  return dataset.splits[0] if dataset is not None and dataset.explicit else None


@dataclass(frozen=True)
class Task:
  """Scenes of a world that are to be made.

  Attributes:
    split: that all of them belong to; None where the splits are fractions of seeds and none was chosen.
    layers, settings: what to make of them, and how to render.
    output_dir: where sinks write. overwrite: what is there may be replaced.
    save_state: also keep the states of the engines.
    by_hash: where no split was chosen, and they are fractions of seeds, each scene is as in the dataset; else all are as the
      config says.
  """

  world: World[Any]
  config: StaticWorldConfig
  dataset: DatasetSpec | None
  split: Split | None
  seeds: Seeds
  layers: tuple[str, ...]
  settings: RenderSettings
  output_dir: Path
  overwrite: bool = False
  save_state: bool = False
  by_hash: bool = False

  @classmethod
  def of(cls, world: World[Config], config: Config, seeds: Sequence[int], output_dir: str | Path, *, split: Split | None = None,
         layers: Iterable[str] | None = None, settings: RenderSettings | None = None, **others: bool) -> Task:
    """A task with what is usual for the world where nothing is said.

    Args:
      split: the first one by default, where splits are explicit. layers: by default what the world's dataset needs.
      others: `overwrite`, `save_state` and `by_hash`.

    Raises:
      KubricGenError: an unknown layer.
    """
    dataset = world.dataset_of(config) if world.dataset is not None else None
    names = default_layers(config, dataset) if layers is None else check_layers(layers)
    return cls(world, config, dataset, split or default_split(dataset), Seeds.of(seeds), names, settings or RenderSettings(),
               Path(output_dir), **others)

  def split_of(self, seed: int) -> Split | None:
    """The split whose config a seed's scene has: the one that was chosen or, `by_hash`, the one that the seed belongs to."""
    if self.split is None and self.by_hash and self.dataset is not None and not self.dataset.explicit:
      return self.dataset.split_of(seed)
    return self.split

  def key(self, seed: int) -> str:
    """The key of a seed's scene in sinks: `<seed>`, or `<split>/<seed>` where splits are explicit."""
    return f"{self.split.name}/{seed}" if self.split is not None and self._seeds_of(self.split) else str(seed)

  def flags(self, seed: int) -> dict[str, Any]:
    """Exactly what decides the content of a seed's scene.

    Raises:
      KubricGenError: a file that the config names cannot be used.
    """
    split = self.split_of(seed)
    return scene_flags(self.world, self.world.config_of(self.config, split), seed, self.layers, self.settings,
                       self._seeds_of(split))

  def _seeds_of(self, split: Split | None) -> str:
    return "" if self.dataset is None else self.dataset.seeds_of(split)


def choose_split(world: World[Config], config: Config, name: str, seeds: Iterable[int]) -> tuple[Split | None, Seeds]:
  """The split that is asked for, and those of the seeds that belong to it.

  Raises:
    KubricGenError: there is no such split, or none of the seeds belongs to it.
  """
  if not name:
    return default_split(world.dataset_of(config) if world.dataset is not None else None), Seeds.of(seeds)
  dataset = world.dataset_of(config)
  split = dataset.split(name)
  if dataset.of_records:
    raise KubricGenError(f"--split chooses scenes, and every scene of {dataset.name} has records of all splits: leave it out")
  if dataset.explicit:
    return split, Seeds.of(seeds)
  mine = Seeds.of(seed for seed in seeds if dataset.split_of(seed) == split)
  if not mine:
    first = next(iter(seeds))
    other = next((seed for seed in range(MAX_SEARCHED) if dataset.split_of(seed) == split), None)
    raise KubricGenError(f"seed {first} belongs to the split {dataset.split_of(first).name} of {dataset.name}, and none of "
                         f"those given to {name}: choose other seeds, such as {other}, or leave out --split")
  return split, mine


def _writes_records(names: str) -> bool:
  """Whether one of the sinks takes records, whose keys are those of the dataset, so that the scenes must be, too."""
  from kubric_gen.sinks.sink import sinks
  return bool(set(names.split(",")) & set(sinks("records")))


def task_from_flags(world: World[Config], config: Config, settings: RenderSettings, values: Any) -> Task:
  """What the flags ask for.

  Args:
    values: the flags of `define_run_flags`.

  Raises:
    KubricGenError: something that makes no sense.
  """
  split, seeds = choose_split(world, config, values.split, parse_seeds(values.seed))
  layers = None if values.layers is None else [name for name in values.layers.split(",") if name]
  task = Task.of(world, config, seeds, values.output_dir, split=split, layers=layers, settings=settings,
                 overwrite=values.overwrite, save_state=values.save_state, by_hash=_writes_records(values.sinks))
  if not task.layers:
    raise KubricGenError(f"no layers to make: choose from {', '.join(LAYERS)}")
  if isinstance(config, PosedViewsConfig):
    check_need_no_clip(task.layers)
  return task


def check_room_for(config: StaticWorldConfig, layers: Sequence[str]) -> None:
  """Makes sure that this machine has the room for a scene, as far as the config tells what it will be.

  Raises:
    KubricGenError: it clearly has none.
  """
  frames = len(config.wanted) if isinstance(config, PosedViewsConfig) else getattr(config, "num_frames", 1)
  check_room(Need(frames, [config.resolution], layers))
