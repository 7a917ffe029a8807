"""Makes a dataset of a world: `python -m beam_pipelines.generate --world=movi --num_scenes=1000 --data_dir=DIR`.

Takes the flags of the world's config and of rendering, those below, and any pipeline option of Apache Beam. Without
`--runner` it runs on this machine, with one worker process per core. Scenes that the store has are not made again, so that
the same command goes on where a killed one was.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from absl import app, flags

from beam_pipelines import dataflow
from beam_pipelines.checks import (check_device, check_environment, check_writable, hold_lock, is_complete, name_default, reason,
                                   tell_storage_errors, verify)
from beam_pipelines.flags import LOCAL_RUNNER, LOCAL_RUNNERS, beam_options, define_flags, job_from_flags, world_name
from beam_pipelines.job import Job
from kubric_gen.cli.parsing import parse_flags
from kubric_gen.cli.task import check_room_for
from kubric_gen.errors import BAD_INPUT, KubricGenError, print_error
from kubric_gen.system.command import guarded

BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"


class _Progress(logging.Handler):
  """What the workers on this machine say of scenes: a bar on a terminal, plain lines elsewhere."""

  def __init__(self, total: int) -> None:
    super().__init__(logging.INFO)
    from tqdm import tqdm
    self._bar = tqdm(total=total, unit="scene", bar_format=BAR, disable=None)

  def emit(self, record: logging.LogRecord) -> None:
    if self._bar.disable or record.levelno > logging.INFO:
      self._bar.write(record.getMessage(), file=sys.stderr)
    if getattr(record, "finished", False):
      self._bar.update()

  def close(self) -> None:
    self._bar.close()
    super().close()


@contextlib.contextmanager
def _show_progress(job: Job) -> Iterator[None]:
  """Shows the progress of a pipeline that runs in this process."""
  logger, handler = logging.getLogger("beam_pipelines"), _Progress(job.num_scenes)
  logger.setLevel(logging.INFO)
  logger.addHandler(handler)
  logger.propagate = False
  try:
    yield
  finally:
    logger.removeHandler(handler)
    handler.close()


def _describe(summary: dict[str, Any], job: Job, seconds: float) -> str:
  parts = [f"{summary['asked']} scenes asked, {summary['made']} made, {summary['reused']} reused, {summary['failed']} failed"]
  if summary["retried"]:
    parts.append(f"{summary['retried']} retries")
  if summary["made"]:
    parts.append(f"{summary['seconds_per_scene']:.1f} s and at most {summary['peak_mb']:.0f} MB per scene")
  return "; ".join(parts) + f"; {seconds:.0f} s in all"


def run(job: Job, options: Any) -> None:
  """Runs the pipeline and tells what has come of it.

  Args:
    options: Beam's pipeline options.

  Raises:
    KubricGenError: it failed, or too many of its scenes did.
  """
  import apache_beam as beam

  from beam_pipelines.results import dead_letter_file, summary_file
  from beam_pipelines.transforms import build
  started = time.perf_counter()
  try:
    pipeline = beam.Pipeline(options=options)
  except (ValueError, ImportError) as error:
    raise KubricGenError(f"Beam refuses the pipeline options: {reason(error)}") from None
  build(pipeline, job)
  with tell_storage_errors(job):
    check_writable(job)
  try:
    with hold_lock(job), _show_progress(job):
      with tell_storage_errors(job):
        summary_file(job).unlink(missing_ok=True)
      pipeline.run().wait_until_finish()
      summary = json.loads(summary_file(job).read_text())
  except KubricGenError:
    raise
  except Exception as error:
    if "KeyboardInterrupt" in str(error):  # Beam wraps it
      raise KeyboardInterrupt from None
    logging.getLogger(__name__).debug("the pipeline failed", exc_info=True)
    raise KubricGenError(f"the pipeline failed: {reason(error)} (finished scenes are kept; -v 1 shows more)") from error
  print(_describe(summary, job, time.perf_counter() - started))
  if summary["failed"]:
    print(f"failed scenes: {dead_letter_file(job)}")
  if not summary["complete"]:
    raise KubricGenError(f"{summary['failed']} of {summary['asked']} scenes failed, more than --max_failed_fraction="
                         f"{job.max_failed_fraction:g} allows: see {dead_letter_file(job)}, then run again")
  for split in summary["omitted_splits"]:
    print(f"no {'record' if job.recipe.dataset.of_records else 'seed'} fell into the split {split}: omitted")
  for folder in job.folders():
    print(folder)


def _main(arguments: Sequence[str]) -> None:
  runner = next((item.partition("=")[2] for item in arguments if item.startswith("--runner=")), "")
  if "--runner" in arguments[:-1]:
    runner = arguments[list(arguments).index("--runner") + 1]
  if not runner:
    runner, arguments = LOCAL_RUNNER, [*arguments, f"--runner={LOCAL_RUNNER}"]
  for name, level in (("apache_beam", logging.WARNING), ("apache_beam.io.gcp", logging.ERROR),
                      ("apache_beam.runners.common", logging.CRITICAL),
                      ("apache_beam.runners.worker.bundle_processor", logging.CRITICAL)):
    logging.getLogger(name).setLevel(level)  # Beam tells a lot
  job, options = job_from_flags(runner), beam_options(arguments)
  dry_run = flags.FLAGS.dry_run
  if runner == dataflow.RUNNER and not flags.FLAGS.verify:
    dataflow.check(job, options, dry_run)
  if not dry_run and not flags.FLAGS.verify:
    check_environment(runner, options)
  if dry_run:
    for line in dataflow.describe(dataflow.portable_proto(job, options)):
      print(line)
    return
  if flags.FLAGS.verify:
    with tell_storage_errors(job):
      verify(job)
    return
  with tell_storage_errors(job):
    complete = is_complete(job)
    if complete:
      name_default(job)
  if complete:
    print("already complete:")
    for folder in job.folders():
      print(folder)
    return
  if runner in LOCAL_RUNNERS:
    check_room_for(job.recipe.config, job.recipe.layers)
    if job.recipe.settings.device not in ("auto", "cpu"):
      check_device(job)
  run(job, options)


def main() -> NoReturn:
  """The entry point."""
  try:
    define_flags(world_name(sys.argv[1:]))
  except KubricGenError as error:
    print_error(error)
    sys.exit(BAD_INPUT)
  rest: list[str] = []

  def parse(argv: Sequence[str]) -> list[str]:
    rest.extend(parse_flags(argv, known_only=True)[1:])
    return list(argv[:1])

  app.run(lambda _: guarded(lambda: _main(rest)), flags_parser=parse)
  raise AssertionError("app.run does not return")


if __name__ == "__main__":
  main()
