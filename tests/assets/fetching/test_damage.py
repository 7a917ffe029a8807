"""Damage in the cache: whatever has happened to a file there, it is made anew."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kubric_gen as kg
from kubric_gen.assets import load_mesh
from kubric_gen.assets.collections import BulletObjects, ManifestEnvironments
from kubric_gen.assets.fetching import cache
from kubric_gen.assets.fetching.archives import pack
from kubric_gen.assets.fetching.cache import cached_file, read_cached, write_cached
from kubric_gen.assets.fetching.seals import seal_file
from kubric_gen.assets.fetching.sharing import shared_file, shared_folder
from kubric_gen.assets.solids import pieces
from kubric_gen.assets.solids.modelling import box


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
  """An empty cache."""
  (tmp_path / "cache").mkdir()
  monkeypatch.setattr(cache, "_root", lambda: tmp_path / "cache")
  return tmp_path / "cache"


def _archive_with_damaged_pixels() -> bytes:
  """An archive of arrays that opens, and whose compressed bytes are no compressed bytes."""
  buffer = io.BytesIO()
  np.savez_compressed(buffer, points=np.random.default_rng(0).normal(size=(400, 3)), sizes=np.array([400]))
  data = bytearray(buffer.getvalue())
  data[50:90] = b"\xff" * 40
  return bytes(data)


def _flip(path: Path) -> None:
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 1
  path.write_bytes(data)


def _flip_unnoticed(path: Path) -> None:
  """With the time of the last change put back, as archivers and copying programs do."""
  status = os.stat(path)
  _flip(path)
  os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replace_by_pipe(path: Path) -> None:
  path.unlink()
  os.mkfifo(path)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_bytes(b""), "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "flipped": _flip, "unnoticed": _flip_unnoticed, "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "foreign": lambda path: path.write_bytes(b"something else"),
    "archive": lambda path: path.write_bytes(_archive_with_damaged_pixels()), "gone": Path.unlink, "pipe": _replace_by_pipe,
    "circle": lambda path: (path.unlink(), path.symlink_to(path))}


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
  return DAMAGES[request.param]


def _all_files(folder: Path) -> list[Path]:
  found = sorted(path for path in folder.rglob("*") if path.is_file())
  assert found
  return found


def _check_each(place: Path, damage: Callable[[Path], Any], use: Callable[[], Any]) -> None:
  """Makes sure that something is used as before whichever file of the cache is damaged, and that its file is as before then."""
  wanted = use()
  before = {path: path.read_bytes() for path in _all_files(place)}
  for path in before:
    damage(path)
    assert use() == wanted, path
    assert {path: path.read_bytes() for path in _all_files(place)} == before


def test_a_file(place: Path, damage: Callable[[Path], Any]) -> None:
  _check_each(place, damage, lambda: cached_file("a/b.txt", lambda: b"some content").read_bytes())


def test_bytes(place: Path, damage: Callable[[Path], Any]) -> None:
  write_cached("a/b", b"some content")
  for path in _all_files(place):
    damage(path)
    assert read_cached("a/b") is None
    write_cached("a/b", b"some content")
    assert read_cached("a/b") == b"some content"


def test_a_shared_folder(place: Path, damage: Callable[[Path], Any]) -> None:
  def fill(folder: Path) -> None:
    (folder / "content" / "deep").mkdir(parents=True)
    (folder / "content" / "one").write_text("one more")
    (folder / "content" / "deep" / "two").write_text("two more")

  def use() -> dict[str, str]:
    folder = shared_folder(place / "x", fill)
    return {name: (folder / "content" / name).read_text() for name in ("one", "deep/two")}

  _check_each(place, damage, use)


def test_a_shared_file(place: Path, damage: Callable[[Path], Any]) -> None:
  _check_each(place, damage, lambda: shared_file(place / "x", lambda file: file.write_text("some content")).read_text())


def test_convex_pieces(place: Path, damage: Callable[[Path], Any]) -> None:
  solid = box((1, 1, 1)) - box((0.6, 0.6, 1), (0, 0, 0.3))
  _check_each(place, damage, lambda: [piece.tolist() for piece in pieces.cached_pieces(solid, 0.02, 32)])


def test_convex_pieces_that_were_damaged_before_they_were_sealed(place: Path) -> None:
  wanted = pieces.cached_pieces(box((1, 1, 1)), 0.02, 32)
  file, = place.rglob("*.npz")
  for data in (_archive_with_damaged_pixels(), b"", b"PK", b"\x93NUMPY\x01\x00v\x00{'descr'"):
    file.write_bytes(data)
    seal_file(file, hashlib.sha256(data).hexdigest())
    for one, other in zip(pieces.cached_pieces(box((1, 1, 1)), 0.02, 32), wanted, strict=True):
      np.testing.assert_array_equal(one, other)


def test_collisions_of_urdf_files(place: Path, damage: Callable[[Path], Any]) -> None:
  _check_each(place, damage, lambda: Path(BulletObjects().create("lego", "x").shape.collision).read_bytes())


def test_textures(place: Path, damage: Callable[[Path], Any], tmp_path: Path) -> None:
  import trimesh
  image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
  square = trimesh.Trimesh([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [(0, 1, 2), (0, 2, 3)], process=False)
  square.visual = trimesh.visual.TextureVisuals(np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float), image=image)
  square.export(tmp_path / "square.glb")

  def use() -> bytes:
    material, = load_mesh(kg.MeshFile(str(tmp_path / "square.glb"), "y")).materials
    return Path(material.color.path).read_bytes()

  _check_each(place, damage, use)


@pytest.mark.parametrize("asset", ["packed", "single"])
def test_assets_of_manifests(place: Path, damage: Callable[[Path], Any], asset: str, tmp_path: Path,
                             monkeypatch: pytest.MonkeyPatch) -> None:
  from kubric_gen.assets.collections import manifest
  sky = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 2\n" + bytes([128, 128, 128, 129] * 2)
  remote = tmp_path / "remote"
  remote.mkdir()
  (remote / "packed.tar.gz").write_bytes(pack({"a.hdr": sky}))
  (remote / "b.hdr").write_bytes(sky)

  def fetch(url: str, path: Path) -> str:
    shutil.copyfile(remote / url.rpartition("/")[2], path)
    return hashlib.sha256(path.read_bytes()).hexdigest()

  monkeypatch.setattr(manifest, "download", fetch)
  (tmp_path / "m.json").write_text(json.dumps({"data_dir": "https://nowhere.invalid/x", "assets": {
      "packed": {"asset_type": "Texture", "kwargs": {"filename": "a.hdr"}},
      "single": {"asset_type": "Texture", "path": None, "kwargs": {"filename": "b.hdr"}}}}))
  _check_each(place, damage, lambda: Path(ManifestEnvironments(tmp_path / "m.json").create(asset).hdri).read_bytes())
