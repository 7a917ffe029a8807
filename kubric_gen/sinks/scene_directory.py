"""The scene directory: one folder of standard image and JSON files per scene, in MOVi's layout. Writing and reading."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from kubric_gen.system.resources import cpu_count
from kubric_gen.errors import KubricGenError
from kubric_gen.example import Example, Frame, LazyFrames, View
from kubric_gen.scene.layers import LAYERS
from kubric_gen.scene.serialization import to_plain
from kubric_gen.scene.validation import identifier
from kubric_gen.codecs.images import decode_png, decode_tiff, encode_palette_png, encode_png, encode_tiff
from kubric_gen.codecs.npz import encode_npz
from kubric_gen.codecs.quantization import (dequantize_normal, dequantize_range, quantize_normal, quantize_range,
                                           quantize_unit)
from kubric_gen.system.whole import staged_directory

FLOW_LAYERS = ("forward_flow", "backward_flow")
MAX_ENCODERS = 4


def _encode_amodal(frame: Frame) -> bytes:
  """Bit-packed full masks, one row of bits per instance."""
  masks = np.moveaxis(frame, -1, 0)
  flat = masks.reshape(len(masks), masks.shape[1] * masks.shape[2])
  return encode_npz({"masks": np.packbits(flat, axis=1), "shape": masks.shape})


def _decode_amodal(data: bytes) -> Frame:
  with np.load(io.BytesIO(data), allow_pickle=False) as stored:
    count, height, width = stored["shape"].tolist()
    bits = np.unpackbits(stored["masks"], axis=1, count=height * width)
  return np.moveaxis(bits.reshape(count, height, width).astype(bool), 0, -1)


_PLAIN_CODECS: dict[str, tuple[str, Callable[[Frame], bytes], Callable[[bytes], Frame]]] = {
    "rgba": ("rgba_%05d.png", encode_png, decode_png),
    "segmentation": ("segmentation_%05d.png", encode_palette_png, lambda data: decode_png(data).astype(np.uint16)),
    "depth": ("depth_%05d.tiff", encode_tiff, decode_tiff),
    "z": ("z_%05d.tiff", encode_tiff, decode_tiff),
    "uv": ("uv_%05d.tiff", encode_tiff, decode_tiff),
    "normal": ("normal_%05d.png", lambda frame: encode_png(quantize_normal(frame)),
               lambda data: dequantize_normal(decode_png(data))),
    "object_coordinates": ("object_coordinates_%05d.png", lambda frame: encode_png(quantize_unit(frame)),
                           lambda data: dequantize_range(decode_png(data), 0.0, 1.0)),
    "occlusion_forward": ("occlusion_forward_%05d.png", encode_png, decode_png),
    "occlusion_backward": ("occlusion_backward_%05d.png", encode_png, decode_png),
    "amodal_segmentation": ("amodal_%05d.npz", _encode_amodal, _decode_amodal),
}
"""Per layer: file name, encoder and decoder. Flow is missing: its range is that of the whole clip."""


def _encode_flow(frame: Frame, low: float, high: float) -> bytes:
  stored = quantize_range(frame, low, high)
  return encode_png(np.concatenate([stored, np.zeros_like(stored[..., :1])], axis=-1))


def _decode_flow(data: bytes, low: float, high: float) -> Frame:
  return dequantize_range(decode_png(data)[..., :2], low, high)


def _flow_ranges(layers: Mapping[str, LazyFrames]) -> dict[str, dict[str, float]]:
  ranges = {}
  for name in FLOW_LAYERS:
    if name in layers:
      extremes = [(float(frame.min()), float(frame.max())) for frame in layers[name]]
      ranges[name] = {"min": min(low for low, _ in extremes), "max": max(high for _, high in extremes)}
  return ranges


def _json(value: Any) -> bytes:
  return (json.dumps(to_plain(value), indent=1, allow_nan=False) + "\n").encode()


def _layer_files(view: View, ranges: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, Callable[[], bytes]]]:
  """File names and what makes their bytes."""
  for name, frames in view.layers.items():
    for t in range(len(frames)):
      if name in FLOW_LAYERS:
        low, high = ranges[name]["min"], ranges[name]["max"]
        yield f"{name}_{t:05d}.png", lambda f=frames, t=t, a=low, b=high: _encode_flow(f[t], a, b)  # type: ignore[misc]
      else:
        pattern, encode, _ = _PLAIN_CODECS[name]
        yield pattern % t, lambda f=frames, t=t, e=encode: e(f[t])  # type: ignore[misc]


def _write_view(view: View, folder: Path, pool: ThreadPoolExecutor) -> None:
  folder.mkdir(parents=True, exist_ok=True)
  ranges = _flow_ranges(view.layers)

  def write(task: tuple[str, Callable[[], bytes]]) -> None:
    (folder / task[0]).write_bytes(task[1]())

  list(pool.map(write, _layer_files(view, ranges)))
  if ranges:
    (folder / "data_ranges.json").write_bytes(_json(ranges))
  if view.tracks is not None:
    (folder / "tracks.npz").write_bytes(encode_npz(view.tracks))
  (folder / "metadata.json").write_bytes(_json({
      "flags": view.flags, "metadata": view.metadata, "camera": view.camera, "instances": list(view.instances)}))
  (folder / "events.json").write_bytes(_json({"collisions": list(view.collisions)}))


def write_files(example: Example, folder: str | os.PathLike[str], preview: bool = True) -> None:
  """Writes an example's files into an existing folder: the main view at the top, further ones in `cameras/<name>/`."""
  root = Path(folder)
  pool = ThreadPoolExecutor(min(MAX_ENCODERS, cpu_count()))
  try:
    for view in example.views:
      place = root if view is example.main else root / "cameras" / view.name
      _write_view(view, place, pool)
  finally:
    pool.shutdown(cancel_futures=True)  # an interruption does not wait for what is queued
  if preview:
    from kubric_gen.pictures.preview import make_preview  # its libraries would count against the memory of a render
    make_preview(example.layers, example.metadata["frame_rate"], root)
  (root / "run.json").write_bytes(_json(example.info))


