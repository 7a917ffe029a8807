"""A few worker processes that share the work of many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from kubric_gen.workers.process import Outcome, WorkerError, WorkerProcess


class WorkerPool:
  """At most `size` worker processes, started when they are needed and replaced when they crash, hang or have grown.

  Its methods may be called from any thread. Use as a context manager, or close it.

  Args:
    size: processes at a time; further calls wait.
    max_memory_mb: a worker whose resident memory after a call is above this is replaced.
    stall_seconds: see `WorkerProcess`.
    environment: variables that differ from this process's.
  """

  def __init__(self, size: int, max_memory_mb: float = 550.0, stall_seconds: float = 600.0,
               environment: dict[str, str] | None = None) -> None:
    self.size = size
    self._memory, self._stall, self._environment = max_memory_mb, stall_seconds, environment
    self._free = threading.Semaphore(size)
    self._lock = threading.Lock()
    self._idle: list[WorkerProcess] = []
    self._busy: set[WorkerProcess] = set()
    self._closed = False

  @property
  def closed(self) -> bool:
    """Whether it was closed; what fails then fails because of that."""
    return self._closed

  @property
  def pids(self) -> list[int]:
    """Of the processes that run now."""
    with self._lock:
      return [worker.pid for worker in (*self._idle, *self._busy)]

  def _take(self) -> WorkerProcess:
    with self._lock:
      worker = self._idle.pop() if self._idle else None
    if worker is not None and not worker.alive:
      worker.close()
      worker = None
    worker = worker or WorkerProcess(self._stall, self._environment)
    with self._lock:
      self._busy.add(worker)
    return worker

  def _put_back(self, worker: WorkerProcess, reusable: bool) -> None:
    with self._lock:
      self._busy.discard(worker)
      if reusable and not self._closed:
        self._idle.append(worker)
        return
    worker.close()

  def call(self, function: str, *arguments: Any, on_stage: Callable[[str], None] | None = None) -> Outcome:
    """`WorkerProcess.call` on a worker that is free.

    Raises:
      WorkerError: it raised, crashed or hung.
    """
    with self._free:
      worker = self._take()
      reusable = False
      try:
        outcome = worker.call(function, *arguments, on_stage=on_stage)
        reusable = outcome.resident_mb <= self._memory
        return outcome
      except WorkerError as error:
        reusable = not error.fatal
        raise
      finally:
        self._put_back(worker, reusable)

  def close(self) -> None:
    """Ends all processes; calls that are under way fail."""
    with self._lock:
      self._closed = True
      idle, busy = self._idle, list(self._busy)
      self._idle = []
    for worker in busy:
      worker.kill()
    for worker in idle:
      worker.close()

  def __enter__(self) -> WorkerPool:
    return self

  def __exit__(self, *_: object) -> None:
    self.close()
