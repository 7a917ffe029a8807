"""Blender and PyBullet write to the process's standard output behind Python's back: this keeps it out of the way."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

from kubric_gen.errors import KubricGenError
from kubric_gen.limits import MAX_TAIL


class Console:
  """What was written to the file descriptors 1 and 2 while it was captured."""

  def __init__(self, file: IO[bytes]) -> None:
    self._file = file

  def tail(self) -> str:
    """The last lines of it."""
    size = self._file.seek(0, os.SEEK_END)
    self._file.seek(max(0, size - MAX_TAIL))
    return self._file.read().decode(errors="replace").strip()


@contextlib.contextmanager
def captured_console() -> Iterator[Console]:
  """Redirects the descriptors 1 and 2, for native code and Python alike, to a file until the block ends.

  On an exception what was captured is written to standard error, so that the reason is not lost; but not when the
  exception itself tells it in one line.
  """
  for stream in (sys.stdout, sys.stderr):
    if stream is not None:
      stream.flush()
  saved = [os.dup(1), os.dup(2)]
  with tempfile.TemporaryFile() as file:
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
    console = Console(file)
    failed = True
    try:
      yield console
      failed = False
    finally:
      for stream in (sys.stdout, sys.stderr):
        if stream is not None:
          with contextlib.suppress(OSError, ValueError):
            stream.flush()
      for descriptor, copy in enumerate(saved, start=1):
        os.dup2(copy, descriptor)
        os.close(copy)
      error = sys.exc_info()[1]
      if failed and isinstance(error, Exception) and not isinstance(error, KubricGenError):
        text = console.tail()
        if text:
          print(text, file=sys.stderr)
