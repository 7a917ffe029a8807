"""Collections in Kubric's format: on disk, on a server, in an object store; whole and broken."""

from __future__ import annotations

import errno
import hashlib
import http.server
import io
import json
import os
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.assets.collections import ManifestEnvironments, ManifestObjects
from kubric_gen.assets.collision.files import load_pieces, pieces_text
from kubric_gen.assets.fetching import files as fetching
from kubric_gen.assets.fetching.archives import pack
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.scene import Texture

pytestmark = pytest.mark.usefixtures("cache_root")
URDF = """<robot name="object"><link name="base"><inertial><mass value="0.75"/></inertial>
<visual><geometry><mesh filename="visual_geometry.obj"/></geometry></visual>
<collision><geometry><mesh filename="collision_geometry.obj"/></geometry></collision></link></robot>"""


def png(color: tuple[int, int, int]) -> bytes:
  buffer = io.BytesIO()
  Image.new("RGB", (4, 4), color).save(buffer, format="PNG")
  return buffer.getvalue()


def files(asset_id: str, number: int) -> dict[str, bytes]:
  """An asset as Kubric packs it: a textured box of a size of its own, which collides as two halves."""
  size = np.array([1.0, 1.0, 1.0 + number])
  box = trimesh.creation.box(size)
  uv = "".join(f"vt {x} {y}\n" for x, y in ((0, 0), (1, 0), (1, 1)))
  faces = "".join(f"f {a + 1}/1 {b + 1}/2 {c + 1}/3\n" for a, b, c in box.faces)
  corners = "".join(f"v {x} {y} {z}\n" for x, y, z in box.vertices)
  halves = [trimesh.creation.box(bounds=(-size / 2, (0, 0.5, size[2] / 2))).vertices,
            trimesh.creation.box(bounds=((0, -0.5, -size[2] / 2), size / 2)).vertices]
  return {"visual_geometry.obj": f"mtllib visual_geometry.mtl\n{corners}{uv}usemtl m\n{faces}".encode(),
          "visual_geometry.mtl": b"newmtl m\nmap_Kd texture.png\n", "texture.png": png((10 * number, 100, 0)),
          "collision_geometry.obj": pieces_text([np.asarray(half) for half in halves]).encode(),
          "object.urdf": URDF.encode(), "data.json": json.dumps({"id": asset_id}).encode()}


def entry(asset_id: str, number: int, archive: bytes | None = None) -> dict[str, Any]:
  kwargs = {"bounds": [[-0.5, -0.5, -1], [0.5, 0.5, 1]], "render_filename": "{asset_dir}/visual_geometry.obj",
            "simulation_filename": "{asset_dir}/object.urdf", "color": "ignored", "name": "ignored", "static": True}
  if number % 2:
    kwargs["mass"] = number + 0.5
  record = {"id": asset_id, "asset_type": "FileBasedObject", "license": "CC BY-SA 4.0", "kwargs": kwargs,
            "metadata": {"category": ["Box", "Crate", None][number % 3], "volume": number}}
  if archive is not None:
    record["sha256"] = hashlib.sha256(archive).hexdigest()
  return record


def collection(folder: Path, count: int = 12, change: Callable[[dict[str, Any]], object] = lambda manifest: None) -> Path:
  """A collection on disk; returns its manifest."""
  assets = {}
  for number in range(count):
    archive = pack(files(f"box_{number:02d}", number))
    (folder / f"box_{number:02d}.tar.gz").write_bytes(archive)
    assets[f"box_{number:02d}"] = entry(f"box_{number:02d}", number, archive)
  manifest = {"name": "Boxes", "version": "1.0", "assets": assets}
  change(manifest)
  path = folder / "Boxes.json"
  path.write_text(json.dumps(manifest))
  return path


class Server:
  """Serves a folder under any address that ends in the file's name; `calls` counts them."""

  def __init__(self, folder: Path) -> None:
    self.calls: Counter[str] = Counter()
    outer = self

    class Handler(http.server.BaseHTTPRequestHandler):

      def log_message(self, *_: object) -> None:
        pass

      def do_GET(self) -> None:
        name = self.path.partition("?")[0].replace("%2F", "/").rsplit("/", 1)[-1]
        outer.calls[name] += 1
        try:
          body = (folder / name).read_bytes()
        except OSError:
          self.send_error(404)
          return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    self.url = f"http://127.0.0.1:{self.server.server_port}"
    threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
  monkeypatch.setattr(fetching, "WAIT", 0.0)
  started = Server(tmp_path)
  monkeypatch.setenv("STORAGE_EMULATOR_HOST", started.url)
  monkeypatch.setenv("AWS_ENDPOINT_URL", started.url)
  yield started
  started.server.shutdown()
  started.server.server_close()


