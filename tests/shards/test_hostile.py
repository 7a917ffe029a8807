"""Damaged and hostile dataset folders: the readers give what was written or one line, at once, and without filling the memory."""

from __future__ import annotations

import json
import random
import resource
import shutil
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.shards.reader import ArrayRecords, features_of
from kubric_gen.shards.verify import verify_dataset
from tests.shards.small_dataset import RECIPE, SEEDS, Made, same, truth
from kubric_gen.shards.layout import shuffled

CASES = 420
JSON = ("metadata.json", "dataset_info.json", "features.json", "card.json")
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 7, 1 << 40, 10**30, 0.5, 1e308, float("inf"), float("-inf"), float("nan"), "", "7", "a\nb", "x" * 10_000,
    "../../etc/passwd", "\0", [], {}, [[]], {"a": {}}, [1] * 10_000)


@pytest.fixture(scope="module")
def sound(made: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
  """The files of a dataset."""
  return {path.name: path.read_bytes() for path in made.folder("array_record", "16x16").iterdir()}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
  if isinstance(value, (dict, list)):
    for key, item in list(value.items()) if isinstance(value, dict) else list(enumerate(value)):
      yield value, key
      yield from _places(item)


def _replace(data: bytes, rng: random.Random) -> bytes:
  value = json.loads(data)
  for _ in range(rng.choice((1, 1, 3))):
    container, key = rng.choice(list(_places(value)))
    container[key] = rng.choice(VALUES)
  return json.dumps(value).encode()


def _deepen(data: bytes, rng: random.Random) -> bytes:
  value = json.loads(data)
  container, key = rng.choice(list(_places(value)))
  container[key] = "HERE"
  depth = rng.choice((100, 5000, 200_000))
  opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
  return json.dumps(value).replace('"HERE"', opening * depth + "1" + closing * depth, 1).encode()


def _flip(data: bytes, rng: random.Random) -> bytes:
  changed = bytearray(data)
  for _ in range(rng.choice((1, 1, 1, 8))):
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
  return bytes(changed)


def _cut(data: bytes, rng: random.Random) -> bytes:
  return data[:rng.randrange(len(data))]


def _swap(data: bytes, rng: random.Random) -> bytes:
  size = rng.randrange(1, max(2, len(data) // 3))
  one, other = sorted((rng.randrange(len(data) - size + 1), rng.randrange(len(data) - size + 1)))
  changed = bytearray(data)
  changed[one:one + size], changed[other:other + size] = data[other:other + size], data[one:one + size]
  return bytes(changed)


def _put(data: bytes, rng: random.Random) -> bytes:
  at = rng.randrange(len(data))
  return data[:at] + rng.choice((b"\0" * 100, b"\xff" * 8, rng.randbytes(64), b"\x7f\xff\xff\xff")) + data[at:]


def _damaged(sound: dict[str, bytes], seed: int) -> tuple[str, bytes, str]:
  """A file of the dataset, what is to stand in it, and how that came about."""
  rng = random.Random(seed)
  name = rng.choice(sorted(sound)) if seed % 4 == 0 else rng.choice(JSON) if seed % 4 < 3 else rng.choice(
      [name for name in sorted(sound) if "array_record" in name])
  kinds: list[Callable[[bytes, random.Random], bytes]] = [_flip, _cut, _swap, _put]
  if name in JSON:
    kinds += [_replace, _replace, _replace, _deepen]
  kind = rng.choice(kinds)
  return name, kind(sound[name], rng), f"{seed}: {kind.__name__} of {name}"


def _expected() -> dict[str, list[Any]]:
  return {split: [truth(RECIPE, seed, (16, 16)) for seed in shuffled(seeds)] for split, seeds in SEEDS.items()}


def _read(folder: Path, split: str, told: str, expected: list[Any]) -> None:
  """Reads a split: what comes is what was written, or one line."""
  try:
    features_of(folder)
    records = ArrayRecords(folder, split)
    assert len(records) < 1 << 62
    for number in range(min(len(records), 10)):
      record = records[number]
      if "metadata.json" not in told and "dataset_info.json" not in told:  # a description may mean less, or something else
        same(record, expected[number])
    ArrayRecords(folder, split, decode=True)[:2]
  except KubricGenError as error:
    assert "\n" not in str(error) and len(str(error)) < 1000, told
  except IndexError:
    raise AssertionError(told) from None


def test_any_damage_is_found_or_harmless_and_told_in_one_line(sound: dict[str, bytes], tmp_path: Path) -> None:
  for name, data in sound.items():
    (tmp_path / name).write_bytes(data)
  assert verify_dataset(tmp_path) == []
  expected, most = _expected(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  for seed in range(CASES):
    name, data, told = _damaged(sound, seed)
    (tmp_path / name).write_bytes(data)
    started = time.process_time()
    if data != sound[name]:
      lines = verify_dataset(tmp_path)
      assert lines and all("\n" not in line and len(line) < 1000 for line in lines), told
    for split in ("test", "test_more_objects"):
      _read(tmp_path, split, told, expected[split])
    assert time.process_time() - started < 3, told
    (tmp_path / name).write_bytes(sound[name])
  assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 300_000  # kB
  assert verify_dataset(tmp_path) == []


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
  place = tmp_path / "dataset"
  shutil.copytree(made.folder("array_record", "16x16"), place)
  return place


def refused(folder: Path, match: str, split: str = "test") -> None:
  """The folder is refused in one line, in little memory and time."""
  tracemalloc.start()
  started = time.process_time()
  with pytest.raises(KubricGenError, match=match) as caught:
    list(ArrayRecords(folder, split, decode=True))
  assert time.process_time() - started < 3 and tracemalloc.get_traced_memory()[1] < 100_000_000
  tracemalloc.stop()
  assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def change(file: Path, edit: Callable[[Any], Any]) -> None:
  value = json.loads(file.read_text())
  edit(value)
  file.write_text(json.dumps(value))


INFOS: dict[str, Callable[[Any], Any]] = {
    "a name that is no text": lambda info: info.update(name=7), "a name of a line break": lambda info: info.update(name="\n"),
    "a name that leads out": lambda info: info.update(name="../x"), "a long name": lambda info: info.update(name="x" * 100_000),
    "an endless number of bytes": lambda info: info["splits"][0].update(numBytes=float("inf")),
    "a split that leads out": lambda info: info["splits"][0].update(name="/etc/passwd"),
    "shards of a text": lambda info: info["splits"][1].update(shardLengths="123"),
    "many records": lambda info: info["splits"][1].update(shardLengths=["9999999999"]),
    "a huge shard": lambda info: info["splits"][1].update(shardLengths=["9" * 400]),
    "an Arabic number": lambda info: info["splits"][1].update(shardLengths=["٣"]),
    "an underscore in a number": lambda info: info["splits"][1].update(shardLengths=["1_0"]),
    "half a record": lambda info: info["splits"][1].update(shardLengths=[0.5]),
    "true records": lambda info: info["splits"][1].update(shardLengths=[True]),
    "a negative shard": lambda info: info["splits"][1].update(shardLengths=[-1])}


@pytest.mark.parametrize("kind", INFOS)
def test_a_hostile_dataset_info_is_refused(folder: Path, kind: str) -> None:
  change(folder / "dataset_info.json", INFOS[kind])
  refused(folder, r"dataset_info.json cannot be read .*: make the dataset again")


@pytest.mark.parametrize("lengths", [["1"], ["3"], ["1", "1", "1"], ["9999999"], ["1"] * 1_000_000])
def test_shards_that_do_not_hold_what_is_told_are_refused(folder: Path, lengths: list[str]) -> None:
  """Records that are simply left out would be silent damage."""
  change(folder / "dataset_info.json", lambda info: info["splits"][1].update(shardLengths=lengths))
  refused(folder, "array_record-0.* cannot be read")


def test_a_shard_that_is_no_file_does_not_hang(folder: Path) -> None:
  import os
  (shard,) = folder.glob("movi_a-test.array_record-*")
  shard.unlink()
  os.mkfifo(shard)
  refused(folder, "it is no file")


def test_huge_files_are_not_read(folder: Path) -> None:
  for name in ("metadata.json", "dataset_info.json"):
    before = (folder / name).read_bytes()
    with open(folder / name, "wb") as file:
      file.truncate(1 << 40)
    refused(folder, f"{name} cannot be read")
    (folder / name).write_bytes(before)
  list(ArrayRecords(folder, "test"))


def test_a_record_with_other_images_than_described_is_refused_before_they_are_decoded() -> None:
  from kubric_gen.codecs.png import encode_png
  from kubric_gen.schema import Image, Tensor, Video
  from kubric_gen.schema.tf_example import decode, encode
  large = encode_png(np.zeros((4096, 4096, 3), np.uint8))
  for feature, value in ((Image((8, 8, 3)), large), (Video((2, 8, 8, 3)), [large, large])):
    data = encode({"picture": feature}, {"picture": value})
    tracemalloc.start()
    with pytest.raises(KubricGenError, match="4096x4096, not 8x8"):
      decode({"picture": feature}, data)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
  packed = encode({"values": Tensor("uint8", (4,), zlib=True)}, {"values": [1, 2, 3, 4]})
  for shape in ((1 << 32,), (3,), (5,)):
    tracemalloc.start()
    with pytest.raises(KubricGenError, match="too few or too many bytes of values"):
      decode({"values": Tensor("uint8", shape, zlib=True)}, packed)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("limits", ["metadata/video_name", "metadata", "metadata/num_frames", "camera/positions", "video", "x",
                                    "/"])
def test_limits_that_are_none_are_told_of(folder: Path, limits: str) -> None:
  change(folder / "metadata.json", lambda value: value["features"]["depth"]["feature"]["coding"].update(limits=limits))
  refused(folder, "the limits of a range")
