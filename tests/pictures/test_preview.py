"""Films and contact sheets: readable by others, of the right length, for any set of layers."""

import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from kubric_gen.errors import KubricGenError
from kubric_gen.pictures import preview
from kubric_gen.pictures.preview import clip_ranges, layer_panels, make_preview, write_contact_sheet, write_preview

CHANNELS = {"rgba": 4, "segmentation": 1, "depth": 1, "z": 1, "normal": 3, "object_coordinates": 3,
            "forward_flow": 2, "backward_flow": 2, "uv": 2, "occlusion_forward": 1, "occlusion_backward": 1}


class Clip:
  """A lazily loaded layer that counts how often each frame is read."""

  def __init__(self, layer, frames, height, width):
    self.layer, self.shape = layer, (height, width, CHANNELS[layer])
    self.reads = [0] * frames

  def __len__(self):
    return len(self.reads)

  def __getitem__(self, t):
    self.reads[t] += 1
    y, x = np.mgrid[0:self.shape[0], 0:self.shape[1]]
    disc = ((y - self.shape[0] / 2) ** 2 + (x - self.shape[1] / 3 - t) ** 2 < (self.shape[0] / 4) ** 2)[..., None]
    ones = np.ones(self.shape)
    if self.layer == "rgba":
      return np.where(disc, np.uint8([200, 40, 40, 255]), np.uint8([60, 90, 160, 255])).astype(np.uint8)
    if self.layer == "segmentation" or self.layer.startswith("occlusion"):
      return disc.astype(np.uint16 if self.layer == "segmentation" else np.uint8)
    if self.layer in ("depth", "z"):
      return np.where(disc, 5.0, 1000.0).astype(np.float32)
    return np.where(disc, ones, 0).astype(np.float32)


def clip(frames=3, height=24, width=32, layers=tuple(CHANNELS)):
  return {layer: Clip(layer, frames, height, width) for layer in layers}


def solid(*colour, height=40, width=60):
  return np.full((height, width, 3), colour, np.uint8)


# write_preview


@pytest.mark.parametrize("height, width", [(40, 60), (41, 61), (1, 1), (39, 60)])
def test_film_is_readable_with_the_right_number_of_frames(tmp_path, height, width):
  frames = [solid(20 * t, 200 - 10 * t, 90, height=height, width=width) for t in range(9)]
  path = write_preview(tmp_path / "film.mp4", iter(frames), 12)
  film = iio.imread(path)
  assert path == tmp_path / "film.mp4"
  assert film.shape == (9, height + height % 2, width + width % 2, 3)
  for shown, frame in zip(film, frames):
    assert np.abs(shown[:height, :width].astype(int) - frame).max() <= 6  # colours are those given, in RGB order


def test_film_plays_everywhere(tmp_path):
  meta = iio.immeta(write_preview(tmp_path / "film.mp4", [solid(255, 0, 0)] * 6, 12), plugin="FFMPEG")
  assert meta["codec"] == "h264" and meta["pix_fmt"].startswith("yuv420p(")
  assert meta["fps"] == 12 and meta["duration"] == pytest.approx(0.5)
  data = (tmp_path / "film.mp4").read_bytes()
  assert data.index(b"moov") < data.index(b"mdat")  # can be shown before it is loaded


def test_fractional_frame_rate(tmp_path):
  path = write_preview(tmp_path / "film.mp4", [solid(0, 9, 0)] * 4, 24000 / 1001)
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

  write_preview(tmp_path / "film.mp4", frames(), 12)
  assert not alive


def test_writing_a_film_is_quiet(tmp_path):
  code = ("import sys, numpy as np; from kubric_gen.pictures.preview import write_preview; "
          "write_preview(sys.argv[1], [np.zeros((33, 35, 3), np.uint8)] * 3, 12)")
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
  path = write_preview(tmp_path / "film.mp4", iter(frames), 10)
  assert path == tmp_path / "film.gif" and [p.name for p in tmp_path.iterdir()] == ["film.gif"]
  with Image.open(path) as film:
    assert film.n_frames == 5 and film.info["duration"] == 100 and film.info["loop"] == 0
    for t, frame in enumerate(frames):
      film.seek(t)
      assert np.abs(np.asarray(film.convert("RGB")).astype(int) - frame).max() <= 2


@pytest.mark.parametrize("frames, reason", [([], "at least one frame"),
                                            ([solid(0, 0, 0), solid(0, 0, 0, width=62)], "one size"),
                                            ([solid(0, 0, 0).astype(float)], "uint8"),
                                            ([solid(0, 0, 0)[..., 0]], "uint8")])
def test_bad_frames_leave_no_film(tmp_path, frames, reason):
  with pytest.raises(KubricGenError, match=reason):
    write_preview(tmp_path / "film.mp4", frames, 12)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("frame_rate", [0, -1, float("nan"), float("inf")])
def test_bad_frame_rate(tmp_path, frame_rate):
  with pytest.raises(KubricGenError, match="frame rate"):
    write_preview(tmp_path / "film.mp4", [solid(0, 0, 0)], frame_rate)


