"""The inside of a worker process: takes calls from its parent's socket, one after another, until that closes.

Started by `WorkerProcess` as `python -m kubric_gen.workers.child FD FOLDER`. A call names a function as `module:name`; the
function's first argument is a `report` function that tells the parent the stage it is in, as a sign of life.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import select
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.system.interrupts import register, remove_unfinished

ORPHANED = 70


def peak_megabytes() -> float:
  """The most memory that this process has had, MB; `getrusage` would count what its parent had when it was started."""
  with open("/proc/self/status") as file:
    return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024 / 1e6


def resident_megabytes() -> float:
  """Resident memory now, MB."""
  with open("/proc/self/statm") as file:
    return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _end_with_parent(descriptor: int) -> None:
  """Ends this process when the parent's end of the socket closes, however busy the main thread is."""
  poll = select.poll()
  poll.register(descriptor, select.POLLRDHUP)
  poll.poll()
  remove_unfinished()
  os._exit(ORPHANED)


def _call(function: str, report: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
  stage = "start"

  def tell(name: str) -> None:
    nonlocal stage
    stage = name
    report(("stage", name))

  try:
    module, _, name = function.partition(":")
    return "done", getattr(importlib.import_module(module), name)(tell, *arguments), resident_megabytes(), peak_megabytes()
  except Exception as error:
    shown = str(error) if isinstance(error, KubricGenError) else f"{type(error).__name__}: {error}"
    return "failed", stage, " ".join(shown.split()), traceback.format_exc()


def main() -> None:
  faulthandler.enable()
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
  descriptor = int(sys.argv[1])
  register(sys.argv[2])  # the temporary files that it leaves behind when its parent is gone
  connection = Connection(descriptor)
  threading.Thread(target=_end_with_parent, args=(descriptor,), name="parent watch", daemon=True).start()
  while True:
    try:
      function, arguments = connection.recv()
    except (EOFError, OSError):
      return
    connection.send(_call(function, connection.send, arguments))


if __name__ == "__main__":
  main()
