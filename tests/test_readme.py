"""What the README says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kubric_gen.scene.layers import DEFAULT_LAYERS, LAYERS

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def text() -> str:
  if not README.exists():
    pytest.skip("no README here")  # in the image
  return README.read_text()


def test_the_table_of_layers_is_that_of_their_descriptions(text: str) -> None:
  """In a process of its own: other tests add layers."""
  code = "from kubric_gen.scene.layers import layer_table; print(layer_table(), end='')"
  table = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=README.parent).stdout
  assert table in text, "copy what kubric_gen.scene.layers.layer_table() gives"
  assert tuple(LAYERS)[:7] == DEFAULT_LAYERS  # "the first seven are made by default"


def test_every_folder_it_names_is_there(text: str) -> None:
  for name in re.findall(r"`((?:kubric_gen|beam_pipelines|worlds|tests|docs|docker)/[\w/.]*)`", text):
    assert (README.parent / name).exists(), name


def test_every_flag_it_names_is_there(text: str) -> None:
  root = README.parent
  code = "".join(file.read_text() for folder in ("kubric_gen", "beam_pipelines", "worlds", "tests/flink")
                 for file in (root / folder).rglob("*.py"))
  beams = {"runner", "project", "region", "job_endpoint", "environment_type", "environment_config", "parallelism",
           "prism_location", "imports", "rm", "gpus", "helpfull", "help", "network", "user"}
  for flag in set(re.findall(r"--([a-z]\w*)", text)) - beams:
    assert f'"{flag}"' in code or f"{flag}:" in code or f'"--{flag}"' in code, flag
