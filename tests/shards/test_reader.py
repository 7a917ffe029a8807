"""The reader without TensorFlow."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.shards.recipe import resolution_name
from kubric_gen.shards.layout import shuffled
from kubric_gen.shards.reader import ArrayRecords
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
  described = json.loads((tmp_path / "features.json").read_text())
  sound = {**described, "pythonClassName": "tensorflow_datasets.core.features.audio_feature.Audio"}
  for wrong in ("", "[]", "7", "{}", json.dumps(sound)):
    (tmp_path / "features.json").write_text(wrong)
    with pytest.raises(KubricGenError, match=r"features.json|TFDS"):
      ArrayRecords(tmp_path, "train")
