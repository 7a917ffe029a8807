"""Command lines whose mistakes end as one line."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from kubric_gen.errors import BAD_INPUT, print_error


class Parser(argparse.ArgumentParser):
  """A parser that tells what is wrong in one line."""

  def error(self, message: str) -> NoReturn:
    print_error(f"{message} (see --help)")
    sys.exit(BAD_INPUT)
