"""Convex pieces of solids, found once and then kept in the user's cache."""

from __future__ import annotations

import functools
import hashlib
import io
from importlib import metadata
from typing import Any

import numpy as np

from kubric_gen.assets.collision.convexity import convex_pieces
from kubric_gen.assets.fetching.cache import read_cached, write_cached
from kubric_gen.assets.meshes.mesh import Array

VERSION = 1
"""Of the way in which pieces are found: files of another one are not used."""


@functools.cache
def _cutter() -> str:
  """The version of what cuts solids: another one may cut differently."""
  return metadata.version("manifold3d")


def _read(data: bytes | None) -> list[Array] | None:
  if data is None:
    return None
  try:
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
      points, sizes = stored["points"], stored["sizes"]
    if points.shape != (sizes.sum(), 3) or not len(sizes) or sizes.min() < 4 or not np.isfinite(points).all():
      return None
    return np.split(points.astype(np.float64), np.cumsum(sizes)[:-1])
  except Exception:  # zipfile, zlib and NumPy raise almost anything at what is no such file: it is made anew
    return None


def cached_pieces(solid: Any, tolerance: float, most: int) -> list[Array]:
  """`convex_pieces` of a solid, under the hash of its surface, which follows from its numbers."""
  raw = solid.to_mesh()
  digest = hashlib.sha256(f"{VERSION} {_cutter()} {tolerance!r} {most}".encode())
  for part in (np.asarray(raw.vert_properties, np.float32)[:, :3], np.asarray(raw.tri_verts, np.uint32)):
    digest.update(np.ascontiguousarray(part).tobytes())
  key = digest.hexdigest()
  name = f"pieces/{key[:2]}/{key}.npz"
  pieces = _read(read_cached(name))
  if pieces is None:
    pieces = convex_pieces(solid, tolerance, most)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, points=np.concatenate(pieces), sizes=np.array([len(piece) for piece in pieces]))
    write_cached(name, buffer.getvalue())
  return pieces
