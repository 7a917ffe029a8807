"""A user's own files as a collection with a manifest: checked, in metres, with convex bodies for collisions and a mass.

Every asset becomes an archive with the files that Kubric expects: `visual_geometry.glb`, `collision_geometry.obj`,
`object.urdf` and `data.json`. The bytes depend on the input alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kubric_gen.assets.archives import packed
from kubric_gen.assets.collision_files import load_pieces, pieces_text
from kubric_gen.assets.conversion import BLENDER_SUFFIXES, to_glb
from kubric_gen.assets.decomposition import solidity_of
from kubric_gen.assets.export import glb_bytes, urdf_text
from kubric_gen.assets.manifests import OBJECT
from kubric_gen.assets.mesh import Mesh, integrate_solid
from kubric_gen.assets.mesh_files import load_mesh_file
from kubric_gen.assets.meshes import load_mesh
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.scene.objects import Object
from kubric_gen.scene.shapes import MESH_SUFFIXES, MeshFile
from kubric_gen.staging import check_target, staged_directory

SUFFIXES = (*MESH_SUFFIXES, *BLENDER_SUFFIXES)
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
LIKELY = (1e-3, 20.0)
"""Metres; what is smaller or larger in its largest extent was probably made in another unit."""
DENSITY = 500.0
"""kg/m³ of the solid's volume: between wood and a half-empty box."""
COLUMNS, MAX_THUMBNAILS = 8, 400


@dataclass(frozen=True)
class Options:
  """How to read files.

  Attributes:
    unit: of their coordinates, one of `UNITS`; `auto` takes metres, or centimetres or millimetres where only that gives a
      likely size. up: their axis that becomes +Z, as in `MeshFile`; it does not concern USD and Blender files.
    density: kg/m³ of the solids. license: of all of them. thumbnails: whether to make a picture of them.
  """

  unit: str = "auto"
  up: str = "auto"
  density: float = DENSITY
  license: str = "unknown"
  thumbnails: bool = True


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


@dataclass(frozen=True, eq=False)
class _Made:
  """An asset, ready to be packed."""

  files: dict[str, bytes]
  entry: dict[str, Any]
  notes: list[str] = field(default_factory=list)
  repaired: bool = False


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


def _unit(extent: float, options: Options) -> tuple[float, str]:
  """Metres per unit of a file whose largest extent is given, and what to say of it."""
  if options.unit != "auto":
    factor = UNITS[options.unit]
    return factor, "" if factor == 1 else f"read as {options.unit}"
  for unit in ("m", "cm", "mm"):
    if LIKELY[0] <= extent * UNITS[unit] <= LIKELY[1]:
      return UNITS[unit], "" if unit == "m" else f"{extent:.4g} m across would be too large, read as {unit}"
  raise AssetError(f"it is {extent:.3g} m across, which is unlikely in metres, centimetres and millimetres: say its unit with "
                   f"--unit, one of {', '.join(UNITS)}")


def _scaled(mesh: Mesh, factor: float, inverted: bool) -> Mesh:
  """The mesh in metres, facing outwards."""
  faces = np.ascontiguousarray(mesh.faces[:, ::-1]) if inverted else mesh.faces
  return dataclasses.replace(mesh, vertices=mesh.vertices * factor, bounds=mesh.bounds * factor, faces=faces,
                             normals=-mesh.normals if inverted else mesh.normals)


