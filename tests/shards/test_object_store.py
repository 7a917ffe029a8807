"""Datasets in an object store, which a folder stands for: they are finished, checked and named there as elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from etils.epath import backend as backends
from etils.epath import gpath

from kubric_gen.shards.card import Finished
from kubric_gen.shards.card_file import read_card
from kubric_gen.shards.finish import finish_dataset
from kubric_gen.shards.layout import plan_shards
from kubric_gen.shards.packing import pack_shard
from kubric_gen.shards.reader import features_of
from kubric_gen.shards.verify import verify_dataset
from tests.shards.small_dataset import RECIPE, REQUEST, SEEDS, quiet, stored


class _Bucket(backends._OsPathBackend):
  """Objects below a folder. Whoever writes one needs no folder for it."""

  def __init__(self, root: Path) -> None:
    self.root = root

  def __getattribute__(self, name: str) -> Any:
    found = super().__getattribute__(name)
    if name.startswith("_") or name in ("root", "place") or not callable(found):
      return found

    def call(*arguments: Any, **options: Any) -> Any:
      return found(*(self.place(item) if isinstance(item, (str, os.PathLike)) else item for item in arguments), **options)

    return call

  def place(self, path: Any) -> str:
    text = os.fspath(path)
    for start in ("gs://", "/gs/"):
      if text.startswith(start):
        place = self.root / text.removeprefix(start)
        place.parent.mkdir(parents=True, exist_ok=True)
        return str(place)
    return text


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
  """The folder of the objects of gs://bucket."""
  fake = _Bucket(tmp_path / "objects")
  monkeypatch.setattr(gpath, "_GCS_BACKENDS", frozenset({fake}))
  monkeypatch.setattr(gpath._GPath, "_backend", property(
      lambda self: fake if self._uri_scheme == "gs" else backends.os_backend))
  return fake.root / "bucket"


def test_a_dataset_in_an_object_store(bucket: Path, tmp_path: Path) -> None:
  sizes = stored(RECIPE, tmp_path / "scenes", {"test": SEEDS["test"]})
  roots = {"array_record": "gs://bucket/data", "parquet": "gs://bucket/data_parquet"}
  shards = [pack_shard(quiet, RECIPE, str(tmp_path / "scenes"), roots, shard) for shard in plan_shards(sizes, ["32x32", "16x16"])]
  assert all(set(item.files) == set(roots) for item in shards)  # taken before the upload: nothing is loaded again
  finish_dataset(quiet, RECIPE, str(tmp_path / "scenes"), roots, shards, Finished(REQUEST, (), ()))
  for root in roots.values():
    objects = bucket / root.rpartition("/")[2] / "movi_a"
    assert json.loads((objects / ".config" / "metadata.json").read_text()) == {"default_config_name": "32x32"}
    for resolution in ("32x32", "16x16"):
      place, folder = f"{root}/movi_a/{resolution}/1.0.0", objects / resolution / "1.0.0"
      assert verify_dataset(place) == [] and set(features_of(place)) == set(RECIPE.features((32, 32)))
      assert set(read_card(folder)["files"]) | {"card.json"} == {path.name for path in folder.iterdir()}
      (shard,) = folder.glob("movi_a-test*")
      data = shard.read_bytes()
      shard.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
      (line,) = verify_dataset(place)
      assert line.startswith(f"{place}/{shard.name} has another SHA-256")
      shard.unlink()
      assert verify_dataset(place) == [f"{place}/{shard.name} is gone"]
  assert verify_dataset("gs://bucket/nothing") == ["gs://bucket/nothing is no finished dataset: it has no card.json"]
