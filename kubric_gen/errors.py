"""The error that a user sees.

Everything that bad input can cause ends as one `KubricGenError` whose message is a single line that names what is
wrong and the way out. Command lines print that line and exit with status 2; anything else is a bug and keeps its
traceback.
"""

from __future__ import annotations

import sys

BAD_INPUT = 2
"""The exit status of a command that was given bad input."""


class KubricGenError(Exception):
  """Bad input or an unusable environment, told in one line."""


class SceneError(KubricGenError, ValueError):
  """A scene description that makes no sense: raised where the object is made."""


class AssetError(KubricGenError):
  """A mesh, texture or environment that cannot be used."""


class DeviceError(KubricGenError):
  """A render device that was asked for and is not there."""


class OutputError(KubricGenError):
  """A file of many scenes that cannot be written: there is no going on with the next one."""


def print_error(error: object) -> None:
  """An error as one line on standard error."""
  print(f"error: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
