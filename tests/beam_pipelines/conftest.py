from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.beam_pipelines.runs import generate


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """The data_dir of a run in which nothing goes wrong."""
  data_dir = tmp_path_factory.mktemp("undisturbed")
  result = generate(data_dir)
  assert result.returncode == 0, result.stderr
  return data_dir


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
  """Processes that are killed when the test ends."""
  started: list[subprocess.Popen[str]] = []
  yield started
  for process in started:
    process.kill()
    process.communicate()
