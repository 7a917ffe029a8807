"""Layers as colours."""

import colorsys

import numpy as np
import pytest

from kubric_gen.codecs.palette import PALETTE
from kubric_gen.pictures import colors
from kubric_gen.scene.layers import Show


def depth(*values):
  return np.array(values, np.float32).reshape(1, -1, 1)


def brightness(rgb):
  return rgb.astype(int).sum(axis=-1)


def hue(rgb):
  return colorsys.rgb_to_hsv(*(rgb / 255.0))[0] * 360


@pytest.mark.parametrize("function, channels, dtype", [
    (colors.color_to_rgb, 4, np.uint8), (colors.distance_to_rgb, 1, np.float32),
    (colors.labels_to_rgb, 1, np.uint16), (colors.direction_to_rgb, 3, np.float32),
    (colors.unit_to_rgb, 3, np.float32), (colors.flow_to_rgb, 2, np.float32),
    (colors.texture_to_rgb, 2, np.float32), (colors.states_to_rgb, 1, np.uint8)])
def test_shape_and_dtype(function, channels, dtype):
  values = np.random.default_rng(0).uniform(0, 2, (5, 7, channels)).astype(dtype)
  before = values.copy()
  rgb = function(values)
  assert rgb.shape == (5, 7, 3) and rgb.dtype == np.uint8 and rgb.flags.c_contiguous
  np.testing.assert_array_equal(values, before)


def test_transparency_shows_grey():
  rgba = np.array([[[200, 0, 100, 255], [200, 0, 100, 0], [228, 28, 128, 128]]], np.uint8)
  assert colors.color_to_rgb(rgba)[0].tolist() == [[200, 0, 100], [128, 128, 128], [178, 78, 128]]


def test_nearer_is_brighter_and_equal_ratios_are_equal_steps():
  values = brightness(colors.distance_to_rgb(depth(1, 2, 4, 8, 16), (1, 16)))[0]
  assert (np.diff(values) < 0).all()
  half = colors.distance_to_rgb(depth(4), (1, 16))
  np.testing.assert_array_equal(half, colors.distance_to_rgb(depth(0.4), (0.1, 1.6)))


def test_the_range_leaves_the_background_out():
  frame = np.full((20, 20, 1), 1000.0, np.float32)
  frame[5:15, 5:15, 0] = np.linspace(4, 6, 100).reshape(10, 10)
  near, far = colors.distance_range([frame, frame])
  assert 4 <= near < 4.4 and 5.6 < far <= 6
  shades = colors.distance_to_rgb(frame)
  assert len(np.unique(shades[5:15, 5:15].reshape(-1, 3), axis=0)) > 50  # the object uses the whole scale
  assert brightness(shades)[0, 0] < 10


def test_depth_of_background_only_and_of_one_wall():
  assert colors.distance_range([np.full((4, 4, 1), 1000, np.float32)]) == (1.0, 1000.0)
  assert colors.distance_range([]) == (1.0, 1000.0)
  wall = colors.distance_to_rgb(np.full((4, 4, 1), 5, np.float32))
  assert len(np.unique(wall.reshape(-1, 3), axis=0)) == 1


def test_depth_frames_share_colours_when_the_range_is_given():
  a, b = depth(2, 3, 50), depth(3, 7, 9)
  np.testing.assert_array_equal(colors.distance_to_rgb(a, (2, 50))[0, 1], colors.distance_to_rgb(b, (2, 50))[0, 0])


def test_labels_use_the_palette():
  ids = np.arange(600, dtype=np.uint16).reshape(1, -1, 1)
  rgb = colors.labels_to_rgb(ids)[0]
  np.testing.assert_array_equal(rgb[:256], PALETTE)
  assert rgb[256:].any(axis=-1).all()  # no id but 0 looks like background
  np.testing.assert_array_equal(rgb[256], PALETTE[1])


