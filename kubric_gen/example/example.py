"""An example: the finished data of one scene, the same in memory, on disk, and for every sink."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np

from kubric_gen.example.frames import Frame, LazyFrames
from kubric_gen.system.interrupts import unregister


@dataclass(frozen=True, eq=False)
class View:
  """What one camera of a scene saw.

  Attributes:
    name: the camera's name.
    layers: per layer name its frames, arrays (H, W, C) as in the table of layers.
    metadata: of the scene as a whole. camera: projection and poses. flags: what the scene was made from.
    instances: one record for each object that is seen at least once, most visible first: `instances[k - 1]` has the
      label k in the layer `segmentation`.
    collisions: contact events of the clip.
    tracks: arrays of point tracks, where asked for.
  """

  name: str
  layers: Mapping[str, LazyFrames]
  metadata: Mapping[str, Any]
  camera: Mapping[str, Any]
  instances: Sequence[Mapping[str, Any]]
  collisions: Sequence[Mapping[str, Any]]
  flags: Mapping[str, Any] = field(default_factory=dict)
  tracks: Mapping[str, Frame] | None = None

  def stack(self, layer: str) -> Frame:
    """A whole layer (T, H, W, C) in memory."""
    return np.stack(self.layers[layer][:])


class Example:
  """The views of a scene, the main camera's first. Attributes of the main view can be read from the example itself.

  Frames may live in a temporary folder that is removed by `close`, at the end of a `with` block, or with the example.
  """

  def __init__(self, views: Sequence[View], folder: tempfile.TemporaryDirectory[str] | None = None,
               info: Mapping[str, Any] | None = None) -> None:
    self.views = tuple(views)
    self.info = dict(info or {})
    """How it was made (device, seconds per stage); differs from run to run."""
    self._folder = folder

  @property
  def main(self) -> View:
    """The main camera's view."""
    return self.views[0]

  @property
  def layers(self) -> Mapping[str, LazyFrames]:
    return self.main.layers

  @property
  def metadata(self) -> Mapping[str, Any]:
    return self.main.metadata

  @property
  def camera(self) -> Mapping[str, Any]:
    return self.main.camera

  @property
  def instances(self) -> Sequence[Mapping[str, Any]]:
    return self.main.instances

  @property
  def collisions(self) -> Sequence[Mapping[str, Any]]:
    return self.main.collisions

  @property
  def tracks(self) -> Mapping[str, Frame] | None:
    return self.main.tracks

  def stack(self, layer: str) -> Frame:
    """A whole layer (T, H, W, C) of the main view in memory."""
    return self.main.stack(layer)

  def close(self) -> None:
    """Removes the temporary frames."""
    if self._folder is not None:
      self._folder.cleanup()
      unregister(self._folder.name)

  def __enter__(self) -> Example:
    return self

  def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    self.close()

  def __repr__(self) -> str:
    names = ", ".join(self.layers)
    return (f"Example({self.metadata.get('num_frames')} frames, {len(self.instances)} instances, "
            f"{len(self.views)} view{'s' * (len(self.views) > 1)}, layers: {names})")
