"""A cache that is empty, and not the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubric_gen.assets.fetching import cache


@pytest.fixture(scope="module")
def cache_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
  """The cache of these tests."""
  root = tmp_path_factory.mktemp("cache")
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(cache, "_root", lambda: root)
    yield root
