"""Points on the surfaces of a scene that stay where they are, and which frames see them.

They are sampled at pixel centres of the training frames and looked for in all frames. One frame is in memory at a time; beside it
the points, and a bit for each point and frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kubric_gen.sinks.lenses import Array, pixel_directions
from kubric_gen.sinks.posed_frames import TRAIN, PosedFrame

LAYERS = ("rgba", "depth", "segmentation")
"""That the frames must have."""
BUDGET = 20_000
"""Points that are sampled in all."""
TOLERANCE = 1e-3
"""By how much, relative to its distance, a point may lie before or behind the surface that is seen where it appears."""

_STRIDES = (0.7548776662466927, 0.5698402909980532)
"""By these fractions of its size the order of pixels is shifted from frame to frame: a sequence of low discrepancy."""
_BLOCK = 512
"""Points whose tracks are looked up at a time; a multiple of 8."""


@dataclass(frozen=True, eq=False)
class SurfacePoints:
  """N points and the F frames in which each appears.

  Attributes:
    positions (N, 3): metres, world space. colors (N, 3) uint8: sRGB, of the frame that it was sampled in.
    seen (F, ceil(N / 8)) uint8: bits that say in which frames.
  """

  positions: Array
  colors: NDArray[np.uint8]
  seen: NDArray[np.uint8]

  def __len__(self) -> int:
    return len(self.positions)

  def seen_in(self, frame: int) -> NDArray[np.int64]:
    """Indices of the points that a frame sees, in rising order."""
    return np.flatnonzero(np.unpackbits(self.seen[frame], count=len(self)))

  def tracks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Of each point, the frames that see it, and which of the points that are seen there it is."""
    before = np.zeros(len(self.seen), np.int64)
    for start in range(0, len(self), _BLOCK):
      block, length = self.seen[:, start // 8:(start + _BLOCK) // 8], min(_BLOCK, len(self) - start)
      bits = np.unpackbits(block, axis=1, count=length).astype(np.int64)
      ranks = before[:, None] + np.cumsum(bits, axis=1) - bits
      before += bits.sum(axis=1)
      for column in range(bits.shape[1]):
        frames = np.flatnonzero(bits[:, column])
        yield frames, ranks[frames, column]


def surface_points(frames: Sequence[PosedFrame], budget: int = BUDGET) -> SurfacePoints:
  """Samples points of a scene's surfaces, as evenly as can be over the training frames and their pixels, of which those are
  kept that at least two frames see. What moves has none.

  Args:
    frames: of all splits, with the layers of `LAYERS`. budget: how many are sampled in all.

  Raises:
    KubricGenError: the scene is damaged.
  """
  samples = _sample(frames, budget)
  positions = np.concatenate([each.positions for each in samples])
  labels = np.concatenate([each.labels for each in samples])
  source = np.repeat([each.frame for each in samples], [len(each.labels) for each in samples])
  seen = np.zeros((len(frames), (len(positions) + 7) // 8), np.uint8)
  count = np.zeros(len(positions), np.int64)
  for index, frame in enumerate(frames):
    sees = (source == index) | _sees(frame, positions, labels)
    seen[index], count = np.packbits(sees), count + sees
  kept = count >= 2
  bits = np.zeros((len(frames), (int(kept.sum()) + 7) // 8), np.uint8)
  for index in range(len(frames)):
    bits[index] = np.packbits(np.unpackbits(seen[index], count=len(kept))[kept])
  return SurfacePoints(positions[kept], np.concatenate([each.colors for each in samples])[kept], bits)


@dataclass(frozen=True, eq=False)
class _Sample:
  """Points of one frame: its index, and of each point its position, label and colour."""

  frame: int
  positions: Array
  labels: NDArray[np.int64]
  colors: NDArray[np.uint8]


def _sample(frames: Sequence[PosedFrame], budget: int) -> list[_Sample]:
  train = [index for index, frame in enumerate(frames) if frame.split == TRAIN]
  nothing = _Sample(0, np.zeros((0, 3)), np.zeros(0, np.int64), np.zeros((0, 3), np.uint8))
  samples = [nothing]
  for k, index in enumerate(train):
    wanted = (k + 1) * budget // len(train) - k * budget // len(train)
    if wanted:
      samples.append(_sample_frame(frames[index], index, k, wanted))
  return samples


def _sample_frame(frame: PosedFrame, index: int, shift: int, wanted: int) -> _Sample:
  z, labels = frame.z(), frame.labels()
  rows, columns = np.nonzero((z > 0) & ~frame.moving[labels])
  chosen = np.sort(np.argsort(_spread(rows, columns, max(z.shape), shift))[:wanted])
  rows, columns = rows[chosen], columns[chosen]
  local = pixel_directions(frame.lens)[rows, columns] * z[rows, columns, None]
  turn = frame.to_world[:3, :3] * (1.0, -1.0, -1.0)  # OpenCV's axes to ours, then to the world's
  positions = (turn * local[:, None, :]).sum(axis=2) + frame.position
  return _Sample(index, positions, labels[rows, columns], frame.layer("rgba")[rows, columns, :3])


def _spread(rows: NDArray[np.int64], columns: NDArray[np.int64], size: int, shift: int) -> NDArray[np.int64]:
  """Numbers, each given once, by whose order the first few pixels lie as evenly as can be: those of ordered dithering."""
  bits = max(size - 1, 1).bit_length()
  rows, columns = ((each + int(shift * stride % 1 * (1 << bits))) & ((1 << bits) - 1)
                   for each, stride in zip((rows, columns), _STRIDES))
  order = np.zeros(len(rows), np.int64)
  for bit in range(bits):
    row, column = rows >> bit & 1, columns >> bit & 1
    order |= ((row ^ column) << 1 | row) << 2 * (bits - 1 - bit)
  return order


def _sees(frame: PosedFrame, positions: Array, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
  """Whether a frame sees points (N,) of these labels.

  1 / z of a plane is linear in pixel positions: between four pixel centres that show one surface it is interpolated, whatever
  the slant. Where the four show different objects, or one shows nothing, the answer is no.
  """
  local = frame.to_camera(positions)
  column, row = (frame.lens.project(local) - 0.5).T
  z, shown = frame.z(), frame.labels()
  inverse = np.divide(1.0, z, out=np.zeros_like(z), where=z > 0)
  last_row, last_column = z.shape[0] - 1, z.shape[1] - 1
  inside = np.flatnonzero((np.abs(row - last_row / 2) < z.shape[0] / 2) & (np.abs(column - last_column / 2) < z.shape[1] / 2))
  row, column = np.clip(row[inside], 0, last_row), np.clip(column[inside], 0, last_column)  # at the border, its pixels stand in
  depth, labels = local[inside, 2], labels[inside]
  top, left = (np.clip(np.floor(at).astype(np.int64), 0, max(last - 1, 0))
               for at, last in ((row, last_row), (column, last_column)))
  agree, expected = np.ones(len(inside), bool), np.zeros(len(inside))
  for down in (0, 1):
    for right in (0, 1):
      weight = np.abs(1 - down - (row - top)) * np.abs(1 - right - (column - left))
      at = np.minimum(top + down, last_row), np.minimum(left + right, last_column)
      agree &= (weight < 1e-6) | (inverse[at] > 0) & (shown[at] == labels)
      expected += weight * inverse[at]
  sees = np.zeros(len(positions), bool)
  sees[inside] = agree & (np.abs(expected * depth - 1) <= TOLERANCE)
  return sees
