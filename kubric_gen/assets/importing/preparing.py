"""A user's file as an asset: checked, in metres, with convex bodies for collisions and a mass.

Its files are those that Kubric expects: `visual_geometry.glb`, `collision_geometry.obj`, `object.urdf` and `data.json`.
Their bytes depend on the input alone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kubric_gen.assets.collections.manifest_entries import OBJECT
from kubric_gen.assets.collision.decomposition import solidity_of
from kubric_gen.assets.collision.files import hull_of, load_pieces, pieces_text
from kubric_gen.assets.importing.conversion import BLENDER_SUFFIXES, to_glb
from kubric_gen.assets.importing.export import glb_bytes, urdf_text
from kubric_gen.assets.meshes.files import load_mesh_file
from kubric_gen.assets.meshes.loaded_files import load_file
from kubric_gen.assets.meshes.mesh import Array, Mesh, integrate_solid
from kubric_gen.errors import AssetError, KubricGenError, shown
from kubric_gen.scene.shapes import MESH_SUFFIXES, MeshFile
from kubric_gen.system.scratch import Scratch

SUFFIXES = (*MESH_SUFFIXES, *BLENDER_SUFFIXES)
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
LIKELY_EXTENTS = (1e-3, 5.0)
"""Metres; what is smaller or larger in its largest extent was probably made in another unit."""
DENSITY = 500.0
"""kg/m³ of the solid's volume: between wood and a half-empty box."""


@dataclass(frozen=True)
class Options:
  """How to read files.

  Attributes:
    unit: of their coordinates, one of `UNITS`; `auto` takes metres, or centimetres or millimetres where only that gives a
      likely size. up: their axis that becomes +Z, as in `MeshFile`; it does not concern USD and Blender files.
    density: kg/m³ of the solids. license: of all of them.

  Raises:
    KubricGenError: the license is not printable text.
  """

  unit: str = "auto"
  up: str = "auto"
  density: float = DENSITY
  license: str = "unknown"

  def __post_init__(self) -> None:
    if not self.license.isprintable():
      raise KubricGenError(f"the license must be printable text, got {shown(self.license)}")


@dataclass(frozen=True, eq=False)
class PreparedAsset:
  """An asset, ready to be packed."""

  files: dict[str, bytes]
  entry: dict[str, Any]
  notes: list[str] = field(default_factory=list)
  repaired: bool = False


def count_text(number: int, what: str) -> str:
  """So many things, in words: 1 file, 2 files."""
  return f"{number} {what}{'' if number == 1 else 's'}"


def _unit(extent: float, options: Options, suffix: str) -> tuple[float, str]:
  """Metres per unit of a file whose largest extent is given, and what to say of it."""
  if options.unit != "auto":
    factor = UNITS[options.unit]
    return factor, "" if factor == 1 else f"read as {options.unit}"
  for unit in ("m", "mm", "cm") if suffix == ".stl" else ("m", "cm", "mm"):  # what STL files are printed from is in mm
    if LIKELY_EXTENTS[0] <= extent * UNITS[unit] <= LIKELY_EXTENTS[1]:
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


def make_asset(path: Path, asset_id: str, category: str, options: Options, source: str = "") -> PreparedAsset:
  """The files and the manifest entry of one asset.

  Raises:
    KubricGenError: the file cannot be used.
  """
  with Scratch("import") as scratch:
    if path.suffix.lower() in BLENDER_SUFFIXES:
      glb = scratch / "converted.glb"
      to_glb(path, glb)
      raw = load_mesh_file(MeshFile(str(glb)))
    else:
      raw = load_mesh_file(MeshFile(str(path), options.up))
    factor, said = _unit(float(np.ptp(raw.bounds, axis=0).max()), options, path.suffix.lower())
    solid = solidity_of(raw.vertices * factor, raw.faces)
    mesh = _scaled(raw, factor, solid.inverted)
    mass = float(f"{solid.volume * options.density:.6g}")
    names = {"closed": "closed", "repaired": "not closed: made solid for collisions",
             "hull": "not closed: collides as its convex hull"}
    extent = float(np.ptp(mesh.bounds, axis=0).max())
    notes = [f"{extent:.3g} m, {mass:.3g} kg, {count_text(len(solid.pieces), 'piece')}, {names[solid.kind]}"]
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
    _check(files, mesh, scratch)
    return PreparedAsset(files, entry, notes, repaired=solid.kind != "closed" or solid.inverted)


def _inertia(pieces: Sequence[Array], mass: float) -> Array:
  """Inertia tensor (3, 3), kg·m² about the origin, of convex bodies of one density and a total mass."""
  total, volume = np.zeros((3, 3)), 0.0
  for hull in filter(None, map(hull_of, pieces)):
    part, _, inertia = integrate_solid(hull[0], hull[1].astype(np.int32))
    total, volume = total + inertia, volume + part
  return total * (mass / volume)


def shape_in(folder: Path) -> MeshFile:
  """The shape whose files lie in a folder."""
  return MeshFile(str(folder / "visual_geometry.glb"), collision=str(folder / "collision_geometry.obj"))


def _check(files: dict[str, bytes], mesh: Mesh, folder: Path) -> None:
  """Reads back what was made.

  Raises:
    AssetError: it is not what it was made from.
  """
  for name, data in files.items():
    (folder / name).write_bytes(data)
  shape = shape_in(folder)
  back = load_file(shape)
  load_pieces(shape)
  if len(back.faces) != len(mesh.faces) or not np.allclose(np.ptp(back.bounds, axis=0), np.ptp(mesh.bounds, axis=0),
                                                            atol=1e-5 * float(np.ptp(mesh.bounds))):
    raise AssetError("its geometry cannot be written as glb: simplify it")
