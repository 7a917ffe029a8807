"""The command line: see the package."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from absl import app, flags

from kubric_gen.errors import BAD_INPUT, KubricGenError, print_error
from kubric_gen.system.interrupts import INTERRUPTED
from tests.flink.cluster import FlinkCluster
from tests.flink.network import isolate
from tests.flink.packages import fetch_flink, fetch_job_server, find_java
from tests.flink.processes import say
from tests.flink.python_workers import serve_workers


def _define_flags() -> None:
  module = sys.argv[0]
  flags.DEFINE_string("flink_home", ".flink", "where Flink and Beam's job server are kept", module_name=module)
  flags.DEFINE_integer("taskmanagers", 2, "how many there are, each with one slot and one Python worker",
                       lower_bound=1, module_name=module)
  flags.DEFINE_boolean("isolated", True, "give the cluster and the command a network that has only the loopback",
                       module_name=module)
  flags.DEFINE_integer("port", 0, "where `workers`, which `run` starts by itself, listens", module_name=module)


def _fetch() -> None:
  home = Path(flags.FLAGS.flink_home).absolute()
  find_java()
  fetch_flink(home)
  fetch_job_server(home)


def _run(command: Sequence[str]) -> int:
  if not command:
    raise KubricGenError("run needs a command after --: run -- python -m beam_pipelines.generate ...")
  values = flags.FLAGS
  _fetch()  # before there is no network any more
  if values.isolated:
    isolate()
  cluster = FlinkCluster(values.flink_home, values.taskmanagers)
  status = 0
  try:
    with cluster:
      say(f"JobManager at {cluster.rest_address}, TaskManagers {' '.join(map(str, cluster.taskmanager_pids))}")
      status = cluster.run(command)
  except KubricGenError:
    status = BAD_INPUT
    raise
  finally:
    if status == 0:  # or interrupted
      shutil.rmtree(cluster.run_dir, ignore_errors=True)
  if status:
    say(f"the command ended with status {status}; Flink's logs are in {cluster.run_dir}")
  return status


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
  for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN)  # what follows is short, and leaves nothing behind
  raise KeyboardInterrupt


def _main(argv: Sequence[str]) -> int:
  for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, _interrupt)
  command, *rest = argv[1:] or [""]
  try:
    if rest and command != "run":
      raise KubricGenError(f"unexpected argument {rest[0]!r}")
    if command == "run":
      return _run(rest)
    if command == "fetch":
      _fetch()
    elif command == "workers":
      serve_workers(flags.FLAGS.port)
    else:
      raise KubricGenError("the command is one of fetch, run (see --help)")
  except KubricGenError as error:
    print_error(error)
    return BAD_INPUT
  except KeyboardInterrupt:
    if command != "workers":
      say("interrupted: everything is stopped")
    return INTERRUPTED
  return 0


def _parse_flags(argv: Sequence[str]) -> list[str]:
  try:
    return flags.FLAGS(argv)
  except flags.Error as error:
    print_error(f"{error} (see --help; a command and its flags stand after --)")
    sys.exit(BAD_INPUT)


if __name__ == "__main__":
  _define_flags()
  app.run(_main, flags_parser=_parse_flags)
