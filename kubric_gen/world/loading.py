"""Worlds by name."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from typing import Any

from kubric_gen.errors import KubricGenError, cut_words, shown
from kubric_gen.world.world import World

WORLDS = "worlds"
"""The package of worlds that come with this one."""


def world_names() -> tuple[str, ...]:
  """The modules of `worlds` that are worlds: those whose name does not start with an underscore."""
  package = importlib.import_module(WORLDS)
  return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")))


def _told(error: BaseException) -> str:
  """An error with the place in the file where it was raised."""
  frames = traceback.extract_tb(error.__traceback__)
  place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "?"
  if isinstance(error, SyntaxError):
    place = f"{error.filename}, line {error.lineno}"
  return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}; {place}"


def load_world(name: str) -> World[Any]:
  """The world of a module in `worlds`, or of any module by its full dotted name.

  Raises:
    KubricGenError: there is none.
  """
  known = world_names()
  if name.startswith(".") or ("." not in name and name not in known):
    raise KubricGenError(f"unknown world {shown(name)}: choose from {', '.join(known)}, or give a module as package.module")
  full = name if "." in name else f"{WORLDS}.{name}"
  try:
    module = importlib.import_module(full)
  except ModuleNotFoundError as error:
    if error.name is not None and (full == error.name or full.startswith(f"{error.name}.")):
      raise KubricGenError(f"unknown world {shown(name)} ({cut_words(str(error))}): choose from {', '.join(known)}") from None
    raise KubricGenError(f"the world {cut_words(name)} cannot be loaded ({_told(error)}): correct its file") from error
  except KubricGenError as error:
    raise KubricGenError(f"the world {name} cannot be loaded: {error}") from error
  except Exception as error:  # whatever is wrong with its code
    raise KubricGenError(f"the world {name} cannot be loaded ({_told(error)}): correct its file") from error
  world = getattr(module, "WORLD", None)
  if world is None:
    raise KubricGenError(f"unknown world {shown(name)} ({cut_words(full)} has no WORLD): choose from {', '.join(known)}; the "
                         "names of files that are no worlds start with _")
  if not isinstance(world, World):
    raise KubricGenError(f"{name}.WORLD is no World: make one with kubric_gen.world.World")
  return world
