from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kubric_gen.workers import WorkerError, WorkerPool, WorkerProcess

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
JOBS = "tests.workers.jobs:"


def failure(worker: WorkerProcess | WorkerPool, function: str, *arguments: object) -> WorkerError:
  with pytest.raises(WorkerError) as caught:
    worker.call(JOBS + function, *arguments)
  return caught.value


def test_one_process_does_many_calls_and_survives_their_errors() -> None:
  stages: list[str] = []
  with WorkerProcess(environment=ENVIRONMENT) as worker:
    first = worker.call(JOBS + "pid", on_stage=stages.append)
    refused, bug = failure(worker, "refuse"), failure(worker, "stumble")
    assert (refused.stage, refused.message, refused.fatal) == ("think", "not this one", False)
    assert bug.message == "ZeroDivisionError: a bug" and "stumble" in bug.details
    assert worker.call(JOBS + "pid").value == first.value == worker.pid != os.getpid()
  assert stages == ["sleep"]
  assert 5 < first.resident_mb < 200 and 5 < first.peak_mb < 200  # the kernel counts the two in its own time
  assert not Path(f"/proc/{worker.pid}").exists()


def test_a_crash_tells_its_signal_its_stage_and_where_it_was() -> None:
  with WorkerProcess(environment=ENVIRONMENT) as worker:
    error = failure(worker, "crash")
  assert error.fatal and error.stage == "crash" and "SIGSEGV" in error.message and "jobs.py" in error.details


def test_an_exit_is_told_too() -> None:
  with WorkerProcess(environment=ENVIRONMENT) as worker:
    assert "status 3" in failure(worker, "leave", 3).message


def test_a_hang_is_killed() -> None:
  with WorkerProcess(2.0, ENVIRONMENT) as worker:
    worker.call(JOBS + "pid")
    started = time.monotonic()
    error = failure(worker, "hang")
  assert error.fatal and error.stage == "second" and "no sign of life for 2 s" in error.message
  assert time.monotonic() - started < 10 and not Path(f"/proc/{worker.pid}").exists()


def test_temporary_files_end_with_the_worker() -> None:
  with WorkerProcess(environment=ENVIRONMENT) as worker:
    folder = Path(worker.call(JOBS + "temporary").value)
    assert folder.is_dir()
    failure(worker, "crash")
  assert not folder.exists()


def test_a_pool_reuses_workers_and_replaces_those_that_have_grown_or_died() -> None:
  with WorkerPool(1, environment=ENVIRONMENT) as pool:
    first = pool.call(JOBS + "pid").value
    assert pool.call(JOBS + "pid").value == first
    failure(pool, "refuse")
    assert pool.call(JOBS + "pid").value == first  # an error is no reason
    failure(pool, "crash")
    second = pool.call(JOBS + "pid").value
    assert second != first and pool.pids == [second]
    os.kill(second, signal.SIGKILL)  # while it is idle
    while os.waitid(os.P_PID, second, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
      time.sleep(0.01)
    assert pool.call(JOBS + "pid").value != second
  with WorkerPool(1, max_memory_mb=1.0, environment=ENVIRONMENT) as pool:
    assert pool.call(JOBS + "pid").value != pool.call(JOBS + "pid").value and pool.pids == []


def test_a_pool_has_as_many_workers_as_it_may_and_no_more() -> None:
  with WorkerPool(2, environment=ENVIRONMENT) as pool, ThreadPoolExecutor(6) as threads:
    pids = list(threads.map(lambda _: pool.call(JOBS + "pid", 0.2).value, range(6)))
    assert len(set(pids)) == 2 == len(pool.pids)
  assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_worker_ends_with_its_parent_however_busy_it_is() -> None:
  code = ("from kubric_gen.workers import WorkerProcess\n"
          "worker = WorkerProcess()\nprint(worker.pid, flush=True)\n"
          "worker.call('tests.workers.jobs:pid', 600.0)")
  parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.PIPE,
                            text=True)
  assert parent.stdout is not None
  pid = parent.stdout.readline().strip()
  time.sleep(1.0)
  parent.kill()
  parent.wait()
  end = time.monotonic() + 10
  while Path(f"/proc/{pid}").exists():
    assert time.monotonic() < end
    time.sleep(0.05)
