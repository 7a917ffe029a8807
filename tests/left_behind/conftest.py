"""A folder for temporary files in which nothing may be in the end."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubric_gen.system.locks import lock_folder
from kubric_gen.system.scratch import MEMORY, PREFIX


def abandoned_in_memory() -> set[str]:
  """Folders in memory that nobody uses."""
  found = set()
  for folder in MEMORY.glob(f"{PREFIX}*") if MEMORY.is_dir() else ():
    with contextlib.suppress(OSError):
      held = lock_folder(folder)
      if held is not None:
        os.close(held)
        found.add(folder.name)
  return found


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
  """TMPDIR of all that a test starts: as empty afterwards as before, and so is what is in memory."""
  folder = tmp_path / "temporary"
  folder.mkdir()
  monkeypatch.setenv("TMPDIR", str(folder))
  monkeypatch.setattr(tempfile, "tempdir", None)
  before = abandoned_in_memory()
  yield folder
  assert not [path.name for path in folder.iterdir()]
  end = time.monotonic() + 5.0  # the tests of somebody else may be about to lock theirs, or to remove them
  while abandoned_in_memory() - before:
    assert time.monotonic() < end, abandoned_in_memory() - before
    time.sleep(0.05)
