"""How a command line is parsed: whatever is wrong with its flags ends in one short line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from kubric_gen.errors import BAD_INPUT, cut_words, print_error


def parse_flags(argv: Sequence[str], hint: str = "see --help", known_only: bool = False) -> list[str]:
  """Parses the flags; returns what is left. Ends the process with status 2 where they make no sense.

  Args:
    hint: added to the error. known_only: leave unknown flags to others.
  """
  try:
    return flags.FLAGS(list(argv), known_only=known_only)
  except flags.Error as error:  # it quotes values whole
    text = cut_words(str(error))
  except RecursionError:  # absl looks for similar names
    text = "there is no flag with so long a name"
  print_error(f"{text} ({hint})")
  sys.exit(BAD_INPUT)
