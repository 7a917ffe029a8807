from __future__ import annotations

import pytest

from tests.shards.small_dataset import Made, packed


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
  """All formats, both resolutions, three splits."""
  result = packed(tmp_path_factory.mktemp("dataset"), ("tfrecord", "array_record", "parquet"))
  result.finish()
  return result
