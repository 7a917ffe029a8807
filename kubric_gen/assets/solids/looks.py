"""Parameters that say what a member of a family looks like."""

from __future__ import annotations

from kubric_gen.assets.solids.family import Parameter
from kubric_gen.assets.solids.finishes import Maker

HUE = Parameter(0.0, 1.0, 0.58, "", "of its main colour: 0 red, 1/3 green, 2/3 blue")
VARIETY = Parameter(0, 9999, 0, "", "decides other colours and patterns", whole=True)


def finish_parameter(*makers: Maker) -> Parameter:
  """A choice out of some materials."""
  names = ", ".join(f"{number} {maker.__name__.replace('_', ' ')}" for number, maker in enumerate(makers))
  return Parameter(0, len(makers) - 1, 0, "", names, whole=True)
