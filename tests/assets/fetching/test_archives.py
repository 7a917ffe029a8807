"""Archives that mean no good."""

from __future__ import annotations

import errno
import gzip
import io
import os
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.assets.fetching import archives
from kubric_gen.assets.fetching.archives import pack, unpack
from kubric_gen.errors import AssetError

FILES = {"data.json": b"{}", "a/b.txt": b"hello" * 1000, "empty": b""}


def write(folder: Path, data: bytes) -> Path:
  file = folder / "x.tar.gz"
  file.write_bytes(data)
  return file


def made(*members: tarfile.TarInfo | tuple[str, bytes], **options: object) -> bytes:
  buffer = io.BytesIO()
  with tarfile.open(fileobj=buffer, mode="w", **options) as tar:
    for member in members:
      if isinstance(member, tuple):
        name, data = member
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
      else:
        tar.addfile(member, io.BytesIO(bytes(member.size)))
  return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
  member = tarfile.TarInfo(name)
  member.type, member.linkname = kind, target
  return member


def unpacked(folder: Path) -> dict[str, bytes]:
  return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
  result = tmp_path / "inside" / "out"
  result.mkdir(parents=True)
  return result


@pytest.mark.parametrize("change", [lambda data: data, gzip.decompress])
def test_there_and_back(tmp_path, folder, change):
  unpack(write(tmp_path, change(pack(FILES))), folder)
  assert unpacked(folder) == FILES


def test_packing_depends_on_content_alone():
  first = pack(FILES)
  time.sleep(0.01)
  assert pack(dict(reversed(FILES.items()))) == first


def test_folders_and_modes(tmp_path, folder):
  directory = special("./thing/", tarfile.DIRTYPE)
  directory.mode = 0
  program = tarfile.TarInfo("thing/run")
  program.mode, program.size = 0o6777, 3
  unpack(write(tmp_path, made(special(".", tarfile.DIRTYPE), directory, program)), folder)
  assert unpacked(folder) == {"thing/run": bytes(3)}
  assert (folder / "thing/run").stat().st_mode & 0o7111 == 0


@pytest.mark.parametrize(("members", "reason"), [
    ([("../evil", b"x")], "does not stay"), ([("/evil", b"x")], "does not stay"), ([("a/../../evil", b"x")], "does not stay"),
    ([special("link", tarfile.SYMTYPE, "/etc/passwd")], "neither a file nor"),
    ([special("out", tarfile.SYMTYPE, ".."), ("out/evil", b"x")], "neither a file nor"),
    ([("a", b"x"), special("link", tarfile.LNKTYPE, "../../../etc/passwd")], "neither a file nor"),
    ([special("pipe", tarfile.FIFOTYPE)], "neither a file nor"), ([special("disk", tarfile.BLKTYPE)], "neither a file nor"),
    ([special("tty", tarfile.CHRTYPE)], "neither a file nor"), ([("a", b"x"), ("a", b"y")], "exists"),
    ([("a", b"x"), ("a/b", b"y")], "[Nn]ot a dir|exists"), ([("x" * 300, b"x")], "too long"), ([], "no files"),
    ([special("only", tarfile.DIRTYPE)], "no files"), ([("C:\\evil", b"x")], "does not stay")])
@pytest.mark.parametrize("compressed", [True, False])
def test_what_would_escape_is_refused(tmp_path, folder, members, reason, compressed):
  data = made(*members)
  with pytest.raises(AssetError, match=reason) as error:
    unpack(write(tmp_path, gzip.compress(data) if compressed else data), folder)
  assert "\n" not in str(error.value)
  assert not list(tmp_path.rglob("evil")) and not Path("/evil").exists()


@pytest.mark.parametrize("keep", [0, 1, 9, 20, 100, -1, -5, -9])
def test_truncated_archives(tmp_path, folder, keep):
  data = pack({"a": os.urandom(5000)})
  with pytest.raises(AssetError, match="cannot be used"):
    unpack(write(tmp_path, data[:keep]), folder)


def test_damaged_archives(tmp_path, folder):
  data = bytearray(pack({"a": os.urandom(5000)}))
  data[2000] ^= 1
  with pytest.raises(AssetError, match="cannot be used"):
    unpack(write(tmp_path, bytes(data)), folder)


@pytest.mark.parametrize("compressed", [True, False])
def test_bombs(tmp_path, folder, monkeypatch, compressed):
  monkeypatch.setattr(archives, "MAX_BYTES", 1 << 22)
  bomb = made(("zeros", bytes(1 << 23)))
  with pytest.raises(AssetError, match="more than"):
    unpack(write(tmp_path, gzip.compress(bomb) if compressed else bomb), folder)
  assert sum(map(len, unpacked(folder).values())) <= 1 << 22
  lie = tarfile.TarInfo("lie")
  lie.size = 1 << 40
  head = lie.tobuf()
  with pytest.raises(AssetError, match="cannot be used"):
    unpack(write(tmp_path, gzip.compress(head) if compressed else head), folder)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_headers_take_no_memory(tmp_path, folder, kind):
  header = special("x", kind)
  header.size = 1 << 32
  with pytest.raises(AssetError, match="header is too large"):
    unpack(write(tmp_path, gzip.compress(header.tobuf() + bytes(1 << 20))), folder)


def test_many_files(tmp_path, folder, monkeypatch):
  monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
  with pytest.raises(AssetError, match="more than 10 files"):
    unpack(write(tmp_path, pack({str(i): b"" for i in range(11)})), folder)


@given(st.binary(max_size=2000), st.integers(0, 3000), st.booleans())
@settings(max_examples=150, deadline=None)
def test_anything_is_unpacked_or_refused(tmp_path_factory, noise, at, compressed):
  root = tmp_path_factory.mktemp("fuzz")
  data = bytearray(made(("a", b"x" * 600), ("b/c", b"y")))
  data[at:at + len(noise)] = noise
  target = root / "in" / "out"
  target.mkdir(parents=True)
  try:
    unpack(write(root, gzip.compress(bytes(data)) if compressed else bytes(data)), target)
  except AssetError as error:
    assert "\n" not in str(error)
  assert {path.name for path in root.iterdir()} == {"x.tar.gz", "in"} and len(list((root / "in").iterdir())) == 1


@pytest.mark.parametrize("problem", ["folder", "unreadable"])
def test_an_archive_that_cannot_be_read_is_not_the_caches_fault(tmp_path, folder, problem, monkeypatch):
  archive = tmp_path / "x.tar.gz"
  if problem == "folder":
    archive.mkdir()
  else:
    write(tmp_path, pack(FILES))

    def fail(stream: object, size: int) -> bytes:
      raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(gzip.GzipFile, "read", fail)
  with pytest.raises(AssetError, match="cannot be read: (Is a directory|Input/output error)") as error:
    unpack(archive, folder)
  assert "free some space" not in str(error.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.EFBIG])
def test_what_cannot_be_written_is(tmp_path, folder, number, monkeypatch):
  def fail(*_: object) -> None:
    raise OSError(number, os.strerror(number))

  monkeypatch.setattr(archives, "_copy", fail)
  with pytest.raises(AssetError, match="cannot be unpacked into.*free some space"):
    unpack(write(tmp_path, pack(FILES)), folder)