def check(source: ManifestObjects) -> None:
  item = source.create("box_03", "x", friction=0.1)
  assert item.asset_id == "box_03" and item.effective_license == "CC BY-SA 4.0"
  assert mass_of(item) == 3.5 and not item.static and item.friction == 0.1 and item.scale == (1, 1, 1)
  mesh = load_mesh(item.shape)
  assert np.ptp(mesh.bounds, axis=0) == pytest.approx((1, 1, 4))
  assert isinstance(mesh.materials[0].color, Texture)
  assert [len(piece) for piece in load_pieces(item.shape)] == [8, 8]
  assert mass_of(source.create("box_04", "y")) == 0.75  # what its URDF file says


def test_a_collection_on_disk(tmp_path):
  source = ManifestObjects(collection(tmp_path))
  assert source.name == "Boxes" and len(source.ids()) == 12 and source.categories == ("Box", "Crate")
  assert source.ids("Crate") == ("box_01", "box_04", "box_07", "box_10") and source.assets["box_02"].category == ""
  metadata = source.assets["box_05"].metadata
  assert metadata["volume"] == 5 and metadata["bounds"] == ((-0.5, -0.5, -1), (0.5, 0.5, 1))
  check(source)


@pytest.mark.parametrize("address", ["http", "gs", "s3"])
@pytest.mark.parametrize("data_dir", [False, True])
def test_a_collection_on_a_server(tmp_path, server, address, data_dir):
  base = server.url if address == "http" else f"{address}://bucket/folder"

  def change(manifest: dict[str, Any]) -> None:
    if data_dir:
      manifest["data_dir"] = f"{base}/deeper"

  collection(tmp_path, change=change)
  source = ManifestObjects(f"{base}/Boxes.json")
  assert len(source.ids()) == 12 and sum(server.calls.values()) == 1  # nothing but the manifest
  check(source)
  check(ManifestObjects(f"{base}/Boxes.json"))
  assert server.calls == {"Boxes.json": 2, "box_03.tar.gz": 1, "box_04.tar.gz": 1}  # the cache serves the second
  with pytest.raises(AssetError, match="HTTP 404"):
    (tmp_path / "box_06.tar.gz").unlink()
    source.create("box_06", "z")


def test_a_downloaded_collection_may_name_its_old_place(tmp_path, server):
  path = collection(tmp_path, change=lambda manifest: manifest.update(data_dir="gs://kubric-public/assets/Boxes"))
  check(ManifestObjects(path))
  assert not server.calls
  moved = tmp_path / "moved"
  moved.mkdir()
  check(ManifestObjects(path.rename(moved / path.name), data_dir=tmp_path))
  assert not server.calls


@pytest.mark.parametrize("data_dir", ["archives", "./archives/", "absolute"])
def test_data_dir_starts_at_the_manifest(tmp_path, data_dir):
  (tmp_path / "archives").mkdir()
  path = collection(tmp_path / "archives",
                    change=lambda m: m.update(data_dir=str(tmp_path / "archives") if data_dir == "absolute" else data_dir))
  check(ManifestObjects(path.rename(tmp_path / "Boxes.json")))


def test_listing_is_quick_and_fetches_nothing(tmp_path):
  assets = {f"{i:05d}/{i:032x}": entry(f"{i:05d}/{i:032x}", i % 9) for i in range(50_000)}
  path = tmp_path / "Large.v2.json"
  path.write_text(json.dumps({"assets": assets}))
  started = time.perf_counter()
  source = ManifestObjects(path)
  assert len(source.ids("Crate")) > 10_000 and source.name == "Large.v2"
  assert time.perf_counter() - started < 5


def test_ids_with_folders(tmp_path):
  """As ShapeNet's, whose archives lie in a folder for each category."""
  (tmp_path / "02691156").mkdir()
  data = files("abc", 1)
  (tmp_path / "02691156" / "abc.tar.gz").write_bytes(pack({f"abc/{name}": content for name, content in data.items()}))
  path = tmp_path / "ShapeNet.json"
  path.write_text(json.dumps({"assets": {"02691156/abc": entry("02691156/abc", 1)}}))
  assert mass_of(ManifestObjects(path).create("02691156/abc", "x")) == 1.5


