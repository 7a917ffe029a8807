"""The reader without TensorFlow."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.features import element
from kubric_gen.shards.layout import shuffled
from kubric_gen.shards.reader import ArrayRecords, features_of
from kubric_gen.shards.recipe import resolution_name
from tests.shards.small_dataset import RECIPE, SEEDS, Made, check

ROOT = Path(__file__).parents[2]


def test_records_are_read_without_tensorflow(made: Made) -> None:
  code = ("import pickle, sys\nfrom kubric_gen.shards.reader import ArrayRecords\n"
          f"records = ArrayRecords({str(made.folder('array_record'))!r}, 'train')\n"
          "first = records[0]\nagain = pickle.loads(pickle.dumps(records))[0]\n"
          "assert first['metadata'] is not again['metadata']\nassert len(records) == 7 == len(list(records))\n"
          "print(first['metadata']['video_name'], again['metadata']['video_name'], first['video'].shape)\n"
          "loaded = {'tensorflow', 'tensorflow_datasets', 'bpy', 'pyarrow', 'apache_beam'} & set(sys.modules)\n"
          "assert not loaded, loaded\n")
  done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
  name = f"movi_a_{shuffled(SEEDS['train'])[0]}"
  assert done.returncode == 0, done.stderr
  assert done.stdout.split("\n")[0] == f"{name} {name} (2, 32, 32, 3)"


def test_the_reader_gives_what_tfds_gives(made: Made) -> None:
  for resolution in RECIPE.resolutions:
    for split, seeds in SEEDS.items():
      records = ArrayRecords(made.folder("array_record", resolution_name(resolution)), split)
      check(list(records), RECIPE, seeds, resolution)


def test_texts_are_words_where_tfds_gives_bytes(made: Made) -> None:
  import tensorflow_datasets as tfds
  folder = made.folder("array_record")
  ours = ArrayRecords(folder, "train")[0]["metadata"]["video_name"]
  theirs = tfds.builder_from_directory(str(folder)).as_data_source(split="train")[0]["metadata"]["video_name"]
  assert type(ours) is str and type(theirs) is bytes and ours == theirs.decode()
  assert type(ArrayRecords(folder, "train", decode=True)[0]["metadata"]["video_name"]) is str
  assert "texts: they are `str`" in str(ArrayRecords.__doc__)


def test_the_reader_is_a_sequence(made: Made) -> None:
  records = ArrayRecords(str(made.folder("array_record")), "train")
  names = [record["metadata"]["video_name"] for record in records]
  assert len(records) == 7 and names == [f"movi_a_{seed}" for seed in shuffled(SEEDS["train"])]

  def name(index: Any) -> str:
    return records[index]["metadata"]["video_name"]

  assert [name(-1), name(np.int64(3)), name(6)] == [names[-1], names[3], names[6]]
  assert [record["metadata"]["video_name"] for record in records[1:6:2]] == names[1:6:2] and records[7:] == []
  assert [record["metadata"]["video_name"] for record in reversed(records)] == names[::-1]
  for index in (7, -8):
    with pytest.raises(IndexError):
      records[index]
  with pytest.raises(TypeError):
    records["train"]
  copy = pickle.loads(pickle.dumps(records))
  assert len(copy) == 7 and copy[2]["metadata"]["video_name"] == names[2] and name(2) == names[2]


def test_the_reader_says_what_is_wrong(made: Made, tmp_path: Path) -> None:
  folder = made.folder("array_record")
  with pytest.raises(KubricGenError, match="no split 'dev': choose from"):
    ArrayRecords(folder, "dev")
  with pytest.raises(KubricGenError, match="is no dataset"):
    ArrayRecords(tmp_path, "train")
  for name in ("tfrecord", "parquet"):
    with pytest.raises(KubricGenError, match=f"format {name}"):
      ArrayRecords(made.folder(name), "train")
  for path in folder.iterdir():
    if path.is_file():
      (tmp_path / path.name).write_bytes(path.read_bytes())
  shard = tmp_path / made.shards("test")[0].file_name("movi_a", "array_record")
  data = shard.read_bytes()
  for damaged in (data[:len(data) // 2], b"", b"nonsense" * 1000, data[:500] + bytes([data[500] ^ 1]) + data[501:]):
    shard.write_bytes(damaged)
    with pytest.raises(KubricGenError, match=shard.name):
      list(ArrayRecords(tmp_path, "test"))
  shard.unlink()
  with pytest.raises(KubricGenError, match=shard.name):
    list(ArrayRecords(tmp_path, "test"))
  info = json.loads((tmp_path / "dataset_info.json").read_text())
  splits = [json.dumps({**info, "splits": wrong}) for wrong in (
      7, [7], [{"name": "train"}], [{"name": "train", "shardLengths": ["many"]}])]
  for wrong in ("", "[]", "7", "null", "{}", '{"fileFormat": "array_record"}', *splits):
    (tmp_path / "dataset_info.json").write_text(wrong)
    with pytest.raises(KubricGenError):
      ArrayRecords(tmp_path, "train")
  (tmp_path / "dataset_info.json").write_text(json.dumps(info))
  described = json.loads((tmp_path / "metadata.json").read_text())
  unknown = {**described, "features": {**described["features"], "sound": {"kind": "audio"}}}
  for wrong in ("", "[]", "7", "null", "{}", "[" * 100_000, json.dumps(unknown), json.dumps({**described, "layout": 1})):
    (tmp_path / "metadata.json").write_text(wrong)
    with pytest.raises(KubricGenError, match=r"metadata.json"):
      ArrayRecords(tmp_path, "train")


def test_a_dataset_that_does_not_describe_its_features_is_told_in_one_line(made: Made, tmp_path: Path) -> None:
  folder = tmp_path / "older"
  shutil.copytree(made.folder("array_record"), folder)
  (folder / "metadata.json").unlink()
  with pytest.raises(KubricGenError, match=r"metadata.json does not describe the features: .*older version.* or read it with TFDS"
                     ) as caught:
    ArrayRecords(folder, "train")
  assert "\n" not in str(caught.value)
  with pytest.raises(KubricGenError, match=r"metadata.json"):
    features_of(folder)


def test_the_reader_gives_units_where_they_are_wanted(made: Made) -> None:
  stored, decoded = (ArrayRecords(made.folder("array_record"), "test", decode=decode)[0] for decode in (False, True))
  low, high = stored["metadata"]["depth_range"].astype(np.float64)
  np.testing.assert_allclose(decoded["depth"], stored["depth"] / 65535 * (high - low) + low, atol=1e-6)
  np.testing.assert_allclose(decoded["normal"], stored["normal"] / 65535 * 2 - 1, atol=1e-6)
  assert stored["depth"].dtype == np.uint16 and decoded["depth"].dtype == decoded["normal"].dtype == np.float32
  for name in ("video", "segmentations"):
    np.testing.assert_array_equal(decoded[name], stored[name])
  features = ArrayRecords(made.folder("array_record"), "test").features
  assert element(features["depth"]).unit == "m" and element(features["forward_flow"]).unit == "px"
