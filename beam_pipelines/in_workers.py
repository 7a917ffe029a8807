"""Steps that hand their elements to worker processes, several at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from beam_pipelines.job import Job
from kubric_gen.workers import WorkerError, WorkerPool

RETRY_PAUSE = 1.0
"""Seconds before the second attempt; doubled for each further one."""


class _SharedPools:
  """One pool of workers for all bundles of a Beam worker that want the same kind."""

  def __init__(self) -> None:
    self._lock = threading.Lock()
    self._pools: dict[Any, tuple[WorkerPool, int]] = {}

  def take(self, key: tuple[Any, ...]) -> WorkerPool:
    with self._lock:
      kind, size, memory, stall = key
      pool, users = self._pools.get(key) or (WorkerPool(size, memory, stall), 0)
      self._pools[key] = (pool, users + 1)
      return pool

  def give_back(self, key: tuple[Any, ...]) -> None:
    with self._lock:
      pool, users = self._pools[key]
      if users > 1:
        self._pools[key] = (pool, users - 1)
        return
      del self._pools[key]
    pool.close()


_POOLS = _SharedPools()


class Closed(Exception):
  """The workers were ended, so that trying again makes no sense."""


def attempts(job: Job) -> Retrying:
  """As many attempts as the job says; worker errors count, and the last one is raised."""
  return Retrying(stop=stop_after_attempt(job.max_attempts), wait=wait_exponential(RETRY_PAUSE),
                  retry=retry_if_exception_type(WorkerError), reraise=True)


class InWorkers(beam.DoFn):
  """Works on the elements of a bundle in worker processes, as many at a time as the job says, in any order."""

  def __init__(self, job: Job, kind: str, max_memory_mb: float) -> None:
    self._job = job
    self._key = (kind, job.processes, max_memory_mb, job.stall_seconds)

  def setup(self) -> None:
    self._pool = _POOLS.take(self._key)
    self._threads = ThreadPoolExecutor(self._job.processes)

  def teardown(self) -> None:
    self._threads.shutdown(wait=False, cancel_futures=True)
    _POOLS.give_back(self._key)

  def start_bundle(self) -> None:
    self._pending: set[Future[Any]] = set()

  def work(self, element: Any) -> Any:
    """The result for an element; called in a thread."""
    raise NotImplementedError

  def process(self, element: Any) -> Iterator[Any]:
    self._pending.add(self._threads.submit(self.work, element))
    yield from self._finished(4 * self._job.processes)

  def finish_bundle(self) -> Iterator[WindowedValue]:
    for result in self._finished(0):
      yield WindowedValue(result, MIN_TIMESTAMP, (GlobalWindow(),))

  def _finished(self, allowed: int) -> Iterator[Any]:
    """Results that are there, and enough of the others that no more than `allowed` remain."""
    while self._pending:
      done, self._pending = wait(self._pending, 0 if len(self._pending) <= allowed else None, FIRST_COMPLETED)
      for future in done:
        yield future.result()
      if not done:
        return
