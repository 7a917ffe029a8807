"""The command line: see the package."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from absl import app, flags

from kubric_gen.cli.numbers import FiniteParser, WholeParser
from kubric_gen.cli.parsing import parse_flags
from kubric_gen.docker.engine import Engine, find_engine
from kubric_gen.docker.launcher import Job, Launcher, Result, gpu_count
from kubric_gen.errors import BAD_INPUT, KubricGenError, print_error, shown
from kubric_gen.limits import MAX_ATTEMPTS, MAX_BYTES, MAX_SECONDS, MAX_THREADS
from kubric_gen.system.interrupts import INTERRUPTED
from kubric_gen.world.seeds import parse_seeds, short_text

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
SHARE = 0.9
"""Of the machine's memory, for all containers together."""
SCENE_MEMORY = 1 << 30
"""Bytes of memory for each container, when their number is to be chosen."""


def _define_flags() -> None:
  module = sys.argv[0]
  text = {"image": ("kubric-gen", "the image"), "seed": ("0", "a number, a range such as 0..99, or a list of these"),
          "output_dir": ("output", "where the scene directories appear, and the folder logs/ with one file for each seed"),
          "memory": ("", "memory of each container, such as 2g; an equal share by default"),
          "gpus": ("", "all, a number of GPUs, or their identifiers; every container gets the same"),
          "network": ("none", "the network that containers are in"),
          "engine": ("", "address of the engine; by default DOCKER_HOST, then Docker's and podman's usual sockets")}
  for name, (default, meaning) in text.items():
    flags.DEFINE_string(name, default, meaning, module_name=module)
  numbers: dict[str, tuple[float | None, str, flags.ArgumentParser[Any]]] = {
      "jobs": (None, "containers at a time; by default as many as the machine has processors and memory for",
               WholeParser(1, MAX_THREADS)),
      "cpus": (None, "processors of each container; an equal share by default", FiniteParser(0.01, MAX_THREADS)),
      "max_attempts": (3, "how often a seed is tried", WholeParser(1, MAX_ATTEMPTS)),
      "timeout": (0.0, "seconds after which a container is stopped, 0 for never", FiniteParser(0, MAX_SECONDS))}
  for name, (number, meaning, parser) in numbers.items():
    flags.DEFINE(parser, name, number, meaning, module_name=module)


def parse_bytes(text: str) -> int:
  """Bytes of `2g`, `500m` or a plain number.

  Raises:
    KubricGenError: of anything else.
  """
  found = re.fullmatch(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)([kmgt]?)b?", text.lower())
  size = float(found[1]) * UNITS[found[2]] if found else 0
  if not 1 <= size <= MAX_BYTES:
    raise KubricGenError(f"memory must be a size such as 2g or 500m, got {shown(text)}")
  return int(size)


def job_from_flags(engine: Engine, arguments: Sequence[str]) -> Job:
  """What the flags, and the script with its own flags after them, ask for.

  Raises:
    KubricGenError: something that makes no sense.
  """
  values = flags.FLAGS
  if not arguments:
    raise KubricGenError("which world? give its script and its flags last: worlds/movi.py --quality=high")
  script, *rest = arguments
  for flag in rest:
    name = flag.lstrip("-").partition("=")[0]
    if flag.startswith("-") and name in ("seed", "output_dir"):
      raise KubricGenError(f"--{name} belongs before {script}: each container gets its own")
  if script.startswith(("/", "./", "../")) and not Path(script).is_file():
    raise KubricGenError(f"there is no {script} on this machine; worlds of the image are named without a leading ./ or /")
  seeds = parse_seeds(values.seed)
  if not engine.limits and (values.memory or values.cpus):
    raise KubricGenError("this engine cannot limit processors and memory: leave out --cpus and --memory")
  if values.cpus and values.cpus > engine.cpus:
    raise KubricGenError(f"the engine's machine has {engine.cpus} processors: give a smaller --cpus")
  if values.gpus and engine.podman:
    raise KubricGenError("podman's socket gives no GPUs to containers: run podman itself with --device=nvidia.com/gpu=all")
  count = gpu_count(values.gpus)
  if count is not None and not 0 < count <= MAX_THREADS:
    raise KubricGenError(f"--gpus must be all, how many (at most {MAX_THREADS}), or their identifiers; leave it out for none")
  memory = parse_bytes(values.memory) if values.memory else 0
  jobs = values.jobs or max(1, min(int(engine.cpus / (values.cpus or 1)), int(engine.memory * SHARE) // (memory or SCENE_MEMORY)))
  jobs = min(jobs, len(seeds))
  cpus = (values.cpus or max(1.0, engine.cpus / jobs)) if engine.limits else 0.0
  memory = (memory or int(engine.memory * SHARE / jobs)) if engine.limits else 0
  return Job(values.image, script, tuple(rest), seeds, Path(values.output_dir), jobs, cpus, memory, values.gpus,
             values.network, values.max_attempts, values.timeout)


class _Report:
  """A bar on a terminal; a line for each scene elsewhere, and for each failure everywhere."""

  def __init__(self, total: int) -> None:
    from tqdm import tqdm
    self._bar = tqdm(total=total, unit="scene", disable=None)

  def __call__(self, result: Result) -> None:
    if not result.made:
      self._bar.write(f"seed {result.seed}: failed after {result.attempts} {_plural(result.attempts, 'attempt', 'attempts')}: "
                      f"{result.message}", file=sys.stderr)
    elif self._bar.disable:
      print(f"seed {result.seed}: " + ("already there" if result.reused else f"{result.seconds:.1f} s"), flush=True)
    self._bar.update()

  def close(self) -> None:
    self._bar.close()


def _plural(number: int, one: str, many: str) -> str:
  return one if number == 1 else many


def _main(argv: Sequence[str]) -> int:
  try:
    engine = find_engine(flags.FLAGS.engine)
    job = job_from_flags(engine, argv[1:])
    report = _Report(len(job.seeds))
    launcher = Launcher(engine, job, report)

    def interrupt(number: int, frame: FrameType | None) -> None:
      for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # what follows takes a few seconds, and leaves no container behind
      launcher.stop()
      raise KeyboardInterrupt

    for each in SIGNALS:
      if signal.getsignal(each) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(each, interrupt)
    started = time.perf_counter()
    try:
      results = launcher.run()
    finally:
      report.close()
  except KubricGenError as error:
    print_error(error)
    return BAD_INPUT
  except KeyboardInterrupt:
    print("interrupted: every container is stopped, finished scenes are kept (the same command goes on)", file=sys.stderr)
    return INTERRUPTED
  reused, retries = sum(result.reused for result in results), sum(result.attempts - 1 for result in results)
  made, failed = sum(result.made for result in results) - reused, [result.seed for result in results if not result.made]
  print(f"{len(job.seeds)} scenes asked, {made} made, {reused} already there, {len(failed)} failed, {retries} "
        f"{_plural(retries, 'retry', 'retries')}; {time.perf_counter() - started:.1f} s in all; logs in {launcher.logs}")
  if failed:
    print_error(f"seed {short_text(failed)} failed: see {launcher.logs}/SEED.log, then run again")
    return BAD_INPUT
  return 0


def _parse_flags(argv: Sequence[str]) -> list[str]:
  return parse_flags(argv, "see --help; the world's own flags stand after its script")


if __name__ == "__main__":
  _define_flags()
  flags.FLAGS.set_gnu_getopt(False)  # what stands after the script is for the script
  app.run(_main, flags_parser=_parse_flags)
