"""Everyday objects made from numbers: closed, filled by what they collide with, as large and heavy as real ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.assets.collections import Catalogue
from kubric_gen.assets.collections.catalogue import id_of, solid_of
from kubric_gen.assets.solids import families, model_of, morph
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.physics import simulate
from kubric_gen.scene import Object, PerspectiveCamera, Plane, Scene, Solid
from kubric_gen.scene.transforms import rotation_matrix
from tests.assets.solids.test_solids import check, pieces_volume

SOURCE = Catalogue(3)
FAMILIES = sorted({asset.metadata["family"] for asset in SOURCE.assets.values()})


def test_there_is_variety() -> None:
  assert len(SOURCE.categories) >= 35 and len(Catalogue().ids()) == 30 * len(FAMILIES) >= 1000
  assert {"mug", "bowl", "chair", "book", "apple", "toy car", "die", "potted plant", "bolt", "nut"} <= set(SOURCE.categories)
  looks = {model_of(solid_of(asset_id)).mesh.materials for asset_id in SOURCE.ids()[::3]}
  assert len(looks) > 0.9 * len(SOURCE.ids()[::3])


@pytest.mark.parametrize("family", FAMILIES)
def test_members_of_every_family(family: str) -> None:
  for asset in SOURCE.assets.values():
    if asset.metadata["family"] != family:
      continue
    model = model_of(solid_of(asset.id))
    check(model.mesh, touching=True)
    size = np.ptp(model.mesh.bounds, axis=0)
    assert 0.01 < size.max() < 2.0
    assert model.mass is not None and 50 < model.mass / model.mesh.volume < 9000
    assert len(model.mesh.material_index) == len(model.mesh.faces)
    assert model.mesh.material_index.max() < len(model.mesh.materials)
    assert len(model.pieces) <= 100
    hull = np.concatenate(model.pieces)  # they reach as far as what is seen
    reach = np.abs(np.stack([hull.min(axis=0), hull.max(axis=0)]) - model.mesh.bounds).max()
    assert reach < 0.012 * size.max()
    filled = pieces_volume(model.pieces) / model.mesh.volume
    assert 0.75 < filled < 1.7, filled


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_numbers_within_bounds_make_a_solid(data: st.DataObject) -> None:
  family = data.draw(st.sampled_from(FAMILIES))
  numbers = {name: data.draw(st.integers(int(p.low), int(p.high)) if p.whole else st.floats(p.low, p.high), name)
             for name, p in families()[family].parameters.items()}
  check(model_of(Solid(family, tuple(numbers.items()))).mesh, touching=True)


def test_an_id_names_family_and_parameters() -> None:
  first = SOURCE.ids("mug")[0]
  item = SOURCE.create(first, "one")
  assert item.shape == solid_of(first) and id_of(solid_of(first)) == first and item.asset_id == first
  assert item == SOURCE.create(first, "one") and mass_of(item) == item.mass
  assert all(parameter in first for parameter in families()["mug"].parameters)
  other = SOURCE.create("mug:handle=0.7,height=0.1", "two")  # one that no list holds
  assert np.ptp(load_mesh(other.shape).bounds, axis=0)[2] == pytest.approx(0.1, abs=0.004)
  assert SOURCE.find("mug:handle=0.7").category == "mug"
  assert SOURCE.create("mug", "three").shape == Solid("mug")
  assert set(Catalogue(2).assets) < set(SOURCE.assets)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
def test_ids_keep_every_digit(values: list[float]) -> None:
  solid = Solid("mug", tuple((f"p{number}", value) for number, value in enumerate(values)))
  assert solid_of(id_of(solid)) == solid


@pytest.mark.parametrize(("asset_id", "word"), [
    ("unicorn", "unicorn"), ("mug:wings=2", "wings"), ("mug:height=9", "height"), ("mug:height=nan", "height"),
    ("mug:height", "mug"),
    ("mug:height=0.1,height=0.1", "twice"), ("mug:finish=0.5", "whole"), ("", "no asset")])
def test_ids_that_name_nothing(asset_id: str, word: str) -> None:
  with pytest.raises(KubricGenError, match=word):
    SOURCE.create(asset_id, "item")


def test_splits_hold_members_of_most_categories() -> None:
  source = Catalogue()
  training, testing = source.split(0.1)
  assert 0.07 < len(testing) / len(source.ids()) < 0.13
  assert len({source.find(i).category for i in training}) == len(source.categories)
  assert len({source.find(i).category for i in testing}) > 0.8 * len(source.categories)


def test_materials_are_plain_data() -> None:
  from kubric_gen.scene.serialization import from_plain, to_plain
  for asset_id in SOURCE.ids()[::2]:
    for material in model_of(solid_of(asset_id)).mesh.materials:
      assert from_plain(json.loads(json.dumps(to_plain(material)))) == material


@pytest.mark.parametrize(("first", "second"), [("mug", "bowl"), ("box", "drum")])
def test_kin_can_be_morphed(first: str, second: str) -> None:
  ends = Solid(first), Solid(second)
  volumes = []
  for share in (0.0, 0.25, 0.5, 0.75, 1.0):
    solid = morph(*ends, share)
    assert solid.family == families()[first].kin
    check(model_of(solid).mesh, touching=True)
    volumes.append(load_mesh(solid).bounds)
  np.testing.assert_array_equal(volumes[0], load_mesh(ends[0]).bounds)
  np.testing.assert_array_equal(volumes[-1], load_mesh(ends[1]).bounds)
  widths = [float(np.ptp(bounds, axis=0)[1]) for bounds in volumes]
  assert all(a != b for a, b in zip(widths, widths[1:])) and widths in (sorted(widths), sorted(widths)[::-1])


@pytest.mark.parametrize(("first", "second", "share", "word"), [
    ("mug", "chair", 0.5, "cannot be morphed"), ("mug", "bowl", 1.5, "share"), ("mug", "unicorn", 0.5, "unicorn")])
def test_others_cannot(first: str, second: str, share: float, word: str) -> None:
  with pytest.raises(AssetError, match=word):
    morph(Solid(first), Solid(second), share)


def test_they_come_to_rest_on_the_floor() -> None:
  """Three members of every family: none sinks in or floats by more than 5 mm."""
  floor = Object("floor", Plane(), scale=(100, 100, 1), static=True, background=True)
  for start in range(0, len(SOURCE.ids()), 40):
    items = []
    for number, asset_id in enumerate(SOURCE.ids()[start:start + 40]):
      item = SOURCE.create(asset_id, f"item_{number}", friction=0.8, restitution=0.0, angular_damping=0.5)
      reach = float(np.abs(load_mesh(item.shape).vertices).max()) * 1.8
      items.append(replace(item, position=(3.0 * (number % 7), 3.0 * (number // 7), reach)))
    scene = Scene([floor, *items], cameras=[PerspectiveCamera()], num_frames=60, frame_rate=12)
    motion = simulate(scene)
    for index, item in enumerate(scene.objects[1:], start=1):
      hull = np.concatenate(model_of(solid_of(item.asset_id)).pieces)
      points = hull @ rotation_matrix(motion.quaternions[-1, index]).T
      assert abs(points[:, 2].min() + motion.positions[-1, index, 2]) < 5e-3, item.asset_id
      seen = load_mesh(item.shape).vertices @ rotation_matrix(motion.quaternions[-1, index]).T
      assert abs(seen[:, 2].min() + motion.positions[-1, index, 2]) < 5e-3, item.asset_id


def test_pieces_are_kept_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  from kubric_gen.assets.fetching import cache
  from kubric_gen.assets.solids import modelling, pieces
  monkeypatch.setattr(cache, "_root", lambda: tmp_path)
  cup = modelling.box((1, 1, 1)) - modelling.box((0.6, 0.6, 1), (0, 0, 0.3))
  made = pieces.cached_pieces(cup, 0.02, 32)
  monkeypatch.setattr(pieces, "convex_pieces", lambda *_: pytest.fail("made twice"))
  for a, b in zip(made, pieces.cached_pieces(cup, 0.02, 32), strict=True):
    np.testing.assert_array_equal(a, b)
  monkeypatch.undo()
  monkeypatch.setattr(cache, "_root", lambda: tmp_path)
  (file,) = tmp_path.rglob("*.npz")
  for damage in (b"", b"garbage", file.read_bytes()[:200]):
    file.write_bytes(damage)
    assert len(pieces.cached_pieces(cup, 0.02, 32)) == len(made)


def test_the_list_of_families_is_what_they_are() -> None:
  from kubric_gen.assets.solids.__main__ import table
  written = Path(__file__).parents[3] / "docs" / "families.md"
  if not written.exists():
    pytest.skip("no docs here")  # in the image
  assert written.read_text() == table(), "make it again: python -m kubric_gen.assets.solids > docs/families.md"
