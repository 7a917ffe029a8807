"""The sinks that a script's examples go to, whether they take examples or records."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from kubric_gen.cli.task import Task
from kubric_gen.errors import KubricGenError, shown
from kubric_gen.example.example import Example
from kubric_gen.scene.scene import Scene
from kubric_gen.schema.description import FILE_DESCRIPTION, features_to_plain
from kubric_gen.schema.features import check_features
from kubric_gen.schema.schema import Record, check_key
from kubric_gen.schema.tf_example import encode
from kubric_gen.sinks.sink import ExampleSink, RecordSink, Sink, example_sink, record_sink, sinks
from kubric_gen.system.whole import write_whole
from kubric_gen.versions import versions
from kubric_gen.world.identity import config_hash


class _RecordFile:
  """A file of records that is fed with examples: the schema of the world's dataset makes the records."""

  def __init__(self, task: Task, kind: type[RecordSink]) -> None:
    if task.dataset is None:
      raise KubricGenError(f"the world {task.world.name} declares no dataset, so it has no records for --sinks={kind.name}")
    missing = sorted(set(task.dataset.schema.layers) - set(task.layers))
    if missing:
      raise KubricGenError(f"--sinks={kind.name}: the records of {task.dataset.name} need the layer {missing[0]}: add it to "
                           "--layers, or leave --layers out")
    name = task.dataset.name if task.split is None else f"{task.dataset.name}-{task.split.name}"
    self.path = task.output_dir / f"{name}.{kind.name}"
    if self.path.exists() and not task.overwrite:
      raise KubricGenError(f"{self.path} already exists: choose another --output_dir or pass --overwrite")
    self._kind, self.features = kind, task.dataset.schema.features(task.config, task.config.resolution)
    check_features(self.features, task.dataset.name)
    self._sink: RecordSink | None = None

  def open(self) -> RecordSink:
    """Opens the file."""
    try:
      self.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
      raise KubricGenError(f"cannot write to {self.path.parent} ({error.strerror}): choose another --output_dir") from None
    self._sink = self._kind(self.path)
    return self._sink

  def add(self, records: Iterable[tuple[str, Record]]) -> None:
    """Adds the records of a scene."""
    assert self._sink is not None, "it is not open"
    for key, record in records:
      self._sink.add(key, record)


