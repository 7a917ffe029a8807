"""Collections that a manifest in Kubric's format lists: `kubric_gen.assets.collections.manifest` says what that is."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from kubric_gen.assets.collections.manifest import Manifest
from kubric_gen.assets.collections.manifest_entries import ENVIRONMENT, OBJECT, Entry
from kubric_gen.assets.collections.sources import Asset, EnvironmentSource, ObjectSource
from kubric_gen.assets.collision.urdf import collision_file, parse_urdf
from kubric_gen.errors import AssetError, SceneError, shown
from kubric_gen.scene.shapes import MeshFile
from kubric_gen.scene.validation import number, scale

COLLISION = "collision_geometry.obj"
"""The collision bodies of an asset whose manifest names no URDF file."""


def _bounds(value: Any) -> tuple[tuple[float, ...], ...]:
  corners = tuple(tuple(map(float, corner)) for corner in value)
  if [len(corner) for corner in corners] != [3, 3] or not all(math.isfinite(v) for corner in corners for v in corner):
    raise ValueError
  return corners


def _assets(manifest: Manifest, kind: str) -> Mapping[str, Asset]:
  """The assets of a kind."""
  found = {}
  for entry in manifest.entries.values():
    if entry.kind != kind:
      continue
    metadata, category = dict(entry.metadata), entry.metadata.get("category")
    if entry.kwargs.get("bounds") is not None:
      try:
        metadata["bounds"] = _bounds(entry.kwargs["bounds"])
      except (TypeError, ValueError, OverflowError):
        raise AssetError(f"asset {shown(entry.id)} of {manifest.name} is broken (its bounds are not two corners of three finite "
                         "numbers): correct the manifest") from None
    if isinstance(category, str) and not category.isprintable():
      raise AssetError(f"asset {shown(entry.id)} of {manifest.name} is broken (category must be printable text): correct the "
                       "manifest")
    found[entry.id] = Asset(entry.id, "" if category is None else str(category), entry.license, metadata)
  if not found:
    others = sorted({entry.kind for entry in manifest.entries.values()})
    raise AssetError(f"{manifest.url} lists no assets of the type {kind}" + (f", only {', '.join(others)}" if others else ""))
  return found


def _name(manifest: Manifest, entry: Entry, key: str) -> str:
  """A file name among the arguments of an entry; "" where there is none."""
  value = entry.kwargs.get(key)
  if value is not None and not isinstance(value, str):
    raise AssetError(f"asset {shown(entry.id)} of {manifest.name} is broken ({key} must be text): correct the manifest")
  return value or ""


class ManifestObjects(ObjectSource):
  """The objects of a manifest, such as Kubric's KuBasic, GSO and ShapeNet or what `kubric_gen.assets import` has made.

  Of an entry's arguments `render_filename`, `simulation_filename`, `mass`, `scale` and `bounds` are used. The metadata of an
  asset are those of the manifest, and `bounds` in metres. What an asset collides with is what its URDF file says, else
  `collision_geometry.obj`, else its convex hull; the mass is the manifest's, else the URDF file's.
  """

  def __init__(self, path: str | os.PathLike[str], data_dir: str | os.PathLike[str] | None = None) -> None:
    """Reads the manifest, and nothing else yet.

    Args:
      path: of the manifest, or its address with http, https, gs or s3. data_dir: where its archives are, instead of what it
        says itself.

    Raises:
      AssetError: it cannot be read or fetched, or is no manifest.
    """
    self._manifest = Manifest(path, data_dir)
    self.name, self.digest = self._manifest.name, self._manifest.digest

  @functools.cached_property
  def assets(self) -> Mapping[str, Asset]:
    return _assets(self._manifest, OBJECT)

  def _make(self, asset: Asset) -> dict[str, Any]:
    manifest, entry = self._manifest, self._manifest.entries[asset.id]
    visual = _name(manifest, entry, "render_filename")
    if not visual:
      raise AssetError(f"asset {shown(entry.id)} of {manifest.name} is broken (it names no render_filename): correct the "
                       "manifest")
    if manifest.is_fetched_file_by_file(entry) and visual.lower().endswith((".obj", ".gltf")):
      raise AssetError(f"asset {shown(entry.id)} of {manifest.name} cannot be used (its mesh needs further files, and it has no "
                       "archive): download its folder and the manifest, and give the path of that")
    try:
      path = manifest.file(entry, visual)
      collision, mass = self._body(entry)
      fields: dict[str, Any] = {"shape": MeshFile(str(path), collision=collision)}
      given = entry.kwargs.get("mass")
      mass = number(given, "mass", minimum=0) if given is not None else mass
      if mass:
        fields["mass"] = mass
      if entry.kwargs.get("scale") is not None:
        fields["scale"] = scale(entry.kwargs["scale"], "scale")
      return fields
    except SceneError as error:
      raise AssetError(f"asset {shown(entry.id)} of {manifest.name} cannot be used: {error}") from None

  def _body(self, entry: Entry) -> tuple[str, float | None]:
    """The file of collision bodies, "" for none, and the mass that the URDF file says."""
    manifest = self._manifest
    name = _name(manifest, entry, "simulation_filename")
    if not name:
      return (str(manifest.file(entry, COLLISION)), None) if manifest.has(entry, COLLISION) else ("", None)
    file = manifest.file(entry, name)
    body = parse_urdf(file.read_bytes(), f"URDF file {file}")
    folder = PurePosixPath(name.removeprefix("{asset_dir}/")).parent
    for part in body.collisions:
      if part.mesh:
        manifest.file(entry, str(folder / part.mesh))  # is there, or is fetched
    # Kubric's meshes have their object's coordinates, whatever the URDF file says of how it shows them itself
    return collision_file(body, file.parent, np.eye(4)), body.mass


class ManifestEnvironments(EnvironmentSource):
  """The environments of a manifest, such as Kubric's HDRI Haven: equirectangular images that light the scene."""

  def __init__(self, path: str | os.PathLike[str], data_dir: str | os.PathLike[str] | None = None) -> None:
    """Reads the manifest, and nothing else yet: see `ManifestObjects`."""
    self._manifest = Manifest(path, data_dir)
    self.name, self.digest = self._manifest.name, self._manifest.digest

  @functools.cached_property
  def assets(self) -> Mapping[str, Asset]:
    return _assets(self._manifest, ENVIRONMENT)

  def _make(self, asset: Asset) -> dict[str, Any]:
    entry = self._manifest.entries[asset.id]
    name = _name(self._manifest, entry, "filename")
    if not name:
      raise AssetError(f"asset {shown(entry.id)} of {self.name} is broken (it names no filename): correct the manifest")
    return {"hdri": str(self._manifest.file(entry, name))}
