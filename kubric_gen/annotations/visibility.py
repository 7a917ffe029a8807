"""How much of each object is seen, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Visibility:
  """Pixel counts and 2-D boxes of the foreground objects, frame by frame, in the scene's order."""

  def __init__(self, num_objects: int) -> None:
    self._num = num_objects
    self._visible: list[NDArray[np.int64]] = []
    self._amodal: list[NDArray[np.int64]] = []
    self._boxes: list[list[tuple[float, float, float, float] | None]] = []

  def add(self, labels: NDArray[np.uint16], amodal_pixels: NDArray[np.int64]) -> None:
    """One frame: labels (H, W, 1) with k for the k-th foreground object, and pixels (K,) of the full masks."""
    labels = labels[..., 0]
    height, width = labels.shape
    self._visible.append(np.bincount(labels.ravel(), minlength=self._num + 1)[1:])
    self._amodal.append(amodal_pixels)
    boxes: list[tuple[float, float, float, float] | None] = []
    for k in range(1, self._num + 1):
      if not self._visible[-1][k - 1]:
        boxes.append(None)
        continue
      where = labels == k
      rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
      boxes.append((rows[0] / height, columns[0] / width, (rows[-1] + 1) / height, (columns[-1] + 1) / width))
    self._boxes.append(boxes)

  @property
  def visibility(self) -> NDArray[np.int64]:
    """Visible pixels (T, K)."""
    return np.array(self._visible, np.int64).reshape(len(self._visible), self._num)

  @property
  def amodal(self) -> NDArray[np.int64]:
    """Pixels of the full masks (T, K)."""
    return np.array(self._amodal, np.int64).reshape(len(self._amodal), self._num)

  def boxes(self, k: int) -> tuple[list[list[float]], list[int]]:
    """Boxes [ymin, xmin, ymax, xmax] in [0, 1], max exclusive, and the frames (array indices) they belong to."""
    found = [(t, frame[k]) for t, frame in enumerate(self._boxes)]
    return [[float(side) for side in box] for _, box in found if box], [t for t, box in found if box]


def visible_order(views: Sequence[Visibility]) -> list[int]:
  """Foreground objects that are seen at least once in any of the views, most visible pixels (over all views and frames) first;
  equal ones keep the scene's order."""
  total = sum(view.visibility.sum(axis=0) for view in views)
  return [int(k) for k in np.argsort(-np.asarray(total), kind="stable") if np.asarray(total)[k] > 0]
