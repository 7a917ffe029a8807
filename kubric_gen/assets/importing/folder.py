"""A folder of a user's own files as a collection with a manifest; `preparing` does each of them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubric_gen.assets.fetching.archives import pack, unpack
from kubric_gen.assets.importing.preparing import SUFFIXES, Options, count_text, make_asset, shape_in
from kubric_gen.errors import KubricGenError, shown
from kubric_gen.scene.objects import Object
from kubric_gen.system.scratch import Scratch
from kubric_gen.system.whole import check_target, whole_directory

COLUMNS, MAX_THUMBNAILS = 8, 400
MAX_ID = 100
THUMBNAILS = "thumbnails.png"
ENTRY_KEYS = {"id", "asset_type", "license", "metadata", "kwargs", "sha256"}
"""What a manifest of an import says of each asset."""

Rows = Sequence[tuple[str, Sequence[Object]]]
"""Objects for a sheet of pictures, row by row with their captions."""


def _printable(text: str) -> str:
  return "".join(character if character.isprintable() else "_" for character in text)


@dataclass(frozen=True)
class Result:
  """What became of a file.

  Attributes:
    file: its path, relative to the folder. id: of the asset; "" where it was skipped. verdict: ok, repaired or skipped.
    notes: the asset in a few words, or why it was skipped.
  """

  file: str
  id: str
  verdict: str
  notes: str

  def __str__(self) -> str:
    return _printable(f"skipped  {self.file}: {self.notes}" if self.verdict == "skipped"
                  else f"{self.verdict:<8} {self.file} -> {self.id}: {self.notes}")


def find_files(folder: Path) -> list[Path]:
  """The files in a folder and its subfolders that can be imported, in alphabetical order; hidden ones are left out.

  Raises:
    KubricGenError: there is no such folder, or nothing in it.
  """
  if folder.is_file():
    return [folder]
  try:
    files = sorted((path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
                    and not any(part.startswith(".") for part in path.relative_to(folder).parts)),
                   key=lambda path: path.relative_to(folder).as_posix())
  except OSError as error:
    raise KubricGenError(f"folder {folder} cannot be read ({error.strerror}): give the path of a folder of meshes") from None
  if not folder.is_dir():
    raise KubricGenError(f"folder not found: {folder} (give the path of a folder of meshes)")
  if not files:
    raise KubricGenError(f"folder {folder} holds nothing to import: it takes files that end in {', '.join(SUFFIXES)}")
  return files


def name_assets(files: Sequence[Path], folder: Path) -> dict[Path, str]:
  """An id for each file: its path from the folder without the suffix, its parts joined by `_`.

  Files that differ in nothing but the suffix keep it in their ids, `box.glb` and `box.obj`; those whose ids would still be
  the same, and those with long paths, get a hash of the path. So an id stays as it is where other files come or go, unless
  they have the same one; then it is nobody's.
  """
  choices = {}
  for path in files:
    inside = path.relative_to(folder)
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", "_".join((*inside.parts[:-1], path.stem))).strip("_-") or "asset"
    hashed = f"{plain[:MAX_ID]}.{hashlib.sha256(os.fsencode(inside.as_posix())).hexdigest()[:12]}"
    choices[path] = [hashed] if len(plain) > MAX_ID else [plain, f"{plain}{path.suffix.lower()}", hashed]
  while True:
    many = Counter(options[0].lower() for options in choices.values())
    alike = [options for options in choices.values() if many[options[0].lower()] > 1 and len(options) > 1]
    if not alike:
      return {path: options[0] for path, options in choices.items()}
    for options in alike:
      del options[0]


def _is_same(first: Path, second: Path) -> bool:
  try:
    return first == second or os.path.samefile(first, second)
  except OSError:
    return False


def _why_foreign(folder: Path, name: str) -> str:
  """Why a folder is not one that an import has written, and nothing else; "" where it is."""
  try:
    manifest = json.loads((folder / f"{name}.json").read_bytes())
    if set(manifest) != {"name", "version", "assets"} or not manifest["assets"]:
      return f"{name}.json is not of an import"
    for entry in manifest["assets"].values():
      if set(entry) != ENTRY_KEYS or not {"source", "geometry"} <= set(entry["metadata"]):
        return f"{name}.json is not of an import"
    written = {f"{name}.json", THUMBNAILS, *(f"{asset_id}.tar.gz" for asset_id in manifest["assets"])}
    with os.scandir(folder) as found:
      others = sorted(item.name for item in found if item.name not in written or not item.is_file(follow_symlinks=False))
    return f"it also holds {shown(others[0])}" if others else ""
  except (OSError, ValueError, TypeError, AttributeError, RecursionError):
    return f"{name}.json is not of an import"


def _check_output(output: Path, overwrite: bool) -> dict[str, str]:
  """What `whole_directory` is to know of a place for a collection.

  Raises:
    KubricGenError: it may not be written to.
  """
  name = output.resolve().name
  if not name.isprintable():
    raise KubricGenError(f"the collection is called after its folder, whose name {shown(name)} must be printable: choose another "
                         "--output")
  place = {"mark": f"{name}.json", "what": "asset collection", "flag": "--output"}
  check_target(output, overwrite, **place)
  if output.is_dir() and any(output.iterdir()):
    foreign = _why_foreign(output, name)
    if foreign:
      raise KubricGenError(f"{output} is no asset collection ({foreign}) and will not be replaced: choose another --output")
  return place


def _check_apart(folder: Path, output: Path) -> None:
  """Refuses files that lie in the output, which will be replaced, and the other way round.

  Raises:
    KubricGenError: they do.
  """
  source, target = Path(os.path.realpath(folder)), Path(os.path.realpath(output))
  for inner, outer in ((source, target), (target, source)):
    if any(_is_same(place, outer) for place in (inner, *inner.parents)):
      raise KubricGenError(f"{folder} and --output {output} must not lie in one another: choose another --output")


def import_folder(folder: Path, output: Path, options: Options, overwrite: bool = False,
                  report: Callable[[Result], None] = lambda result: None,
                  pictures: Callable[[Rows], Any] | None = None) -> list[Result]:
  """Makes a collection of a folder's files. It appears whole or not at all.

  Args:
    folder: of the files, or one file. output: of the collection; its manifest is `<output>/<name of output>.json`.
    options: how to read them. overwrite: replace a collection that exists. report: called for each file. pictures: makes the
      sheet (H, W, 3) of all assets that becomes `thumbnails.png`; None for none.

  Raises:
    KubricGenError: nothing can be imported, or the output exists, is no collection, cannot be written, or lies in the folder
      or around it.
  """
  name = output.resolve().name
  _check_apart(folder, output)
  place = _check_output(output, overwrite)
  files = find_files(folder)
  home = folder.parent if folder.is_file() else folder
  results: list[Result] = []
  assets: dict[str, Any] = {}
  with whole_directory(output, overwrite, **place) as staging:
    for path, asset_id in name_assets(files, home).items():
      inside = path.relative_to(home)
      try:
        category = _printable(inside.parts[0]) if len(inside.parts) > 1 else ""
        made = make_asset(path, asset_id, category, options, inside.as_posix())
        archive = pack(made.files)
        (staging / f"{asset_id}.tar.gz").write_bytes(archive)
        assets[asset_id] = {**made.entry, "sha256": hashlib.sha256(archive).hexdigest()}
        result = Result(inside.as_posix(), asset_id, "repaired" if made.repaired else "ok", "; ".join(made.notes))
      except KubricGenError as error:
        reason = " ".join(str(error).split()).removeprefix("mesh file ").removeprefix(f"{path} ")
        result = Result(inside.as_posix(), "", "skipped", reason)
      results.append(result)
      report(result)
    if not assets:
      raise KubricGenError(f"nothing can be imported from {folder}: {count_text(len(files), 'file')} skipped")
    if pictures is not None:
      from PIL import Image
      with Scratch("import") as scratch:
        Image.fromarray(pictures(_rows(staging, assets, scratch))).save(staging / THUMBNAILS)
    manifest = {"name": name, "version": "1.0", "assets": dict(sorted(assets.items()))}
    (staging / f"{name}.json").write_text(json.dumps(manifest, indent=1) + "\n")
    _check_output(output, overwrite)  # all of this took its time
  return results


def _rows(staging: Path, assets: dict[str, Any], scratch: Path) -> Rows:
  """The assets for a sheet of pictures, unpacked: a row or more for each category."""
  chosen = sorted(assets, key=lambda asset_id: (assets[asset_id]["metadata"].get("category", ""), asset_id))[:MAX_THUMBNAILS]
  rows: list[tuple[str, list[Object]]] = []
  previous = None
  for number, asset_id in enumerate(chosen):
    folder = scratch / str(number)
    folder.mkdir()
    unpack(staging / f"{asset_id}.tar.gz", folder)
    category = assets[asset_id]["metadata"].get("category", "")
    if category != previous or len(rows[-1][1]) == COLUMNS:
      rows.append((category if category != previous else "", []))
    rows[-1][1].append(Object("item", shape_in(folder)))
    previous = category
  return rows
