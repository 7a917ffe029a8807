from __future__ import annotations

import pytest

from kubric_gen.shards.layout import FORMATS
from tests.shards.small_dataset import Made, packed


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
  """All formats, both resolutions, three splits."""
  result = packed(tmp_path_factory.mktemp("dataset"), FORMATS)
  result.finish()
  return result
