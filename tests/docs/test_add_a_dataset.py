"""The page `docs/add_a_dataset.md` works as it stands: its files are written, its commands run and its snippets hold."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add_a_dataset.md"
FROM, INSTEAD = ", from ", ", in place of "


def blocks(text: str) -> Iterator[tuple[str, str]]:
  """The fenced blocks of the page: language and content."""
  yield from re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)


def apply(block: str, folder: Path) -> bool:
  """Writes or changes the file that the first line of a block names; False where it names none.

  `# FILE` is a whole file, `# FILE, from TEXT on` its end from the first line that starts with TEXT on, and
  `# FILE, in place of TEXT` the statement whose first line starts with TEXT.
  """
  first, _, rest = block.partition("\n")
  found = re.fullmatch(r"# ([\w/.]+\.py)(.*)", first)
  if found is None:
    return False
  file, what = folder / found[1], found[2]
  file.parent.mkdir(parents=True, exist_ok=True)
  if not what:
    file.write_text(rest)
    return True
  lines = file.read_text().splitlines(keepends=True)
  text = what.removeprefix(FROM).removesuffix(" on") if what.startswith(FROM) else what.removeprefix(INSTEAD)
  start = next(number for number, line in enumerate(lines) if line.lstrip().startswith(text))
  end = len(lines)
  if what.startswith(INSTEAD):
    end, depth = start, 0
    while True:  # to the end of the statement
      depth += sum(map(lines[end].count, "([{")) - sum(map(lines[end].count, ")]}"))
      end += 1
      if depth <= 0:
        break
  file.write_text("".join([*lines[:start], rest, *lines[end:]]))
  return True


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """A copy of the tree in which files can be added."""
  folder = tmp_path_factory.mktemp("checkout")
  for name in ("kubric_gen", "beam_pipelines"):
    (folder / name).symlink_to(ROOT / name)
  shutil.copytree(ROOT / "worlds", folder / "worlds", ignore=shutil.ignore_patterns("__pycache__"))
  (folder / "tests" / "worlds").mkdir(parents=True)
  return folder


def run(command: list[str], folder: Path) -> None:
  environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
  done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)
  assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"


def test_the_page_works_as_it_stands(checkout: Path) -> None:
  if not PAGE.exists():
    pytest.skip("no docs here")  # in the image
  ran = 0
  for language, content in blocks(PAGE.read_text()):
    if language == "python":
      if not apply(content, checkout):
        run([sys.executable, "-c", content], checkout)
    else:
      assert language == "console"
      for line in content.splitlines():
        assert line.startswith("$ python "), line
        run([sys.executable, *shlex.split(line)[2:]], checkout)
        ran += 1
  assert ran >= 8
  for made in ("output/3/contact_sheet.png", "output/dusk/0/metadata.json", "output/datasets/marbles/64x64/1.0.0/README.md",
               "output/level/train/3/level_00007.png", "output/nerfstudio/transforms.json"):
    assert (checkout / made).is_file(), made
  assert not (ROOT / "worlds" / "marbles.py").exists()
