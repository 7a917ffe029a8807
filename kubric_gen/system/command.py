"""What every command line does: bad input and interruptions end as one line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from kubric_gen.errors import BAD_INPUT, KubricGenError, print_error
from kubric_gen.system.interrupts import exit_interrupted, handle_signals
from kubric_gen.system.scratch import private_tempdir

CLOSED_PIPE = 141
"""The exit status of a command whose output nobody reads any more, as of one that SIGPIPE ends."""


def guarded(action: Callable[[], None]) -> int:
  """Runs a command and turns bad input and interruptions into one line and an exit status."""
  handle_signals()
  try:
    with private_tempdir():
      action()
  except KubricGenError as error:
    print_error(error)
    return BAD_INPUT
  except BrokenPipeError:  # whoever read what is printed has gone, which is no fault
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again at its end
    return CLOSED_PIPE
  except KeyboardInterrupt:
    exit_interrupted()
  return 0