def test_without_archives(tmp_path, server):
  """`path: null`: files in the folder itself."""
  def change(manifest: dict[str, Any]) -> None:
    manifest["assets"]["box_00"]["path"] = None

  path = collection(tmp_path, 1, change)
  for name, content in files("box_00", 0).items():
    (tmp_path / name).write_bytes(content)
  item = ManifestObjects(path).create("box_00", "x")
  assert item.shape.path == str(tmp_path / "visual_geometry.obj") and len(load_pieces(item.shape)) == 2
  with pytest.raises(AssetError, match="has no archive.*download its folder"):
    ManifestObjects(f"{server.url}/Boxes.json").create("box_00", "x")
  trimesh.creation.box((1, 1, 1)).export(tmp_path / "box.glb")
  path.write_text(path.read_text().replace("visual_geometry.obj", "box.glb"))
  item = ManifestObjects(f"{server.url}/Boxes.json").create("box_00", "x")
  assert len(load_pieces(item.shape)) == 2 and mass_of(item) == 0.75


@pytest.mark.parametrize("change", [
    lambda kwargs: kwargs.pop("simulation_filename"), lambda kwargs: kwargs.update(simulation_filename=None)])
def test_collision_bodies_without_urdf(tmp_path, change):
  path = collection(tmp_path, 2, lambda manifest: [change(record["kwargs"]) for record in manifest["assets"].values()])
  source = ManifestObjects(path)
  assert len(load_pieces(source.create("box_00", "x").shape)) == 2
  assert source.create("box_00", "x").mass is None and source.create("box_01", "x").mass == 1.5


