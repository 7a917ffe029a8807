"""A file that cannot be read is no damaged one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from kubric_gen.cli.verify import find_damage as find_any_damage
from kubric_gen.system import checksums
from kubric_gen.system.checksums import HashedFolder, UnreadableError, find_damage


def _folder(place: Path) -> Path:
  folder = HashedFolder(place)
  for name in ("metadata.json", "events.json"):
    folder.write(name, b"{}")
  folder.finish()
  return place


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE])
@pytest.mark.parametrize("name", ["events.json", checksums.CHECKSUMS])
def test_what_cannot_be_read_now_is_not_called_damaged(tmp_path: Path, number: int, name: str, monkeypatch: pytest.MonkeyPatch
                                                       ) -> None:
  folder, plain = _folder(tmp_path), checksums.check_plain

  def refuse(path: str) -> object:
    if str(path).endswith(name):
      raise OSError(number, "no", str(path))
    return plain(path)

  assert list(find_damage(folder, bool)) == []
  monkeypatch.setattr(checksums, "check_plain", refuse)
  with pytest.raises(UnreadableError, match=f"{name} cannot be read"):
    list(find_damage(folder, bool))
  (line,) = find_any_damage(str(folder))
  assert "damaged" not in line and name in line


def test_a_path_that_is_none_is_one_line(tmp_path: Path) -> None:
  (line,) = find_any_damage(str(tmp_path / ("x" * 300)))
  assert "cannot be looked at" in line
