"""The script of a world: its flags come from the world's config."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from absl import app, flags

from kubric_gen.cli.flags import config_from_flags, define, define_config_flags, define_render_flags, render_settings
from kubric_gen.errors import BAD_INPUT, DeviceError, KubricGenError, print_error
from kubric_gen.scene.layers import LAYERS, MOVI_LAYERS, check_layers
from kubric_gen.system.command import guarded
from kubric_gen.world.config import Config
from kubric_gen.world.seeds import parse_seeds
from kubric_gen.world.world import World


def define_run_flags() -> None:
  """What to make of the scenes, and where."""
  string = flags.ArgumentParser[str]()
  define("seed", "0", "which scene: a number, a range such as 0..99, or a list of these", string)
  define("layers", ",".join(MOVI_LAYERS), f"what to make, comma-separated, out of {', '.join(LAYERS)}", string)
  define("threads", 0, "CPU threads, 0 for all; the result does not depend on it", flags.IntegerParser())
  define("output_dir", os.environ.get("KUBRIC_GEN_OUTPUT_DIR", "output"),
         "where the directory <seed>/ appears; the variable KUBRIC_GEN_OUTPUT_DIR sets the default", string)
  for name, text in (("save_state", "also write scene.blend and scene.bullet"),
                     ("dry_run", "check the flags, files that they name, and the device if one is asked for; make nothing"),
                     ("resume", "leave out scenes that are there already, made from the same flags by the same versions"),
                     ("overwrite", "replace a scene directory that exists")):
    flags.DEFINE_boolean(name, False, text, module_name=sys.argv[0])


class _Bar:
  """A progress bar on a terminal, nothing elsewhere."""

  def __init__(self, seed: int) -> None:
    self._seed, self._bar, self._stage = seed, None, ""

  def __call__(self, stage: str, done: int, total: int) -> None:
    from tqdm import tqdm
    if stage != self._stage:
      self.close()
      self._stage = stage
      self._bar = tqdm(total=total, desc=f"seed {self._seed}: {stage}", unit="frame", leave=False, disable=None)
    if self._bar is not None:
      self._bar.update(done - self._bar.n)

  def close(self) -> None:
    if self._bar is not None:
      self._bar.close()


def _describe(path: Path, seconds: float) -> str:
  from kubric_gen.sinks import read_scene
  example = read_scene(path)
  device = example.info.get("device")
  return (f"{path}: {len(example.instances)} objects, {example.metadata['num_frames']} frames, "
          f"{len(example.layers)} layers in {seconds:.1f} s" + (f" on {device}" if device else ""))


def _run(world: World[Config]) -> None:
  values = flags.FLAGS
  seeds, layers = parse_seeds(values.seed), check_layers(name for name in values.layers.split(",") if name)
  if not layers:
    raise KubricGenError(f"no layers to make: choose from {', '.join(LAYERS)}")
  config = config_from_flags(world.config)
  settings = render_settings(values.threads)
  world.digests(config)  # files that the flags name can be used
  if values.dry_run:
    if settings.device not in ("auto", "cpu"):
      from kubric_gen.render.devices import check_device
      check_device(settings.device)
    return
  from kubric_gen.cli.generate import generate
  from kubric_gen.cli.generate import is_made  # engines are loaded only when the flags make sense
  from kubric_gen.system.whole import check_target
  made = set()
  for seed in seeds:
    target = Path(values.output_dir) / str(seed)
    if values.resume and is_made(world, config, seed, values.output_dir, layers=layers, settings=settings,
                                save_state=values.save_state):
      made.add(seed)
      print(f"{target}: already there", flush=True)
    else:
      check_target(target, values.overwrite)
  failed = []
  for seed in seeds:
    if seed in made:
      continue
    started = time.perf_counter()
    bar = _Bar(seed)
    try:
      path = generate(world, config, seed, values.output_dir, layers=layers, settings=settings,
                      save_state=values.save_state, overwrite=values.overwrite, progress=bar)
    except KubricGenError as error:
      if len(seeds) == 1 or isinstance(error, DeviceError):
        raise
      bar.close()
      failed.append(seed)  # the other scenes are none the worse for it
      print_error(f"seed {seed}: {error}")
      continue
    finally:
      bar.close()
    print(_describe(path, time.perf_counter() - started), flush=True)
  if failed:
    raise KubricGenError(f"{len(failed)} of {len(seeds)} scenes failed: seed {', '.join(map(str, failed[:20]))}")


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
