"""What the card of a dataset tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kubric_gen.codecs.png import decode_png
from kubric_gen.errors import KubricGenError
from kubric_gen.shards.finish import card_of
from kubric_gen.versions import versions
from tests.schema.handmade import depths
from tests.shards.small_dataset import FORMATS, RECIPE, REQUEST, SEEDS, Made, truth


def test_the_card_tells_what_is_in_it(made: Made) -> None:
  for file_format in FORMATS:
    for resolution in ("32x32", "16x16"):
      card = card_of(made.folder(file_format, resolution))
      assert card is not None
      assert (card["dataset"], card["config"], card["file_format"], card["world"]) == ("movi_a", resolution, file_format, "movi")
      assert card["request"] == REQUEST and card["versions"] == versions()
      assert card["failed_seeds"] == [98] and card["omitted_splits"] == ["validation"]
      assert [(split["name"], split["num_examples"]) for split in card["splits"]] == [
          ("train", 7), ("test", 2), ("test_more_objects", 1)]
      assert [split["shard_lengths"] for split in card["splits"]] == [
          [len(shard.seeds) for shard in made.shards(name, resolution)] for name in SEEDS]
      assert card["licenses"] == {"asset_0": "CC-BY 4.0", "asset_1": "CC-BY 4.0", "cube": "CC0"}


def test_the_statistics_of_the_card_are_those_of_all_its_scenes(made: Made) -> None:
  card = card_of(made.folder("tfrecord"))
  assert card is not None
  seeds = [seed for mine in SEEDS.values() for seed in mine]
  values, found = np.array([depths(seed) for seed in seeds]), card["statistics"]["numbers"]["depth"]
  assert found["count"] == values.size and (found["minimum"], found["maximum"]) == (values.min(), values.max())
  assert (found["mean"], found["deviation"]) == (pytest.approx(values.mean()), pytest.approx(values.std()))
  labels = np.concatenate([truth(RECIPE, seed, (32, 32))["instances"]["shape_label"] for seed in seeds])
  assert card["statistics"]["labels"]["instances/shape_label"] == {
      name: int((labels == number).sum()) for number, name in enumerate(("cube", "cylinder", "sphere")) if number in labels}


def test_the_card_for_people(made: Made) -> None:
  text = (made.folder("array_record") / "README.md").read_text()
  for line in ("# movi_a/32x32", RECIPE.dataset.description, "| `train` | 7 | ", "| `test_more_objects` | 1 | 1 | ",
               "No seed fell into `validation`: omitted.", "Could not be made: seeds 98.", "World `movi`, seeds 0..99",
               f"kubric_gen {versions()['kubric_gen']}", "| `num_frames` | 2 |",
               "| in `test_more_objects` | `min_num_objects` = 11, `max_num_objects` = 14 |", "| cube | CC0 |",
               "| `segmentations` | 2 × 32 × 32 × 1 | image, uint8 |",
               "| `instances/bboxes` | any × 4 | box |  | of the frames in which it is seen |",
               "| `depth` | 2 × 32 × 32 × 1 | image, uint16, coded over `metadata/depth_range` | m | distance from",
               "| `instances/shape_label` | one | one of cube, cylinder, sphere |", "| `depth` | 20 | ",
               "| `instances/shape_label` | cube "):
    assert line in text, line
  assert "![Scenes of the dataset](contact_sheet.png)" in text and (made.folder("array_record") / "contact_sheet.png").is_file()
  rows = [line for line in text.splitlines() if line.startswith("|")]
  assert all(row.endswith("|") for row in rows)


def test_the_contact_sheet_shows_the_first_scenes(made: Made) -> None:
  sheet = decode_png((made.folder("parquet") / "contact_sheet.png").read_bytes())
  assert sheet.shape == (2 * 18 - 2, 8 * 18 - 2, 3)
  for number, seed in enumerate(sorted(seed for mine in SEEDS.values() for seed in mine)):
    row, column = divmod(number, 8)
    assert (sheet[row * 18:row * 18 + 16, column * 18:column * 18 + 16] == seed % 256).all()


def test_a_folder_of_somebody_else_has_no_card(made: Made, tmp_path: Path) -> None:
  from etils import epath
  folder = epath.Path(tmp_path)
  assert card_of(folder / "absent") is None and card_of(folder) is None
  (tmp_path / "thesis.txt").write_text("years")
  with pytest.raises(KubricGenError, match="not made"):
    card_of(folder)
  for text in ("{", "\udcff", "[]", "7", "[" * 100_000):
    (tmp_path / "card.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(KubricGenError, match=r"card.json"):
      card_of(folder)
