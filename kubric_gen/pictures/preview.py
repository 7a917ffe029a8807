"""Pictures of a scene for people: a short film of its layers side by side, and a contact sheet.

Exempt from byte equality: the film depends on the ffmpeg at hand.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kubric_gen.errors import KubricGenError
from kubric_gen.pictures import colors
from kubric_gen.codecs.png import encode_png
from kubric_gen.pictures.colors import RGBImage

Ranges = Mapping[str, tuple[float, float]]
"""Layer to the values that its colours span: depth in metres, or flow in pixels from 0."""

# layer: (what people call it, how it becomes colours)
_LAYERS: dict[str, tuple[str, Callable[..., RGBImage]]] = {
    "rgba": ("RGB", colors.rgba_to_rgb),
    "depth": ("depth", colors.depth_to_rgb),
    "z": ("z", colors.depth_to_rgb),
    "segmentation": ("segmentation", colors.labels_to_rgb),
    "normal": ("normals", colors.normals_to_rgb),
    "object_coordinates": ("coordinates", colors.coordinates_to_rgb),
    "forward_flow": ("forward flow", colors.flow_to_rgb),
    "backward_flow": ("backward flow", colors.flow_to_rgb),
    "uv": ("texture coordinates", colors.uv_to_rgb),
    "occlusion_forward": ("occluded next", colors.occlusion_to_rgb),
    "occlusion_backward": ("occluded before", colors.occlusion_to_rgb),
}
_FILM = ("rgba", "depth", "segmentation", "normal", "forward_flow")
_DEPTHS, _FLOWS = ("depth", "z"), ("forward_flow", "backward_flow")

_FILM_PANEL, _FILM_WIDTH, _FILM_HEIGHT = 256, 3840, 1080  # pixels
_SHEET_FRAMES, _SHEET_LEAST, _SHEET_CELL = 6, 128, 256
_GAP = 4
_DARK, _INK, _FAINT = (24, 24, 27), (32, 32, 36), (120, 120, 128)


def _text_height(font: Any) -> int:
  return sum(font.getmetrics())


def _shown(image: RGBImage, least: int, tallest: int, widest: int) -> RGBImage:
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


def _unwritable(path: Path, reason: str) -> KubricGenError:
  reason = " ".join(reason.split())[-200:]
  return KubricGenError(f"preview {path} cannot be written ({reason}): choose a folder that can be written to, or "
                        "leave the preview out")


def _write_gif(path: Path, frames: Iterator[RGBImage], frame_rate: float) -> None:
  first = Image.fromarray(next(frames))
  try:
    file = path.open("wb")
  except OSError as error:
    raise _unwritable(path, str(error)) from error
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
      raise _unwritable(path, messages.read().decode(errors="replace") or f"ffmpeg ended with status {status}")


def write_preview(path: str | Path, frames: Iterable[RGBImage], frame_rate: float) -> Path:
  """Writes (height, width, 3) uint8 frames of one size as an mp4 that plays everywhere (H.264, yuv420p).

  Frames are taken one by one. Sizes that are odd grow by a pixel.

  Returns:
    The path written: with the ending .gif where there is no ffmpeg.

  Raises:
    KubricGenError: there are no frames, they are not of one size and kind, the frame rate is not positive, or the
      file cannot be written.
  """
  if not (math.isfinite(frame_rate) and frame_rate > 0):
    raise KubricGenError(f"a preview needs a positive frame rate, got {frame_rate}")
  iterator = iter(frames)
  first = next(iterator, None)
  if first is None:
    raise KubricGenError("a preview needs at least one frame")

  def checked() -> Iterator[RGBImage]:
    for frame in itertools.chain([first], iterator):
      if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or frame.shape != first.shape:
        raise KubricGenError(f"the frames of a preview must be (height, width, 3) uint8 and of one size, got "
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


def write_contact_sheet(path: str | Path, rows: Sequence[tuple[str, Sequence[RGBImage]]], title: str,
                        columns: Sequence[str] = ()) -> Path:
  """Writes a PNG with a grid of (height, width, 3) uint8 images on white.

  Each row is a label and its images, of any sizes; what follows a line break in a label is set fainter below it.
  `columns` are headings.

  Raises:
    KubricGenError: there is no image, or the file cannot be written.
  """
  if not any(images for _, images in rows):
    raise KubricGenError("a contact sheet needs at least one image")
  title_font, font, small = (ImageFont.load_default(size) for size in (20, 14, 12))
  margin, gap = 16, 6
  label_width = 16 + max(math.ceil(f.getlength(line)) for label, _ in rows
                         for f, line in zip((font, small), label.split("\n")))
  cell_width = max(image.shape[1] for _, images in rows for image in images)
  cell_heights = [max((image.shape[0] for image in images), default=0) for _, images in rows]
  # a label of two lines has to fit beside a small image
  row_heights = [max(height, 2 * _text_height(font)) for height in cell_heights]
  count = max(len(images) for _, images in rows)
  top = margin + (_text_height(title_font) + 10 if title else 0) + (_text_height(small) + 4 if columns else 0)
  width = margin + label_width + count * (cell_width + gap) - gap + margin
  width = max(width, 2 * margin + math.ceil(title_font.getlength(title)))
  sheet = Image.new("RGB", (width, top + sum(row_heights) + gap * (len(rows) - 1) + margin), (255, 255, 255))
  draw = ImageDraw.Draw(sheet)
  draw.text((margin, margin - 4), title, _INK, title_font)
  for i, heading in enumerate(columns[:count]):
    left = margin + label_width + i * (cell_width + gap)
    draw.text((left + cell_width / 2, top - 4), heading, _FAINT, small, anchor="mb")
  for (label, images), height in zip(rows, row_heights):
    name, _, note = label.partition("\n")
    middle = top + height / 2
    draw.text((margin, middle - (1 if note else 0)), name, _INK, font, anchor="ls" if note else "lm")
    if note:
      draw.text((margin, middle + 3), note.replace("\n", " "), _FAINT, small, anchor="la")
    for i, image in enumerate(images):
      left = margin + label_width + i * (cell_width + gap) + (cell_width - image.shape[1]) // 2
      sheet.paste(Image.fromarray(image), (left, top + (height - image.shape[0]) // 2))
    top += height + gap
  path = Path(path)
  try:
    path.write_bytes(encode_png(np.asarray(sheet)))
  except OSError as error:
    raise _unwritable(path, str(error)) from error
  return path


def layer_panels(frame: Mapping[str, NDArray], ranges: Ranges) -> dict[str, RGBImage]:
  """The layers of one frame as colours, in the order people look at them; layers of other names are left out.

  `ranges` are those of `clip_ranges`; a layer without one has its colours fitted to this frame.
  """
  panels = {}
  for layer, (_, to_rgb) in _LAYERS.items():
    if layer in frame:
      limits = ranges.get(layer, ())
      panels[layer] = to_rgb(frame[layer], *(limits[1:] if layer in _FLOWS else limits))
  return panels


def clip_ranges(layers: Mapping[str, Iterable[NDArray]]) -> dict[str, tuple[float, float]]:
  """The values that the colours of depth and flow span, so that the frames given and both flows are comparable."""
  ranges = {layer: colors.depth_range(layers[layer]) for layer in _DEPTHS if layer in layers}
  flows = [layer for layer in _FLOWS if layer in layers]
  radius = colors.flow_radius(frame for layer in flows for frame in layers[layer])
  return ranges | dict.fromkeys(flows, (0.0, radius))


def _note(layer: str, ranges: Ranges) -> str:
  if layer not in ranges:
    return ""
  low, high = ranges[layer]
  return f"to {high:.3g} px" if layer in _FLOWS else f"{low:.3g} to {high:.3g} m"


class _Film:
  """Puts panels of equal size side by side under their names."""

  def __init__(self, layers: Sequence[str], ranges: Ranges):
    self._layers, self._ranges = layers, ranges
    self._canvas: RGBImage | None = None

  def frame(self, panels: Mapping[str, RGBImage]) -> RGBImage:
    """One frame of the film."""
    widest = (_FILM_WIDTH + _GAP) // len(self._layers) - _GAP
    shown = [_shown(panels[layer], _FILM_PANEL, _FILM_HEIGHT, widest) for layer in self._layers]
    height, width = shown[0].shape[:2]
    if self._canvas is None:
      self._canvas = self._empty(height, width)
    for i, panel in enumerate(shown):
      left = i * (width + _GAP)
      self._canvas[-height:, left:left + width] = panel
    return self._canvas.copy()

  def _empty(self, height: int, width: int) -> RGBImage:
    font, small = ImageFont.load_default(14), ImageFont.load_default(12)
    header = _text_height(font) + 6
    canvas = Image.new("RGB", (len(self._layers) * (width + _GAP) - _GAP, header + height), _DARK)
    for i, layer in enumerate(self._layers):
      label = Image.new("RGB", (width, header), _DARK)
      draw, name = ImageDraw.Draw(label), _LAYERS[layer][0]
      draw.text((6, header - 7), name, (240, 240, 240), font, anchor="ls")
      draw.text((6 + font.getlength(name) + 8, header - 7), _note(layer, self._ranges), (160, 160, 168), small,
                anchor="ls")
      canvas.paste(label, (i * (width + _GAP), 0))
    return np.array(canvas)


def make_preview(layers: Mapping[str, Sequence[NDArray]], frame_rate: float, directory: str | Path,
                 ranges: Ranges | None = None, title: str = "") -> list[Path]:
  """Writes preview.mp4 (or .gif) and contact_sheet.png for a clip.

  Args:
    layers: layer name to its frames, as in the contract before quantisation. Each frame is read once and dropped
      after use, so that the sequences may load from disk. Layers of other names are left out.
    frame_rate: frames per second.
    directory: an existing directory.
    ranges: what the colours of depth and flow span; without it, it is fitted to the frames of the contact sheet.
    title: heading of the contact sheet.

  Returns:
    The paths written; none where no layer can be shown.

  Raises:
    KubricGenError: the layers differ in their number of frames or have none, or a file cannot be written.
  """
  names = [layer for layer in _LAYERS if layer in layers]
  if not names:
    return []
  count = len(layers[names[0]])
  for layer in names:
    if len(layers[layer]) != count or not count:
      raise KubricGenError(f"a preview needs the same number of frames, at least one, of every layer, got "
                           f"{len(layers[layer])} of {layer} and {count} of {names[0]}")
  film_layers = [layer for layer in _FILM if layer in layers] or names
  sampled = sorted(set(np.linspace(0, count - 1, _SHEET_FRAMES).round().astype(int).tolist()))
  read_ahead: dict[str, dict[int, NDArray]] = {}
  if ranges is None:  # colours are fitted before the first frame is shown, so these frames are read now and kept
    read_ahead = {layer: {t: np.asarray(layers[layer][t]) for t in sampled}
                  for layer in names if layer in (*_DEPTHS, *_FLOWS)}
    ranges = clip_ranges({layer: list(frames.values()) for layer, frames in read_ahead.items()})
  film = _Film(film_layers, ranges)
  cells: dict[str, list[RGBImage]] = {layer: [] for layer in names}

  def frames() -> Iterator[RGBImage]:
    for t in range(count):
      frame = {layer: read_ahead[layer].pop(t) if t in read_ahead.get(layer, ()) else np.asarray(layers[layer][t])
               for layer in (names if t in sampled else film_layers)}
      panels = layer_panels(frame, ranges)
      if t in sampled:
        for layer, panel in panels.items():
          cells[layer].append(_shown(panel, _SHEET_LEAST, _SHEET_CELL, _SHEET_CELL))
      yield film.frame(panels)

  directory = Path(directory)
  written = write_preview(directory / "preview.mp4", frames(), frame_rate)
  rows = [(f"{_LAYERS[layer][0]}\n{_note(layer, ranges)}".strip(), cells[layer]) for layer in names]
  sheet = write_contact_sheet(directory / "contact_sheet.png", rows, title, [f"frame {t}" for t in sampled])
  return [written, sheet]
