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
from kubric_gen.render import RenderSettings
from kubric_gen.shards.recipe import Recipe, SceneKey
from kubric_gen.shards.scene import EncodedScene
from kubric_gen.shards.store import CorruptSceneError, SceneStore, StoredScene, pack, stored_info
from kubric_gen.shards.tasks import stored_summary
from kubric_gen.system.whole import write_whole
from tests.schema.handmade import files, finished_scene, full_disk, seeds_of, small_recipe
from worlds.movi import MoviConfig

RECIPE = small_recipe()
SEED = 3
KEY = RECIPE.key(SEED)


def _small(recipe: Recipe = RECIPE, seed: int = SEED) -> EncodedScene:
  """A scene with records of a few bytes, which the store does not look into."""
  info = {"seed": seed, "split": recipe.dataset.split_of(seed).name, "config_hash": recipe.hash(recipe.dataset.split_of(seed))}
  records = {"32x32": {f"{seed}/left": b"large record", f"{seed}/right": b"another"}, "16x16": {str(seed): b"small\0record"}}
  return EncodedScene(info, records, b"picture")


def _key(scene: EncodedScene) -> SceneKey:
  return SceneKey(scene.info["split"], scene.info["seed"])


def _sizes(scene: EncodedScene) -> dict[str, dict[str, int]]:
  splits = {scene.info["split"], *scene.splits.values()}
  return {name: {split: sum(len(data) for key, data in records.items() if scene.splits.get(key, scene.info["split"]) == split)
                 for split in splits} for name, records in scene.records.items()}


def _all_records(found: StoredScene, scene: EncodedScene) -> dict[str, list[tuple[str, bytes]]]:
  """Of every resolution the records in the store."""
  return {name: list(found.records(name)) for name in scene.records}


def _given(scene: EncodedScene) -> dict[str, list[tuple[str, bytes]]]:
  return {name: list(records.items()) for name, records in scene.records.items()}


# --- sound scenes ----------------------------------------------------------------------------------------------------------


def test_what_is_stored_is_read(tmp_path: Path) -> None:
  store, scene = SceneStore(tmp_path, RECIPE), finished_scene(RECIPE, SEED)
  size = store.write(scene)
  assert Path(store.path(KEY)).stat().st_size == size
  with store.read(KEY) as found:
    assert found.info == stored_info(scene) and found.thumbnail == scene.thumbnail
    assert _all_records(found, scene) == _given(scene)
    with pytest.raises(CorruptSceneError, match="which records"):
      list(found.records("8x8"))
  summary = store.verified(KEY)
  assert summary is not None and summary.info == stored_info(scene)
  assert summary.sizes == _sizes(scene)
  assert files(tmp_path) == [str(Path(store.path(KEY)).relative_to(tmp_path))]


def test_a_scene_may_have_many_records_in_their_order(tmp_path: Path) -> None:
  store, names = SceneStore(tmp_path, RECIPE), [f"{SEED}/{number}" for number in (2, 0, 1, 10, 3)]
  scene = replace(_small(), records={"32x32": {name: name.encode() * 3 for name in names}, "16x16": {}})
  store.write(scene)
  with store.read(KEY) as found:
    assert list(found.records("32x32")) == [(name, name.encode() * 3) for name in names]
    assert list(found.records("16x16")) == []  # a scene without records is one, too
  summary = stored_summary(store, KEY)
  assert summary is not None and summary.key == KEY and not summary.made and summary.sizes == _sizes(scene)


def test_the_same_scene_has_the_same_bytes() -> None:
  scene = finished_scene(RECIPE, SEED)
  assert pack(scene) == pack(finished_scene(RECIPE, SEED)) == pack(replace(scene, info=dict(reversed(scene.info.items()))))


def test_a_scene_that_is_not_there(tmp_path: Path) -> None:
  store = SceneStore(tmp_path, RECIPE)
  assert store.verified(KEY) is None and stored_summary(store, KEY) is None
  with pytest.raises(FileNotFoundError), store.read(KEY):
    pass
  assert files(tmp_path) == []


def test_paths_name_the_key_and_are_spread_evenly(tmp_path: Path) -> None:
  store = SceneStore(tmp_path, RECIPE)
  paths = [Path(store.path(RECIPE.key(seed))) for seed in range(5000)]
  assert len(set(paths)) == 5000 and all(path.name == f"{seed}.zip" for seed, path in enumerate(paths))
  folders = [path.parent.name for path in paths]
  assert set(folders) == {f"{number:02x}" for number in range(256)}
  assert max(folders.count(name) for name in set(folders)) < 50
  hashes = {path.parent.parent.name for path in paths}
  assert hashes == {RECIPE.hash(split)[:16] for split in RECIPE.dataset.splits} and len(hashes) == 2
  assert {path.parents[2] for path in paths} == {tmp_path / "movi_a"}