def test_normals():
  normals = np.array([[[0, 0, 1], [-1, 1, 0], [0, 0, 0]]], np.float32)
  assert colors.direction_to_rgb(normals)[0].tolist() == [[128, 128, 255], [0, 255, 128], [128, 128, 128]]


def test_coordinates_and_texture_coordinates():
  assert colors.unit_to_rgb(np.float32([[[0, 0.5, 1.2]]])).tolist() == [[[0, 128, 255]]]
  uv = np.float32([[[0, 1], [1.25, -0.25], [-1e-7, 1 + 1e-6]]])
  assert colors.texture_to_rgb(uv)[0].tolist() == [[0, 255, 0], [64, 191, 0], [0, 255, 0]]


def test_occlusion_states_differ():
  rgb = colors.states_to_rgb(np.array([[[0], [1], [2], [7]]], np.uint8))[0]
  assert len(np.unique(rgb[:3], axis=0)) == 3
  np.testing.assert_array_equal(rgb[3], rgb[2])


def test_flow_directions():
  right, down, left, up = colors.flow_to_rgb(np.float32([[[0, 3], [3, 0], [0, -3], [-3, 0]]]), (0, 3.0))[0]
  assert hue(right) == pytest.approx(0, abs=2)
  assert hue(down) == pytest.approx(54, abs=4)
  assert hue(left) == pytest.approx(193, abs=8)
  assert 225 < hue(up) < 300


def test_flow_length_is_saturation():
  rgb = colors.flow_to_rgb(np.float32([[[0, 0], [0, 1], [0, 2], [0, 4], [0, 9]]]), (0, 4.0))[0]
  assert rgb.tolist() == [[255, 255, 255], [255, 191, 191], [255, 128, 128], [255, 0, 0], [255, 0, 0]]


def test_flow_radius_is_that_of_the_clip():
  slow, fast = np.full((8, 8, 2), 0.3, np.float32), np.full((8, 8, 2), 3, np.float32)
  assert colors.flow_range([slow, fast]) == (0, pytest.approx(3 * 2 ** 0.5, rel=0.02))
  assert colors.flow_range([slow * 0]) == (0, 0.1)
  assert colors.flow_range([]) == (0, 0.1)
  assert colors.flow_to_rgb(slow * 0).min() == 255  # a scene at rest is white


def test_every_kind_of_showing_has_its_colours():
  assert set(colors.TO_RGB) == set(Show) - {Show.NONE}
  assert set(colors.FITS) >= colors.SHARED_FITS and set(colors.TO_RGB) >= set(colors.FITS)


@pytest.mark.parametrize("function", [colors.unit_to_rgb, colors.direction_to_rgb, colors.color_to_rgb])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_kinds_take_any_number_of_channels(function, channels):
  shown = function(np.full((2, 2, channels), 0.5, np.float32))
  middle = 191 if function is colors.direction_to_rgb else 128
  rest = 128 if function is colors.direction_to_rgb else 0
  assert shown.dtype == np.uint8 and shown[0, 0].tolist() == [middle, middle, rest if channels == 2 else middle]


def test_grey_images():
  assert colors.color_to_rgb(np.full((2, 2, 1), 7, np.uint8))[1, 1].tolist() == [7, 7, 7]


def test_scalars_go_from_dark_to_bright_over_their_own_range():
  values = np.linspace(-3, 5, 4096, dtype=np.float32).reshape(64, 64, 1)
  brightness = colors.scalar_to_rgb(values).astype(int).sum(axis=-1).ravel()
  assert (np.diff(brightness) >= 0).all() and brightness[0] < 40 < 600 < brightness[-1]
  low, high = colors.scalar_range([values, values])
  assert -3.1 < low < -2.5 and 4.5 < high < 5.1
  for odd in (np.full((4, 4, 1), np.nan, np.float32), np.zeros((4, 4, 1), np.float32)):
    assert colors.scalar_to_rgb(odd).shape == (4, 4, 3)
