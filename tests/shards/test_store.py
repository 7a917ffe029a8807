"""The scene store: what comes out is what went in, or an error, whatever has happened to the files."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.errors import KubricGenError
from kubric_gen.system.paths import write_whole
from kubric_gen.shards.recipe import Recipe
from kubric_gen.shards.scene import FinishedScene
from kubric_gen.shards.tasks import stored_summary
from kubric_gen.render import RenderSettings
from kubric_gen.shards.store import CorruptSceneError, SceneStore, pack
from tests.schema.handmade import files, finished_scene, full_disk, seeds_of, small_recipe
from worlds.movi import MoviConfig

RECIPE = small_recipe()
SEED = 3


def _small(recipe: Recipe = RECIPE, seed: int = SEED) -> FinishedScene:
  """A scene with records of a few bytes, which the store does not look into."""
  info = {"seed": seed, "split": recipe.dataset.split_of(seed).name, "config_hash": recipe.hash(recipe.dataset.split_of(seed))}
  return FinishedScene(info, {"32x32": b"large record", "16x16": b"small\0record"}, b"picture")


# --- sound scenes ----------------------------------------------------------------------------------------------------------


def test_what_is_stored_is_read(tmp_path: Path) -> None:
  store, scene = SceneStore(tmp_path, RECIPE), finished_scene(RECIPE, SEED)
  size = store.write(scene)
  assert Path(store.path(SEED)).stat().st_size == size
  with store.read(SEED) as found:
    assert found.info == scene.info and found.thumbnail == scene.thumbnail
    assert {name: found.record(name) for name in scene.records} == scene.records
    with pytest.raises(CorruptSceneError, match="8x8"):
      found.record("8x8")
  summary = store.verified(SEED)
  assert summary is not None and summary.info == scene.info
  assert summary.sizes == {name: len(data) for name, data in scene.records.items()}
  assert files(tmp_path) == [str(Path(store.path(SEED)).relative_to(tmp_path))]


def test_the_same_scene_has_the_same_bytes() -> None:
  scene = finished_scene(RECIPE, SEED)
  assert pack(scene) == pack(finished_scene(RECIPE, SEED)) == pack(replace(scene, info=dict(reversed(scene.info.items()))))


def test_a_scene_that_is_not_there(tmp_path: Path) -> None:
  store = SceneStore(tmp_path, RECIPE)
  assert store.verified(SEED) is None and stored_summary(store, SEED) is None
  with pytest.raises(FileNotFoundError), store.read(SEED):
    pass
  assert files(tmp_path) == []


def test_paths_name_the_key_and_are_spread_evenly(tmp_path: Path) -> None:
  store = SceneStore(tmp_path, RECIPE)
  paths = [Path(store.path(seed)) for seed in range(5000)]
  assert len(set(paths)) == 5000 and all(path.name == f"{seed}.zip" for seed, path in enumerate(paths))
  folders = [path.parent.name for path in paths]
  assert set(folders) == {f"{number:02x}" for number in range(256)}
  assert max(folders.count(name) for name in set(folders)) < 50
  hashes = {path.parent.parent.name for path in paths}
  assert hashes == {RECIPE.hash(split)[:16] for split in RECIPE.dataset.splits} and len(hashes) == 2
  assert {path.parents[2] for path in paths} == {tmp_path / "movi_a"}


# --- damage ----------------------------------------------------------------------------------------------------------------


def _outcome(store: SceneStore, scene: FinishedScene) -> bool:
  """Whether the stored scene is still taken; what is taken must be right, and nothing but `CorruptSceneError` may come."""
  seed = scene.info["seed"]
  try:
    summary = store.verified(seed)
    assert summary is not None
    with store.read(seed) as found:
      read = found.info, found.thumbnail, {name: found.record(name) for name in scene.records}
      assert read == (scene.info, scene.thumbnail, scene.records)
    assert summary.info == scene.info and summary.sizes == {name: len(data) for name, data in scene.records.items()}
    return True
  except CorruptSceneError as error:
    assert str(store.path(seed)) in str(error) and "\n" not in str(error)
    assert stored_summary(store, seed) is None  # and so it is made again
    return False


@pytest.fixture
def stored(tmp_path: Path) -> tuple[SceneStore, FinishedScene, Path]:
  """A store, a scene in it, and its file."""
  store, scene = SceneStore(tmp_path, RECIPE), _small()
  store.write(scene)
  assert _outcome(store, scene)
  return store, scene, Path(store.path(SEED))


def test_a_file_cut_short_anywhere_is_refused(stored: tuple[SceneStore, FinishedScene, Path]) -> None:
  store, scene, path = stored
  data = path.read_bytes()
  for length in range(len(data)):
    path.write_bytes(data[:length])
    assert not _outcome(store, scene), length


def test_any_flipped_bit_is_refused_or_harmless(stored: tuple[SceneStore, FinishedScene, Path]) -> None:
  store, scene, path = stored
  data = path.read_bytes()
  parts = [json.dumps(scene.info, sort_keys=True).encode(), scene.thumbnail, *scene.records.values()]
  spans = [range(data.index(part), data.index(part) + len(part)) for part in parts]
  for place in range(len(data)):
    inside, directory = any(place in span for span in spans), place >= data.index(b"PK\x01\x02")
    for bit in range(8) if directory else (place % 8,):
      path.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1:])
      assert not (_outcome(store, scene) and inside), (place, bit)


@pytest.fixture(scope="module")
def damaged_store(tmp_path_factory: pytest.TempPathFactory) -> SceneStore:
  return SceneStore(tmp_path_factory.mktemp("damaged"), RECIPE)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=2, max_size=40), st.booleans())
@settings(derandomize=True, deadline=None, max_examples=400)
def test_any_other_damage_is_refused_or_harmless(
    damaged_store: SceneStore, changes: list[tuple[int, int]], only_directory: bool) -> None:
  scene = _small()
  damaged = bytearray(pack(scene))
  start = damaged.index(b"PK\x01\x02") if only_directory else 0
  for place, value in changes:
    damaged[start + place % (len(damaged) - start)] = value
  write_whole(damaged_store.path(SEED), bytes(damaged))
  _outcome(damaged_store, scene)


def _archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", compression) as archive:
    for name, data in members.items():
      archive.writestr(name, data)
  return buffer.getvalue()


def _members(scene: FinishedScene, **changes: Any) -> dict[str, bytes]:
  return {"scene.json": json.dumps({**scene.info, **changes}).encode(), "thumbnail.png": scene.thumbnail,
          **{f"record-{name}.pb": data for name, data in scene.records.items()}}


HELD_OUT = seeds_of(RECIPE, test_more_objects=1)["test_more_objects"][0]
WRONG: dict[str, Callable[[FinishedScene], bytes]] = {
    "empty": lambda scene: b"",
    "text": lambda scene: b"PK or not PK, that is the question" * 10,
    "noise": lambda scene: np.random.default_rng(0).bytes(5000),
    "zeros": lambda scene: bytes(5000),
    "an empty archive": lambda scene: _archive({}),
    "an archive of something else": lambda scene: _archive({"holiday.jpg": b"sun"}),
    "no record": lambda scene: _archive({name: data for name, data in _members(scene).items() if name != "record-16x16.pb"}),
    "no thumbnail": lambda scene: _archive({name: data for name, data in _members(scene).items() if name != "thumbnail.png"}),
    "another seed": lambda scene: _archive(_members(scene, seed=SEED + 1)),
    "a seed as text": lambda scene: _archive(_members(scene, seed=str(SEED))),
    "another config": lambda scene: _archive(_members(scene, config_hash="0" * 64)),
    "the config of another split": lambda scene: _archive(_members(scene, config_hash=RECIPE.hash(
        RECIPE.dataset.split("test_more_objects")))),
    "another split": lambda scene: _archive(_members(scene, split="test_more_objects")),
    "no info": lambda scene: _archive({**_members(scene), "scene.json": b"{}"}),
    "info that is a list": lambda scene: _archive({**_members(scene), "scene.json": b"[1]"}),
    "info that is no JSON": lambda scene: _archive({**_members(scene), "scene.json": b"{"}),
    "info that is no text": lambda scene: _archive({**_members(scene), "scene.json": b"\xff\xfe\x00"}),
    "info without end": lambda scene: _archive({**_members(scene), "scene.json": b"[" * 200_000}),
    "long info": lambda scene: _archive({**_members(scene), "scene.json": b" " * (1 << 24) + _members(scene)["scene.json"]}),
    "compressed members": lambda scene: _archive(_members(scene), zipfile.ZIP_DEFLATED),
    "an LZMA archive": lambda scene: _archive(_members(scene), zipfile.ZIP_LZMA),
    "paths that lead out": lambda scene: _archive({"../../outside.txt": b"x", "/outside.txt": b"x", "..\\outside.txt": b"x"}),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_no_scene_of_this_seed_and_recipe_is_refused(
    stored: tuple[SceneStore, FinishedScene, Path], kind: str) -> None:
  store, scene, path = stored
  path.write_bytes(WRONG[kind](scene))
  assert not _outcome(store, scene)
  with pytest.raises(CorruptSceneError), store.read(SEED) as found:  # reading alone, as packing does, refuses it too
    assert found.info and found.thumbnail and found.record("32x32") and found.record("16x16")


def test_members_beside_those_of_a_scene_are_left_alone(stored: tuple[SceneStore, FinishedScene, Path]) -> None:
  store, scene, path = stored
  before = files(path.parents[3])
  path.write_bytes(_archive({**_members(scene), "../../outside.txt": b"x", "/outside.txt": b"x"}))
  assert _outcome(store, scene) and files(path.parents[3]) == before


def test_a_bomb_does_not_go_off(stored: tuple[SceneStore, FinishedScene, Path]) -> None:
  store, scene, path = stored
  for member in ("scene.json", "thumbnail.png", "record-32x32.pb"):
    path.write_bytes(_archive({**_members(scene), member: bytes(1 << 26)}, zipfile.ZIP_DEFLATED))
    tracemalloc.start()
    assert not _outcome(store, scene)
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()


def test_a_scene_moved_to_another_place_is_refused(tmp_path: Path) -> None:
  store = SceneStore(tmp_path, RECIPE)
  seeds = seeds_of(RECIPE, train=2)["train"]
  store.write(_small(seed=seeds[0]))
  other = Path(store.path(seeds[1]))
  other.parent.mkdir(parents=True, exist_ok=True)
  Path(store.path(seeds[0])).rename(other)
  with pytest.raises(CorruptSceneError, match="another seed"):
    store.verified(seeds[1])
  assert store.verified(seeds[0]) is None


def test_a_folder_in_the_place_of_a_scene_is_refused(tmp_path: Path) -> None:
  store = SceneStore(tmp_path, RECIPE)
  Path(store.path(SEED)).mkdir(parents=True)
  assert not _outcome(store, _small())
  with pytest.raises(KubricGenError, match="cannot write"):
    store.write(_small())


# --- writing ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 100, 500])
def test_a_scene_for_which_there_is_no_room_leaves_nothing(tmp_path: Path, room: int) -> None:
  store = SceneStore(tmp_path, RECIPE)
  with full_disk(room), pytest.raises(KubricGenError, match="cannot write .*3.zip.*free some space") as caught:
    store.write(finished_scene(RECIPE, SEED))
  assert "\n" not in str(caught.value) and files(tmp_path) == [] and store.verified(SEED) is None


def test_a_failed_write_keeps_what_was_there(stored: tuple[SceneStore, FinishedScene, Path]) -> None:
  store, scene, path = stored
  with full_disk(), pytest.raises(KubricGenError):
    store.write(replace(scene, thumbnail=b"another"))
  assert _outcome(store, scene) and [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
  (tmp_path / "file").write_text("x")
  store = SceneStore(tmp_path / "file", RECIPE)
  for action in (store.open, lambda: store.write(_small())):
    with pytest.raises(KubricGenError, match="file"):
      action()
  assert files(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "x"
  with full_disk(), pytest.raises(KubricGenError, match="cannot write .*store.json"):
    SceneStore(tmp_path / "store", RECIPE).open()
  assert files(tmp_path) == ["file"]


def _write_often(root: str, thumbnail: bytes, barrier: Any) -> None:
  store, scene = SceneStore(root, RECIPE), replace(_small(), thumbnail=thumbnail)
  barrier.wait()
  store.open()
  for _ in range(100):
    store.write(scene)


def test_two_processes_may_write_the_same_scene(tmp_path: Path) -> None:
  context = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
  barrier = context.Barrier(3)
  pictures = [bytes([number]) * 50_000 for number in (1, 2)]
  writers = [context.Process(target=_write_often, args=(str(tmp_path), picture, barrier)) for picture in pictures]
  for writer in writers:
    writer.start()
  barrier.wait()
  store, seen = SceneStore(tmp_path, RECIPE), 0
  while any(writer.is_alive() for writer in writers) or not seen:
    with contextlib.suppress(FileNotFoundError), store.read(SEED) as scene:
      assert scene.thumbnail in pictures and scene.record("32x32") == b"large record"
      seen += 1
  for writer in writers:
    writer.join()
    assert writer.exitcode == 0
  assert sorted(os.path.basename(name) for name in files(tmp_path)) == ["3.zip", "store.json"]


# --- what a store is of ----------------------------------------------------------------------------------------------------


def test_a_store_is_opened_again_by_the_same_recipe(tmp_path: Path) -> None:
  SceneStore(tmp_path, RECIPE).open()
  described = json.loads((tmp_path / "movi_a" / "store.json").read_text())
  assert described["world"] == "movi" and set(described["versions"]) == {"bpy", "pybullet", "kubric_gen"}
  SceneStore(tmp_path, replace(RECIPE, settings=RenderSettings(quality="draft", device="cuda", threads=7))).open()
  SceneStore(tmp_path, replace(RECIPE, resolutions=RECIPE.resolutions[::-1])).open()
  assert files(tmp_path) == ["movi_a/store.json"]


@pytest.mark.parametrize(("recipe", "difference"), [
    (small_recipe(num_frames=3), r"num_frames \(2, not 3\)"), (small_recipe(gravity=9.81), r"gravity \(10.0, not 9.81\)"),
    (small_recipe(resolutions=((32, 32),)), r"resolutions \(\['32x32', '16x16'\], not \['32x32'\]\)"),
    (Recipe("movi", MoviConfig(num_frames=2), RECIPE.resolutions, RenderSettings(quality="high")), "samples_per_pixel|adaptive")])
def test_another_recipe_is_refused(tmp_path: Path, recipe: Recipe, difference: str) -> None:
  SceneStore(tmp_path, RECIPE).open()
  with pytest.raises(KubricGenError, match=f"made with another .*({difference}).*--store_dir") as caught:
    SceneStore(tmp_path, recipe).open()
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
  SceneStore(tmp_path, RECIPE).open()


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  import kubric_gen.shards.store
  SceneStore(tmp_path, RECIPE).open()
  now = kubric_gen.shards.store.versions()
  monkeypatch.setattr(kubric_gen.shards.store, "versions", lambda: {**now, "bpy": "9.9.9"})
  with pytest.raises(KubricGenError, match=rf"versions.bpy \({now['bpy']}, not 9.9.9\)"):
    SceneStore(tmp_path, RECIPE).open()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "{}", '{"format": 2}', "\udcff", "[" * 100_000])
def test_a_store_file_that_is_none_is_refused_and_kept(tmp_path: Path, text: str) -> None:
  file = tmp_path / "movi_a" / "store.json"
  file.parent.mkdir()
  file.write_bytes(text.encode(errors="surrogateescape"))
  with pytest.raises(KubricGenError, match="--store_dir") as caught:
    SceneStore(tmp_path, RECIPE).open()
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
  assert file.read_bytes() == text.encode(errors="surrogateescape")


def test_checksums_are_those_of_zip(stored: tuple[SceneStore, FinishedScene, Path]) -> None:
  _, scene, path = stored
  with zipfile.ZipFile(path) as archive:
    assert archive.testzip() is None
    sums = {entry.filename: entry.CRC for entry in archive.infolist()}
  assert sums["record-32x32.pb"] == zlib.crc32(scene.records["32x32"])