@pytest.mark.parametrize("with_ffmpeg", [True, False])
def test_an_error_in_a_frame_passes_through_and_leaves_no_film(tmp_path, monkeypatch, with_ffmpeg):
  if not with_ffmpeg:
    monkeypatch.setattr(preview, "_ffmpeg", lambda: None)

  def frames():
    yield solid(0, 0, 0)
    raise OSError("disk gone")

  with pytest.raises(OSError, match="disk gone"):
    write_preview(tmp_path / "film.mp4", frames(), 12)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("with_ffmpeg", [True, False])
@pytest.mark.parametrize("count", [1, 200])
def test_a_place_that_cannot_be_written(tmp_path, monkeypatch, with_ffmpeg, count):
  if not with_ffmpeg:
    monkeypatch.setattr(preview, "_ffmpeg", lambda: None)
  with pytest.raises(KubricGenError, match="No such file") as caught:
    write_preview(tmp_path / "gone" / "film.mp4", [solid(0, 0, 0)] * count, 12)
  assert "\n" not in str(caught.value)
  with pytest.raises(KubricGenError, match="No such file"):
    write_contact_sheet(tmp_path / "gone" / "sheet.png", [("a", [solid(0, 0, 0)])], "")


def test_a_folder_name_with_a_colon_is_no_protocol(tmp_path, monkeypatch):
  (tmp_path / "a:b").mkdir()
  monkeypatch.chdir(tmp_path)
  assert iio.imread(write_preview("a:b/film.mp4", [solid(0, 0, 0)], 12)).shape[0] == 1


# write_contact_sheet


def test_contact_sheet_shows_every_image_unchanged(tmp_path):
  colours = [[(250, 0, 0), (0, 250, 0), (0, 0, 250)], [(9, 99, 199), (99, 9, 9), (9, 99, 9)]]
  rows = [(name, [solid(*colour) for colour in line]) for name, line in zip(("first", "second\nnote"), colours)]
  sheet = iio.imread(write_contact_sheet(tmp_path / "sheet.png", rows, "a title", ["one", "two", "three"]))
  places = np.array([[np.argwhere((sheet == colour).all(axis=-1)).min(axis=0) for colour in line] for line in colours])
  for line, places_of_line in zip(colours, places):
    for colour, (y, x) in zip(line, places_of_line):
      assert (sheet[y:y + 40, x:x + 60] == colour).all()
  assert (np.diff(places[..., 1], axis=1) > 60).all()  # columns go right, and do not touch
  assert (np.diff(places[..., 0], axis=0) > 40).all()  # rows go down
  assert (places[0, :, 0] == places[0, 0, 0]).all() and (places[:, 0, 1] == places[0, 0, 1]).all()
  y, x = places[:, 0].T
  for at in y:  # each row has a label at its left
    assert sheet[at:at + 40, :x[0]].min() < 100
  assert sheet[:y[0]].min() < 100  # and there is a title
  assert (sheet[0] == 255).all() and (sheet[:, -1] == 255).all()


def test_contact_sheet_with_rows_of_different_sizes(tmp_path):
  rows = [("wide", [solid(1, 2, 3, width=200)]), ("tiny", [solid(4, 5, 6, height=3, width=2)] * 3), ("none", [])]
  sheet = iio.imread(write_contact_sheet(tmp_path / "sheet.png", rows, ""))
  assert (sheet == (1, 2, 3)).all(axis=-1).sum() == 40 * 200
  assert (sheet == (4, 5, 6)).all(axis=-1).sum() == 3 * 3 * 2


def test_a_long_title_fits(tmp_path):
  short, long = (iio.imread(write_contact_sheet(tmp_path / "s.png", [("a", [solid(0, 0, 0)])], "title " * n))
                 for n in (1, 30))
  assert long.shape[1] > short.shape[1]
  assert (long[:, -1] == 255).all()


@pytest.mark.parametrize("rows", [[], [("a", [])]])
def test_an_empty_contact_sheet_is_refused(tmp_path, rows):
  with pytest.raises(KubricGenError, match="at least one image"):
    write_contact_sheet(tmp_path / "sheet.png", rows, "title")


# make_preview


def test_preview_of_all_layers(tmp_path):
  film_path, sheet_path = make_preview(clip(frames=8), 12, tmp_path, title="movi_a, seed 3")
  assert (film_path.name, sheet_path.name) == ("preview.mp4", "contact_sheet.png")
  film = iio.imread(film_path)
  height, width = 24 * 11, 32 * 11  # the first whole factor that gives at least 256 rows
  assert film.shape[0] == 8
  assert 5 * width <= film.shape[2] <= 5 * (width + 8) and height <= film.shape[1] <= height + 40
  sheet = iio.imread(sheet_path)
  assert sheet.shape[0] > 11 * 128 and sheet.shape[1] > 6 * 32 * 4