# --- damage ----------------------------------------------------------------------------------------------------------------


def _outcome(store: SceneStore, scene: EncodedScene) -> bool:
  """Whether the stored scene is still taken; what is taken must be right, and nothing but `CorruptSceneError` may come."""
  key = _key(scene)
  try:
    summary = store.verified(key)
    assert summary is not None
    with store.read(key) as found:
      read = found.info, found.thumbnail, _all_records(found, scene)
      assert read == (stored_info(scene), scene.thumbnail, _given(scene))
    assert summary.info == stored_info(scene) and summary.sizes == _sizes(scene)
    return True
  except CorruptSceneError as error:
    assert str(store.path(key)) in str(error) and "\n" not in str(error)
    assert stored_summary(store, key) is None  # and so it is made again
    return False


@pytest.fixture
def stored(tmp_path: Path) -> tuple[SceneStore, EncodedScene, Path]:
  """A store, a scene in it, and its file."""
  store, scene = SceneStore(tmp_path, RECIPE), _small()
  store.write(scene)
  assert _outcome(store, scene)
  return store, scene, Path(store.path(KEY))


def test_a_file_cut_short_anywhere_is_refused(stored: tuple[SceneStore, EncodedScene, Path]) -> None:
  store, scene, path = stored
  data = path.read_bytes()
  for length in range(len(data)):
    path.write_bytes(data[:length])
    assert not _outcome(store, scene), length


def test_any_flipped_bit_is_refused_or_harmless(stored: tuple[SceneStore, EncodedScene, Path]) -> None:
  store, scene, path = stored
  data = path.read_bytes()
  records = [record for mine in scene.records.values() for record in mine.values()]
  parts = [json.dumps(stored_info(scene), sort_keys=True).encode(), scene.thumbnail, *records]
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
  write_whole(damaged_store.path(KEY), bytes(damaged))
  _outcome(damaged_store, scene)


def _archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", compression) as archive:
    for name, data in members.items():
      archive.writestr(name, data)
  return buffer.getvalue()


def _members(scene: EncodedScene, **changes: Any) -> dict[str, bytes]:
  return {"scene.json": json.dumps({**stored_info(scene), **changes}).encode(), "thumbnail.png": scene.thumbnail,
          **{f"record-{name}-{number:05d}.pb": data for name, records in scene.records.items()
             for number, data in enumerate(records.values())}}


HELD_OUT = seeds_of(RECIPE, test_more_objects=1)["test_more_objects"][0]
WRONG: dict[str, Callable[[EncodedScene], bytes]] = {
    "empty": lambda scene: b"",
    "text": lambda scene: b"PK or not PK, that is the question" * 10,
    "noise": lambda scene: np.random.default_rng(0).bytes(5000),
    "zeros": lambda scene: bytes(5000),
    "an empty archive": lambda scene: _archive({}),
    "an archive of something else": lambda scene: _archive({"holiday.jpg": b"sun"}),
    "no record": lambda scene: _archive({
        name: data for name, data in _members(scene).items() if name != "record-16x16-00000.pb"}),
    "one record too few": lambda scene: _archive({
        name: data for name, data in _members(scene).items() if name != "record-32x32-00001.pb"}),
    "nothing said of records": lambda scene: _archive({
        **_members(scene), "scene.json": json.dumps(dict(scene.info)).encode()}),
    "records that are a number": lambda scene: _archive(_members(scene, records=7)),
    "records of one resolution": lambda scene: _archive(_members(scene, records={"32x32": ["3/left", "3/right"]})),
    "keys that are a text": lambda scene: _archive(_members(scene, records={"32x32": "3", "16x16": "3"})),
    "keys that are numbers": lambda scene: _archive(_members(scene, records={"32x32": [1, 2], "16x16": [3]})),
    "of the store's first format": lambda scene: _archive({
        "scene.json": json.dumps(dict(scene.info)).encode(), "thumbnail.png": scene.thumbnail,
        "record-32x32.pb": b"large record", "record-16x16.pb": b"small"}),
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
    stored: tuple[SceneStore, EncodedScene, Path], kind: str) -> None:
  store, scene, path = stored
  path.write_bytes(WRONG[kind](scene))
  assert not _outcome(store, scene)
  with pytest.raises(CorruptSceneError), store.read(KEY) as found:  # reading alone, as packing does, refuses it too
    assert found.info and found.thumbnail and _all_records(found, scene)


