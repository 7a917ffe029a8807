"""The command `python -m kubric_gen.verify PATH…` and the flag `--verify`: whether files are as they were written."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from kubric_gen.cli.arguments import Parser
from kubric_gen.cli.task import Task
from kubric_gen.errors import KubricGenError, print_error
from kubric_gen.shards.card_file import CARD
from kubric_gen.sinks.scene_directory import EVENTS, METADATA, SceneDirectories, scene_damage
from kubric_gen.system.checksums import CHECKSUMS, UnreadableError
from kubric_gen.system.command import guarded
from kubric_gen.system.paths import is_local
from kubric_gen.world.identity import config_hash

ANEW = "make it again, or copy it once more from where it is sound"
LATER = "give yourself access, or look again later"
SCENE_FILES = (METADATA, EVENTS, CHECKSUMS)
"""By two of which a scene directory is known: the third may be what is missing."""


def _damage_of_dataset(path: str) -> Iterable[str]:
  from kubric_gen.shards.verify import verify_dataset
  return verify_dataset(path)


def find_damage(path: str) -> Iterator[str]:
  """What is wrong with a scene directory or a dataset, one line each; the latter may be in an object store."""
  try:
    yield from _damage_of(path)
  except UnreadableError as error:
    yield f"{error}: {LATER}"
  except OSError as error:
    yield f"{path} cannot be looked at ({error.strerror or error}): give a folder that you have access to"


def _damage_of(path: str) -> Iterator[str]:
  place = Path(path)
  if not is_local(path) or (place / CARD).exists():
    yield from (f"{line}: {ANEW}" for line in _damage_of_dataset(path))
  elif sum((place / name).exists() for name in SCENE_FILES) > 1:
    yield from (f"{line}: {ANEW}" for line in scene_damage(place))
  else:
    yield (f"{path} is neither a scene directory nor a dataset: give a folder with {METADATA} and {EVENTS}, or with {CARD}, such "
           "as DIR/3 or DIR/movi_a/128x128/1.0.0")


class _Report:
  """Prints what is found, a line for each damage, and one for what is sound. The last damage is kept for the error in the end."""

  def __init__(self) -> None:
    self._last = ""

  def add(self, name: object, damage: Iterable[str]) -> None:
    sound = True
    for line in damage:
      sound = False
      if self._last:
        print_error(self._last)
      self._last = line
    if sound:
      print(f"{name}: sound", flush=True)

  def finish(self) -> None:
    """Ends with what is wrong, if anything is.

    Raises:
      KubricGenError: there is damage.
    """
    if self._last:
      raise KubricGenError(self._last)


def verify(paths: Sequence[str]) -> None:
  """Looks at scene directories and datasets, one after the other, and prints what is found.

  Raises:
    KubricGenError: there is damage.
  """
  report = _Report()
  for path in paths:
    report.add(path, find_damage(path))
  report.finish()


def _damage_of_seed(task: Task, sink: SceneDirectories, seed: int) -> Iterator[str]:
  key = task.key(seed)
  place = task.output_dir / key
  try:
    damage = list(sink.damage(key)) if place.is_dir() else [f"{place} is missing"]
  except UnreadableError as error:
    yield f"{error}: {LATER}"
    return
  yield from (f"{line}: give --resume in place of --verify to make it" for line in damage)
  if not damage and not sink.is_made_from(key, config_hash(task.flags(seed))):
    yield f"{place} is whole, but was made from other flags: give those, or ask python -m kubric_gen.verify"


def verify_task(task: Task) -> None:
  """Looks at the scene directories of a task's seeds, and prints what is found.

  Raises:
    KubricGenError: one is damaged or missing, or was made from other flags.
  """
  sink, report = SceneDirectories(task.output_dir), _Report()
  for seed in task.seeds:
    report.add(task.output_dir / task.key(seed), _damage_of_seed(task, sink, seed))
  report.finish()


def main() -> NoReturn:
  """The entry point."""
  parser = Parser(prog="python -m kubric_gen.verify", description=(
      "Reads all files of scene directories and datasets, and tells those that are not as they were written, a line each. Ends "
      "with status 0 where all are sound, else 2."))
  parser.add_argument("paths", nargs="+", metavar="PATH", help="a scene directory, or a dataset's folder such as "
                      "DIR/movi_a/128x128/1.0.0")
  parsed = parser.parse_args()
  sys.exit(guarded(lambda: verify(parsed.paths)))
