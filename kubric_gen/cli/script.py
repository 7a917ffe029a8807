"""The script of a world: its flags come from the world's config."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from absl import app, flags

from kubric_gen.cli.flags import config_from_flags, define, define_config_flags, define_render_flags, render_settings
from kubric_gen.errors import BAD_INPUT, DeviceError, KubricGenError, print_error
from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.layers import LAYERS, check_layers
from kubric_gen.system.command import guarded
from kubric_gen.world.config import Config, WorldConfig
from kubric_gen.world.seeds import parse_seeds
from kubric_gen.world.splits import DatasetSpec, Split
from kubric_gen.world.world import World

if TYPE_CHECKING:
  from kubric_gen.example import Example
  from kubric_gen.sinks import ExampleSink, RecordSink

SCENE_DIRECTORY = "scene_directory"


def define_run_flags() -> None:
  """What to make of the scenes, and where."""
  string = flags.ArgumentParser[str]()
  define("seed", "0", "which scene: a number, a range such as 0..99, or a list of these", string)
  define("split", "", "of the world's dataset: its config, and those of the seeds that belong to it; where splits have seeds of "
         "their own, the first one by default", string)
  define("layers", None, f"what to make, comma-separated, out of {', '.join(LAYERS)}; by default what the world's dataset needs",
         string)
  define("threads", 0, "CPU threads, 0 for all; the result does not depend on it", flags.IntegerParser())
  define("output_dir", os.environ.get("KUBRIC_GEN_OUTPUT_DIR", "output"),
         "where the directory <seed>/ (or <split>/<seed>/) appears; the variable KUBRIC_GEN_OUTPUT_DIR sets the default", string)
  define("sinks", SCENE_DIRECTORY, "what is written, comma-separated: scene_directory, or a file of all records: tfrecord, "
         "array_record, parquet, or a sink that the world brings along", string)
  for name, text in (("save_state", "also write scene.blend and scene.bullet"),
                     ("dry_run", "check the flags, files that they name, and the device if one is asked for; make nothing"),
                     ("resume", "leave out scenes that are there already, made from the same flags by the same versions"),
                     ("overwrite", "replace a scene directory that exists")):
    flags.DEFINE_boolean(name, False, text, module_name=sys.argv[0])


class _Bar:
  """A progress bar on a terminal, nothing elsewhere."""

  def __init__(self, key: str) -> None:
    self._key, self._bar, self._stage = key, None, ""

  def __call__(self, stage: str, done: int, total: int) -> None:
    from tqdm import tqdm
    if stage != self._stage:
      self.close()
      self._stage = stage
      self._bar = tqdm(total=total, desc=f"seed {self._key}: {stage}", unit="frame", leave=False, disable=None)
    if self._bar is not None:
      self._bar.update(done - self._bar.n)

  def close(self) -> None:
    if self._bar is not None:
      self._bar.close()


@dataclass(frozen=True)
class _Task:
  """What the flags ask for."""

  world: World[Any]
  config: WorldConfig
  dataset: DatasetSpec | None
  split: Split | None
  seeds: tuple[int, ...]
  layers: tuple[str, ...]
  settings: RenderSettings
  output_dir: Path
  save_state: bool
  overwrite: bool

  def key(self, seed: int) -> str:
    from kubric_gen.cli.generating import scene_key
    return scene_key(self.dataset, self.split, seed)


def choose_split(world: World[Config], config: Config, name: str, seeds: Sequence[int]) -> tuple[Split | None, tuple[int, ...]]:
  """The split that is asked for, and those of the seeds that belong to it.

  Raises:
    KubricGenError: there is no such split, or none of the seeds belongs to it.
  """
  if not name and world.dataset is None:
    return None, tuple(seeds)
  dataset = world.dataset_of(config)
  if dataset.explicit:
    return dataset.split(name or dataset.splits[0].name), tuple(seeds)
  if not name:
    return None, tuple(seeds)
  split = dataset.split(name)
  mine = tuple(seed for seed in seeds if dataset.split_of(seed) == split)
  if not mine:
    example = next((seed for seed in range(100_000) if dataset.split_of(seed) == split), None)
    raise KubricGenError(f"seed {seeds[0]} belongs to the split {dataset.split_of(seeds[0]).name} of {dataset.name}, and none of "
                         f"those given to {name}: choose other seeds, such as {example}, or leave out --split")
  return split, mine


def _layers(world: World[Config], config: Config, text: str | None) -> tuple[str, ...]:
  if text is None:
    from kubric_gen.cli.generating import default_layers
    return default_layers(world, config)
  names = check_layers(name for name in text.split(",") if name)
  if not names:
    raise KubricGenError(f"no layers to make: choose from {', '.join(LAYERS)}")
  return names


def _task(world: World[Config]) -> _Task:
  values = flags.FLAGS
  seeds = parse_seeds(values.seed)
  config = config_from_flags(world.config)
  dataset = world.dataset(config) if world.dataset is not None else None
  split, seeds_of_split = choose_split(world, config, values.split, seeds)
  return _Task(world, config, dataset, split, seeds_of_split, _layers(world, config, values.layers), render_settings(values.threads),
               Path(values.output_dir), values.save_state, values.overwrite)


class _RecordFile:
  """A sink for records that is fed with examples: the schema of the world's dataset makes the records."""

  def __init__(self, task: _Task, sink: type[RecordSink]) -> None:
    if task.dataset is None:
      raise KubricGenError(f"the world {task.world.name} declares no dataset, so it has no records for --sinks={sink.name}")
    missing = sorted(set(task.dataset.schema.layers) - set(task.layers))
    if missing:
      raise KubricGenError(f"--sinks={sink.name}: the records of {task.dataset.name} need the layer {missing[0]}: add it to "
                           "--layers, or leave --layers out")
    name = task.dataset.name if task.split is None else f"{task.dataset.name}-{task.split.name}"
    self.path = task.output_dir / f"{name}.{sink.name}"
    if self.path.exists() and not task.overwrite:
      raise KubricGenError(f"{self.path} already exists: choose another --output_dir or pass --overwrite")
    self._dataset, self._split = task.dataset, task.split
    self._features = task.dataset.schema.features(task.world.config_of(task.config, task.split), task.config.resolution)
    self._class = sink
    self._sink: RecordSink | None = None

  def open(self) -> RecordSink:
    """The sink, to be closed."""
    self.path.parent.mkdir(parents=True, exist_ok=True)
    self._sink = self._class(self.path)
    return self._sink

  def add(self, seed: int, example: Example) -> None:
    """Adds the records of an example."""
    assert self._sink is not None, "it is not open"
    from kubric_gen.schema.schema import Record
    from kubric_gen.schema.tf_example import encode
    scene_id = self._dataset.scene_id(self._split or self._dataset.splits[0], seed)
    for key, record in self._dataset.schema.records(example, scene_id):
      self._sink.add(key, Record(self._features, encode(self._features, record)))