def test_members_beside_those_of_a_scene_are_left_alone(stored: tuple[SceneStore, EncodedScene, Path]) -> None:
  store, scene, path = stored
  before = files(path.parents[3])
  path.write_bytes(_archive({**_members(scene), "../../outside.txt": b"x", "/outside.txt": b"x"}))
  assert _outcome(store, scene) and files(path.parents[3]) == before


def test_a_bomb_does_not_go_off(stored: tuple[SceneStore, EncodedScene, Path]) -> None:
  store, scene, path = stored
  for member in ("scene.json", "thumbnail.png", "record-32x32-00000.pb"):
    path.write_bytes(_archive({**_members(scene), member: bytes(1 << 26)}, zipfile.ZIP_DEFLATED))
    tracemalloc.start()
    assert not _outcome(store, scene)
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()


def test_a_scene_moved_to_another_place_is_refused(tmp_path: Path) -> None:
  store = SceneStore(tmp_path, RECIPE)
  seeds = seeds_of(RECIPE, train=2)["train"]
  store.write(_small(seed=seeds[0]))
  one, two = map(RECIPE.key, seeds)
  other = Path(store.path(two))
  other.parent.mkdir(parents=True, exist_ok=True)
  Path(store.path(one)).rename(other)
  with pytest.raises(CorruptSceneError, match="another seed"):
    store.verified(two)
  assert store.verified(one) is None


def _of(path: Path) -> dict[str, bytes]:
  """The members of a scene's file."""
  with zipfile.ZipFile(path) as archive:
    return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def _edited(members: dict[str, bytes], **changes: Any) -> bytes:
  """A file with another text in its info, zipped again, so that all checksums of the archive hold."""
  return _archive({**members, "scene.json": json.dumps({**json.loads(members["scene.json"]), **changes}).encode()})


@pytest.fixture
def two(tmp_path: Path) -> tuple[SceneStore, list[EncodedScene], list[Path]]:
  """Two stored scenes of one split."""
  store = SceneStore(tmp_path, RECIPE)
  scenes = [finished_scene(RECIPE, seed) for seed in seeds_of(RECIPE, train=2)["train"]]
  for scene in scenes:
    store.write(scene)
  return store, scenes, [Path(store.path(_key(scene))) for scene in scenes]


def _refused(store: SceneStore, scene: EncodedScene, match: str = "of another scene, or a changed one: run again") -> None:
  with pytest.raises(CorruptSceneError, match=match):
    store.verified(_key(scene))
  with pytest.raises(CorruptSceneError, match=match), store.read(_key(scene)) as found:  # as packing does
    _all_records(found, scene)
  assert stored_summary(store, _key(scene)) is None  # and so it is made again


def test_a_scene_of_another_seed_with_an_edited_info_is_refused(
    two: tuple[SceneStore, list[EncodedScene], list[Path]]) -> None:
  store, (one, other), (place, source) = two
  place.write_bytes(_edited(_of(source), seed=one.info["seed"]))
  _refused(store, one)
  keys = {name: list(records) for name, records in one.records.items()}
  place.write_bytes(_edited(_of(source), seed=one.info["seed"], records=keys))  # and the keys of its records, too
  _refused(store, one)
  assert store.verified(_key(other)) is not None


@pytest.mark.parametrize("member", ["record-32x32-00000.pb", "record-16x16-00000.pb"])
def test_records_swapped_between_two_scenes_are_refused(
    two: tuple[SceneStore, list[EncodedScene], list[Path]], member: str) -> None:
  store, scenes, places = two
  ours, theirs = map(_of, places)
  places[0].write_bytes(_archive({**ours, member: theirs[member]}))
  places[1].write_bytes(_archive({**theirs, member: ours[member]}))
  for scene in scenes:
    _refused(store, scene)


def test_an_info_or_a_picture_of_another_scene_is_refused(two: tuple[SceneStore, list[EncodedScene], list[Path]]) -> None:
  store, (one, _), (place, source) = two
  ours, theirs = _of(place), _of(source)
  place.write_bytes(_archive({**theirs, "scene.json": ours["scene.json"]}))
  _refused(store, one)
  place.write_bytes(_archive({**ours, "scene.json": theirs["scene.json"]}))
  _refused(store, one, "is of another seed or config")
  place.write_bytes(_archive({**ours, "thumbnail.png": theirs["thumbnail.png"]}))
  with pytest.raises(CorruptSceneError, match="thumbnail.png of another scene"):
    store.verified(_key(one))
  for changes in ({"statistics": {}}, {"licenses": {}}, {"digests": {}}, {"digests": 7}, {"digests": None}):
    place.write_bytes(_edited(ours, **changes))
    _refused(store, one)
  place.write_bytes(_archive(ours))
  assert store.verified(_key(one)) is not None


