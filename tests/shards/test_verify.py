"""Damage in finished datasets: whatever byte of whatever file is changed, it is found."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.shards.card_file import CardError, described_request, read_card, request_digest, sealed
from kubric_gen.shards.finish import card_of
from kubric_gen.shards.verify import listed_files, verify_dataset
from tests.shards.small_dataset import FORMATS, REQUEST, Made


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
  """A copy of a dataset in its place below a data_dir."""
  place = tmp_path / "data" / "movi_a" / "16x16" / "1.0.0"
  shutil.copytree(made.folder("array_record", "16x16"), place)
  return place


def flip(path: Path, at: int, bit: int = 0) -> None:
  data = bytearray(path.read_bytes())
  data[at] ^= 1 << bit
  path.write_bytes(data)


def damage(folder: Path) -> str:
  """The one line that tells of a damage."""
  (line,) = verify_dataset(folder)
  assert "\n" not in line and len(line) < 500
  return line


def test_finished_datasets_are_sound(made: Made) -> None:
  for file_format in FORMATS:
    for resolution in ("32x32", "16x16"):
      place = made.folder(file_format, resolution)
      assert verify_dataset(place) == verify_dataset(str(place)) == []
      card = read_card(place)
      files = {path.name for path in place.iterdir()} - {"card.json"}
      assert set(card["files"]) == files and len(files) > 8
      for name, said in card["files"].items():
        data = (place / name).read_bytes()
        assert said == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_checksums_of_shards_are_taken_when_they_are_packed(made: Made) -> None:
  for item in made.packed:
    for file_format, said in item.files.items():
      data = (made.folder(file_format, item.shard.resolution) / item.shard.file_name("movi_a", file_format)).read_bytes()
      assert (said.size, said.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert set(item.files) == set(FORMATS)


def test_a_flipped_bit_in_any_file_is_found(folder: Path) -> None:
  for path in sorted(folder.iterdir()):
    size = path.stat().st_size
    for number, at in enumerate((0, size // 3, size // 2, size - 1)):
      flip(path, at, number)
      assert damage(folder).startswith(str(path)), (path.name, at)
      flip(path, at, number)
  assert verify_dataset(folder) == []


def test_a_flipped_bit_anywhere_in_the_card_is_found(folder: Path) -> None:
  card = folder / "card.json"
  sound = card.read_bytes()
  for at in [*range(100), *range(100, len(sound), 7)]:
    card.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << at % 8]) + sound[at + 1:])
    with pytest.raises(CardError, match="is damaged"):
      read_card(folder)
  for changed in (sound + b" ", sound[:-1], b"", sound.replace(b'"sha256"', b'"sha257"', 1)):
    card.write_bytes(changed)
    with pytest.raises(CardError, match="is damaged"):
      read_card(folder)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (lambda path: path.unlink(), "is gone"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:-1]), r"has \d+ bytes, not \d+"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"\0"), r"has \d+ bytes, not \d+"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is no file"),
    "a pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "is no file"),
    "a device": (lambda path: (path.unlink(), path.symlink_to("/dev/zero")), "is no file")}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", ["metadata.json", "movi_a-test.array_record-00000-of-00001", "card.json"])
def test_files_that_are_gone_or_are_none_are_told_of(folder: Path, name: str, kind: str) -> None:
  spoil, told = WRONG[kind]
  if not (folder / name).exists():
    name = next(path.name for path in folder.glob("movi_a-test.array_record-*"))
  spoil(folder / name)
  line = damage(folder)
  assert name in line
  if name != "card.json":
    assert re.search(told, line), line


def test_several_damages_have_a_line_each(folder: Path) -> None:
  for name in ("features.json", "README.md"):
    flip(folder / name, 5)
  (folder / "contact_sheet.png").unlink()
  (folder / "notes.txt").write_text("mine")  # is none of the dataset's own
  lines = verify_dataset(folder)
  assert [Path(line.split()[0]).name for line in sorted(lines)] == ["README.md", "contact_sheet.png", "features.json"]


def test_what_is_no_dataset(tmp_path: Path) -> None:
  assert "is no finished dataset" in damage(tmp_path / "nowhere") and "is no finished dataset" in damage(tmp_path)
  (tmp_path / "file").write_text("x")
  assert "file" in damage(tmp_path / "file")


HOSTILE_CARDS: dict[str, Any] = {
    "a list": [], "a number": 7, "no files": {}, "files that are a list": {"files": ["x"]},
    "files that are a text": {"files": "x"},
    "no files in it": {"files": {}}, "a path": {"files": {"../../etc/passwd": {"size": 1, "sha256": "0" * 64}}},
    "an absolute path": {"files": {"/dev/zero": {"size": 1 << 60, "sha256": "0" * 64}}},
    "a name of two lines": {"files": {"a\nb": {"size": 1, "sha256": "0" * 64}}},
    "no name": {"files": {"": {"size": 1, "sha256": "0" * 64}}}, "a long name": {"files": {"a" * 100_000: 7}},
    "dots": {"files": {"..": {"size": 1, "sha256": "0" * 64}}},
    "a size of true": {"files": {"README.md": {"size": True, "sha256": "0" * 64}}},
    "half a size": {"files": {"README.md": {"size": 0.5, "sha256": "0" * 64}}},
    "a negative size": {"files": {"README.md": {"size": -1, "sha256": "0" * 64}}},
    "a checksum that is none": {"files": {"README.md": {"size": 1, "sha256": "zz"}}},
    "a number for a checksum": {"files": {"README.md": {"size": 1, "sha256": 7}}},
    "nothing said of a file": {"files": {"README.md": None}}, "a list for a file": {"files": {"README.md": [1]}}}


@pytest.mark.parametrize("kind", HOSTILE_CARDS)
def test_a_hostile_card_is_told_of_in_one_line(folder: Path, kind: str) -> None:
  value = HOSTILE_CARDS[kind]
  for text in (json.dumps(value).encode(), sealed(value) if isinstance(value, dict) else b"[]"):
    (folder / "card.json").write_bytes(text)
    assert "card.json" in damage(folder)


@pytest.mark.parametrize("text", ["", "{", "[" * 300_000, '{"a":' * 200_000, "NaN", "7" * 5000, "nul\0", "\udcff"])
def test_a_card_that_is_no_json(folder: Path, text: str) -> None:
  (folder / "card.json").write_bytes(text.encode(errors="surrogateescape"))
  assert "card.json is damaged" in damage(folder)
  with pytest.raises(KubricGenError, match=r"card.json is damaged .*: pass --overwrite .* or choose another --data_dir"):
    card_of(folder)


def test_a_huge_card_is_not_read(folder: Path) -> None:
  with open(folder / "card.json", "wb") as file:
    file.truncate(1 << 40)  # takes no space
  tracemalloc.start()
  assert "card.json is damaged" in damage(folder)
  assert tracemalloc.get_traced_memory()[1] < 1 << 22
  tracemalloc.stop()


def test_a_card_of_an_earlier_version_has_sizes_alone(folder: Path) -> None:
  card = read_card(folder)
  del card["sha256"]
  card["files"] = {name: said["size"] for name, said in card["files"].items()}
  (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
  assert card_of(folder) == card and not any(said.sha256 for said in listed_files(card).values())
  assert "has no checksums" in damage(folder)
  (folder / "README.md").write_text("short")
  assert "README.md has 5 bytes" in verify_dataset(folder)[0]


def test_the_default_config_must_be_there(folder: Path) -> None:
  default = folder.parents[1] / ".config" / "metadata.json"
  default.parent.mkdir()
  for text in ('{"default_config_name": "16x16"}', '{"default_config_name":\n"16x16"}'):
    default.write_text(text)
    assert verify_dataset(folder) == []
  for text in ("", "[]", "{}", '{"default_config_name": 7}', '{"default_config_name": "17x16"}', '{"default_config_name": ".."}',
               '{"default_config_name": "16x16/1.0.0"}', "[" * 100_000):
    default.write_text(text)
    assert str(default) in damage(folder)


def test_what_was_asked_for_is_told_beside_the_card(made: Made) -> None:
  for file_format in FORMATS:
    told = described_request(made.folder(file_format))
    assert told == request_digest(REQUEST, file_format) and len(told) == 64
  assert described_request(made.folder("tfrecord").parent) is None


def test_whoever_has_seen_enough_does_not_wait(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  from kubric_gen.shards import verify
  read: list[str] = []
  monkeypatch.setattr(verify, "cpu_count", lambda: 1)
  monkeypatch.setattr(verify, "file_sum", lambda file: read.append(file.name) or time.sleep(0.05))
  for _ in verify.damaged_files(folder, read_card(folder)):
    break
  assert 1 <= len(read) <= 3 < len(listed_files(read_card(folder)))


def test_files_are_read_side_by_side(made: Made) -> None:
  before = threading.active_count()
  assert verify_dataset(made.folder("tfrecord")) == [] and threading.active_count() == before  # and nobody is left
