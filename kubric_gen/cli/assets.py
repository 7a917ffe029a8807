"""The command `python -m kubric_gen.assets import FOLDER --output DIR`: collections from a user's own files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from kubric_gen.cli.arguments import Parser
from kubric_gen.errors import KubricGenError
from kubric_gen.system.command import guarded

if TYPE_CHECKING:
  from kubric_gen.assets.importing.folder import Rows
  from kubric_gen.pictures.portraits import Picture


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
  parser = Parser(prog="python -m kubric_gen.assets", description="Collections of assets.")
  commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
  command = commands.add_parser("import", help="make a collection of mesh files", description=(
      "Makes a collection with a manifest out of obj, glb, gltf, ply, stl, off, USD and Blender files: checked, in metres, with "
      "convex bodies for collisions, masses and a sheet of pictures. What cannot be used is told and left out. Subfolders "
      "become categories. kubric_gen.assets.collections.ManifestObjects reads the collection, and so does Kubric."))
  command.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the files, or one file")
  command.add_argument("--output", type=Path, required=True, metavar="DIR",
                       help="folder of the collection, whose manifest is DIR/<name of DIR>.json")
  command.add_argument("--unit", default="auto", choices=("auto", "m", "cm", "mm", "inch"),
                       help="of the files' coordinates; auto takes metres, or centimetres or millimetres where only these give "
                       "a likely size of 1 mm to 20 m")
  command.add_argument("--up", default="auto", choices=("auto", "y", "z"),
                       help="the files' axis that points up; auto takes y for glb and gltf and z for the others; USD and "
                       "Blender files say it themselves")
  command.add_argument("--density", type=float, default=500.0, help="kg/m³ of the solid's volume (default: 500)")
  command.add_argument("--license", default="unknown", help="under which the files may be used (default: unknown)")
  command.add_argument("--thumbnails", action=argparse.BooleanOptionalAction, default=True,
                       help="make thumbnails.png (default: yes)")
  command.add_argument("--overwrite", action="store_true", help="replace a collection that exists")
  return parser.parse_args(arguments)


def _pictures(rows: Rows) -> Picture:
  """A sheet of pictures of objects."""
  from kubric_gen.pictures.portraits import portraits, sheet
  made = portraits(item for _, items in rows for item in items)
  return sheet([(caption, [next(made) for _ in items]) for caption, items in rows])


def _run(values: argparse.Namespace) -> None:
  from kubric_gen.assets.importing.folder import import_folder
  from kubric_gen.assets.importing.preparing import Options, count_text
  if not 1e-3 <= values.density <= 1e5:
    raise KubricGenError(f"--density must lie between 0.001 and 100000 kg/m³, got {values.density:g}")
  options = Options(values.unit, values.up, values.density, values.license)
  results = import_folder(values.folder, values.output, options, values.overwrite,
                          report=lambda result: print(result, flush=True),
                          pictures=_pictures if values.thumbnails else None)
  skipped = sum(result.verdict == "skipped" for result in results)
  manifest = values.output / f"{values.output.resolve().name}.json"
  print(f"{manifest}: {count_text(len(results) - skipped, 'asset')}"
        + (f", {count_text(skipped, 'file')} skipped" if skipped else ""), flush=True)


def main() -> NoReturn:
  """The entry point."""
  parsed = _parse(None)
  sys.exit(guarded(lambda: _run(parsed)))
