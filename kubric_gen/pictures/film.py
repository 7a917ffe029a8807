"""Films of layers side by side, one row for each view.

Exempt from byte equality: a film depends on the ffmpeg at hand.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kubric_gen.errors import KubricGenError
from kubric_gen.pictures.colors import RGBImage
from kubric_gen.pictures.sheets import text_height, unwritable

_PANEL, _LEAST_PANEL, _WIDTH, _HEIGHT = 256, 48, 3840, 1080  # pixels
_GAP = 4
_DARK, _INK, _FAINT = (24, 24, 27), (240, 240, 240), (160, 160, 168)


def fitted(image: RGBImage, least: int, tallest: int, widest: int) -> RGBImage:
  """The image enlarged by a whole factor to at least `least` rows, or shrunk to fit `tallest` by `widest`."""
  height, width = image.shape[:2]
  factor = min(math.ceil(least / height), tallest // height, widest // width)
  if factor > 1:
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST), np.uint8)
  scale = min(1.0, tallest / height, widest / width)
  if scale == 1.0:
    return image
  size = (max(1, int(width * scale)), max(1, int(height * scale)))
  return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _even(frame: RGBImage) -> RGBImage:
  """The frame with its last row and column repeated where their number is odd, which yuv420p cannot store."""
  height, width = frame.shape[:2]
  return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else frame


def _ffmpeg() -> str | None:
  """The path of imageio-ffmpeg's ffmpeg, or None where either is missing."""
  try:
    import imageio_ffmpeg
    return shutil.which(imageio_ffmpeg.get_ffmpeg_exe())
  except (ImportError, RuntimeError):
    return None


def _write_gif(path: Path, frames: Iterator[RGBImage], frame_rate: float) -> None:
  first = Image.fromarray(next(frames))
  try:
    file = path.open("wb")
  except OSError as error:
    raise unwritable(path, str(error)) from error
  with file:  # players take less than 20 ms for a mistake and slow down
    first.save(file, format="GIF", save_all=True, append_images=map(Image.fromarray, frames), loop=0,
               duration=max(20, round(1000 / frame_rate)))


def _write_mp4(path: Path, frames: Iterator[RGBImage], frame_rate: float, ffmpeg: str) -> None:
  first = _even(next(frames))
  height, width = first.shape[:2]
  # tagged BT.709: players guess untagged colours from the image size; an absolute path cannot pass for a protocol
  command = [ffmpeg, "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
             "-r", f"{frame_rate:.6f}", "-i", "-", "-an", "-vf", "scale=out_color_matrix=bt709:out_range=tv",
             "-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-crf", "16", "-threads", "2",
             "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-movflags", "+faststart",
             "-f", "mp4", str(path.absolute())]
  # imageio_ffmpeg.write_frames would neither report ffmpeg's exit status nor keep its messages off the terminal
  with tempfile.TemporaryFile() as messages:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages)
    assert process.stdin is not None
    try:
      for frame in itertools.chain([first], map(_even, frames)):
        try:
          process.stdin.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError:  # ffmpeg has given up: its status and messages tell why
          break
      with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
      status = process.wait()
    except BaseException:
      process.kill()
      process.communicate()
      raise
    if status:
      messages.seek(0)
      raise unwritable(path, messages.read().decode(errors="replace") or f"ffmpeg ended with status {status}")


def write_film(path: str | Path, frames: Iterable[RGBImage], frame_rate: float) -> Path:
  """Writes (height, width, 3) uint8 frames of one size as an mp4 that plays everywhere (H.264, yuv420p).

  Frames are taken one by one. Sizes that are odd grow by a pixel.

  Returns:
    The path written: with the ending .gif where there is no ffmpeg.

  Raises:
    KubricGenError: there are no frames, they are not of one size and kind, the frame rate is not positive, or the
      file cannot be written.
  """
  if not (math.isfinite(frame_rate) and frame_rate > 0):
    raise KubricGenError(f"a film needs a positive frame rate, got {frame_rate}")
  iterator = iter(frames)
  first = next(iterator, None)
  if first is None:
    raise KubricGenError("a film needs at least one frame")

  def checked() -> Iterator[RGBImage]:
    for frame in itertools.chain([first], iterator):
      if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or frame.shape != first.shape:
        raise KubricGenError(f"the frames of a film must be (height, width, 3) uint8 and of one size, got "
                             f"{frame.dtype} of shape {frame.shape} where the first has {first.shape}")
      yield frame

  ffmpeg = _ffmpeg()
  path = Path(path) if ffmpeg else Path(path).with_suffix(".gif")
  try:
    if ffmpeg:
      _write_mp4(path, checked(), frame_rate, ffmpeg)
    else:
      _write_gif(path, checked(), frame_rate)
  except BaseException:  # whatever ends a film early, half of it is not left behind
    with contextlib.suppress(OSError):
      path.unlink()
    raise
  return path


class Film:
  """Puts panels under their names: those of a view side by side, view below view.

  Args:
    views: of each view, by its name, caption and note of every panel. The names are shown where there are several.
  """

  def __init__(self, views: Mapping[str, Sequence[tuple[str, str]]]):
    self._views = views
    self._header = text_height(ImageFont.load_default(14)) + 6
    # what a row may take, so that all fit a screen; a single one may be as high as players take
    self._tallest = max(_LEAST_PANEL, _HEIGHT // len(views) - self._header) if len(views) > 1 else _HEIGHT
    self._canvas: RGBImage | None = None

  def frame(self, panels: Sequence[Sequence[RGBImage]]) -> RGBImage:
    """One frame of the film: of each view its panels (H, W, 3), all of one size within a view."""
    rows = []
    for row in panels:
      widest = (_WIDTH + _GAP) // len(row) - _GAP
      rows.append([fitted(panel, min(_PANEL, self._tallest), self._tallest, widest) for panel in row])
    if self._canvas is None:
      self._canvas = self._empty([(row[0].shape[0], row[0].shape[1]) for row in rows])
    top = 0
    for row in rows:
      height, width = row[0].shape[:2]
      top += self._header
      for i, panel in enumerate(row):
        left = i * (width + _GAP)
        self._canvas[top:top + height, left:left + width] = panel
      top += height
    return self._canvas.copy()

  def _empty(self, sizes: Sequence[tuple[int, int]]) -> RGBImage:
    """The frame without its panels, whose (height, width) in each row are given."""
    widths = [len(texts) * (width + _GAP) - _GAP for texts, (_, width) in zip(self._views.values(), sizes)]
    canvas = Image.new("RGB", (max(widths), sum(self._header + height for height, _ in sizes)), _DARK)
    top = 0
    for (name, texts), (height, width) in zip(self._views.items(), sizes):
      for i, (caption, note) in enumerate(texts):
        parts = [(name, _FAINT)] if i == 0 and len(self._views) > 1 else []
        canvas.paste(self._label(width, [*parts, (caption, _INK)], note), (i * (width + _GAP), top))
      top += self._header + height
    return np.array(canvas)

  def _label(self, width: int, parts: Sequence[tuple[str, tuple[int, int, int]]], note: str) -> Image.Image:
    """The line above a panel, cut where the panel ends."""
    font, small = ImageFont.load_default(14), ImageFont.load_default(12)
    label = Image.new("RGB", (width, self._header), _DARK)
    draw, left = ImageDraw.Draw(label), 6.0
    for text, color in parts:
      draw.text((left, self._header - 7), text, color, font, anchor="ls")
      left += font.getlength(text) + 8
    draw.text((left, self._header - 7), note, _FAINT, small, anchor="ls")
    return label
