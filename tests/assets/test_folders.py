"""The folders of `kubric_gen.assets` stand on one another: no import goes round in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubric_gen import assets

ROOT = Path(assets.__file__).parent
ORDER = ("fetching", "meshes", "collision", "solids", "collections", "importing")
"""Each may import from those before it; the files in `kubric_gen/assets` itself are imported by none of them."""


def imported(file: Path) -> Iterator[str]:
  """The modules below `kubric_gen.assets` that a file imports, also inside functions."""
  for node in ast.walk(ast.parse(file.read_text())):
    if isinstance(node, ast.ImportFrom) and node.module:
      names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Import):
      names = [alias.name for alias in node.names]
    else:
      continue
    yield from (name.removeprefix("kubric_gen.assets.") for name in names if name.startswith("kubric_gen.assets."))


def test_all_folders_have_their_place() -> None:
  assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(ORDER)


@pytest.mark.parametrize("folder", ORDER)
def test_folders_import_only_from_those_below(folder: str) -> None:
  allowed = ORDER[:ORDER.index(folder) + 1]
  wrong = [f"{file.relative_to(ROOT)} imports {name}" for file in (ROOT / folder).glob("*.py") for name in imported(file)
           if name.split(".")[0] not in allowed]
  assert not wrong
