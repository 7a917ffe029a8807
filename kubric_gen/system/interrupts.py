"""Ctrl-C that works while native code runs.

Python raises KeyboardInterrupt only when the engine that is busy returns, which for a slow frame can take minutes. A
watcher thread therefore ends the process by itself if that takes too long, after removing every unfinished directory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
MESSAGE = "interrupted: no partial scene was left behind"
PATIENCE = 1.0
"""Seconds that a clean exit may take."""

_unfinished: set[str] = set()


def register(path: str | os.PathLike[str]) -> None:
  """Names a directory or file that must not outlive an interruption."""
  _unfinished.add(os.fspath(path))


def unregister(path: str | os.PathLike[str]) -> None:
  """It is finished, or gone."""
  _unfinished.discard(os.fspath(path))


def remove_unfinished() -> None:
  """Removes everything that is registered, while other threads may still be writing into it."""
  for path in list(_unfinished):
    for _ in range(20):
      shutil.rmtree(path, ignore_errors=True)
      with contextlib.suppress(OSError):
        os.unlink(path)
      if not os.path.lexists(path):
        break


def _raise_interrupt(number: int, frame: FrameType | None) -> NoReturn:
  raise KeyboardInterrupt


def handle_signals() -> None:
  """Makes SIGINT and SIGTERM end the process with status 130 within about `PATIENCE`; call once, in the main thread."""
  terminal = os.dup(2)  # engines redirect the standard error now and then
  reader, writer = os.pipe()
  os.set_blocking(writer, False)
  signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
  for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, _raise_interrupt)

  def watch() -> None:
    while True:
      number = os.read(reader, 1)[0]
      if number in (signal.SIGINT, signal.SIGTERM):
        break
    threading.Event().wait(PATIENCE)
    remove_unfinished()
    os.write(terminal, f"{MESSAGE}\n".encode())
    os._exit(INTERRUPTED)

  threading.Thread(target=watch, name="interrupts", daemon=True).start()


def exit_interrupted() -> NoReturn:
  """The clean way out, once everything has been unwound; the watcher stays silent."""
  sys.stdout.flush()
  os.write(2, f"{MESSAGE}\n".encode())
  os._exit(INTERRUPTED)
