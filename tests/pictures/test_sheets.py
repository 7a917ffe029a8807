"""Grids of pictures."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np
import pytest

from kubric_gen.codecs.png import decode_png, encode_png
from kubric_gen.errors import KubricGenError
from kubric_gen.pictures.sheets import TIGHT, Row, Style, draw_grid, wrapped, write_sheet


def solid(*colour, height=40, width=60):
  return np.full((height, width, 3), colour, np.uint8)


def place(sheet, *colour):
  """(top, left, height, width) of the only rectangle of this colour."""
  found = np.argwhere((sheet == colour).all(axis=-1))
  low, size = found.min(axis=0), np.ptp(found, axis=0) + 1
  assert len(found) == size.prod()
  return (*low.tolist(), *size.tolist())


def test_contact_sheet_shows_every_image_unchanged(tmp_path):
  colours = [[(250, 0, 0), (0, 250, 0), (0, 0, 250)], [(9, 99, 199), (99, 9, 9), (9, 99, 9)]]
  rows = [Row([solid(*colour) for colour in line], name) for name, line in zip(("first", "second\nnote"), colours)]
  sheet = iio.imread(write_sheet(tmp_path / "sheet.png", draw_grid(rows, "a title", ["one", "two", "three"])))
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


def test_contact_sheet_with_rows_of_different_sizes():
  rows = [Row([solid(1, 2, 3, width=200)], "wide"), Row([solid(4, 5, 6, height=3, width=2)] * 3, "tiny"), Row([], "none")]
  sheet = draw_grid(rows)
  assert (sheet == (1, 2, 3)).all(axis=-1).sum() == 40 * 200
  assert (sheet == (4, 5, 6)).all(axis=-1).sum() == 3 * 3 * 2


def test_a_long_title_fits():
  short, long = (draw_grid([Row([solid(0, 0, 0)], "a")], "title " * n) for n in (1, 30))
  assert long.shape[1] > short.shape[1]
  assert (long[:, -1] == 255).all()


@pytest.mark.parametrize("rows", [[], [Row([], "a")], [Row([None])]])
def test_an_empty_contact_sheet_is_refused(rows):
  with pytest.raises(KubricGenError, match="at least one image"):
    draw_grid(rows, "title")


def test_sections_stand_above_their_rows():
  rows = [Row([solid(1, 2, 3)], "a", "first"), Row([solid(4, 5, 6)], "b"), Row([solid(7, 8, 9)], "a", "second")]
  sheet = draw_grid(rows, columns=["frame 0"])
  first, second, third = (place(sheet, *colour)[0] for colour in ((1, 2, 3), (4, 5, 6), (7, 8, 9)))
  assert third - second > second - first + 10
  assert sheet[second + 40:third].min() < 100


def test_places_may_be_empty():
  sheet = draw_grid([Row([None, solid(1, 2, 3)]), Row([solid(4, 5, 6), None]), Row([])], style=TIGHT)
  assert place(sheet, 1, 2, 3) == (0, 62, 40, 60) and place(sheet, 4, 5, 6) == (42, 0, 40, 60)


def test_a_tight_grid_is_images_alone():
  images = [solid(i, 0, 0) for i in range(10)]
  sheet = draw_grid(wrapped(images, 4), style=TIGHT)
  assert sheet.shape == (3 * 42 - 2, 4 * 62 - 2, 3)
  for i in range(10):
    assert place(sheet, i, 0, 0)[:2] == (i // 4 * 42, i % 4 * 62)


def test_white_images_have_an_edge():
  sheet = draw_grid([Row([solid(255, 255, 255)])])
  assert (sheet[16:56, 16:76] == 255).all()
  assert (sheet[15, 15:77] < 230).all() and (sheet[56, 15:77] < 230).all() and (sheet[15:57, [15, 76]] < 230).all()


def test_labels_inside():
  style = Style(margin=0, gap=3, inside=True, outline=False)
  sheet = draw_grid([Row([solid(90, 90, 90), solid(80, 80, 80)], "name")], style=style)
  assert sheet.shape == (40, 123, 3)
  assert sheet[:, :60].max() == 255 and sheet[:, :60].min() == 0
  assert (sheet[:, 63:] == 80).all()


def test_long_headings_do_not_touch():
  row = Row([solid(1, 2, 3, width=10), solid(4, 5, 6, width=10)])
  sheet = draw_grid([row], columns=["a long heading", "another\nof two lines"])
  assert place(sheet, 4, 5, 6)[1] - place(sheet, 1, 2, 3)[1] > 60
  assert (sheet[:16] == 255).all()


def test_the_dataset_card_has_one():
  from kubric_gen.shards.card import contact_sheet
  thumbnails = [encode_png(solid(i, 0, 0, height=16, width=16)) for i in range(9)]
  data = contact_sheet(thumbnails)
  assert data == contact_sheet(thumbnails) and decode_png(data).shape == (34, 142, 3)


def test_a_place_that_cannot_be_written(tmp_path):
  with pytest.raises(KubricGenError, match="No such file") as caught:
    write_sheet(tmp_path / "gone" / "sheet.png", solid(0, 0, 0))
  assert "\n" not in str(caught.value)
