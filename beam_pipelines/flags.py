"""The flags of `generate`, and what they ask for."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from beam_pipelines.job import Job, SeedRange
from kubric_gen.cli import config_from_flags, define, define_config_flags, define_render_flags, render_settings
from kubric_gen.cli.numbers import FiniteParser, WholeParser
from kubric_gen.errors import KubricGenError, cut_words, shown
from kubric_gen.limits import MAX_ATTEMPTS, MAX_MEGABYTES, MAX_SECONDS, MAX_SEED, MAX_SEEDS, MAX_THREADS
from kubric_gen.shards.layout import check_formats
from kubric_gen.shards.recipe import Recipe
from kubric_gen.system.paths import absolute
from kubric_gen.system.resources import cpu_count
from kubric_gen.world import DatasetSpec, parse_resolution
from kubric_gen.world.loading import load_world
from kubric_gen.world.seeds import parse_seeds, runs

LOCAL_RUNNER = "FnApiRunner"
LOCAL_RUNNERS = (LOCAL_RUNNER, "DirectRunner", "BundleBasedDirectRunner", "PrismRunner")
"""Those that run on this machine."""


def define_flags(world: str) -> None:
  define_render_flags()
  string = flags.ArgumentParser[str]()
  define("world", "movi", "a module of worlds, or any module by its dotted name", string)
  define("num_scenes", None, "how many scenes, over all splits together, or of each split that has seeds of its own; this, "
         "--seed or --split_scenes must be given", WholeParser(1, MAX_SEEDS))
  define("split_scenes", None, "where splits have seeds of their own: how many scenes each gets, as train=2000,test=300; a split "
         "that is paired takes the first seeds of the one that it is paired with", string)
  define("start_seed", 0, "the first seed", WholeParser(0, MAX_SEED))
  define("seed", None, "instead of --num_scenes and --start_seed: a range such as 0..99, or a list of ranges and numbers", string)
  define("data_dir", None, "where the dataset appears, for tfds.load; any path that etils.epath knows", string)
  define("store_dir", None, "where finished scenes are kept; <data_dir>/scenes by default", string)
  define("resolution", "256", "image sizes as HEIGHTxWIDTH or one number, comma-separated; the smaller ones whole fractions of "
         "the largest", string)
  define("file_format", "tfrecord", "which sinks for records, comma-separated, all but the first in sibling folders of data_dir; "
         "an unknown name lists them", string)
  define("splits", "", "only scenes of these splits, comma-separated", string)
  define("max_attempts", 3, "how often a scene is tried", WholeParser(1, MAX_ATTEMPTS))
  define("max_failed_fraction", 0.0, "of the scenes that may fail; more is an error", FiniteParser(0, 1))
  define("processes", None, "worker processes in each Beam worker: by default one per core on this machine, one elsewhere",
         WholeParser(1, MAX_THREADS))
  define("max_worker_memory", 550.0, "MB of resident memory above which a worker process is replaced",
         FiniteParser(1, MAX_MEGABYTES))
  define("stall_timeout", 600.0, "seconds without a finished frame after which a worker process is replaced",
         FiniteParser(1, MAX_SECONDS))
  flags.DEFINE_boolean("dry_run", False, "build the job for workers in containers, check it, tell of it, and run nothing",
                       module_name=sys.argv[0])
  flags.DEFINE_boolean("verify", False, "read every file of the finished datasets that the flags ask for and compare checksums; "
                       "make nothing", module_name=sys.argv[0])
  flags.DEFINE_boolean("overwrite", False, "replace a different dataset in data_dir", module_name=sys.argv[0])
  define_config_flags(load_world(world).config, without=("resolution",))


def _ranges(values: Any) -> tuple[tuple[int, int], ...]:
  """Runs of the seeds that --seed, or --num_scenes and --start_seed, ask for."""
  if values.seed is not None:
    if values.num_scenes is not None or values.start_seed:
      raise KubricGenError("give --seed, or --num_scenes and --start_seed, not both")
    return tuple(runs(parse_seeds(values.seed)))
  if values.num_scenes is None:
    raise KubricGenError("how many scenes? give --num_scenes=N, or --split_scenes where splits have seeds of their own")
  return ((values.start_seed, values.start_seed + values.num_scenes - 1),)


def _counts(text: str, dataset: DatasetSpec) -> dict[str, int]:
  """How many scenes each split gets, of `train=2000,test=300`."""
  counts: dict[str, int] = {}
  for part in _names(text):
    name, _, count = (piece.strip() for piece in part.partition("="))
    dataset.split(name)
    if name in counts or not re.fullmatch("[0-9]{1,12}", count) or not 1 <= int(count) <= MAX_SEEDS:
      raise KubricGenError(f"--split_scenes names each split once, with a number from 1 to {MAX_SEEDS}, as train=2000,test=300, "
                           f"got {shown(part)}")
    counts[name] = int(count)
  if not counts:
    raise KubricGenError("--split_scenes names no split: give it as train=2000,test=300")
  for name, number in counts.items():
    base = dataset.base(dataset.split(name)).name
    if number > counts.get(base, number):
      raise KubricGenError(f"--split_scenes: {name} is paired with {base}, whose {counts[base]} scenes are fewer than {number}")
  return counts


def _seeds(values: Any, dataset: DatasetSpec) -> tuple[SeedRange, ...]:
  """The seeds that are asked for, of each split where they are explicit.

  Raises:
    KubricGenError: flags that do not go together.
  """
  if values.split_scenes is not None:
    if not dataset.explicit:
      what = "of records, of which every scene has some" if dataset.of_records else "fractions of all seeds"
      raise KubricGenError(f"the splits of {dataset.name} are {what}: give --num_scenes, not --split_scenes")
    if values.num_scenes is not None or values.seed is not None:
      raise KubricGenError("give --split_scenes, --num_scenes or --seed, not several of them")
    return tuple(SeedRange(values.start_seed, values.start_seed + count - 1, name)
                 for name, count in _counts(values.split_scenes, dataset).items())
  ranges = _ranges(values)
  if not dataset.explicit:
    return tuple(SeedRange(first, last) for first, last in ranges)
  names = dict.fromkeys(_names(values.splits)) or tuple(split.name for split in dataset.splits)
  return tuple(SeedRange(first, last, dataset.split(name).name) for name in names for first, last in ranges)


def _names(text: str) -> tuple[str, ...]:
  return tuple(filter(None, (part.strip() for part in text.split(","))))


def job_from_flags(runner: str) -> Job:
  """What the flags ask for.

  Raises:
    KubricGenError: something that makes no sense, as far as can be known before any scene is made.
  """
  values = flags.FLAGS
  if not values.data_dir:
    raise KubricGenError("where to? give --data_dir=DIR")
  resolutions = tuple(parse_resolution(part) for part in _names(values.resolution))
  config = config_from_flags(load_world(values.world).config, resolution=max(resolutions, default=(256, 256)))
  recipe = Recipe(values.world, config, resolutions, render_settings(threads=1))
  local = runner in LOCAL_RUNNERS
  job = Job(recipe, _seeds(values, recipe.dataset), absolute(values.data_dir), formats=check_formats(_names(values.file_format)),
            splits=_names(values.splits), store_dir=absolute(values.store_dir or ""), max_attempts=values.max_attempts,
            max_failed_fraction=values.max_failed_fraction,
            processes=values.processes or (cpu_count() if local else 1),
            max_memory_mb=values.max_worker_memory, stall_seconds=values.stall_timeout, overwrite=values.overwrite)
  job.check_splits()
  return job


def beam_options(arguments: Sequence[str]) -> Any:
  """Beam's pipeline options of what is left of the command line.

  Raises:
    KubricGenError: one that Beam does not know.
  """
  import argparse
  logging.disable(logging.WARNING)  # importing Beam warns of services that are not used
  try:
    from apache_beam.options.pipeline_options import PipelineOptions
  except ImportError:
    raise KubricGenError("Apache Beam is missing: pip install 'kubric-gen[beam]' (the image kubric-gen:render lacks it)"
                         ) from None
  logging.disable(logging.NOTSET)
  parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
  for options in PipelineOptions.__subclasses__():
    add = getattr(options, "_add_argparse_args", None)
    if add is not None:
      add(parser)
  try:
    _, unknown = parser.parse_known_args(list(arguments))
  except (argparse.ArgumentError, argparse.ArgumentTypeError) as error:
    raise KubricGenError(f"{cut_words(str(error))} (see --help)") from None
  if unknown:
    raise KubricGenError(f"unknown flag or argument {shown(unknown[0])} (flags are written --name=value; see --help)")
  return PipelineOptions(list(arguments))


def world_name(argv: Sequence[str]) -> str:
  """The value of --world, which decides what other flags there are."""
  for number, item in enumerate(argv):
    if item.lstrip("-").startswith("world=") and item.startswith("-"):
      return item.partition("=")[2]
    if item in ("--world", "-world") and number + 1 < len(argv):
      return argv[number + 1]
  return "movi"
