"""Worlds by name: what is wrong with one is told with its file, and leaves the others alone."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.world.loading import load_world, world_names


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
  """A place of modules."""
  package = tmp_path / f"worlds_{abs(hash(tmp_path)) % 10**8}"
  package.mkdir()
  (package / "__init__.py").touch()
  monkeypatch.syspath_prepend(str(tmp_path))
  return package


@pytest.mark.parametrize(("text", "word"), [
    ("import nothere_xyz", "ModuleNotFoundError: No module named 'nothere_xyz'"), ("from math import nothere", "ImportError"),
    ("def f(:", "SyntaxError"), ("1 / 0", "ZeroDivisionError"), ("HELP = 1", "has no WORLD"), ("WORLD = 3", "is no World"),
    ("from kubric_gen.world import Split, DatasetSpec\nDatasetSpec('d', '', (Split('all'),), None)", "schema must be")])
def test_what_is_wrong_with_a_file_is_told_in_one_line(folder: Path, text: str, word: str) -> None:
  (folder / "broken.py").write_text(text + "\n")
  with pytest.raises(KubricGenError, match=word) as caught:
    load_world(f"{folder.name}.broken")
  assert "\n" not in str(caught.value)
  if "Error" in word:
    assert "broken.py, line 1" in str(caught.value)


def test_names_that_are_no_worlds(folder: Path) -> None:
  for name in ("nope", ".movi", f"{folder.name}.nope", "no.such.package"):
    with pytest.raises(KubricGenError, match="unknown world"):
      load_world(name)
  assert "movi" in world_names() and not any(name.startswith("_") for name in world_names())


def test_a_broken_world_leaves_the_builders_of_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
  pytest.importorskip("tensorflow_datasets")
  from kubric_gen.datasets import builder
  monkeypatch.setattr(builder, "world_names", lambda: ("broken_world", "movi"))
  monkeypatch.setitem(sys.modules, "worlds.broken_world", None)
  with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    found = builder.register_all()
  assert "MoviA" in found and any("broken_world" in str(item.message) for item in told)
  assert builder.register("movi") is builder.register("movi")
