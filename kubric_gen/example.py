"""An example: the finished data of one scene, the same in memory, on disk, and for every sink."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError
from kubric_gen.interrupts import unregister

Frame = NDArray[Any]


class LazyFrames(Sequence[Frame]):
  """Frames that are loaded when they are asked for, so that a clip of any length needs the memory of one frame.

  `np.stack(frames)` gives the whole layer (T, H, W, C).
  """

  def __init__(self, length: int, load: Callable[[int], Frame]) -> None:
    self._length, self._load = length, load

  def __len__(self) -> int:
    return self._length

  @overload
  def __getitem__(self, index: int) -> Frame: ...
  @overload
  def __getitem__(self, index: slice) -> list[Frame]: ...

  def __getitem__(self, index: int | slice) -> Frame | list[Frame]:
    if isinstance(index, slice):
      return [self._load(t) for t in range(self._length)[index]]
    return self._load(range(self._length)[index])

  def map(self, change: Callable[[Frame], Frame]) -> LazyFrames:
    """The same frames, each changed when it is loaded."""
    return LazyFrames(self._length, lambda t: change(self._load(t)))


class Spool:
  """Frames on their way to a sink, kept in a temporary folder instead of memory: plain bytes, all of one shape."""

  def __init__(self, folder: Path, name: str) -> None:
    self._pattern = str(folder / f"{name}_%05d.raw")
    self._length = 0
    self._dtype: np.dtype[Any] = np.dtype(np.uint8)
    self._shape: tuple[int, ...] = ()

  def append(self, frame: Frame) -> None:
    """Adds a frame of the same shape and type as the ones before.

    Raises:
      KubricGenError: the temporary folder is full or gone.
    """
    self._dtype, self._shape = frame.dtype, frame.shape
    try:
      with open(self._pattern % self._length, "wb") as file:
        file.write(np.ascontiguousarray(frame).data if frame.size else b"")
    except OSError as error:
      raise KubricGenError(f"cannot write temporary frames to {os.path.dirname(self._pattern)} ({error.strerror}): free "
                           "some space or point TMPDIR elsewhere") from error
    self._length += 1

  def frames(self) -> LazyFrames:
    """The frames; the spool must not grow any more."""
    # Not NumPy's own format: reading its headers in several threads trips over a flaw of Python 3.11's parser.
    return LazyFrames(self._length, lambda t: np.fromfile(self._pattern % t, self._dtype).reshape(self._shape))


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