def test_records_of_a_scene_in_another_order_are_refused(stored: tuple[SceneStore, EncodedScene, Path]) -> None:
  store, scene, path = stored
  members = _of(path)
  one, two = "record-32x32-00000.pb", "record-32x32-00001.pb"
  path.write_bytes(_archive({**members, one: members[two], two: members[one]}))
  _refused(store, scene)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_scene_that_may_not_be_read_is_not_called_damaged(stored: tuple[SceneStore, EncodedScene, Path]) -> None:
  store, _, path = stored
  path.chmod(0)
  with pytest.raises(KubricGenError, match="cannot be read .*: make it readable, or choose another --store_dir") as caught:
    stored_summary(store, KEY)
  assert not isinstance(caught.value, CorruptSceneError)


def test_a_scene_that_may_not_be_read_is_never_made_again(
    stored: tuple[SceneStore, EncodedScene, Path], monkeypatch: pytest.MonkeyPatch) -> None:
  store, _, path = stored

  def refuse(*arguments: Any, **options: Any) -> Any:
    raise PermissionError(13, "Permission denied", str(path))

  monkeypatch.setattr(zipfile, "ZipFile", refuse)
  with pytest.raises(KubricGenError, match="cannot be read .Permission denied.: make it readable") as caught:
    stored_summary(store, KEY)
  assert not isinstance(caught.value, CorruptSceneError)


def test_a_folder_in_the_place_of_a_scene_is_refused(tmp_path: Path) -> None:
  store = SceneStore(tmp_path, RECIPE)
  Path(store.path(KEY)).mkdir(parents=True)
  assert not _outcome(store, _small())
  with pytest.raises(KubricGenError, match="cannot write"):
    store.write(_small())


# --- writing ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 100, 500])
def test_a_scene_for_which_there_is_no_room_leaves_nothing(tmp_path: Path, room: int) -> None:
  store = SceneStore(tmp_path, RECIPE)
  with full_disk(room), pytest.raises(KubricGenError, match="cannot write .*3.zip.*free some space") as caught:
    store.write(finished_scene(RECIPE, SEED))
  assert "\n" not in str(caught.value) and files(tmp_path) == [] and store.verified(KEY) is None


def test_a_failed_write_keeps_what_was_there(stored: tuple[SceneStore, EncodedScene, Path]) -> None:
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
    with contextlib.suppress(FileNotFoundError), store.read(KEY) as scene:
      assert scene.thumbnail in pictures and next(scene.records("32x32")) == ("3/left", b"large record")
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


def test_a_store_of_the_first_format_is_refused_and_kept(tmp_path: Path) -> None:
  store, file = SceneStore(tmp_path, RECIPE), tmp_path / "movi_a" / "store.json"
  store.open()
  before = json.dumps({**json.loads(file.read_text()), "format": 1})
  file.write_text(before)
  with pytest.raises(KubricGenError, match=r"made with another format \(1, not 4\): .*--store_dir") as caught:
    store.open()
  assert "\n" not in str(caught.value) and file.read_text() == before


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "{}", '{"format": 1}', '{"format": 2}', "\udcff", "[" * 100_000])
def test_a_store_file_that_is_none_is_refused_and_kept(tmp_path: Path, text: str) -> None:
  file = tmp_path / "movi_a" / "store.json"
  file.parent.mkdir()
  file.write_bytes(text.encode(errors="surrogateescape"))
  with pytest.raises(KubricGenError, match="--store_dir") as caught:
    SceneStore(tmp_path, RECIPE).open()
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
  assert file.read_bytes() == text.encode(errors="surrogateescape")


def test_checksums_are_those_of_zip(stored: tuple[SceneStore, EncodedScene, Path]) -> None:
  _, scene, path = stored
  with zipfile.ZipFile(path) as archive:
    assert archive.testzip() is None
    sums = {entry.filename: entry.CRC for entry in archive.infolist()}
  assert sums["record-32x32-00000.pb"] == zlib.crc32(b"large record")
  assert sums["record-32x32-00001.pb"] == zlib.crc32(b"another")
