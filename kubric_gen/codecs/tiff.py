"""TIFF files of float32 images as bytes, through tifffile: the same array always gives the same bytes.

Reading treats the bytes as hostile: tifffile reads the tags alone, and samples are taken only where all of them are there.
Nothing is compressed: deflate took 7 ms a frame of 256x256 to save a quarter of a depth map.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from kubric_gen.codecs.checks import MAX_PIXELS, Size, check_image, size_problem
from kubric_gen.errors import KubricGenError

_HEADER = 8
"""Bytes before everything else."""


def encode_tiff(array: NDArray) -> bytes:
  """An uncompressed TIFF of a (height, width, 1, 2 or 3) float32 image, without software, date or description.

  Raises:
    KubricGenError: another shape or dtype.
  """
  from tifffile import imwrite  # here and not above: a process that neither reads nor writes float layers does without
  check_image(array, ("float32",), (1, 2, 3), "a TIFF")
  height, width, channels = array.shape
  out = io.BytesIO()
  samples = np.ascontiguousarray(array[..., 0] if channels == 1 else array, "<f4")  # (H, W, 1) would be H images
  imwrite(out, samples, byteorder="<", bigtiff=False, photometric="minisblack", planarconfig=None if channels == 1 else "contig",
          extrasamples=["unspecified"] * (channels - 1), rowsperstrip=height, metadata=None, software=False, datetime=None)
  return out.getvalue()


class _OtherThreads(logging.Filter):
  """Lets through what threads log other than the one that made it."""

  def __init__(self) -> None:
    super().__init__()
    self._thread = threading.get_ident()

  def filter(self, record: logging.LogRecord) -> bool:
    return record.thread != self._thread


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Keeps off the terminal what tifffile logs about damaged files: the error is one line, and ours."""
  logger, others = logging.getLogger("tifffile"), _OtherThreads()
  logger.addFilter(others)
  try:
    yield
  finally:
    logger.removeFilter(others)


class _RefusedError(Exception):
  """Why a file is not taken."""


class _Layout(NamedTuple):
  """Where the samples of an image are.

  Attributes:
    shape: (height, width, channels). order: of the bytes.
    strips: (offset, size) of each in bytes. tags: where their list begins and ends.
  """

  shape: tuple[int, int, int]
  order: str
  strips: list[tuple[int, int]]
  tags: tuple[int, int]


def _layout(data: bytes) -> _Layout:
  """What the tags of the only image of a TIFF say; any exception other than `_RefusedError` means damage."""
  from tifffile import TiffFile
  # the flags: no special cases of microscopes, which would follow further pointers
  with _quiet(), TiffFile(io.BytesIO(data), is_lsm=False, is_scanimage=False, is_ndpi=False) as file:
    page: Any = file.pages.first
    if len(file.pages) != 1 or page.is_tiled or page.imagedepth != 1:
      raise _RefusedError("it is stored in tiles or a stack of images")
    shape = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)  # a damaged tag is a tuple
    if page.compression != 1 or page.predictor != 1 or (page.planarconfig != 1 and shape[2] != 1):
      raise _RefusedError("its pixels are compressed or stored in planes")
    if page.dtype != np.float32 or not 1 <= shape[2] <= 4:
      raise _RefusedError("it does not hold float32 values of 1 to 4 channels")
    strips = [(int(offset), int(size)) for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True)]
    return _Layout(shape, file.byteorder, strips, (int(page.offset), int(page.offset) + 2 + 12 * len(page.tags) + 4))


def _samples(data: bytes, layout: _Layout) -> memoryview:
  """The bytes of all samples. Strips have to be where writers put them, one after the other: behind the tags up to the end of
  the file, or from the header on before the tags. So a damaged offset does not make an image of something else, strips do not
  overlap to make much of little, and none is missing, in whose place tifffile's own reading puts zeros."""
  (begin, _), (last, size), (first_tag, after_tags) = layout.strips[0], layout.strips[-1], layout.tags
  if math.prod(layout.shape) * 4 > len(data) - begin:
    raise _RefusedError("it holds fewer pixels than it claims")
  if any(one + length != other for (one, length), (other, _) in zip(layout.strips, layout.strips[1:])):
    raise _RefusedError("its strips do not follow one another")
  end = last + size
  if end - begin != math.prod(layout.shape) * 4:
    raise _RefusedError("it holds more or fewer pixels than it claims")
  if not (begin >= after_tags and end == len(data)) and not (begin == _HEADER and end <= first_tag):
    raise _RefusedError("its pixels are not where they should be")
  return memoryview(data)[begin:end]


def decode_tiff(data: bytes, name: str = "the TIFF", size: Size | None = None) -> NDArray[np.float32]:
  """The (height, width, channels) float32 values of an uncompressed TIFF of one image with 1 to 4 channels.

  That is what `encode_tiff`, Kubric, imageio, tifffile and Pillow write unless told otherwise. `name` is what an
  error calls the file, `size` the (height, width) that it has to have. A TIFF has no checksum: changed samples are other samples.

  Raises:
    KubricGenError: the bytes are no such TIFF, damaged or cut short, of another size, or claim more than `MAX_PIXELS`.
  """

  def fail(reason: object) -> NoReturn:
    raise KubricGenError(f"{name} cannot be read ({reason}): write it again as an uncompressed float32 TIFF")

  if bytes(data[:4]) not in (b"II*\0", b"MM\0*"):
    fail("it is not a TIFF file" if data else "it is empty")
  try:
    layout = _layout(data)
    height, width, _ = layout.shape
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
      fail(f"it claims {height}x{width} pixels, which is none or more than the limit of {MAX_PIXELS}")
    problem = size_problem((height, width), size)
    if problem:
      fail(problem)
    samples = _samples(data, layout)
  except _RefusedError as reason:
    fail(reason)
  except KubricGenError:
    raise
  except Exception:  # tifffile raises almost anything at bytes that were changed by design
    fail("it is damaged or cut short")
  return np.frombuffer(samples, layout.order + "f4").reshape(layout.shape).astype(np.float32)
