"""COLMAP's sparse model as text: exact cameras and poses, and points of the surfaces with their tracks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.example.example import Example
from kubric_gen.sinks.lenses import Lens
from kubric_gen.sinks.posed_frames import PosedFrame, PosedImages, write_images
from kubric_gen.sinks.sink import add_sink
from kubric_gen.sinks.surface_points import LAYERS, SurfacePoints, surface_points

MODEL, IMAGES = "sparse/0", "images"
CAMERA_FILE, IMAGE_FILE, POINT_FILE = "cameras.txt", "images.txt", "points3D.txt"


def _line(*values: object) -> str:
  """Values as COLMAP's text has them; floats keep every digit."""
  return " ".join(map(str, values))


def _camera_line(number: int, lens: Lens) -> str:
  coefficients = lens.distortion
  model = "OPENCV" if coefficients else "PINHOLE"
  if coefficients and not coefficients[4]:
    coefficients = coefficients[:4]
  elif coefficients:
    model, coefficients = "FULL_OPENCV", (*coefficients, 0.0, 0.0, 0.0)
  return _line(number, model, lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy, *coefficients)


def _cameras(frames: Sequence[PosedFrame]) -> dict[str, tuple[int, Lens]]:
  """Of each view, the number of its camera and the lens."""
  lenses = {frame.view.name: frame.lens for frame in frames}
  return {name: (number, lens) for number, (name, lens) in enumerate(lenses.items(), 1)}


def _image_lines(frames: Sequence[PosedFrame], points: SurfacePoints) -> Iterator[str]:
  """Two lines for each frame: its pose, and where the points that it sees appear. Those are exact."""
  cameras = _cameras(frames)
  for index, frame in enumerate(frames):
    yield _line(index + 1, *frame.quaternion_cv.tolist(), *frame.translation_cv.tolist(), cameras[frame.view.name][0],
                f"{frame.name}.png")
    seen = points.seen_in(index)
    at = frame.lens.project(frame.to_camera(points.positions[seen]))
    yield " ".join(_line(x, y, point + 1) for (x, y), point in zip(at.tolist(), seen.tolist()))


def _point_lines(points: SurfacePoints) -> Iterator[str]:
  """A line for each point: its error is 0, because its observations are where it is projected to."""
  for number, (position, color, (frames, ranks)) in enumerate(
      zip(points.positions, points.colors, points.tracks()), 1):
    track = (_line(frame + 1, rank) for frame, rank in zip(frames.tolist(), ranks.tolist()))
    yield _line(number, *position.tolist(), *color.tolist(), 0.0, *track)


def _write_lines(path: Path, header: Iterable[str], lines: Iterable[str]) -> None:
  with open(path, "w", encoding="utf-8") as file:
    for line in header:
      file.write(f"# {line}\n")
    for line in lines:
      file.write(f"{line}\n")


@add_sink
class Colmap(PosedImages):
  """A folder `<target>/<key>/` per example with `sparse/0/{cameras,images,points3D}.txt` and `images/`."""

  name, folder = "colmap", "colmap"
  layers = LAYERS
  mark, what = f"{MODEL}/{CAMERA_FILE}", "COLMAP model"

  def check_frames(self, frames: list[PosedFrame]) -> None:
    for frame in frames:
      if " " in frame.name:
        raise KubricGenError(f"{self.name} has no spaces in names of images, as in {shown(frame.name)}: rename the camera or the "
                             "view")

  def write(self, item: Example, folder: Path) -> None:
    frames = self.frames(item)
    for _ in write_images(frames, folder / IMAGES):
      pass
    points = surface_points(frames)
    model = folder / MODEL
    model.mkdir(parents=True)
    cameras = _cameras(frames)
    _write_lines(model / CAMERA_FILE, ("CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]", f"Number of cameras: {len(cameras)}"),
                 (_camera_line(number, lens) for number, lens in cameras.values()))
    _write_lines(model / IMAGE_FILE, ("IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME", "POINTS2D[] as (X, Y, POINT3D_ID)",
                                      f"Number of images: {len(frames)}"), _image_lines(frames, points))
    _write_lines(model / POINT_FILE, ("POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)",
                                      f"Number of points: {len(points)}"), _point_lines(points))
