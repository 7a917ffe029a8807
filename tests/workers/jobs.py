"""What the workers of the tests are asked to do."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable

from kubric_gen.errors import KubricGenError

Report = Callable[[str], None]


def pid(report: Report, seconds: float = 0.0) -> int:
  report("sleep")
  time.sleep(seconds)
  return os.getpid()


def refuse(report: Report) -> None:
  report("think")
  raise KubricGenError("not\nthis one")


def stumble(report: Report) -> None:
  raise ZeroDivisionError("a bug")


def crash(report: Report) -> None:
  report("crash")
  ctypes.string_at(0)


def hang(report: Report) -> None:
  report("first")
  report("second")
  time.sleep(600)


def leave(report: Report, status: int) -> None:
  os._exit(status)


def temporary(report: Report) -> str:
  import tempfile
  return tempfile.mkdtemp()
