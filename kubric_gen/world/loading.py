"""Worlds by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.world.world import World

WORLDS = "worlds"
"""The package of worlds that come with this one."""


def world_names() -> tuple[str, ...]:
  """The modules of `worlds` that are worlds: those whose name does not start with an underscore."""
  package = importlib.import_module(WORLDS)
  return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")))


def load_world(name: str) -> World[Any]:
  """The world of a module in `worlds`, or of any module by its full dotted name.

  Raises:
    KubricGenError: there is none.
  """
  known = world_names()
  if name.startswith(".") or ("." not in name and name not in known):
    raise KubricGenError(f"unknown world {name!r}: choose from {', '.join(known)}, or give a module as package.module")
  try:
    world = importlib.import_module(name if "." in name else f"{WORLDS}.{name}").WORLD
  except (ImportError, AttributeError) as error:
    raise KubricGenError(f"unknown world {name!r} ({error}): choose from {', '.join(known)}") from None
  if not isinstance(world, World):
    raise KubricGenError(f"{name}.WORLD is no World: make one with kubric_gen.world.World")
  return world