def write_scene(example: Example, path: str | os.PathLike[str], *, overwrite: bool = False, preview: bool = True) -> Path:
  """Writes a scene directory, whole or not at all.

  Args:
    example: what to write.
    path: the directory to make.
    overwrite: replace an existing one.
    preview: also make `preview.mp4` and `contact_sheet.png`.

  Raises:
    KubricGenError: the directory exists or cannot be written.
  """
  with staged_directory(path, overwrite) as staging:
    write_files(example, staging, preview)
  return Path(path)


def _read_json(path: Path) -> Any:
  try:
    return json.loads(path.read_text())
  except FileNotFoundError:
    raise KubricGenError(f"{path.parent} is no scene directory: it has no {path.name}") from None
  except (OSError, ValueError) as error:
    raise KubricGenError(f"{path} cannot be read ({error}): make the scene again") from None


def _read_layer(name: str, folder: Path, length: int, ranges: Mapping[str, Any]) -> LazyFrames | None:
  if name in FLOW_LAYERS:
    pattern, limits = f"{name}_%05d.png", ranges.get(name, {})
    decode: Callable[[bytes], Frame] = lambda data: _decode_flow(data, limits["min"], limits["max"])  # noqa: E731
  elif name in _PLAIN_CODECS:
    pattern, _, decode = _PLAIN_CODECS[name]
  else:
    return None
  if not (folder / (pattern % 0)).is_file():
    return None

  def load(t: int) -> Frame:
    path = folder / (pattern % t)
    try:
      return decode(path.read_bytes())
    except FileNotFoundError:
      raise KubricGenError(f"{folder} is incomplete: {path.name} is missing; make the scene again") from None
    except (KubricGenError, KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
      raise KubricGenError(f"{path} cannot be read ({error}): make the scene again") from None

  return LazyFrames(length, load)


def _read_view(folder: Path) -> View:
  described = _read_json(folder / "metadata.json")
  ranges = _read_json(folder / "data_ranges.json") if (folder / "data_ranges.json").is_file() else {}
  try:
    length = int(described["metadata"]["num_frames"])
    found = {name: _read_layer(name, folder, length, ranges) for name in LAYERS}
    tracks = None
    if (folder / "tracks.npz").is_file():
      with np.load(folder / "tracks.npz", allow_pickle=False) as stored:
        tracks = {name: stored[name] for name in stored.files}
    return View(described["camera"].get("name", "camera"), {k: v for k, v in found.items() if v is not None},
                described["metadata"], described["camera"], described["instances"],
                _read_json(folder / "events.json")["collisions"], described["flags"], tracks)
  except (KeyError, TypeError, AttributeError, ValueError, OSError, zipfile.BadZipFile) as error:
    raise KubricGenError(f"{folder} is damaged ({type(error).__name__}: {error}): make the scene again") from None


def read_scene(path: str | os.PathLike[str]) -> Example:
  """Reads a scene directory back. Frames are decoded when they are asked for, to the units of the layer table.

  Raises:
    KubricGenError: no scene directory, or an incomplete or damaged one.
  """
  root = Path(path)
  main = _read_view(root)
  info = _read_json(root / "run.json") if (root / "run.json").is_file() else {}
  further = [_read_view(root / "cameras" / identifier(name, "camera")) for name in main.metadata.get("cameras", ())[1:]]
  return Example([main, *further], info=info)
