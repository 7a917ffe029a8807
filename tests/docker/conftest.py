"""The engine and the image, both made once."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.local_engine import ROOT, LocalEngine, UnavailableError, local_engine

_log = logging.getLogger("image-test")


@pytest.fixture(scope="session")
def engine() -> Iterator[LocalEngine]:
  """A container engine; where none can be had, the tests that need it are skipped, and say why."""
  try:
    with local_engine() as found:
      _log.info("%s", found.description)
      yield found
  except UnavailableError as error:
    _log.warning("not run: %s", error)
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def image(engine: LocalEngine) -> str:
  """The image, built as `make image` builds it."""
  _log.info("building the image")
  result = subprocess.run(["docker/build.sh", *engine.build_flags], cwd=ROOT, env={**engine.environment, "ENGINE": engine.client},
                          capture_output=True, text=True, timeout=2400)
  assert result.returncode == 0, result.stderr[-3000:]
  return "kubric-gen"


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
  """A folder that any user in a container can write to."""
  for folder in (tmp_path, *tmp_path.parents[:2]):
    os.chmod(folder, 0o755)
  folder = tmp_path / "output"
  folder.mkdir()
  folder.chmod(0o777)
  yield folder
  shutil.rmtree(folder, ignore_errors=True)