def _area(mesh: Mesh) -> float:
  a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
  return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def make_asset(path: Path, asset_id: str, category: str, options: Options, source: str = "") -> _Made:
  """The files and the manifest entry of one asset.

  Raises:
    KubricGenError: the file cannot be used.
  """
  with tempfile.TemporaryDirectory(prefix="kubric_gen_import_") as scratch:
    if path.suffix.lower() in BLENDER_SUFFIXES:
      glb = Path(scratch) / "converted.glb"
      to_glb(path, glb)
      raw = load_mesh_file(MeshFile(str(glb)))
    else:
      raw = load_mesh_file(MeshFile(str(path), options.up))
    factor, said = _unit(float(np.ptp(raw.bounds, axis=0).max()), options)
    solid = solidity_of(raw.vertices * factor, raw.faces)
    mesh = _scaled(raw, factor, solid.inverted)
    mass = float(f"{solid.volume * options.density:.6g}")
    names = {"closed": "closed", "repaired": "not closed: made solid for collisions",
             "hull": "not closed: collides as its convex hull"}
    extent = float(np.ptp(mesh.bounds, axis=0).max())
    notes = [f"{extent:.3g} m, {mass:.3g} kg, {len(solid.pieces)} piece{'s' * (len(solid.pieces) > 1)}, {names[solid.kind]}"]
    if solid.inverted:
      notes.append("turned inside out")
    if said:
      notes.append(said)
    metadata: dict[str, Any] = {
        "nr_vertices": len(mesh.vertices), "nr_faces": len(mesh.faces), "surface_area": float(f"{_area(mesh):.6g}"),
        "volume": float(f"{solid.volume:.6g}"), "nr_pieces": len(solid.pieces), "geometry": solid.kind,
        "source": source or path.name}
    if category:
      metadata["category"] = category
    entry = {"id": asset_id, "asset_type": OBJECT, "license": options.license, "metadata": metadata, "kwargs": {
        "bounds": [[float(f"{v:.9g}") for v in corner] for corner in mesh.bounds.tolist()], "mass": mass,
        "render_filename": "{asset_dir}/visual_geometry.glb", "simulation_filename": "{asset_dir}/object.urdf"}}
    inertia = _inertia(solid.pieces, mass)
    files = {"visual_geometry.glb": glb_bytes(mesh), "collision_geometry.obj": pieces_text(solid.pieces).encode(),
             "object.urdf": urdf_text(asset_id, mass, inertia).encode(),
             "data.json": (json.dumps(entry, indent=1) + "\n").encode()}
    _check(files, mesh, Path(scratch))
    return _Made(files, entry, notes, repaired=solid.kind != "closed" or solid.inverted)


def _inertia(pieces: Sequence[Any], mass: float) -> np.ndarray[Any, np.dtype[np.float64]]:
  """Inertia tensor (3, 3), kg·m² about the origin, of convex bodies of one density and a total mass."""
  from kubric_gen.assets.collision_files import hull_of
  total, volume = np.zeros((3, 3)), 0.0
  for hull in filter(None, map(hull_of, pieces)):
    part, _, inertia = integrate_solid(hull[0], hull[1].astype(np.int32))
    total, volume = total + inertia, volume + part
  return total * (mass / volume)


def _shape(folder: Path) -> MeshFile:
  return MeshFile(str(folder / "visual_geometry.glb"), collision=str(folder / "collision_geometry.obj"))


def _check(files: dict[str, bytes], mesh: Mesh, folder: Path) -> None:
  """Reads back what was made.

  Raises:
    AssetError: it is not what it was made from.
  """
  for name, data in files.items():
    (folder / name).write_bytes(data)
  shape = _shape(folder)
  back = load_mesh(shape)
  load_pieces(shape)
  if len(back.faces) != len(mesh.faces) or not np.allclose(np.ptp(back.bounds, axis=0), np.ptp(mesh.bounds, axis=0),
                                                            atol=1e-5 * float(np.ptp(mesh.bounds))):
    raise AssetError("its geometry cannot be written as glb: simplify it")


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
  from kubric_gen.assets.archives import unpack
  from kubric_gen.portraits import portraits, sheet
  chosen = sorted(assets, key=lambda asset_id: (assets[asset_id]["metadata"].get("category", ""), asset_id))[:MAX_THUMBNAILS]

  def items(scratch: Path) -> Iterator[Object]:
    for number, asset_id in enumerate(chosen):
      folder = scratch / str(number)
      folder.mkdir()
      unpack(staging / f"{asset_id}.tar.gz", folder)
      yield Object("item", _shape(folder))

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