class Outputs:
  """All sinks of a run. Nothing is written before it is opened as a context manager; what is not finished then vanishes.

  Args:
    task: what is made. names: of the sinks.

  Raises:
    KubricGenError: an unknown sink, or one whose file is there.
  """

  def __init__(self, task: Task, names: Iterable[str]) -> None:
    known = sinks()
    self._task = task
    self._examples: list[ExampleSink] = []
    self._records: list[_RecordFile] = []
    self._stack = contextlib.ExitStack()
    self._opened: list[RecordSink] = []
    self._keys: set[str] = set()
    for name in dict.fromkeys(names):
      if name not in known:
        raise KubricGenError(f"unknown sink {shown(name)}: choose from {', '.join(known)}")
      if known[name].takes == "examples":
        self._examples.append(self._open_examples(name))
      else:
        self._records.append(_RecordFile(task, record_sink(name)))
    if task.save_state and all(sink.folder for sink in self._examples):  # exporters leave the engines' states out
      raise KubricGenError("--save_state needs a sink that takes whole scenes, such as --sinks=scene_directory")
    if not self._examples and not self._records:
      raise KubricGenError(f"no sink: choose from {', '.join(known)}")

  def _open_examples(self, name: str) -> ExampleSink:
    """A sink for examples, in its folder, once it is clear that they will have its layers."""
    kind, task = example_sink(name), self._task
    missing = sorted(set(kind.layers) - set(task.layers))
    if missing:
      raise KubricGenError(f"--sinks={name} needs the layer {missing[0]}: add it to --layers, or leave --layers out")
    return kind(task.output_dir / kind.folder, overwrite=task.overwrite)

  def check_resumable(self) -> None:
    """Makes sure that a later run can go on where one was stopped.

    Raises:
      KubricGenError: a sink's items appear in the end.
    """
    late = [file.path.name for file in self._records]
    late += [sink.name for sink in self._examples if type(sink).made is ExampleSink.made]
    if late:
      raise KubricGenError(f"--resume cannot go on with {late[0]}, which appears when all scenes are made or does not say what "
                           "they were made from: leave --resume out")

  def made(self, seed: int) -> bool:
    """Whether all sinks have a seed's scene, made from just this by just these versions of the engines."""
    key, flags = self._task.key(seed), self._task.flags(seed)
    wanted = {"config_hash": config_hash(flags), "versions": versions()}
    for sink in self._examples:
      found = sink.made(key)
      if found is None or {name: found.get(name) for name in wanted} != wanted:
        return False
      if self._task.save_state and "scene.blend" not in found.get("files", ()):
        return False
    return True

  def damage(self, seed: int) -> Iterator[str]:
    """What is wrong with a seed's scenes that are there, made from just this: one line each that names no way out."""
    key, wanted = self._task.key(seed), config_hash(self._task.flags(seed))
    for sink in self._examples:
      if sink.is_made_from(key, wanted):
        yield from sink.damage(key)

  def make_again(self, seed: int) -> None:
    """Lets a seed's scene replace what is there, which is damaged.

    Raises:
      KubricGenError: something else would be lost with it.
    """
    key, wanted = self._task.key(seed), config_hash(self._task.flags(seed))
    for sink in self._examples:
      if sink.is_made_from(key, wanted):
        sink.make_again(key)

  def check(self, seed: int) -> None:
    """Makes sure that nothing is in the way of a seed's scene.

    Raises:
      KubricGenError: something is.
    """
    for sink in self._examples:
      sink.check(self._task.key(seed))

  def check_scene(self, seed: int, scene: Scene) -> None:
    """Makes sure that all sinks have a way to write a seed's scene, before it is rendered.

    Raises:
      KubricGenError: one has none.
    """
    for sink in self._examples:
      sink.check_scene(self._task.key(seed), scene)

  @contextlib.contextmanager
  def reserve(self, seed: int) -> Iterator[None]:
    """Holds the places of a seed's scene while it is made; see `ExampleSink.reserve`."""
    with contextlib.ExitStack() as stack:
      for sink in self._examples:
        stack.enter_context(sink.reserve(self._task.key(seed)))
      yield

  def add(self, seed: int, example: Example) -> Path:
    """Adds an example to all sinks, or to none if its records cannot be made; returns what people look at."""
    key = self._task.key(seed)
    records = list(self._made_records(seed, example)) if self._records else []
    for sink in self._examples:
      sink.add(key, example)
    for file in self._records:
      file.add(records)
    return self._examples[0].target / key if self._examples else self._records[0].path

  def _made_records(self, seed: int, example: Example) -> Iterator[tuple[str, Record]]:
    task, dataset = self._task, self._task.dataset
    assert dataset is not None
    split = task.split_of(seed) or dataset.scene_splits[0]
    features = dataset.schema.features(task.config, task.config.resolution)
    for key, record in dataset.schema.records(example, dataset.scene_id(split, seed)):
      if check_key(key) in self._keys:
        raise KubricGenError(f"the schema {type(dataset.schema).__name__} gives two records the key {shown(key)}")
      self._keys.add(key)
      yield key, Record(features, encode(features, record))

  def finish(self) -> None:
    """Puts everything into its place."""
    opened: list[Sink[Any]] = [*self._examples, *self._opened]
    for file in self._records:
      text = json.dumps(features_to_plain(file.features), indent=1)
      write_whole(file.path.with_name(file.path.name + FILE_DESCRIPTION), (text + "\n").encode())
    for sink in opened:
      sink.finish()

  def __enter__(self) -> Outputs:
    with self._stack:
      for sink in self._examples:
        self._stack.enter_context(sink)
      for file in self._records:
        self._opened.append(self._stack.enter_context(file.open()))
      self._stack = self._stack.pop_all()
    return self

  def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    self._stack.__exit__(kind, error, trace)
