"""The contract of a schema: what the records of a dataset hold.

A schema says which layers it needs, what features its records have, as plain data, and makes the records of an example: one (a
video), or many (each view, each frame, a pair). A world names its schema in its `DatasetSpec`; a new schema is one class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.scene.cameras import Resolution
from kubric_gen.scene.layers import LAYERS
from kubric_gen.schema.decoding import physical
from kubric_gen.schema.features import Features
from kubric_gen.schema.tf_example import decode

if TYPE_CHECKING:
  from kubric_gen.example.example import Example


class ClipConfig(Protocol):
  """What a schema reads of a world's config; it may read fields of its own world's, too."""

  @property
  def num_frames(self) -> int: ...


class Schema(ABC):
  """What the records of a dataset hold.

  Attributes:
    layers: names of the layers that its records are made from.
  """

  layers: tuple[str, ...]

  @abstractmethod
  def features(self, config: Any, resolution: Resolution) -> Features:
    """The features of a record, as plain data.

    Args:
      config: of the world (see `ClipConfig`). resolution: (height, width) of the scene's images.
    """

  @abstractmethod
  def records(self, example: Example, scene_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The records of an example, in order, each with its key.

    Args:
      example: with the layers that the schema needs.
      scene_id: names the scene: `<dataset>_<seed>`, or `<split>/<seed>` where splits are explicit. It is the key where a scene
        has one record; where it has several, each key is this, a slash, and the name of the view or frame.

    Yields:
      Values for `features`, floats in the features' units: coding them is the encoder's work. Frames may be loaded when they are
      asked for, but can be gone through more than once.
    """

  def check(self) -> None:
    """Makes sure that somebody makes the layers.

    Raises:
      KubricGenError: nobody makes one of them.
    """
    for name in self.layers:
      if name not in LAYERS:
        raise KubricGenError(f"the schema {type(self).__name__} needs the layer {shown(name)}, which nobody makes: choose from "
                             f"{', '.join(LAYERS)}, or describe it with kubric_gen.scene.layers.add_layer")


MAX_KEY = 512


def check_key(key: Any) -> str:
  """The key of a record, if it is one: printable text of at most 512 characters, names joined by slashes.

  Raises:
    KubricGenError: it is none.
  """
  if (not isinstance(key, str) or not key.isprintable() or len(key) > MAX_KEY
      or any(part in ("", ".", "..") for part in key.split("/"))):
    raise KubricGenError(f"a record needs a key of printable text, names joined by slashes, got {shown(key)}: correct the "
                         "schema's records()")
  return key


@dataclass(frozen=True)
class Record:
  """A record as it is stored.

  Attributes:
    features: what it holds. data: a serialised `tf.train.Example`.
  """

  features: Features
  data: bytes

  def values(self, in_units: bool = False) -> dict[str, Any]:
    """Nested dictionaries of NumPy arrays, coded values as stored or in the units of their features.

    Raises:
      KubricGenError: the data are damaged.
    """
    found = decode(self.features, self.data)
    return physical(self.features, found) if in_units else found
