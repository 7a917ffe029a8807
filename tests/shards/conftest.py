from __future__ import annotations

import pytest

from tests.shards.small_dataset import FORMATS, Made, packed


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
  """All formats, both resolutions, three splits."""
  result = packed(tmp_path_factory.mktemp("dataset"), FORMATS)
  result.finish()
  return result
