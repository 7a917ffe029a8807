"""The error that a user sees.

Everything that bad input can cause ends as one `KubricGenError` whose message is a single line that names what is
wrong and the way out. Command lines print that line and exit with status 2; anything else is a bug and keeps its
traceback. What such a line quotes of the input goes through `shown`.
"""

from __future__ import annotations

import re
import sys

from kubric_gen.limits import MAX_MESSAGE, MAX_SHOWN

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


def shown(value: object) -> str:
  """A value as an error quotes it: as Python writes it, control characters escaped, cut off with … where it is long."""
  try:
    text = repr(value[:MAX_SHOWN + 1] if isinstance(value, (str, bytes)) else value)
  except ValueError:  # Python writes no numbers of more than 4300 digits
    text = "a huge number" if isinstance(value, int) else f"a {type(value).__name__}"
  text = printable(text)
  return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN - 1]}…"


def printable(text: str) -> str:
  """The same text with control characters, and others that are not seen, as escapes."""
  return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def cut_words(text: str) -> str:
  """A text whose long words are cut off with …: of what another library says, which quotes its input whole."""
  return re.sub(rf"(\S{{{MAX_SHOWN - 1}}})\S{{2,}}", r"\1…", text)


def print_error(error: object) -> None:
  """An error as one line on standard error; of a long one the beginning, and the end with the way out."""
  text = " ".join(str(error).split())
  if len(text) > MAX_MESSAGE:
    text = cut_words(text)
  if len(text) > MAX_MESSAGE:
    text = f"{text[:MAX_MESSAGE // 2]} … {text[-MAX_MESSAGE // 3:]}"
  print(f"error: {printable(text)}", file=sys.stderr, flush=True)
