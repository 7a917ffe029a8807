"""Films: readable by others, of the right length, with every view in its row."""

import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from kubric_gen.errors import KubricGenError
from kubric_gen.pictures import film
from kubric_gen.pictures.film import Film, write_film


def solid(*colour, height=40, width=60):
  return np.full((height, width, 3), colour, np.uint8)


@pytest.mark.parametrize("height, width", [(40, 60), (41, 61), (1, 1), (39, 60)])
def test_film_is_readable_with_the_right_number_of_frames(tmp_path, height, width):
  frames = [solid(20 * t, 200 - 10 * t, 90, height=height, width=width) for t in range(9)]
  path = write_film(tmp_path / "film.mp4", iter(frames), 12)
  shots = iio.imread(path)
  assert path == tmp_path / "film.mp4"
  assert shots.shape == (9, height + height % 2, width + width % 2, 3)
  for shown, frame in zip(shots, frames):
    assert np.abs(shown[:height, :width].astype(int) - frame).max() <= 6  # colours are those given, in RGB order


def test_film_plays_everywhere(tmp_path):
  meta = iio.immeta(write_film(tmp_path / "film.mp4", [solid(255, 0, 0)] * 6, 12), plugin="FFMPEG")
  assert meta["codec"] == "h264" and meta["pix_fmt"].startswith("yuv420p(")
  assert meta["fps"] == 12 and meta["duration"] == pytest.approx(0.5)
  data = (tmp_path / "film.mp4").read_bytes()
  assert data.index(b"moov") < data.index(b"mdat")  # can be shown before it is loaded


def test_fractional_frame_rate(tmp_path):
  path = write_film(tmp_path / "film.mp4", [solid(0, 9, 0)] * 4, 24000 / 1001)
  assert iio.immeta(path, plugin="FFMPEG")["fps"] == pytest.approx(23.98, abs=0.01)


def test_frames_are_streamed(tmp_path):
  alive = []

  class Frame(np.ndarray):
    def __del__(self):
      alive.pop()

  def frames():
    for t in range(30):
      frame = np.zeros((64, 64, 3), np.uint8).view(Frame)
      alive.append(t)
      assert len(alive) < 8
      yield frame

  write_film(tmp_path / "film.mp4", frames(), 12)
  assert not alive


def test_writing_a_film_is_quiet(tmp_path):
  code = ("import sys, numpy as np; from kubric_gen.pictures.film import write_film; "
          "write_film(sys.argv[1], [np.zeros((33, 35, 3), np.uint8)] * 3, 12)")
  command = [sys.executable, "-W", "always", "-c", code, str(tmp_path / "film.mp4")]
  done = subprocess.run(command, capture_output=True, check=True)
  assert done.stdout == b"" and done.stderr == b""
  assert (tmp_path / "film.mp4").stat().st_size > 0


@pytest.mark.parametrize("missing", ["module", "executable", "file"])
def test_gif_without_ffmpeg(tmp_path, monkeypatch, missing):
  import imageio_ffmpeg

  def no_ffmpeg():
    raise RuntimeError("No ffmpeg exe could be found.")

  if missing == "module":
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
  elif missing == "executable":
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", no_ffmpeg)
  else:
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(tmp_path / "gone"))
  frames = [solid(40 * t, 0, 200 - 40 * t, height=41) for t in range(5)]
  path = write_film(tmp_path / "film.mp4", iter(frames), 10)
  assert path == tmp_path / "film.gif" and [p.name for p in tmp_path.iterdir()] == ["film.gif"]
  with Image.open(path) as shots:
    assert shots.n_frames == 5 and shots.info["duration"] == 100 and shots.info["loop"] == 0
    for t, frame in enumerate(frames):
      shots.seek(t)
      assert np.abs(np.asarray(shots.convert("RGB")).astype(int) - frame).max() <= 2


