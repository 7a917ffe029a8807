"""Worlds by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.world.world import World


def load_world(name: str) -> World[Any]:
  """The world of a module in `worlds`, or of any module by its full dotted name.

  Raises:
    KubricGenError: there is none.
  """
  import worlds
  known = sorted(module.name for module in pkgutil.iter_modules(worlds.__path__))
  if name.startswith(".") or ("." not in name and name not in known):
    raise KubricGenError(f"unknown world {name!r}: choose from {', '.join(known)}, or give a module as package.module")
  try:
    return importlib.import_module(name if "." in name else f"worlds.{name}").WORLD
  except (ImportError, AttributeError) as error:
    raise KubricGenError(f"unknown world {name!r} ({error}): choose from {', '.join(known)}") from None
