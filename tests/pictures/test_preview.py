"""Previews: films and contact sheets of any set of layers and views."""

import ast
import dataclasses
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.pictures import panels
from kubric_gen.pictures.panels import caption_and_note, clip_ranges, film_layers, frame_picture, layer_panels, shown_layers
from kubric_gen.pictures.preview import make_preview
from kubric_gen.scene.layers import LAYERS, LayerSpec, Show, Storage

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


def preview_of(layers, *arguments, **options):
  """The preview of one view."""
  return make_preview({"camera": layers}, *arguments, **options)


def test_preview_of_all_layers(tmp_path):
  film_path, sheet_path = preview_of(clip(frames=8), 12, tmp_path, title="movi_a, seed 3")
  assert (film_path.name, sheet_path.name) == ("preview.mp4", "contact_sheet.png")
  film = iio.imread(film_path)
  height, width = 24 * 11, 32 * 11  # the first whole factor that gives at least 256 rows
  assert film.shape[0] == 8
  assert 5 * width <= film.shape[2] <= 5 * (width + 8) and height <= film.shape[1] <= height + 40
  sheet = iio.imread(sheet_path)
  assert sheet.shape[0] > 11 * 128 and sheet.shape[1] > 6 * 32 * 4


def test_every_frame_is_read_once_and_only_where_it_is_shown(tmp_path):
  layers = clip(frames=40)
  preview_of(layers, 12, tmp_path)
  for name in ("rgba", "depth", "segmentation", "normal", "forward_flow"):
    assert layers[name].reads == [1] * 40
  for name in ("z", "object_coordinates", "backward_flow", "uv", "occlusion_forward", "occlusion_backward"):
    assert max(layers[name].reads) == 1 and sum(layers[name].reads) == 6
    assert layers[name].reads[0] == layers[name].reads[-1] == 1


@pytest.mark.parametrize("missing", ["rgba", "depth", "forward_flow", "z", "uv"])
def test_any_layer_may_be_missing(tmp_path, missing):
  layers = clip(frames=2, layers=[layer for layer in CHANNELS if layer != missing])
  film, sheet = preview_of(layers, 12, tmp_path)
  count = 4 if missing in ("rgba", "depth", "segmentation", "normal", "forward_flow") else 5
  assert iio.improps(film).shape[2] == pytest.approx(count * (32 * 11 + 4), abs=8)
  assert sheet.exists()


@pytest.mark.parametrize("layer, frames, height, width",
                         [(layer, 2, 16, 24) for layer in CHANNELS] + [("rgba", 3, 41, 17), ("depth", 3, 41, 17)])
def test_one_layer_alone(tmp_path, layer, frames, height, width):
  film, _ = preview_of(clip(frames, height, width, [layer]), 12, tmp_path)
  shape = iio.imread(film).shape
  assert shape[0] == frames and 256 < shape[1] < 330 and shape[2] < 400


def test_nothing_to_show(tmp_path):
  unshown = {"amodal_segmentation": [np.zeros((4, 4, 9))], "unknown": [np.zeros((4, 4, 1))]}
  assert make_preview({}, 12, tmp_path) == []
  assert make_preview({"left": {}, "right": unshown}, 12, tmp_path) == []
  assert not list(tmp_path.iterdir())


def test_a_still_has_a_sheet_of_one_row_and_no_film(tmp_path):
  (path,) = preview_of(clip(1), 12, tmp_path)
  assert path.name == "contact_sheet.png" and [each.name for each in tmp_path.iterdir()] == ["contact_sheet.png"]
  sheet = iio.imread(path)
  assert sheet.shape[1] > 11 * 32 * 6 and sheet.shape[0] < 2 * 24 * 6
  folder = tmp_path / "cameras"
  folder.mkdir()
  (path,) = make_preview({"left": clip(1), "right": clip(1, 12, 40, ["depth", "uv"])}, 12, folder)
  assert 2 * 24 * 6 < iio.imread(path).shape[0] < 3 * 24 * 6


def test_views_of_other_resolutions_and_layers(tmp_path):
  views = {"left": clip(8, 24, 32), "right": clip(8, 50, 20, ["rgba", "depth", "z"])}
  film_path, sheet_path = make_preview(views, 12, tmp_path)
  film = iio.imread(film_path)
  assert film.shape[0] == 8 and 2 * 256 < film.shape[1] <= 1082 and film.shape[2] > 5 * 32 * 11
  (tmp_path / "one").mkdir()
  alone = iio.imread(preview_of(clip(8, 24, 32), 12, tmp_path / "one")[1])
  sheet = iio.imread(sheet_path)
  assert sheet.shape[1] == alone.shape[1] and sheet.shape[0] > alone.shape[0] + 3 * 128
  for layers in views.values():
    assert {max(layer.reads) for layer in layers.values()} == {1}


