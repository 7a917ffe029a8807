"""The assets of a split, and sources by manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.world import (BlenderHdris, Catalogue, ManifestObjects, environment_source, ids_of_split, manifest_digests,
                              object_source)


def test_splits_share_no_asset_and_leave_none_out() -> None:
  source = Catalogue()
  train, test = (ids_of_split(source, split, 0.1) for split in ("train", "test"))
  assert not set(train) & set(test) and set(train) | set(test) == set(source.assets)
  assert set(test) < set(ids_of_split(source, "test", 0.5))  # who was held out stays so


@pytest.mark.parametrize(("split", "held_out", "text"), [
    ("test", 0.0, "none of the 8 assets of .* is for test: choose the other split, or another fraction"),
    ("train", 1.0, "is for train"), ("validation", 0.1, "'validation'.*train, test"), ("test", 1.5, r"\[0, 1\]")])
def test_a_split_that_has_nothing_says_so(split: str, held_out: float, text: str) -> None:
  with pytest.raises(KubricGenError, match=text):
    ids_of_split(BlenderHdris(), split, held_out)


def test_without_a_manifest_there_is_what_is_built_in() -> None:
  assert isinstance(object_source(), Catalogue) and isinstance(environment_source(), BlenderHdris)
  assert object_source() is object_source()
  assert manifest_digests({"objects": object_source(), "hdris": environment_source()}) == {}


def test_a_manifest_is_read_once_and_told_by_its_content(tmp_path: Path) -> None:
  path = tmp_path / "m.json"
  entry = {"id": "a", "asset_type": "FileBasedObject", "license": "CC0", "kwargs": {"render_filename": "{asset_dir}/a.obj"}}
  path.write_text(json.dumps({"name": "m", "assets": {"a": entry}}))
  source = object_source(str(path))
  assert isinstance(source, ManifestObjects) and source is object_source(str(path))
  assert ids_of_split(source, "train", 0.0) == ("a",)
  expected = hashlib.sha256(path.read_bytes()).hexdigest()
  assert manifest_digests({"objects": source, "hdris": environment_source()}) == {"objects": expected}


@pytest.mark.parametrize("read", [object_source, environment_source])
def test_a_manifest_that_is_not_there(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
  with pytest.raises(AssetError, match="missing.json"):
    read(str(tmp_path / "missing.json"))
