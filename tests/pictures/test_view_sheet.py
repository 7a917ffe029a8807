"""The sheet of posed views: by split what is seen from some of them, then all layers of a few."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError
from kubric_gen.pictures import view_sheet as module
from kubric_gen.pictures.preview import make_preview
from kubric_gen.pictures.sheets import Row, draw_grid
from kubric_gen.pictures.view_sheet import view_sheet
from kubric_gen.scene import PosedView

SIZE = (100, 120)


class Frames(Sequence[NDArray[Any]]):
  """Frames of one value each, which tell which of them were read."""

  def __init__(self, length: int, channels: int, dtype: str, size: tuple[int, int] = SIZE) -> None:
    self._length, self._shape, self._dtype, self.read = length, (*size, channels), dtype, list[int]()

  def __len__(self) -> int:
    return self._length

  def __getitem__(self, t: Any) -> Any:
    self.read.append(t)
    frame = np.full(self._shape, t + 1, self._dtype)
    if frame.shape[2] == 4:
      frame[..., 3] = 255
    return frame


def _views(**counts: int) -> list[PosedView]:
  return [PosedView(f"{split}_{number:03d}", split) for split, count in counts.items() for number in range(count)]


def _layers(length: int, *names: str, size: tuple[int, int] = SIZE) -> dict[str, Frames]:
  kinds = {"rgba": (4, "uint8"), "depth": (1, "float32"), "segmentation": (1, "uint16")}
  return {name: Frames(length, *kinds[name], size) for name in names}


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
  """The rows of the sheet that is drawn."""
  drawn: list[Row] = []

  def keep(given: Sequence[Row], title: str = "") -> Any:
    drawn.extend(given)
    return draw_grid(given, title)

  monkeypatch.setattr(module, "draw_grid", keep)
  return drawn


def _seen(row: Row) -> list[int]:
  """The frames of a row of colours, which are their numbers plus one."""
  return [int(image[0, 0, 0]) - 1 for image in row.images if image is not None]


def test_the_first_split_has_two_rows_and_each_other_one(rows: list[Row]) -> None:
  layers = _layers(47, "rgba", "depth", "segmentation")
  sheet = view_sheet(layers, _views(train=30, validation=9, test=8), "a title")
  assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
  assert [row.section for row in rows] == ["train: 30 views", "", "validation: 9 views", "test: 8 views", "layers", ""]
  assert [len(row.images) for row in rows] == [8] * 6
  seen = [_seen(row) for row in rows[:4]]
  assert [seen[0][0], seen[1][-1]] == [0, 29] and sorted(seen[0] + seen[1]) == seen[0] + seen[1]  # all along, in order
  assert len(set(seen[0] + seen[1])) == 16 and max(np.diff(seen[0] + seen[1])) <= 2
  assert (seen[2][0], seen[2][-1]) == (30, 38) and seen[3] == list(range(39, 47))
  assert rows[4].label.startswith("segmentation") and rows[5].label.startswith("depth\n1 to 47 m")


def test_no_more_frames_are_read_than_are_shown_and_none_twice() -> None:
  layers = _layers(1000, "rgba", "depth", "segmentation")
  view_sheet(layers, _views(train=900, validation=50, test=50))
  counts = {name: len(frames.read) for name, frames in layers.items()}
  assert counts == {"rgba": 16 + 8 + 8, "depth": 8, "segmentation": 8}
  assert all(len(set(frames.read)) == len(frames.read) for frames in layers.values())
  assert layers["depth"].read == layers["segmentation"].read and {0, 999} < set(layers["depth"].read)


@pytest.mark.parametrize("name", ["rgba", "depth", "segmentation"])
def test_one_layer_alone_has_no_row_of_layers(rows: list[Row], name: str) -> None:
  layers = _layers(20, name)
  view_sheet(layers, _views(train=18, test=2))
  assert [(row.section, len(row.images)) for row in rows] == [("train: 18 views", 8), ("", 8), ("test: 2 views", 2)]
  assert len(set(layers[name].read)) == len(layers[name].read)


def test_a_single_view(rows: list[Row]) -> None:
  layers = _layers(1, "rgba", "depth")
  sheet = view_sheet(layers, _views(test=1))
  assert [(row.section, len(row.images)) for row in rows] == [("test: 1 view", 1), ("layers", 1)]
  assert (sheet == 1).all(axis=-1).sum() == SIZE[0] * SIZE[1]  # as large as it is


def test_splits_may_be_mixed_and_have_any_name(rows: list[Row]) -> None:
  views = [PosedView(f"v{number}", "held_out" if number % 3 else "seen") for number in range(7)]
  view_sheet(_layers(7, "rgba"), views)
  assert [row.section for row in rows] == ["seen: 3 views", "held_out: 4 views"]
  assert [_seen(row) for row in rows] == [[0, 3, 6], [1, 2, 4, 5]]


@pytest.mark.parametrize(("size", "cell"), [((100, 120), (100, 120)), ((240, 384), (120, 192)), ((384, 96), (192, 48)),
                                            ((16, 32), (96, 192)), ((8, 8), (96, 96))])
def test_cells_keep_the_shape_of_the_images(rows: list[Row], size: tuple[int, int], cell: tuple[int, int]) -> None:
  view_sheet(_layers(3, "rgba", "segmentation", size=size), _views(train=3))
  assert {image.shape[:2] for row in rows for image in row.images if image is not None} == {cell}


def test_previews_of_posed_views_are_the_sheet_alone(tmp_path: Path) -> None:
  written = make_preview({"camera": _layers(4, "rgba", "depth")}, 12, tmp_path, posed_views=_views(train=3, test=1))
  assert [path.name for path in written] == ["contact_sheet.png"] == [path.name for path in tmp_path.iterdir()]
  masks = {"camera": {"amodal_segmentation": [np.zeros((4, 4, 2), bool)]}}
  assert make_preview(masks, 12, tmp_path, posed_views=_views(a=1)) == []


def test_layers_of_different_lengths_are_refused(tmp_path: Path) -> None:
  layers = {**_layers(4, "rgba"), **_layers(3, "depth")}
  with pytest.raises(KubricGenError, match="same number of frames"):
    make_preview({"camera": layers}, 12, tmp_path, posed_views=_views(train=4))
  assert not list(tmp_path.iterdir())
