"""An example: the finished data of one scene, the same in memory, on disk, and for every sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.example.cameras import CameraData
from kubric_gen.example.events import CollisionEvent
from kubric_gen.example.frames import Frame, LazyFrames
from kubric_gen.example.instances import Instance
from kubric_gen.example.metadata import Metadata
from kubric_gen.system.scratch import Scratch


@dataclass(frozen=True, eq=False)
class View:
  """What one camera of a scene saw.

  Attributes:
    name: the camera's name.
    layers: per layer name its frames, arrays (H, W, C) as `kubric_gen.scene.layers` describes them.
    metadata: of the scene as a whole. camera: projection and poses. flags: what the scene was made from.
    instances: each object that is seen in at least one view, in the same order in all of them: `instances[k - 1]` has the
      label k in the layer `segmentation`.
    collisions: contact events of the clip.
    arrays: of each layer without frames its named arrays, as of `tracks`.
  """

  name: str
  layers: Mapping[str, LazyFrames]
  metadata: Metadata
  camera: CameraData
  instances: tuple[Instance, ...]
  collisions: tuple[CollisionEvent, ...]
  flags: Mapping[str, Any] = field(default_factory=dict)
  arrays: Mapping[str, Mapping[str, Frame]] = field(default_factory=dict)

  def stack(self, layer: str) -> Frame:
    """A whole layer (T, H, W, C) in memory.

    Raises:
      KubricGenError: the view does not have it.
    """
    if layer not in self.layers:
      raise KubricGenError(f"the view {self.name} has no layer {shown(layer)}, only {', '.join(self.layers)}: make the scene "
                           "with it (a layer of a world's own is read once the module that describes it is loaded)")
    return np.stack(self.layers[layer][:])

  @property
  def tracks(self) -> Mapping[str, Frame] | None:
    """The arrays of the layer `tracks`, where it was made."""
    return self.arrays.get("tracks")


class Example:
  """The views of a scene, the main camera's first. Attributes of the main view can be read from the example itself.

  Frames may live in a temporary folder that is removed by `close`, at the end of a `with` block, or with the example.

  Attributes:
    views: one per camera.
    info: how it was made (device, seconds per stage); differs from run to run.
    attachments: files that belong to it, by their names, such as a saved state of an engine.
  """

  def __init__(self, views: Sequence[View], folder: Scratch | None = None,
               info: Mapping[str, Any] | None = None, attachments: Mapping[str, Path] | None = None) -> None:
    self.views = tuple(views)
    self.info = dict(info or {})
    self.attachments = dict(attachments or {})
    self._folder = folder

  @property
  def main(self) -> View:
    """The main camera's view."""
    return self.views[0]

  def view(self, name: str) -> View:
    """The view of a camera.

    Raises:
      KubricGenError: there is none of this name.
    """
    for view in self.views:
      if view.name == name:
        return view
    raise KubricGenError(f"there is no view {shown(name)}: choose from {', '.join(view.name for view in self.views)}")

  @property
  def layers(self) -> Mapping[str, LazyFrames]:
    return self.main.layers

  @property
  def metadata(self) -> Metadata:
    return self.main.metadata

  @property
  def camera(self) -> CameraData:
    return self.main.camera

  @property
  def instances(self) -> tuple[Instance, ...]:
    return self.main.instances

  @property
  def collisions(self) -> tuple[CollisionEvent, ...]:
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
      self._folder.close()

  def __enter__(self) -> Example:
    return self

  def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    self.close()

  def __repr__(self) -> str:
    names = ", ".join(self.layers)
    return (f"Example({self.metadata.num_frames} frames, {len(self.instances)} instances, "
            f"{len(self.views)} view{'s' * (len(self.views) > 1)}, layers: {names})")
