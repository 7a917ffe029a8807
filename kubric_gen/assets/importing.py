"""A folder of a user's own files as a collection with a manifest: see `kubric_gen.assets.preparing` for each of them."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubric_gen.assets.archives import packed, unpack
from kubric_gen.assets.preparing import SUFFIXES, Options, make_asset, shape_in
from kubric_gen.errors import KubricGenError
from kubric_gen.scene.objects import Object
from kubric_gen.staging import check_target, staged_directory

COLUMNS, MAX_THUMBNAILS = 8, 400


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
    return (f"skipped  {self.file}: {self.notes}" if self.verdict == "skipped"
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
  """An id for each file: its name, after that of its folder where several files have one name, and numbered if need be."""
  def safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("._-")[:100] or "asset"

  stems = Counter(safe(path.stem).lower() for path in files)
  taken: set[str] = set()
  names = {}
  for path in files:
    name = safe(path.stem)
    if stems[name.lower()] > 1 and path.parent != folder:
      name = f"{safe(path.parent.name)}_{name}"
    unique, number = name, 2
    while unique.lower() in taken:
      unique, number = f"{name}_{number}", number + 1
    taken.add(unique.lower())
    names[path] = unique
  return names


def import_folder(folder: Path, output: Path, options: Options, overwrite: bool = False,
                  report: Callable[[Result], None] = lambda result: None) -> list[Result]:
  """Makes a collection of a folder's files. It appears whole or not at all.

  Args:
    folder: of the files, or one file. output: of the collection; its manifest is `<output>/<name of output>.json`.
    options: how to read them. overwrite: replace a collection that exists. report: called for each file.

  Raises:
    KubricGenError: nothing can be imported, or the output exists or cannot be written.
  """
  name = output.resolve().name
  place = {"mark": f"{name}.json", "what": "asset collection", "flag": "--output"}
  check_target(output, overwrite, **place)
  files = find_files(folder)
  home = folder.parent if folder.is_file() else folder
  results: list[Result] = []
  assets: dict[str, Any] = {}
  with staged_directory(output, overwrite, **place) as staging:
    for path, asset_id in name_assets(files, home).items():
      inside = path.relative_to(home)
      try:
        made = make_asset(path, asset_id, inside.parts[0] if len(inside.parts) > 1 else "", options, inside.as_posix())
        archive = packed(made.files)
        (staging / f"{asset_id}.tar.gz").write_bytes(archive)
        assets[asset_id] = {**made.entry, "sha256": hashlib.sha256(archive).hexdigest()}
        result = Result(inside.as_posix(), asset_id, "repaired" if made.repaired else "ok", "; ".join(made.notes))
      except KubricGenError as error:
        reason = " ".join(str(error).split()).removeprefix("mesh file ").removeprefix(f"{path} ")
        result = Result(inside.as_posix(), "", "skipped", reason)
      results.append(result)
      report(result)
    if not assets:
      raise KubricGenError(f"none of the {len(files)} files in {folder} can be imported")
    if options.thumbnails:
      from PIL import Image
      Image.fromarray(_thumbnails(staging, assets)).save(staging / "thumbnails.png")
    manifest = {"name": name, "version": "1.0", "assets": dict(sorted(assets.items()))}
    (staging / f"{name}.json").write_text(json.dumps(manifest, indent=1) + "\n")
  return results


def _thumbnails(staging: Path, assets: dict[str, Any]) -> Any:
  """A sheet of the assets, a row or more for each category."""
  from kubric_gen.portraits import portraits, sheet
  chosen = sorted(assets, key=lambda asset_id: (assets[asset_id]["metadata"].get("category", ""), asset_id))[:MAX_THUMBNAILS]

  def items(scratch: Path) -> Iterator[Object]:
    for number, asset_id in enumerate(chosen):
      folder = scratch / str(number)
      folder.mkdir()
      unpack(staging / f"{asset_id}.tar.gz", folder)
      yield Object("item", shape_in(folder))

  with tempfile.TemporaryDirectory(prefix="kubric_gen_import_") as scratch:
    pictures = list(portraits(items(Path(scratch))))
  rows: list[tuple[str, list[Any]]] = []
  previous = None
  for asset_id, picture in zip(chosen, pictures):
    category = assets[asset_id]["metadata"].get("category", "")
    if category != previous or len(rows[-1][1]) == COLUMNS:
      rows.append((category if category != previous else "", []))
    rows[-1][1].append(picture)
    previous = category
  return sheet(rows)
