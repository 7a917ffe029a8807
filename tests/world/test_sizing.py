"""Objects of a wanted size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kubric_gen as kg
from kubric_gen.assets import mass_of
from kubric_gen.world import Catalogue, largest_extent, scaled_to

BRICK = kg.Object("brick", kg.Cube(), scale=(1.0, 2.0, 0.5), density=700.0)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.floats(0.01, 100))
def test_proportions_and_mass_are_kept(extent: float) -> None:
  item = scaled_to(BRICK, extent)
  assert largest_extent(item) == pytest.approx(extent)
  np.testing.assert_allclose(np.divide(item.scale, BRICK.scale), extent / 2.0)
  assert item.mass == mass_of(item) == pytest.approx(700.0) and item.density is None


def test_an_everyday_object_keeps_its_own_mass() -> None:
  source = Catalogue()
  for asset_id in list(source.assets)[:3]:
    item = source.create(asset_id, "item")
    large = scaled_to(item, 3.0)
    assert largest_extent(large) == pytest.approx(3.0) and mass_of(large) == mass_of(item)
    assert len(set(large.scale)) == 1 and large.asset_id == asset_id


@pytest.mark.parametrize("extent", [0.0, -1.0, float("nan"), float("inf")])
def test_an_extent_that_makes_no_sense(extent: float) -> None:
  with pytest.raises(kg.KubricGenError, match="extent"):
    scaled_to(BRICK, extent)
