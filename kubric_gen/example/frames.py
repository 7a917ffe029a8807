"""Frames of a layer, loaded when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError

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

  def extremes(self) -> tuple[float, float]:
    """The least and the greatest value of all frames."""
    found = [(float(frame.min()), float(frame.max())) for frame in self]
    return min(low for low, _ in found), max(high for _, high in found)

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