def repacked(folder: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
  """A collection of one asset whose archive is changed."""
  path = collection(folder, 1)
  content = files("box_00", 0)
  change(content)
  (folder / "box_00.tar.gz").write_bytes(pack(content))
  path.write_text(json.dumps({"assets": {"box_00": entry("box_00", 0)}}))
  return path


@pytest.mark.parametrize(("change", "reason"), [
    (lambda content: content.pop("visual_geometry.obj"), "visual_geometry.obj is not in its archive"),
    (lambda content: content.pop("object.urdf"), "object.urdf is not in its archive"),
    (lambda content: content.pop("collision_geometry.obj"), "collision_geometry.obj is not in its archive"),
    (lambda content: content.update({"data.json": b'{"id": "other"}'}), "holds the asset 'other' instead of 'box_00'"),
    (lambda content: content.update({"data.json": b"{"}), "is no JSON"),
    (lambda content: content.update({"object.urdf": b"<!DOCTYPE x><robot/>"}), "document type"),
    (lambda content: content.update({"object.urdf": URDF.replace("collision_g", "../collision_g").encode()}), "stay")])
def test_archives_that_lack_something(tmp_path, change, reason):
  with pytest.raises(AssetError, match=reason) as error:
    ManifestObjects(repacked(tmp_path, change)).create("box_00", "x")
  assert "\n" not in str(error.value)


def test_a_missing_texture_is_told(tmp_path):
  item = ManifestObjects(repacked(tmp_path, lambda content: content.pop("texture.png"))).create("box_00", "x")
  with pytest.raises(AssetError, match="names a texture that is missing: texture.png"):
    load_mesh(item.shape)


def test_archives_that_differ_from_the_manifest(tmp_path, cache_root):
  path = collection(tmp_path, 2)
  archive = tmp_path / "box_00.tar.gz"
  archive.write_bytes(pack(files("box_00", 5)))
  with pytest.raises(AssetError, match="SHA-256 differs"):
    ManifestObjects(path).create("box_00", "x")
  archive.write_bytes(archive.read_bytes()[:-20])
  path.write_text(path.read_text().replace('"sha256"', '"other"'))
  with pytest.raises(AssetError, match="cannot be used.*fetch it again"):
    ManifestObjects(path).create("box_00", "x")
  archive.unlink()
  with pytest.raises(AssetError, match="cannot be read.*data_dir"):
    ManifestObjects(path).create("box_00", "x")
  assert ManifestObjects(path).create("box_01", "x").mass == 1.5
  assert not list(cache_root.rglob(".*partial*"))


def test_archives_that_cannot_be_read(tmp_path, monkeypatch):
  path = collection(tmp_path, 1)
  archive = tmp_path / "box_00.tar.gz"

  def fail(*_: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")

  with monkeypatch.context() as patch:
    patch.setattr(hashlib, "file_digest", fail)
    with pytest.raises(AssetError, match="archive .* cannot be read .Permission denied") as error:
      ManifestObjects(path).create("box_00", "x")
  assert "cache" not in str(error.value).lower().replace(str(tmp_path).lower(), "")
  archive.unlink()
  for make in (os.mkdir, os.mkfifo):
    make(archive)
    with pytest.raises(AssetError, match="archive .* cannot be read .it is no file.*data_dir"):
      ManifestObjects(path).create("box_00", "x")
    archive.rmdir() if make is os.mkdir else archive.unlink()


def test_an_archive_that_changes_is_unpacked_anew(tmp_path):
  path = repacked(tmp_path, lambda content: None)
  first = ManifestObjects(path).create("box_00", "x").shape
  repacked(tmp_path, lambda content: content.update(files("box_00", 3)))
  second = ManifestObjects(path).create("box_00", "x").shape
  assert (np.ptp(load_mesh(first).bounds, axis=0)[2], np.ptp(load_mesh(second).bounds, axis=0)[2]) == pytest.approx((1, 4))


def test_an_archive_with_links_is_refused(tmp_path):
  path = repacked(tmp_path, lambda content: None)
  with tarfile.open(tmp_path / "box_00.tar.gz", "w:gz") as tar:
    link = tarfile.TarInfo("visual_geometry.obj")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    tar.addfile(link)
  with pytest.raises(AssetError, match="neither a file nor a folder"):
    ManifestObjects(path).create("box_00", "x")


def one(**changes: Any) -> dict[str, Any]:
  record = entry("a", 1)
  for key, value in changes.items():
    place = record["kwargs"] if key.startswith("kwargs_") else record
    place[key.removeprefix("kwargs_")] = value
  return {"assets": {"a": record}}


@pytest.mark.parametrize(("content", "reason"), [
    ([], "no manifest"), ({}, "no manifest"), ({"assets": [one()["assets"]["a"]]}, "no manifest"), ({"assets": {}}, "no assets"),
    ({"assets": {"a": None}}, "must be an object"), ({"assets": {"": {}}}, "printable"), ({"assets": {"a\n": {}}}, "printable"),
    (one(id="b"), "its id is 'b'"), (one(license=3), "license must be text"), (one(kwargs=[1]), "kwargs must be an object"),
    (one(metadata="x"), "metadata must be"), (one(path=3), "path must be text"), (one(sha256="xyz"), "64 hex"),
    (one(asset_type="Texture"), "only Texture"), (one(kwargs_bounds=[[0, 0], [1, 1]]), "bounds"),
    (one(kwargs_bounds="ab"), "bounds"), (one(kwargs_bounds=[[10**400, 0, 0], [1, 1, 1]]), "bounds"),
    (one(kwargs_bounds=[[1, 0, 0], [1, 1, True, 2]]), "bounds"), (one(license="CC\n0"), "license must be printable text"),
    (one(asset_type="a\x1b[31m"), "asset_type must be printable"), (one(path="a\x00"), "path must be printable"),
    (one(metadata={"category": "a\nb"}), "category must be printable"), ({"name": "a\nb", **one()}, "name must be printable"),
    ({"data_dir": "a\x07", **one()}, "data_dir must be printable"),
    ({"name": 3, **one()}, "name must be text"), ({"data_dir": 3, **one()}, "data_dir")])
def test_broken_manifests(tmp_path, content, reason):
  path = tmp_path / "m.json"
  path.write_text(json.dumps(content))
  with pytest.raises(AssetError, match=reason) as error:
    ManifestObjects(path).ids()
  assert str(error.value).isprintable() and ("m.json" in str(error.value) or "asset" in str(error.value))


@pytest.mark.parametrize("text", ["", "{", "\x00", '{"assets": NaN}', "[" * 100_000])
def test_manifests_that_are_no_json(tmp_path, text):
  (tmp_path / "m.json").write_text(text)
  with pytest.raises(AssetError, match="no JSON"):
    ManifestObjects(tmp_path / "m.json")


@pytest.mark.parametrize(("changes", "reason"), [
    ({"kwargs": {}}, "names no render_filename"), ({"kwargs_render_filename": 3}, "must be text"),
    ({"kwargs_render_filename": "../../etc/passwd.obj"}, "stay"), ({"kwargs_render_filename": "/etc/passwd.obj"}, "stay"),
    ({"path": "../a.tar.gz"}, "stay"), ({"path": "file:///a.tar.gz"}, "stay"), ({"path": "none.tar.gz"}, "cannot be read"),
    ({"kwargs_mass": 10**400}, "mass must be finite"), ({"kwargs_scale": 10**400}, "scale"),
    ({"kwargs_render_filename": "a\x1b[31m.obj"}, "stay"), ({"kwargs_render_filename": "a\n.obj"}, "stay"),
    ({"kwargs_mass": -1}, "mass must lie"), ({"kwargs_mass": "heavy"}, "mass must be"), ({"kwargs_scale": 0}, "scale must be"),
    ({"kwargs_scale": [1, 2]}, "scale must be 3"), ({"kwargs_render_filename": "texture.png"}, "must end in"),
    ({"kwargs_simulation_filename": "../x.urdf"}, "stay"), ({"kwargs_simulation_filename": 3}, "must be text")])
def test_broken_entries(tmp_path, changes, reason):
  (tmp_path / "a.tar.gz").write_bytes(pack(files("a", 1)))
  path = tmp_path / "m.json"
  path.write_text(json.dumps(one(**changes)))
  with pytest.raises(AssetError, match=reason) as error:
    ManifestObjects(path).create("a", "x")
  assert str(error.value).isprintable() and "'a'" in str(error.value)


def test_scales_of_entries(tmp_path):
  (tmp_path / "a.tar.gz").write_bytes(pack(files("a", 1)))
  path = tmp_path / "m.json"
  path.write_text(json.dumps(one(kwargs_scale=2)))
  assert ManifestObjects(path).create("a", "x").scale == (2, 2, 2)
  assert ManifestObjects(path).create("a", "x", scale=3).scale == (3, 3, 3)


def test_a_remote_manifest_names_no_folders_of_this_machine(tmp_path, server):
  collection(tmp_path, 1, lambda manifest: manifest.update(data_dir="/etc"))
  with pytest.raises(AssetError, match="another machine"):
    ManifestObjects(f"{server.url}/Boxes.json")


@pytest.mark.parametrize("filename", ["{asset_dir}/environment_4k.hdr", "environment_4k.hdr"])
def test_environments(tmp_path, server, filename):
  hdr = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 2\n" + bytes([128, 128, 128, 129] * 2)
  (tmp_path / "sky.tar.gz").write_bytes(pack({"environment_4k.hdr": hdr, "data.json": b'{"id": "sky"}'}))
  (tmp_path / "lone.hdr").write_bytes(hdr)
  assets = {"sky": {"id": "sky", "asset_type": "Texture", "license": "CC0 1.0", "kwargs": {"filename": filename}},
            "lone": {"id": "lone", "asset_type": "Texture", "path": None, "kwargs": {"filename": "lone.hdr"}},
            "none": {"asset_type": "Texture"}, **one()["assets"]}
  (tmp_path / "HDRI.json").write_text(json.dumps({"assets": assets}))
  for path in (tmp_path / "HDRI.json", f"{server.url}/HDRI.json"):
    source = ManifestEnvironments(path)
    assert source.ids() == ("lone", "none", "sky") and source.assets["sky"].license == "CC0 1.0"
    assert source.assets["lone"].license == "unknown"
    sky = source.create("sky", strength=2.0)
    assert Path(sky.hdri).read_bytes() == hdr and sky.strength == 2 and sky == source.create("sky", strength=2.0)
    assert Path(source.create("lone").hdri).read_bytes() == hdr
    with pytest.raises(AssetError, match="names no filename"):
      source.create("none")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["assets", "a", "kwargs", "id", "path", "render_filename", "bounds", "mass", "data_dir", "metadata", "category"]),
        inner, max_size=4), max_leaves=12)


@given(st.fixed_dictionaries({"assets": st.dictionaries(st.text(max_size=3), json_values, max_size=3)}) | json_values
       | json_values.map(lambda value: {"assets": {"a": {"kwargs": value}}}))
@settings(max_examples=150, deadline=None)
def test_anything_is_a_collection_or_refused(tmp_path_factory, content):
  path = tmp_path_factory.mktemp("fuzz") / "m.json"
  path.write_text(json.dumps(content))
  try:
    source = ManifestObjects(path)
    for asset_id in source.ids():
      with pytest.raises(AssetError):
        source.create(asset_id, "x")
  except KubricGenError as error:
    assert "\n" not in str(error)