def test_every_frame_is_read_once_and_only_where_it_is_shown(tmp_path):
  layers = clip(frames=40)
  make_preview(layers, 12, tmp_path)
  for name in ("rgba", "depth", "segmentation", "normal", "forward_flow"):
    assert layers[name].reads == [1] * 40
  for name in ("z", "object_coordinates", "backward_flow", "uv", "occlusion_forward", "occlusion_backward"):
    assert max(layers[name].reads) == 1 and sum(layers[name].reads) == 6
    assert layers[name].reads[0] == layers[name].reads[-1] == 1


@pytest.mark.parametrize("missing", ["rgba", "depth", "forward_flow", "z", "uv"])
def test_any_layer_may_be_missing(tmp_path, missing):
  layers = clip(frames=2, layers=[layer for layer in CHANNELS if layer != missing])
  film, sheet = make_preview(layers, 12, tmp_path)
  panels = 4 if missing in ("rgba", "depth", "segmentation", "normal", "forward_flow") else 5
  assert iio.improps(film).shape[2] == pytest.approx(panels * (32 * 11 + 4), abs=8)
  assert sheet.exists()


@pytest.mark.parametrize("layer, frames, height, width",
                         [(layer, 1, 16, 24) for layer in CHANNELS] + [("rgba", 2, 41, 17), ("depth", 2, 41, 17)])
def test_one_layer_alone(tmp_path, layer, frames, height, width):
  film, _ = make_preview(clip(frames, height, width, [layer]), 12, tmp_path)
  shape = iio.imread(film).shape
  assert shape[0] == frames and 256 < shape[1] < 330 and shape[2] < 400


def test_nothing_to_show(tmp_path):
  assert make_preview({}, 12, tmp_path) == []
  assert make_preview({"amodal_segmentation": [np.zeros((4, 4, 9))]}, 12, tmp_path) == []
  assert not list(tmp_path.iterdir())


def test_layers_of_different_lengths_are_refused(tmp_path):
  layers = clip(3, layers=["rgba"]) | clip(4, layers=["depth"])
  with pytest.raises(KubricGenError, match="4 of depth and 3 of rgba"):
    make_preview(layers, 12, tmp_path)
  with pytest.raises(KubricGenError, match="at least one"):
    make_preview(clip(0, layers=["rgba"]), 12, tmp_path)


@pytest.mark.parametrize("height, width", [(32, 3000), (3000, 32), (700, 900)])
def test_large_frames_shrink_to_what_players_take(tmp_path, height, width):
  film, sheet = make_preview(clip(1, height, width, ["rgba", "depth", "segmentation", "normal"]), 12, tmp_path)
  shape = iio.imread(film).shape
  assert shape[2] <= 3840 and shape[1] <= 1120
  assert iio.imread(sheet).shape[1] < 600


def test_panels_show_their_layers(tmp_path):
  frame = {layer: source[1] for layer, source in clip().items()}
  panels = layer_panels(frame | {"unknown": np.zeros(3)}, {"depth": (1.0, 5.0), "forward_flow": (0.0, 2.0)})
  assert set(panels) == set(CHANNELS) and list(panels)[0] == "rgba"
  inside, outside = (12, 11), (0, 31)
  assert panels["rgba"][inside].tolist() == [200, 40, 40]
  assert panels["segmentation"][outside].tolist() == [0, 0, 0] != panels["segmentation"][inside].tolist()
  np.testing.assert_array_equal(panels["depth"][inside], panels["depth"][outside])  # 5 m is the far end
  assert (panels["z"][inside] != panels["z"][outside]).any()  # fitted to the frame
  assert panels["forward_flow"][outside].tolist() == [255, 255, 255]
  assert panels["forward_flow"][inside].min() > panels["backward_flow"][inside].min()  # a wider range is paler


def test_ranges_cover_the_clip_and_both_flows():
  forward = [np.zeros((8, 8, 2), np.float32), np.full((8, 8, 2), 3, np.float32)]
  backward = [np.full((8, 8, 2), 6, np.float32)] * 2
  depth = [np.full((8, 8, 1), value, np.float32) for value in (2, 20, 1000)]
  ranges = clip_ranges({"forward_flow": forward, "backward_flow": backward, "depth": depth})
  assert set(ranges) == {"forward_flow", "backward_flow", "depth"}
  assert ranges["forward_flow"] == ranges["backward_flow"] == (0.0, pytest.approx(6 * 2 ** 0.5))
  assert ranges["depth"] == pytest.approx((2, 20))
  assert clip_ranges({}) == {}


def test_given_ranges_are_used(tmp_path):
  def shade(folder, ranges):
    (tmp_path / folder).mkdir()
    film, _ = make_preview(clip(1, layers=["depth"]), 12, tmp_path / folder, ranges=ranges)
    return iio.imread(film)[0, -24 * 11 // 2, 32 * 11 // 3].astype(int).sum()

  assert shade("near", {"depth": (5.0, 50.0)}) > shade("middle", {"depth": (1.0, 20.0)}) + 50
