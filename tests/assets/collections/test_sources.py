"""Collections of objects: one suite for all of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.assets.collections import BasicShapes, BulletObjects, ManifestObjects, RandomUrdfs
from kubric_gen.assets.collections.sources import Asset, ObjectSource
from kubric_gen.assets.collision.files import load_pieces
from kubric_gen.assets.fetching.archives import pack
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.physics import simulate
from kubric_gen.scene import Object, PerspectiveCamera, Plane, Scene, Sphere, Texture
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


SOURCES = [BasicShapes(), BulletObjects(), RandomUrdfs(), Numbered(50)]


@pytest.fixture(params=[*SOURCES, "manifest"], ids=lambda source: getattr(source, "name", source))
def source(request: pytest.FixtureRequest, tmp_path: Path, cache_root: Path) -> ObjectSource:
  """Each collection."""
  if request.param != "manifest":
    return request.param
  assets = {}
  for number in range(12):
    name = f"box_{number:02d}"
    files = {"visual_geometry.glb": trimesh.creation.box((0.1, 0.2, 0.1 + 0.1 * number)).export(file_type="glb")}
    (tmp_path / f"{name}.tar.gz").write_bytes(pack(files))
    assets[name] = {"license": "CC BY 4.0", "metadata": {"category": "box"}, "kwargs": {
        "render_filename": "{asset_dir}/visual_geometry.glb", "mass": 1 + number}}
  (tmp_path / "boxes.json").write_text(json.dumps({"assets": assets}))
  return ManifestObjects(tmp_path / "boxes.json")


def test_every_source(source: ObjectSource) -> None:
  ids = source.ids()
  assert list(ids) == sorted(ids) == list(source.assets) and len(ids) > 5
  first = source.create(ids[0], "first", position=(1, 2, 3), friction=0.25)
  assert (first.name, first.asset_id, first.position, first.friction) == ("first", ids[0], (1, 2, 3), 0.25)
  assert first == source.create(ids[0], "first", position=(1, 2, 3), friction=0.25)
  assert first.effective_license == source.assets[ids[0]].license != ""
  scene = Scene([first], cameras=[PerspectiveCamera()])
  assert from_json(to_json(scene)) == scene
  other = source.create(ids[0], "other", scale=3.0)  # what was given for one is not kept for the next
  assert other.friction == 0.5 and source.create(ids[0], "third").scale != (3, 3, 3)
  assert source.create(ids[0], "dense", density=123.0).density == 123
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


def test_bullets_objects_are_those_of_its_files() -> None:
  source = BulletObjects()
  sizes = {"duck": (0.0827, 0.0576, 0.077), "domino": (0.0254, 0.0064, 0.0508), "jenga": (0.15, 0.05, 0.03)}
  masses = {"duck": 0.1, "domino": 0.025, "jenga": 0.05, "soccerball": 10.0}
  for asset_id in source.ids():
    item = source.create(asset_id, asset_id)
    mesh = load_mesh(item.shape)
    size = np.ptp(mesh.bounds, axis=0) * item.scale
    assert size == pytest.approx(sizes.get(asset_id, size), abs=1e-4)
    assert mass_of(item) == pytest.approx(masses.get(asset_id, mass_of(item)))
    assert (item.material is None) == any(isinstance(look.color, Texture) for look in mesh.materials)
    pieces = np.concatenate(load_pieces(item.shape)) * item.scale
    assert abs(np.stack([pieces.min(axis=0), pieces.max(axis=0)]) - mesh.bounds * item.scale).max() < 0.01 * size.max()
  assert len(load_pieces(source.create("mug", "x").shape)) == 6


@pytest.mark.parametrize("source", [RandomUrdfs(), BulletObjects()], ids=lambda source: source.name)
def test_bullets_objects_come_to_rest_on_the_floor(source: ObjectSource) -> None:
  floor = Object("floor", Plane(), scale=(40, 40, 1), static=True, background=True)
  ids = source.ids()[::-(-len(source.ids()) // 100)]
  apart = 0.5 if len(ids) > 10 else 1.5
  items = [source.create(asset_id, f"item_{asset_id}", position=(apart * (i % 10) - 2, apart * (i // 10) - 2, apart / 2),
                         friction=0.8, restitution=0.0, angular_damping=0.5) for i, asset_id in enumerate(ids)]
  scene = Scene([floor, *items], cameras=[PerspectiveCamera()], num_frames=36, frame_rate=12)
  motion = simulate(scene)
  for index, item in enumerate(scene.objects[1:], start=1):
    points = load_mesh(item.shape).vertices * item.scale @ rotation_matrix(motion.quaternions[-1, index]).T
    assert abs(points[:, 2].min() + motion.positions[-1, index, 2]) < 5e-3, item.name