@pytest.mark.parametrize("frames, reason", [([], "at least one frame"),
                                            ([solid(0, 0, 0), solid(0, 0, 0, width=62)], "one size"),
                                            ([solid(0, 0, 0).astype(float)], "uint8"),
                                            ([solid(0, 0, 0)[..., 0]], "uint8")])
def test_bad_frames_leave_no_film(tmp_path, frames, reason):
  with pytest.raises(KubricGenError, match=reason):
    write_film(tmp_path / "film.mp4", frames, 12)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("frame_rate", [0, -1, float("nan"), float("inf")])
def test_bad_frame_rate(tmp_path, frame_rate):
  with pytest.raises(KubricGenError, match="frame rate"):
    write_film(tmp_path / "film.mp4", [solid(0, 0, 0)], frame_rate)


@pytest.mark.parametrize("with_ffmpeg", [True, False])
def test_an_error_in_a_frame_passes_through_and_leaves_no_film(tmp_path, monkeypatch, with_ffmpeg):
  if not with_ffmpeg:
    monkeypatch.setattr(film, "_ffmpeg", lambda: None)

  def frames():
    yield solid(0, 0, 0)
    raise OSError("disk gone")

  with pytest.raises(OSError, match="disk gone"):
    write_film(tmp_path / "film.mp4", frames(), 12)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("with_ffmpeg", [True, False])
@pytest.mark.parametrize("count", [1, 200])
def test_a_place_that_cannot_be_written(tmp_path, monkeypatch, with_ffmpeg, count):
  if not with_ffmpeg:
    monkeypatch.setattr(film, "_ffmpeg", lambda: None)
  with pytest.raises(KubricGenError, match="No such file") as caught:
    write_film(tmp_path / "gone" / "film.mp4", [solid(0, 0, 0)] * count, 12)
  assert "\n" not in str(caught.value)


def test_a_folder_name_with_a_colon_is_no_protocol(tmp_path, monkeypatch):
  (tmp_path / "a:b").mkdir()
  monkeypatch.chdir(tmp_path)
  assert iio.imread(write_film("a:b/film.mp4", [solid(0, 0, 0)], 12)).shape[0] == 1


# Film


def test_a_film_of_one_view_has_its_panels_side_by_side():
  shot = Film({"camera": [("RGB", ""), ("depth", "1 to 5 m")]}).frame([[solid(9, 0, 0, height=256), solid(0, 9, 0, height=256)]])
  assert shot.shape[1] == 2 * 60 + 4 and 256 < shot.shape[0] < 300
  assert (shot[-256:, :60] == (9, 0, 0)).all() and (shot[-256:, 64:] == (0, 9, 0)).all()
  assert shot[:-256, :60].max() > 200  # the caption


def test_each_view_has_a_row():
  views = {"left": [("RGB", ""), ("depth", "")], "wide": [("RGB", "")]}
  maker = Film(views)
  for shade in (100, 200):
    shot = maker.frame([[solid(shade, 0, 0), solid(0, shade, 0)], [solid(0, 0, shade, height=30, width=200)]])
    places = [np.argwhere((shot == colour).all(axis=-1)) for colour in ((shade, 0, 0), (0, shade, 0), (0, 0, shade))]
    assert all(len(place) == np.prod(np.ptp(place, axis=0) + 1) for place in places)  # rectangles
    red, green, blue = (place.min(axis=0) for place in places)
    assert red[0] == green[0] < blue[0] and red[1] == blue[1] == 0 < green[1]
    assert all(np.ptp(place[:, 0]) + 1 >= 256 for place in places)


@pytest.mark.parametrize("views, height, width", [(2, 1080, 1920), (9, 480, 640), (30, 64, 64), (3, 64, 2000)])
def test_many_or_large_views_fit(views, height, width):
  maker = Film({f"view_{i}": [("RGB", "")] * 4 for i in range(views)})
  shot = maker.frame([[solid(9, 9, 9, height=height, width=width)] * 4] * views)
  assert shot.shape[1] <= 3840 and shot.shape[0] <= max(1080, 75 * views)
