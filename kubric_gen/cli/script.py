"""The script of a world: its flags come from the world's config."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from absl import app, flags

from kubric_gen.cli.flags import config_from_flags, define, define_config_flags, define_render_flags, render_settings
from kubric_gen.cli.numbers import WholeParser
from kubric_gen.cli.parsing import parse_flags
from kubric_gen.cli.task import Task, check_room_for, task_from_flags
from kubric_gen.errors import BAD_INPUT, DeviceError, KubricGenError, OutputError, print_error, shown
from kubric_gen.scene.layers import LAYERS
from kubric_gen.system.command import guarded
from kubric_gen.world.seeds import Seeds, short_text
from kubric_gen.world.world import World

if TYPE_CHECKING:
  from kubric_gen.cli.outputs import Outputs
  from kubric_gen.example import Example

SCENE_DIRECTORY = "scene_directory"


def define_run_flags() -> None:
  """What to make of the scenes, and where."""
  string = flags.ArgumentParser[str]()
  define("seed", "0", "which scene: a number, a range such as 0..99, or a list of these", string)
  define("split", "", "of the world's dataset: its config, and those of the seeds that belong to it; where splits have seeds of "
         "their own, the first one by default", string)
  define("layers", None, f"what to make, comma-separated, out of {', '.join(LAYERS)}; by default what the world's dataset needs",
         string)
  define("threads", 0, "CPU threads, 0 for all; the result does not depend on it", WholeParser())
  define("output_dir", os.environ.get("KUBRIC_GEN_OUTPUT_DIR", "output"),
         "where the directory <seed>/ (or <split>/<seed>/) appears; the variable KUBRIC_GEN_OUTPUT_DIR sets the default", string)
  define("sinks", SCENE_DIRECTORY, "what is written, comma-separated: a directory of each scene, one file of the records of all, "
         "or a sink that the world brings along; an unknown name lists them", string)
  for name, text in (("save_state", "also write scene.blend and scene.bullet"),
                     ("dry_run", "check the flags, files that they name, whether there is room for a scene, and the device if "
                      "one is asked for; make nothing"),
                     ("resume", "leave out scenes that are there already, made from the same flags by the same versions; damaged "
                      "ones are made again"),
                     ("verify", "make nothing, and tell which of the scenes are missing or damaged"),
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


def _describe(example: Example, path: Path, seconds: float) -> str:
  device = example.info.get("device")
  views = f"{len(example.views)} views, " if len(example.views) > 1 else ""
  frames = example.metadata.num_frames
  return (f"{path}: {len(example.instances)} objects, {views}{frames} frame{'s' * (frames > 1)}, "
          f"{len(example.layers) + len(example.main.arrays)} layers in {seconds:.1f} s" + (f" on {device}" if device else ""))


def _make(task: Task, seed: int, outputs: Outputs, bar: _Bar) -> None:
  from kubric_gen.cli.generating import make_seed
  started = time.perf_counter()
  with outputs.reserve(seed), make_seed(task, seed, bar, partial(outputs.check_scene, seed)) as example:
    path = outputs.add(seed, example)
    told = _describe(example, path, time.perf_counter() - started)
  bar.close()
  print(told, flush=True)


def _make_all(task: Task, seeds: Sequence[int], outputs: Outputs) -> None:
  """Makes scene after scene; one that fails is told, and leaves the others alone."""
  failed = []
  with outputs:
    for seed in seeds:
      bar = _Bar(task.key(seed))
      try:
        _make(task, seed, outputs, bar)
      except Exception as error:
        if len(task.seeds) == 1 or isinstance(error, (DeviceError, OutputError)):
          raise
        bar.close()
        failed.append(seed)
        if not isinstance(error, KubricGenError):
          traceback.print_exc()  # a fault in somebody's code
        print_error(f"seed {seed}: {str(error) or type(error).__name__}")
      finally:
        bar.close()
    if len(failed) < len(seeds):
      outputs.finish()
  if failed:
    raise KubricGenError(f"{len(failed)} of {len(task.seeds)} scenes failed: seed {short_text(failed)}")


def _run(world: World[Any]) -> None:
  values = flags.FLAGS
  task = task_from_flags(world, config_from_flags(world.config), render_settings(values.threads), values)
  world.digests(world.config_of(task.config, task.split))  # files that the flags name can be used
  if values.verify:
    _verify(task, values.sinks)
    return
  from kubric_gen.cli.outputs import Outputs  # the engines' libraries are loaded only when the flags make sense
  outputs = Outputs(task, [name for name in values.sinks.split(",") if name])
  if values.resume:
    outputs.check_resumable()
  if values.dry_run:
    check_room_for(task.config, task.layers)
    if task.settings.device not in ("auto", "cpu"):
      from kubric_gen.render.devices import check_device
      check_device(task.settings.device)
    return
  todo = Seeds.of(_todo(task, outputs, values.resume))
  if todo:
    check_room_for(task.config, task.layers)
    _make_all(task, todo, outputs)


def _verify(task: Task, sinks: str) -> None:
  if SCENE_DIRECTORY not in sinks.split(","):
    raise KubricGenError(f"--verify looks at what the sink {SCENE_DIRECTORY} has written: leave --sinks or --verify out")
  from kubric_gen.cli.verify import verify_task
  verify_task(task)


def _is_done(task: Task, outputs: Outputs, seed: int) -> bool:
  """Whether a seed's scene is there already; one that is damaged will be made again."""
  damage = next(outputs.damage(seed), None)
  if damage is not None:
    outputs.make_again(seed)
    print(f"{damage}: the scene is made again", flush=True)
    return False
  if not outputs.made(seed):
    return False
  print(f"{task.output_dir / task.key(seed)}: already there", flush=True)
  return True


def _todo(task: Task, outputs: Outputs, resume: bool) -> Iterator[int]:
  """The seeds whose scenes are to be made."""
  for seed in task.seeds:
    if resume and _is_done(task, outputs, seed):
      continue
    outputs.check(seed)
    yield seed


def _parse_flags(argv: Sequence[str]) -> list[str]:
  rest = parse_flags(argv)
  if len(rest) > 1:
    print_error(f"unexpected argument {shown(rest[1])} (flags are written --name=value; see --help)")
    sys.exit(BAD_INPUT)
  return rest


def main(world: World[Any]) -> NoReturn:
  """The entry point of a world's script."""
  define_render_flags()
  define_run_flags()
  try:
    define_config_flags(world.config)
  except KubricGenError as error:
    print_error(error)
    sys.exit(BAD_INPUT)
  app.run(lambda _: guarded(lambda: _run(world)), flags_parser=_parse_flags)
  raise AssertionError("app.run does not return")
