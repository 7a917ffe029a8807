"""What a family of solids is: named, bounded numbers from which one is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.assets.mesh import Mesh
from kubric_gen.assets.modelling import finish
from kubric_gen.errors import AssetError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
  """A number of a family.

  Attributes:
    low, high: its bounds. default: where it is not given. unit: `m`, or "" for a ratio or a count. help: what it is.
    whole: a count.
  """

  low: float
  high: float
  default: float
  unit: str
  help: str
  whole: bool = False


@dataclass(frozen=True, eq=False)
class Model:
  """A solid, ready for every engine.

  Attributes:
    mesh: its surface; the centre of mass is the origin.
    pieces: points (n, 3) of convex bodies that together fill it, for collisions.
  """

  mesh: Mesh
  pieces: tuple[Array, ...]


def made_of(solid: Any, pieces: list[Array], size: float | None = None, uv: Callable[[Array], Array] | None = None) -> Model:
  """The model of a solid and its convex pieces, scaled so that its largest extent is `size` if that is given."""
  if size is not None:
    box = np.asarray(solid.bounding_box()).reshape(2, 3)
    factor = size / float(np.ptp(box, axis=0).max())
    solid, pieces = solid.scale((factor,) * 3), [piece * factor for piece in pieces]
  mesh, centre = finish(solid, uv)
  return Model(mesh, tuple(piece - centre for piece in pieces))


@dataclass(frozen=True)
class Family:
  """Solids of a kind.

  Attributes:
    name: of the family. category: what people call such an object.
    build: makes one from its numbers, by name. parameters: the numbers.
  """

  name: str
  category: str
  build: Callable[..., Model]
  parameters: Mapping[str, Parameter] = field(default_factory=dict)

  def make(self, given: Mapping[str, float]) -> Model:
    """The model for some of the numbers; the others have their defaults.

    Raises:
      AssetError: an unknown one, or one out of its bounds.
    """
    unknown = sorted(set(given) - set(self.parameters))
    if unknown:
      raise AssetError(f"a {self.name} has no parameter {unknown[0]!r}: it has {', '.join(self.parameters) or 'none'}")
    values: dict[str, float] = {}
    for name, parameter in self.parameters.items():
      value = given.get(name, parameter.default)
      if not parameter.low <= value <= parameter.high or (parameter.whole and value != int(value)):
        raise AssetError(f"{name} of a {self.name} must be {'a whole number ' if parameter.whole else ''}in "
                         f"[{parameter.low:g}, {parameter.high:g}], got {value:g}")
      values[name] = int(value) if parameter.whole else value
    return self.build(**values)
