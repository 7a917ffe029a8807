"""The command `python -m kubric_gen.export FORMAT SCENE… --output=DIR`: scene directories as what other programs read."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from kubric_gen.cli.arguments import Parser
from kubric_gen.errors import KubricGenError
from kubric_gen.example.example import Example
from kubric_gen.scene.validation import file_name
from kubric_gen.sinks.scene_reader import read_scene
from kubric_gen.sinks.sink import ExampleSink, example_sink, sinks
from kubric_gen.system.checksums import CHECKSUMS
from kubric_gen.system.command import guarded


def exporters() -> tuple[str, ...]:
  """The names of all formats: those of the sinks that write for other programs."""
  return tuple(name for name in sinks("examples") if example_sink(name).folder)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
  parser = Parser(prog="python -m kubric_gen.export", description=(
      "Turns scene directories into what other programs read. One scene is written to DIR itself, several to DIR/<seed> or "
      "DIR/<split>/<seed>, each whole or not at all."))
  names = exporters()
  parser.add_argument("format", choices=names, metavar="FORMAT", help=f"one of {', '.join(names)}")
  parser.add_argument("scenes", type=Path, nargs="+", metavar="SCENE", help="a scene directory")
  parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to make")
  parser.add_argument("--overwrite", action="store_true", help="replace an earlier export in the same place")
  return parser.parse_args(arguments)


def scene_key(path: Path, example: Example) -> str:
  """The key of a scene that lies in a folder: `<split>/<seed>` or `<seed>`, or the folder's name for a scene without a seed.

  Raises:
    KubricGenError: its split is no name for a folder.
  """
  place, metadata = Path(os.path.abspath(path)), example.metadata
  if metadata.seed is None:
    return file_name(place.name, f"name of the folder {path}")
  if metadata.split is None or metadata.split != place.parent.name:
    return str(metadata.seed)
  return f"{file_name(metadata.split, 'split of the scene')}/{metadata.seed}"


def _check_apart(scene: Path, output: Path) -> None:
  """Makes sure that an export, which may replace its folder, neither holds a scene nor lies in one."""
  one, other = (path.resolve() for path in (scene, output))
  if one == other or one in other.parents or other in one.parents:
    raise KubricGenError(f"{output} and the scene {scene} lie in one another: choose another --output")


def _check(sink: ExampleSink, scenes: Sequence[Path]) -> list[str]:
  """Makes sure, as far as that is cheap, that all scenes can be written; returns their keys."""
  keys: dict[str, Path] = {}
  for path in scenes:
    with read_scene(path, verify=(path / CHECKSUMS).is_file()) as example:
      _check_apart(path, sink.target)
      key = scene_key(path, example) if len(scenes) > 1 or sink.shared else ""
      if key in keys:
        raise KubricGenError(f"{keys[key]} and {path} are both the scene {key}: export them to folders of their own")
      keys[key] = path
      sink.check(key)
      try:
        sink.check_item(key, example)
      except KubricGenError as error:
        raise KubricGenError(f"{path}: {error}") from None
  return list(keys)


def export_scenes(name: str, scenes: Sequence[Path], output: Path, overwrite: bool = False) -> None:
  """Writes scenes in a format, one to the folder itself and several to folders of their keys, and prints where each is.

  Args:
    name: of the format. scenes: their directories. output: folder to make. overwrite: replace an earlier export.

  Raises:
    KubricGenError: a scene or its place cannot be used. Nothing is written then, unless it shows only in a frame.
  """
  target = Path(os.path.abspath(output))
  with example_sink(name)(target, overwrite=overwrite) as sink:
    for key, path in zip(_check(sink, scenes), scenes):
      with read_scene(path) as example:
        sink.add(key, example)
      print(f"{path}: {target / key}", flush=True)
    sink.finish()


def main() -> NoReturn:
  """The entry point."""
  parsed = _parse(None)
  sys.exit(guarded(lambda: export_scenes(parsed.format, parsed.scenes, parsed.output, parsed.overwrite)))
