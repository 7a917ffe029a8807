"""Processes that lead sessions of their own, and their ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

STOP_SECONDS = 5


def say(line: str) -> None:
  print(f"flink: {line}", file=sys.stderr, flush=True)


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
  """Signals a process that leads a session and all it started, whether or not it is still there itself."""
  try:
    os.killpg(process.pid, number)
  except (ProcessLookupError, PermissionError):
    pass


def stop_all(processes: Sequence[subprocess.Popen[bytes]], number: signal.Signals = signal.SIGTERM,
          seconds: float = STOP_SECONDS) -> None:
  """Ends processes and what they started: politely at first, and for sure."""
  try:
    for process in processes:
      signal_group(process, number)
    deadline = time.monotonic() + seconds
    for process in processes:
      try:
        process.wait(max(0.0, deadline - time.monotonic()))
      except subprocess.TimeoutExpired:
        pass
  finally:
    for process in processes:
      signal_group(process, signal.SIGKILL)
    for process in processes:
      process.wait()


def own_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
  """This process's, with `python` being the one that runs it."""
  path = os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)))
  return {**os.environ, "PATH": path, **(extra or {})}
