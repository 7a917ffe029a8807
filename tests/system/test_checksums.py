"""Checksums of the files of a folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.system.checksums import CHECKSUMS, HashedFolder, find_damage, read_checksums, read_plain

FILES = {"b.txt": b"second", "a.bin": bytes(3000), "below/c.txt": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
  """A folder with files of every origin: written, copied and somebody else's."""
  made = HashedFolder(tmp_path / "x")
  (made.path / "below").mkdir(parents=True)
  made.write("b.txt", FILES["b.txt"])
  (tmp_path / "source").write_bytes(FILES["a.bin"])
  made.copy("a.bin", tmp_path / "source")
  (made.path / "below" / "c.txt").touch()
  made.finish()
  return made.path


def damage(folder: Path) -> list[str]:
  found = list(find_damage(folder, lambda name: name.endswith(".txt")))
  assert not any("\n" in line for line in found)
  return found


def test_all_other_files_are_listed_a_line_each(folder: Path) -> None:
  text = (folder / CHECKSUMS).read_text()
  assert json.loads(text) == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()} == read_checksums(folder)
  assert [line.split('"')[1] for line in text.splitlines()[1:-1]] == sorted(FILES)
  assert damage(folder) == []


def test_every_damage_is_told(folder: Path) -> None:
  (folder / "a.bin").write_bytes(bytes(2999) + b"x")
  (folder / "b.txt").unlink()
  (folder / "below" / "d.txt").touch()
  (folder / "notes").touch()
  lines = damage(folder)
  assert [line.split()[0] for line in lines] == [str(folder / name) for name in ("a.bin", "b.txt", "below/d.txt")]
  assert "missing" in lines[1] and "not one of the files" in lines[2]


@pytest.mark.parametrize("put", [lambda path: path.mkdir(), lambda path: os.mkfifo(path),
                                 lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_not_waited_for(folder: Path, put: Callable[[Path], None]) -> None:
  (folder / "b.txt").unlink()
  put(folder / "b.txt")
  line, = damage(folder)
  assert str(folder / "b.txt") in line
  with pytest.raises(OSError):
    read_plain(folder / "b.txt", 1 << 20)


@pytest.mark.parametrize("content", [
    "", "[]", "{}", "3", "{", '{"a": 3}', '{"../a": "' + "0" * 64 + '"}', '{"/a": "' + "0" * 64 + '"}', '{"a": "xyz"}',
    "[" * 100_000, '{"a": NaN}', "\0" * 100, None])
def test_damaged_checksums_are_told(folder: Path, content: str | None) -> None:
  (folder / CHECKSUMS).unlink()
  if content is not None:
    (folder / CHECKSUMS).write_text(content)
  line, = damage(folder)
  assert CHECKSUMS in line and len(line) < 400
  with pytest.raises(KubricGenError, match=CHECKSUMS):
    read_checksums(folder)


def test_large_files_are_not_read(tmp_path: Path) -> None:
  with open(tmp_path / "x", "wb") as file:
    file.truncate(1 << 40)
  with pytest.raises(OSError, match="more than such a file can have"):
    read_plain(tmp_path / "x", 1 << 20)