def _open_sinks(task: _Task, names: Iterable[str]) -> tuple[list[ExampleSink], list[_RecordFile]]:
  """The sinks that are asked for, those for records not open yet.

  Raises:
    KubricGenError: an unknown one, or one whose file is there.
  """
  from kubric_gen.sinks import example_sink, record_sink, sinks
  known = sinks()
  examples, records = [], []
  for name in names:
    if name not in known:
      raise KubricGenError(f"unknown sink {name!r}: choose from {', '.join(known)}")
    if known[name].takes == "examples":
      examples.append(example_sink(name)(task.output_dir, overwrite=task.overwrite))
    else:
      records.append(_RecordFile(task, record_sink(name)))
  if not examples and not records:
    raise KubricGenError(f"no sink: choose from {', '.join(known)}")
  return examples, records


def _describe(example: Example, path: Path, seconds: float) -> str:
  device = example.info.get("device")
  views = f"{len(example.views)} views, " if len(example.views) > 1 else ""
  frames = example.metadata.num_frames
  return (f"{path}: {len(example.instances)} objects, {views}{frames} frame{'s' * (frames > 1)}, "
          f"{len(example.layers) + len(example.main.arrays)} layers in {seconds:.1f} s" + (f" on {device}" if device else ""))


def _make(task: _Task, seed: int, examples: Sequence[ExampleSink], records: Sequence[_RecordFile], bar: _Bar) -> None:
  from kubric_gen.cli.generating import make_world_example
  started, key = time.perf_counter(), task.key(seed)
  with make_world_example(task.world, task.config, seed, split=task.split, layers=task.layers, settings=task.settings,
                          save_state=task.save_state, progress=bar) as example:
    example.info["output"] = str((task.output_dir / key).absolute())
    for sink in examples:
      sink.add(key, example)
    for file in records:
      file.add(seed, example)
    bar.close()
    print(_describe(example, task.output_dir / key if examples else records[0].path, time.perf_counter() - started), flush=True)


def _run(world: World[Any]) -> None:
  values, task = flags.FLAGS, _task(world)
  world.digests(task.config)  # files that the flags name can be used
  if values.dry_run:
    if task.settings.device not in ("auto", "cpu"):
      from kubric_gen.render.devices import check_device
      check_device(task.settings.device)
    return
  from kubric_gen.cli.generating import is_made  # engines are loaded only when the flags make sense
  examples, records = _open_sinks(task, tuple(name for name in values.sinks.split(",") if name))
  if values.resume and (records or [sink.name for sink in examples] != [SCENE_DIRECTORY]):
    raise KubricGenError(f"--resume goes with --sinks={SCENE_DIRECTORY} alone: other sinks are finished once and for all")
  todo = []
  for seed in task.seeds:
    if values.resume and is_made(world, task.config, seed, task.output_dir, split=task.split, layers=task.layers,
                                settings=task.settings, save_state=task.save_state):
      print(f"{task.output_dir / task.key(seed)}: already there", flush=True)
      continue
    todo.append(seed)
    for sink in examples:
      sink.check(task.key(seed))
  failed = []
  with contextlib.ExitStack() as stack:
    opened = [stack.enter_context(sink) for sink in (*examples, *(file.open() for file in records))]
    for seed in todo:
      bar = _Bar(task.key(seed))
      try:
        _make(task, seed, examples, records, bar)
      except KubricGenError as error:
        if len(task.seeds) == 1 or isinstance(error, DeviceError):
          raise
        bar.close()
        failed.append(seed)  # the other scenes are none the worse for it
        print_error(f"seed {seed}: {error}")
      finally:
        bar.close()
    if len(failed) < len(todo) or not records:
      for sink in opened:
        sink.finish()
  if failed:
    raise KubricGenError(f"{len(failed)} of {len(task.seeds)} scenes failed: seed {', '.join(map(str, failed[:20]))}")


def _parse_flags(argv: Sequence[str]) -> list[str]:
  try:
    rest = flags.FLAGS(argv)
  except flags.Error as error:
    print_error(f"{error} (see --help)")
    sys.exit(BAD_INPUT)
  if len(rest) > 1:
    print_error(f"unexpected argument {rest[1]!r} (flags are written --name=value; see --help)")
    sys.exit(BAD_INPUT)
  return rest


def main(world: World[Any]) -> NoReturn:
  """The entry point of a world's script."""
  define_config_flags(world.config)
  define_render_flags()
  define_run_flags()
  app.run(lambda _: guarded(lambda: _run(world)), flags_parser=_parse_flags)
  raise AssertionError("app.run does not return")
