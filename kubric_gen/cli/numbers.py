"""Parsers of flags that are numbers: absl's own let `nan`, `1_0` and digits of other scripts through."""

from __future__ import annotations

import math
import re

from absl import flags

from kubric_gen.limits import MAX_DIGITS


class WholeParser(flags.IntegerParser):
  """A whole number in plain digits."""

  def convert(self, argument: str | int) -> int:
    if isinstance(argument, str) and not re.fullmatch(r"[+-]?[0-9]+", argument):
      raise ValueError("it must be a whole number")
    if isinstance(argument, str) and len(argument) > MAX_DIGITS:
      raise ValueError("it has too many digits")
    return super().convert(argument)


class FiniteParser(flags.FloatParser):
  """A number that is neither infinite nor none."""

  def convert(self, argument: float | int | str) -> float:
    if isinstance(argument, str) and not (argument.isascii() and "_" not in argument):
      raise ValueError("it must be a number")
    number = super().convert(argument)
    if not math.isfinite(number):
      raise ValueError("it must be finite")
    return number
