"""Mass properties of an object: density times real volume, rescaled with its scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kubric_gen.assets.loading import load_mesh
from kubric_gen.errors import AssetError, shown
from kubric_gen.scene.objects import Object

DEFAULT_DENSITY = 1000.0


def mass_of(item: Object) -> float:
  """Mass in kilograms: the given one, or density · volume · product of the scale's factors.

  Raises:
    AssetError: neither a mass is given nor does the shape have a volume.
  """
  if item.mass is not None:
    return item.mass
  volume = load_mesh(item.shape).volume * float(np.prod(item.scale))
  if volume <= 0:
    if item.static or item.path is not None:
      return 0.0
    raise AssetError(f"object {shown(item.name)} has no volume to take its mass from: give a mass")
  return (item.density or DEFAULT_DENSITY) * volume


def inertia_of(item: Object) -> NDArray[np.float64]:
  """Inertia tensor (3, 3) in kg·m² about the centre of mass, in local axes, of the scaled object."""
  mesh = load_mesh(item.shape)
  if mesh.volume <= 0:
    size = np.ptp(mesh.bounds, axis=0) * item.scale
    return np.diag(mass_of(item) * (np.sum(size ** 2) - size ** 2) / 12)  # a box of the same extent
  second = (np.trace(mesh.inertia) / 2 * np.eye(3) - mesh.inertia) * np.outer(item.scale, item.scale)
  return (np.trace(second) * np.eye(3) - second) * mass_of(item) / mesh.volume
