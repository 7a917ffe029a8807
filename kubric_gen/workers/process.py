"""A worker process as its parent sees it: started by exec, watched, and told apart when it crashes or hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kubric_gen.limits import MAX_TAIL
from kubric_gen.system.resources import kills_for_memory
from kubric_gen.system.scratch import MEMORY, Scratch, remove_abandoned_scratch

GRACE = 5.0
"""Seconds that an idle worker may take to end."""


class WorkerError(Exception):
  """A call that brought no result.

  Attributes:
    stage: what the worker was doing. message: one line. details: its traceback, or the end of what it had printed.
    fatal: the process is gone (it crashed, or was killed because it hung).
  """

  def __init__(self, stage: str, message: str, details: str, fatal: bool) -> None:
    super().__init__(f"{stage}: {message}")
    self.stage, self.message, self.details, self.fatal = stage, message, details, fatal


@dataclass(frozen=True)
class Outcome:
  """What a call returned, and the worker's memory afterwards, in MB: now, and the most it has ever been."""

  value: Any
  resident_mb: float
  peak_mb: float


class WorkerProcess:
  """A process that does one call after another. Use as a context manager, or close it.

  Args:
    stall_seconds: a call that gives no sign of life for so long counts as hung, and its process is killed.
    environment: variables that differ from this process's.
  """

  def __init__(self, stall_seconds: float = 600.0, environment: dict[str, str] | None = None) -> None:
    self._stall = stall_seconds
    self._killed_before = kills_for_memory()
    self._folder = Scratch("worker")  # its TMPDIR, so that nothing outlives it
    self._log = self._folder.path / "console.log"
    ours, theirs = socket.socketpair()
    package_root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH", ""))))
    with theirs, open(self._log, "wb") as log:
      self._process = subprocess.Popen(
          [sys.executable, "-m", "kubric_gen.workers.child", str(theirs.fileno()), str(self._folder.path)],
          pass_fds=(theirs.fileno(),),
          stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
          env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(self._folder.path), **(environment or {})})
    self._connection = Connection(ours.detach())

  @property
  def pid(self) -> int:
    return self._process.pid

  @property
  def alive(self) -> bool:
    return self._process.poll() is None

  def call(self, function: str, *arguments: Any, on_stage: Callable[[str], None] | None = None) -> Outcome:
    """Calls `function`, named as `module:name`, with a report function and the arguments.

    Raises:
      WorkerError: it raised, crashed or hung.
    """
    stage = "start"
    try:
      self._connection.send((function, arguments))
      while True:
        if not self._connection.poll(self._stall):
          self.kill()
          raise WorkerError(stage, f"no sign of life for {self._stall:g} s: the worker was killed", self._tail(), True)
        kind, *rest = self._connection.recv()
        if kind == "stage":
          stage = rest[0]
          if on_stage is not None:
            on_stage(stage)
        elif kind == "done":
          return Outcome(*rest)
        else:
          raise WorkerError(rest[0], rest[1], rest[2], False)
    except (EOFError, OSError) as error:  # OSError: a reset, or a broken pipe when sending
      self._connection.close()
      try:
        status = self._process.wait(GRACE)
      except subprocess.TimeoutExpired:
        status = self.kill()
      raise WorkerError(stage, f"the worker {self._ending(status)}", self._tail(), True) from error

  def _ending(self, status: int) -> str:
    if status == -signal.SIGKILL and kills_for_memory() > self._killed_before:
      return "was ended by the kernel for lack of memory: give it more (a container: --memory), or run fewer --processes"
    return _ending(status)

  def _tail(self) -> str:
    """The end of what the process has printed."""
    with contextlib.suppress(OSError):
      return self._log.read_bytes()[-MAX_TAIL:].decode(errors="replace").strip()
    return ""

  def kill(self) -> int:
    """Ends the process at once; returns its status."""
    with contextlib.suppress(ProcessLookupError):
      os.killpg(self._process.pid, signal.SIGKILL)
    return self._process.wait()

  def close(self) -> None:
    """Ends the process and removes what it has left behind."""
    self._connection.close()
    try:
      self._process.wait(GRACE)
    except subprocess.TimeoutExpired:
      self.kill()
    self._folder.close()
    remove_abandoned_scratch(MEMORY)  # what it had elsewhere when it was killed

  def __enter__(self) -> WorkerProcess:
    return self

  def __exit__(self, *_: object) -> None:
    self.close()


def _ending(status: int) -> str:
  if status >= 0:
    return f"ended with status {status}"
  with contextlib.suppress(ValueError):
    return f"was ended by {signal.Signals(-status).name}"
  return f"was ended by signal {-status}"