def test_views_share_the_range_of_their_colours(tmp_path):
  def shades(folder, **views):
    (tmp_path / folder).mkdir()
    frames = {name: {"depth": [np.full((256, 256, 1), value, np.float32)] * 2} for name, value in views.items()}
    film = iio.imread(make_preview(frames, 12, tmp_path / folder)[0])
    return [film[0, height, 128].astype(int).sum() for height in (100, 400)[:len(views)]]

  near, far = shades("two", near=2.0, far=20.0)
  assert near > far + 200
  assert shades("one", near=20.0)[0] == pytest.approx(near, abs=30)


def test_no_picture_goes_by_the_name_of_a_layer():
  for file in Path(panels.__file__).parent.glob("*.py"):
    texts = {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
    assert not texts & set(LAYERS), file


def test_a_layer_of_somebody_else_is_shown_as_it_says(tmp_path, monkeypatch):
  heat = LayerSpec("heat", 1, "float32", "K", "temperature", Storage.RANGE, Show.DISTANCE, "heat map", film=True)
  monkeypatch.setitem(LAYERS, "heat", heat)
  monkeypatch.setitem(LAYERS, "age", dataclasses.replace(heat, name="age", show=Show.UNIT, film=False))
  monkeypatch.setitem(LAYERS, "secret", dataclasses.replace(heat, name="secret", show=Show.NONE))
  assert shown_layers(["secret", "heat", "age", "rgba", "other"]) == ("rgba", "heat", "age")
  assert film_layers(["age", "heat", "rgba"]) == ("rgba", "heat") and film_layers(["age", "secret"]) == ("age",)
  frames = [np.full((8, 8, 1), value, np.float32) for value in (300, 310)]
  assert frame_picture("secret", np.zeros((4, 4, 1))) is None and frame_picture("other", np.zeros((4, 4, 1))) is None
  ranges = clip_ranges({"heat": frames, "age": frames})
  assert set(ranges) == {"heat"} and caption_and_note("heat", ranges) == ("heat map", "300 to 310 K")
  film, _ = preview_of({"heat": frames, "age": frames, "secret": frames}, 12, tmp_path)
  assert iio.imread(film).shape[2] < 300  # the one that is meant for it


def test_layers_of_different_lengths_are_refused(tmp_path):
  layers = clip(3, layers=["rgba"]) | clip(4, layers=["depth"])
  with pytest.raises(KubricGenError, match="4 of depth and 3 of rgba"):
    preview_of(layers, 12, tmp_path)
  with pytest.raises(KubricGenError, match="at least one"):
    preview_of(clip(0, layers=["rgba"]), 12, tmp_path)
  with pytest.raises(KubricGenError, match="4 of depth of right and 3 of rgba of left"):
    make_preview({"left": clip(3, layers=["rgba"]), "right": clip(4, layers=["depth"])}, 12, tmp_path)


@pytest.mark.parametrize("height, width", [(32, 3000), (3000, 32), (700, 900)])
def test_large_frames_shrink_to_what_players_take(tmp_path, height, width):
  film, sheet = preview_of(clip(2, height, width, ["rgba", "depth", "segmentation", "normal"]), 12, tmp_path)
  shape = iio.imread(film).shape
  assert shape[2] <= 3840 and shape[1] <= 1120
  assert iio.imread(sheet).shape[1] < 700


def test_panels_show_their_layers(tmp_path):
  frame = {layer: source[1] for layer, source in clip().items()}
  shown = layer_panels(frame | {"unknown": np.zeros(3)}, {"depth": (1.0, 5.0), "forward_flow": (0.0, 2.0)})
  assert set(shown) == set(CHANNELS) and list(shown)[0] == "rgba"
  inside, outside = (12, 11), (0, 31)
  assert shown["rgba"][inside].tolist() == [200, 40, 40]
  assert shown["segmentation"][outside].tolist() == [0, 0, 0] != shown["segmentation"][inside].tolist()
  np.testing.assert_array_equal(shown["depth"][inside], shown["depth"][outside])  # 5 m is the far end
  assert (shown["z"][inside] != shown["z"][outside]).any()  # fitted to the frame
  assert shown["forward_flow"][outside].tolist() == [255, 255, 255]
  assert shown["forward_flow"][inside].min() > shown["backward_flow"][inside].min()  # a wider range is paler


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
    film, _ = preview_of(clip(2, layers=["depth"]), 12, tmp_path / folder, ranges=ranges)
    return iio.imread(film)[0, -24 * 11 // 2, 32 * 11 // 3].astype(int).sum()

  assert shade("near", {"depth": (5.0, 50.0)}) > shade("middle", {"depth": (1.0, 20.0)}) + 50
