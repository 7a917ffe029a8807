"""Which assets a scene may use: a collection, and those of its ids that are for training or held out for testing."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from kubric_gen.assets.collections import BlenderHdris, Catalogue, ManifestEnvironments, ManifestObjects
from kubric_gen.assets.collections.sources import AssetSource, EnvironmentSource, ObjectSource
from kubric_gen.errors import KubricGenError, shown

ASSET_SPLITS = ("train", "test")
"""For training, and held out."""


@functools.lru_cache(maxsize=4)
def object_source(manifest: str = "") -> ObjectSource:
  """The objects of a manifest, a path or an address, which is read once; the built-in catalogue where there is none.

  Raises:
    AssetError: the manifest cannot be read.
  """
  return ManifestObjects(manifest) if manifest else Catalogue()


@functools.lru_cache(maxsize=4)
def environment_source(manifest: str = "") -> EnvironmentSource:
  """The HDRIs of a manifest, a path or an address, which is read once; Blender's eight where there is none.

  Raises:
    AssetError: the manifest cannot be read.
  """
  return ManifestEnvironments(manifest) if manifest else BlenderHdris()


def ids_of_split(source: AssetSource, split: str, held_out: float = 0.1) -> tuple[str, ...]:
  """The ids that scenes of a split may use.

  Args:
    split: `train` or `test`.
    held_out: fraction of the assets that is for `test`, by the hash of their ids.

  Raises:
    KubricGenError: there is no such split, no asset in it, or the fraction is none.
  """
  if split not in ASSET_SPLITS:
    raise KubricGenError(f"unknown split {shown(split)} of the assets of {source.name}: choose from {', '.join(ASSET_SPLITS)}")
  ids = source.split(held_out)[ASSET_SPLITS.index(split)]
  if not ids:
    raise KubricGenError(f"none of the {len(source.assets)} assets of {source.name} is for {split}: choose the other split, or "
                         "another fraction to hold out")
  return ids


def manifest_digests(sources: Mapping[str, AssetSource]) -> dict[str, str]:
  """SHA-256 of the manifest behind each source, by the name of the config field, for `World.inputs`; none for built-in ones."""
  return {name: source.digest for name, source in sources.items() if isinstance(source, (ManifestObjects, ManifestEnvironments))}
