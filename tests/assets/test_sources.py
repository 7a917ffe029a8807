"""Collections of objects: one suite for all of them."""

from __future__ import annotations

import numpy as np
import pytest

from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.assets.collections import BasicShapes, RandomUrdfs
from kubric_gen.assets.sources import Asset, ObjectSource
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.physics import simulate
from kubric_gen.scene import Object, PerspectiveCamera, Plane, Scene, Sphere
from kubric_gen.scene.serialization import from_json, to_json
from kubric_gen.scene.transforms import rotation_matrix


class Numbered(ObjectSource):
  """Spheres."""

  name = "numbered"

  def __init__(self, count: int) -> None:
    self._count = count

  @property
  def assets(self) -> dict[str, Asset]:
    return {f"{i:05d}": Asset(f"{i:05d}", "odd" if i % 2 else "even", metadata={"number": i}) for i in range(self._count)}

  def _make(self, asset: Asset) -> dict[str, object]:
    return {"shape": Sphere()}


SOURCES = [BasicShapes(), RandomUrdfs(), Numbered(50)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_source(source: ObjectSource) -> None:
  ids = source.ids()
  assert list(ids) == sorted(ids) == list(source.assets) and len(ids) > 10
  first = source.create(ids[0], "first", position=(1, 2, 3), friction=0.25)
  assert (first.name, first.asset_id, first.position, first.friction) == ("first", ids[0], (1, 2, 3), 0.25)
  assert first == source.create(ids[0], "first", position=(1, 2, 3), friction=0.25)
  assert first.effective_license == source.assets[ids[0]].license != ""
  scene = Scene([first], cameras=[PerspectiveCamera()])
  assert from_json(to_json(scene)) == scene
  other = source.create(ids[0], "other", scale=3.0)  # what was given for one is not kept for the next
  assert other.friction == 0.5 and source.create(ids[0], "third").scale != (3, 3, 3)
  training, testing = source.split(0.2)
  assert sorted(training + testing) == sorted(ids) and not set(training) & set(testing)
  with pytest.raises(AssetError, match="no asset 'unicorn'"):
    source.create("unicorn", "x")
  with pytest.raises(AssetError, match="category"):
    source.ids("unicorn")


def test_splits_follow_from_ids_alone() -> None:
  training, testing = Numbered(2000).split(0.1)
  assert 150 < len(testing) < 250
  assert set(Numbered(1000).split(0.1)[1]) == {i for i in testing if i < "01000"}
  assert Numbered(100).split(0)[1] == () and Numbered(100).split(1)[0] == ()
  with pytest.raises(KubricGenError, match="fraction"):
    Numbered(10).split(1.5)


def test_categories_and_metadata_filter() -> None:
  source = Numbered(20)
  assert source.categories == ("even", "odd") and len(source.ids("odd")) == 10
  assert source.ids("odd", lambda asset: asset.metadata["number"] > 15) == ("00017", "00019")
  assert BasicShapes().categories == BasicShapes().ids()


def test_there_are_a_thousand_random_objects_of_their_own_size_mass_and_colour() -> None:
  source = RandomUrdfs()
  assert len(source.ids()) == 1000
  colors = set()
  for asset_id in source.ids()[::100]:
    item = source.create(asset_id, "item")
    size = np.ptp(load_mesh(item.shape).bounds, axis=0) * item.scale
    assert 0.02 < size.max() < 0.5 and mass_of(item) == 0.1 and item.effective_license == "Zlib"
    assert item.material is not None
    colors.add(item.material.color)
  assert len(colors) > 5


def test_random_objects_come_to_rest_on_the_floor() -> None:
  source = RandomUrdfs()
  floor = Object("floor", Plane(), scale=(40, 40, 1), static=True, background=True)
  items = [source.create(asset_id, f"item_{asset_id}", position=(0.5 * (i % 10) - 2, 0.5 * (i // 10) - 2, 0.25), friction=0.8,
                         restitution=0.0, angular_damping=0.5) for i, asset_id in enumerate(source.ids()[::10])]
  scene = Scene([floor, *items], cameras=[PerspectiveCamera()], num_frames=36, frame_rate=12)
  motion = simulate(scene)
  for index, item in enumerate(scene.objects[1:], start=1):
    points = load_mesh(item.shape).vertices * item.scale @ rotation_matrix(motion.quaternions[-1, index]).T
    assert abs(points[:, 2].min() + motion.positions[-1, index, 2]) < 5e-3, item.name
