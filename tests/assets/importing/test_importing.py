"""A user's files as a collection: real ones in every format, good and bad."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from kubric_gen.assets import load_mesh, mass_of
from kubric_gen.cli.assets import _pictures
from kubric_gen.assets.collections import ManifestObjects
from kubric_gen.assets.collision.decomposition import solidity_of
from kubric_gen.assets.collision.files import load_pieces
from kubric_gen.assets.importing import folder as importing
from kubric_gen.assets.importing.conversion import to_glb
from kubric_gen.assets.importing.export import glb_bytes
from kubric_gen.assets.importing.folder import Result, find_files, import_folder, name_assets
from kubric_gen.assets.importing.preparing import Options
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.physics import simulate
from kubric_gen.scene import MeshFile, Object, PerspectiveCamera, Plane, PrincipledMaterial, Scene, Solid, Sphere, Texture
from kubric_gen.scene.transforms import rotation_matrix
from kubric_gen.system.console import captured_console

pytestmark = pytest.mark.usefixtures("cache_root")

BLENDER = """
import bpy, sys
folder = sys.argv[1]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.mesh.primitive_cube_add(size=0.3)
cube = bpy.context.object
material = bpy.data.materials.new("paint")
material.use_nodes = True
node = material.node_tree.nodes.new("ShaderNodeTexImage")
node.image = bpy.data.images.load(folder + "/paint.png")
material.node_tree.links.new(node.outputs["Color"], material.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
cube.data.materials.append(material)
bevel = cube.modifiers.new("bevel", "BEVEL")
bpy.ops.wm.usd_export(filepath=folder + "/files/usd_box.usdc", export_textures_mode="KEEP")
bpy.ops.wm.usd_export(filepath=folder + "/files/usd_box_packed.usdz")
text = bpy.data.texts.new("evil.py")
text.write("open(" + repr(folder + "/EVIL") + ", 'w')")
text.use_module = True
bpy.ops.wm.save_as_mainfile(filepath=folder + "/files/blend_box.blend", relative_remap=False)
node.image.filepath = folder + "/gone.png"
bpy.ops.wm.usd_export(filepath=folder + "/files/lost.usda", export_textures_mode="KEEP")
bpy.ops.wm.save_as_mainfile(filepath=folder + "/files/lost.blend", relative_remap=False)
"""


def textured_box(size: tuple[float, float, float], color: tuple[int, int, int]) -> trimesh.Trimesh:
  box = trimesh.creation.box(size)
  box.visual = trimesh.visual.TextureVisuals(uv=np.tile([[0.0, 0.0], [1.0, 1.0]], (4, 1)), material=(
      trimesh.visual.material.PBRMaterial(baseColorTexture=Image.new("RGB", (4, 4), color), metallicFactor=0.25,
                                          roughnessFactor=0.75)))
  return box


def table() -> trimesh.Trimesh:
  """A top on four legs, all in one."""
  parts = [trimesh.creation.box(bounds=((0, 0, 0.5), (0.8, 0.6, 0.55)))]
  parts += [trimesh.creation.box(bounds=((x, y, 0), (x + 0.05, y + 0.05, 0.52))) for x in (0, 0.75) for y in (0, 0.55)]
  return trimesh.util.concatenate(parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Files of all kinds, in subfolders."""
  root = tmp_path_factory.mktemp("input")
  files = root / "files"
  Image.new("RGB", (8, 8), (200, 30, 30)).save(root / "paint.png")
  for name in ("furniture", "odd", ".hidden"):
    (files / name).mkdir(parents=True)
  subprocess.run([sys.executable, "-c", BLENDER, str(root)], check=True, capture_output=True)
  if not list(Path(find_spec("bpy").origin).parent.glob("*/python/lib/*/site-packages/pxr")):
    (files / "lost.usda").unlink()  # the container image lacks what tells of it
  table().export(files / "furniture" / "my table!.obj", include_normals=False)
  table().apply_scale(100).export(files / "furniture" / "table.stl")
  textured_box((0.2, 0.3, 0.1), (10, 200, 30)).export(files / "box.glb")
  trimesh.Scene(textured_box((0.2, 0.3, 0.1), (10, 20, 230))).export(files / "box.gltf")  # with a bin and a png beside it
  ball = trimesh.creation.icosphere(3, radius=0.1)
  ball.visual.vertex_colors = (20, 200, 220, 255)
  ball.export(files / "ball.ply")
  ball.export(files / "ball.off")
  ball.export(files / ".hidden" / "ball.off")
  inverted = trimesh.creation.icosphere(2, radius=0.2)
  inverted.faces = inverted.faces[:, ::-1]
  inverted.export(files / "odd" / "inverted.ply")
  bowl = trimesh.creation.icosphere(4, radius=0.2)
  bowl.update_faces(bowl.triangles_center[:, 2] < 0.05)
  bowl.export(files / "odd" / "bowl.ply")
  tangled = trimesh.creation.box((0.2, 0.2, 0.2))
  trimesh.Trimesh(tangled.vertices, [*tangled.faces, [0, 3, 7]], process=False).export(files / "odd" / "tangled.ply")
  (files / "odd" / "flat.obj").write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3\nf 1 3 4\n")
  (files / "odd" / "empty.obj").write_text("")
  (files / "odd" / "garbage.glb").write_bytes(b"garbage")
  (files / "odd" / "garbage.blend").write_bytes(b"garbage")
  (files / "odd" / "untextured.obj").write_text("mtllib m.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nvt 0 0\n"
                                                "f 1/1 2/1 3/1\nf 1/1 2/1 4/1\nf 1/1 3/1 4/1\nf 2/1 3/1 4/1\n")
  (files / "odd" / "m.mtl").write_text("newmtl m\nmap_Kd gone.png\n")
  trimesh.creation.box((1e5, 1, 1)).export(files / "odd" / "huge.stl")
  trimesh.creation.box((100, 50, 30)).export(files / "odd" / "wide.stl")
  return files


@pytest.fixture(scope="module")
def imported(folder: Path, tmp_path_factory: pytest.TempPathFactory, cache_root: Path) -> tuple[Path, dict[str, Result]]:
  output = tmp_path_factory.mktemp("output") / "Mine"
  results = import_folder(folder, output, Options(license="CC BY 4.0"), pictures=_pictures)
  return output, {result.file: result for result in results}


GOOD = {"furniture/my table!.obj": "furniture_my_table", "furniture/table.stl": "furniture_table", "box.glb": "box.glb",
        "box.gltf": "box.gltf", "ball.ply": "ball.ply", "ball.off": "ball.off", "usd_box.usdc": "usd_box",
        "usd_box_packed.usdz": "usd_box_packed", "blend_box.blend": "blend_box", "odd/wide.stl": "odd_wide"}


def test_every_file_is_told_of(imported):
  _, results = imported
  assert {file: result.id for file, result in results.items() if result.verdict == "ok"} == GOOD
  assert {file: result.notes.partition("closed")[0] for file, result in results.items() if result.verdict == "repaired"} == {
      "odd/inverted.ply": "0.4 m, 16.2 kg, 1 piece, ", "odd/bowl.ply": results["odd/bowl.ply"].notes.partition("closed")[0],
      "odd/tangled.ply": "0.2 m, 4 kg, 1 piece, not "}
  assert "turned inside out" in results["odd/inverted.ply"].notes
  assert "not closed: made solid" in results["odd/bowl.ply"].notes
  assert results["odd/wide.stl"].notes.endswith("100 m across would be too large, read as mm")
  assert results["furniture/table.stl"].notes.endswith("read as mm")


@pytest.mark.parametrize(("file", "reason"), [
    ("odd/flat.obj", "flat and has no volume"), ("odd/empty.obj", "no triangles|cannot be read"),
    ("odd/garbage.glb", "cannot be read"), ("odd/garbage.blend", "cannot be converted by Blender"),
    ("odd/untextured.obj", "texture that is missing: gone.png"), ("odd/huge.stl", r"1e\+05 m across.*--unit"),
    ("lost.usda", "image is missing: .*gone.png"), ("lost.blend", "image is missing: .*gone.png")])
def test_what_cannot_be_used_is_skipped(imported, file, reason):
  if file not in imported[1]:
    pytest.skip("Blender's Python modules for USD are not installed")
  result = imported[1][file]
  assert result.verdict == "skipped" and re.search(reason, result.notes) and "\n" not in str(result)
  assert str(result).startswith(f"skipped  {file}: ")


def test_scripts_in_files_do_not_run(imported, folder):
  assert not (folder.parent / "EVIL").exists()


def test_the_collection_reads_back(imported):
  output, results = imported
  source = ManifestObjects(output / "Mine.json")
  assert source.name == "Mine" and len(source.ids()) == 13 and source.categories == ("furniture", "odd")
  assert source.ids("furniture") == ("furniture_my_table", "furniture_table") and source.assets["box.glb"].license == "CC BY 4.0"
  extents = {"box.glb": (0.2, 0.1, 0.3), "furniture_my_table": (0.8, 0.6, 0.55), "furniture_table": (0.08, 0.06, 0.055),
             "ball.off": (0.2, 0.2, 0.2), "usd_box": (0.3, 0.3, 0.3), "blend_box": (0.3, 0.3, 0.3), "odd_wide": (0.1, 0.05, 0.03)}
  for asset_id, asset in source.assets.items():
    item = source.create(asset_id, "x")
    mesh = load_mesh(item.shape)
    assert np.ptp(mesh.bounds, axis=0) == pytest.approx(extents.get(asset_id, np.ptp(mesh.bounds, axis=0)), abs=1e-3)
    assert np.array(asset.metadata["bounds"]) == pytest.approx(mesh.bounds, abs=1e-4)
    assert mass_of(item) == pytest.approx(500 * asset.metadata["volume"], rel=1e-4)
    pieces = load_pieces(item.shape)
    joined = np.concatenate(pieces)
    assert len(pieces) == asset.metadata["nr_pieces"]
    assert np.stack([joined.min(axis=0), joined.max(axis=0)]) == pytest.approx(mesh.bounds, abs=0.005 * np.ptp(mesh.bounds))
    assert mesh.volume == pytest.approx(asset.metadata["volume"], rel=0.02) or asset.metadata["geometry"] == "repaired"


def test_looks_are_kept(imported):
  source = ManifestObjects(imported[0] / "Mine.json")
  for asset_id, color in (("box.glb", (10, 200, 30)), ("box.gltf", (10, 20, 230)), ("usd_box", (200, 30, 30)),
                          ("usd_box_packed", (200, 30, 30)), ("blend_box", (200, 30, 30))):
    (look,) = load_mesh(source.create(asset_id, "x").shape).materials
    assert isinstance(look.color, Texture)
    assert Image.open(look.color.path).convert("RGB").getpixel((1, 1)) == color
    if asset_id.startswith("box"):
      assert (look.metallic, look.roughness) == (0.25, 0.75)
  (paint,) = load_mesh(source.create("ball.ply", "x").shape).materials
  assert paint.color == pytest.approx((0.007, 0.578, 0.716), abs=0.01)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("shape", [Sphere(), Solid("gear"), Solid("mug")], ids=["smooth", "creased", "both"])
def test_a_glb_file_has_the_normals_it_was_written_with(shape, count, tmp_path):
  mesh = load_mesh(shape)
  looks = (PrincipledMaterial(color="red"), PrincipledMaterial(color="blue"))[:count]
  index = (np.arange(len(mesh.faces)) // 7 % count).astype(np.int32)
  (tmp_path / "x.glb").write_bytes(glb_bytes(dataclasses.replace(mesh, materials=looks, material_index=index)))
  back = load_mesh(MeshFile(str(tmp_path / "x.glb")))
  order = np.argsort(-index, kind="stable")  # the last part is read first
  assert len(back.vertices) == len(np.unique(mesh.faces)) or count == 2
  np.testing.assert_allclose(back.normals[back.faces], mesh.normals[mesh.faces[order]], atol=1e-6)


def test_things_come_to_rest_on_the_floor(imported):
  source = ManifestObjects(imported[0] / "Mine.json")
  floor = Object("floor", Plane(), scale=(40, 40, 1), static=True, background=True)
  items = [source.create(asset_id, f"item_{asset_id}", position=(1.5 * (i % 4), 1.5 * (i // 4), 0.6), friction=0.8,
                         restitution=0.0, angular_damping=0.5) for i, asset_id in enumerate(source.ids())]
  scene = Scene([floor, *items], cameras=[PerspectiveCamera()], num_frames=48, frame_rate=12)
  motion = simulate(scene)
  for index, item in enumerate(items, start=1):
    points = load_mesh(item.shape).vertices * item.scale @ rotation_matrix(motion.quaternions[-1, index]).T
    assert abs(points[:, 2].min() + motion.positions[-1, index, 2]) < 5e-3, item.name


def test_a_bowl_holds_what_falls_into_it(imported):
  source = ManifestObjects(imported[0] / "Mine.json")
  floor = Object("floor", Plane(), scale=(40, 40, 1), static=True, background=True)
  bowl = source.create("odd_bowl", "bowl", static=True, position=(0, 0, 0.3))
  ball = source.create("ball.off", "ball", scale=0.4, position=(0, 0, 0.8), restitution=0.0)
  motion = simulate(Scene([floor, bowl, ball], cameras=[PerspectiveCamera()], num_frames=24, frame_rate=12))
  x, y, z = motion.positions[-1, 2]
  mesh = load_mesh(bowl.shape)
  assert abs(x) < 0.1 and abs(y) < 0.1
  assert 0.02 < z - 0.3 - mesh.bounds[0, 2] < 0.12  # not on the hull of its rim


def test_other_programs_read_the_files(imported, tmp_path):
  """PyBullet the URDF file, Blender the glb file: in the same axes."""
  import bpy
  import pybullet

  from kubric_gen.assets.fetching.archives import unpack
  output = imported[0]
  entry = json.loads((output / "Mine.json").read_text())["assets"]["furniture_my_table"]
  unpack(output / "furniture_my_table.tar.gz", tmp_path)
  assert json.loads((tmp_path / "data.json").read_text()) == {k: v for k, v in entry.items() if k != "sha256"}
  with captured_console():
    client = pybullet.connect(pybullet.DIRECT)
    body = pybullet.loadURDF(str(tmp_path / "object.urdf"), physicsClientId=client)
    mass, _, inertia, *_ = pybullet.getDynamicsInfo(body, -1, physicsClientId=client)
    low, high = pybullet.getAABB(body, physicsClientId=client)
    pybullet.disconnect(client)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "visual_geometry.glb"))
    corners = np.array([item.matrix_world @ vertex.co for item in bpy.data.objects if item.type == "MESH"
                        for vertex in item.data.vertices])
    bpy.ops.wm.read_factory_settings(use_empty=True)
  bounds = np.array(entry["kwargs"]["bounds"])
  assert mass == pytest.approx(entry["kwargs"]["mass"]) and min(inertia) > 0
  assert np.stack([low, high]) == pytest.approx(bounds, abs=0.01)
  assert np.stack([corners.min(axis=0), corners.max(axis=0)]) == pytest.approx(bounds, abs=1e-4)


def test_thumbnails(imported):
  with Image.open(imported[0] / "thumbnails.png") as image:
    assert image.height == 4 + 132 * 3 and np.ptp(np.asarray(image)) > 200  # none, furniture, odd: eight fit in a row


def test_output_is_the_same_again_and_only_replaced_on_request(folder, tmp_path):
  files = tmp_path / "in"
  files.mkdir()
  for name in ("box.glb", "ball.ply"):
    (files / name).write_bytes((folder / name).read_bytes())
  options = Options()
  for name in ("first/Boxes", "second/Boxes"):
    import_folder(files, tmp_path / name, options)
  contents = [{path.name: path.read_bytes() for path in (tmp_path / name / "Boxes").iterdir()} for name in ("first", "second")]
  assert contents[0] == contents[1] and set(contents[0]) == {"Boxes.json", "ball.tar.gz", "box.tar.gz"}
  with pytest.raises(KubricGenError, match="already exists: choose another --output or pass --overwrite"):
    import_folder(files, tmp_path / "first/Boxes", options)
  (files / "ball.ply").unlink()
  import_folder(files, tmp_path / "first/Boxes", options, overwrite=True)
  assert len(list((tmp_path / "first/Boxes").iterdir())) == 2
  (files / "box.glb").write_bytes(b"x")
  with pytest.raises(KubricGenError, match=r"nothing can be imported from \S+: 1 file skipped"):
    import_folder(files, tmp_path / "third", options)
  assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "in", "second"]


def names(*files: str) -> list[str]:
  return list(name_assets([Path("/in") / file for file in files], Path("/in")).values())


def test_ids_are_safe_and_unique():
  assert names("chair/model.obj", "table/Model.obj", "a b/c&d.ply", "y/deep/model.obj", "v1.2.obj") == [
      "chair_model", "table_Model", "a_b_c_d", "y_deep_model", "v1_2"]
  accents = names("x/é.obj", "x/è.obj", "x/..obj")
  assert len(set(accents)) == 3 and all(re.fullmatch(r"x\.[0-9a-f]{12}", name) for name in accents)
  assert names("é.obj") == ["asset"]
  long = names("a" * 150 + ".obj", "a" * 150 + "b.obj", "a" * 100 + ".obj")
  assert [len(name) for name in long] == [113, 113, 100] and len(set(long)) == 3


def test_ids_do_not_depend_on_other_files():
  """So that a new file moves no old one from training to testing."""
  assert names("duck.glb", "b.obj") == ["duck", "b"]
  assert names("duck.glb", "toys/duck.glb", "b.obj", "a.obj") == ["duck", "toys_duck", "b", "a"]
  assert names("toys/duck.glb") == ["toys_duck"]
  # but for those that differ in the suffix, or in what ids cannot hold
  assert names("box.gltf", "box.glb") == ["box.gltf", "box.glb"]
  assert names("box.gltf", "box.blend", "box.glb", "BOX.GLB")[:2] == ["box.gltf", "box.blend"]
  same = names("a/b.obj", "a_b.obj", "c.obj")
  assert same[2] == "c" and same[:2] == names("a_b.obj", "a/b.obj")[::-1] and len(set(same)) == 3
  assert names("a/b.obj", "a_b.glb") == ["a_b.obj", "a_b.glb"]


def collection_of(tmp_path: Path) -> tuple[Path, Path]:
  """A file, and the collection that it was imported to."""
  (tmp_path / "in").mkdir()
  trimesh.creation.box((0.1, 0.2, 0.3)).export(tmp_path / "in" / "box.stl")
  import_folder(tmp_path / "in", tmp_path / "coll", Options())
  return tmp_path / "in", tmp_path / "coll"


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_are_not_overwritten_by_what_is_made_of_them(tmp_path, monkeypatch, overwrite):
  folder, output = collection_of(tmp_path)
  (output / "raw").mkdir()
  raw = output / "raw" / "box.stl"
  raw.write_bytes((folder / "box.stl").read_bytes())
  (tmp_path / "link").symlink_to(output)
  monkeypatch.chdir(output)
  for source, target in ((output, output), (output / "raw", output), (raw, output), (output, output / "raw"),
                         (output / "raw", tmp_path / "link"), (tmp_path / "link" / "raw", output), (folder, folder / "new"),
                         (tmp_path, output), (Path("raw"), Path(".")), (Path("."), Path("new"))):
    with pytest.raises(KubricGenError, match="must not lie in one another: choose another --output"):
      import_folder(source, target, Options(), overwrite)
  assert raw.is_file() and (output / "coll.json").is_file() and not (folder / "new").exists()
  import_folder(folder / "box.stl", tmp_path / "beside", Options())  # only the file counts
  import_folder(folder / "box.stl", folder / "below", Options())


@pytest.mark.parametrize(("change", "reason"), [
    (lambda folder: (folder / "notes.txt").touch(), "it also holds 'notes.txt'"),
    (lambda folder: (folder / "more").mkdir(), "it also holds 'more'"),
    (lambda folder: ((folder / "box.tar.gz").unlink(), (folder / "box.tar.gz").mkdir()), "it also holds 'box.tar.gz'"),
    (lambda folder: (folder / "coll.json").write_text("{}"), "coll.json is not of an import"),
    (lambda folder: (folder / "coll.json").write_text("[" * 100_000), "coll.json is not of an import"),
    (lambda folder: (folder / "coll.json").write_text('{"name": "coll", "version": "1.0", "assets": [1]}'), "not of an import"),
    (lambda folder: (folder / "coll.json").write_text('{"name": "coll", "version": "1.0", "assets": {}}'), "not of an import"),
    (lambda folder: (folder / "coll.json").write_text(json.dumps(
        {"name": "coll", "version": "1.0", "assets": {"box": {"id": "box", "kwargs": {}}}})), "not of an import"),
    (lambda folder: (folder / "coll.json").unlink(), "is no asset collection")])
def test_only_what_an_import_has_written_is_replaced(tmp_path, change, reason):
  folder, output = collection_of(tmp_path)
  import_folder(folder, output, Options(), overwrite=True, pictures=lambda rows: np.zeros((4, 4, 3), np.uint8))
  import_folder(folder, output, Options(), overwrite=True)
  change(output)
  before = sorted(output.iterdir())
  with pytest.raises(KubricGenError, match=reason) as error:
    import_folder(folder, output, Options(), overwrite=True)
  assert str(error.value).endswith("will not be replaced: choose another --output")
  assert sorted(output.iterdir()) == before


def test_what_comes_while_an_import_runs_is_kept(tmp_path):
  folder, output = collection_of(tmp_path)
  with pytest.raises(KubricGenError, match="also holds 'new.txt'"):
    import_folder(folder, output, Options(), overwrite=True, report=lambda _: (output / "new.txt").touch())
  assert (output / "new.txt").exists() and (output / "coll.json").exists()


def test_odd_names_of_folders(tmp_path):
  (tmp_path / "in" / "a\nb").mkdir(parents=True)
  trimesh.creation.box((0.1, 0.2, 0.3)).export(tmp_path / "in" / "a\nb" / "box\x1b.stl")
  (result,) = import_folder(tmp_path / "in", tmp_path / "out", Options())
  assert result.id == "a_b_box" and str(result).isprintable()
  assert ManifestObjects(tmp_path / "out" / "out.json").categories == ("a_b",)
  with pytest.raises(KubricGenError, match="must be printable"):
    import_folder(tmp_path / "in", tmp_path / "o\nut", Options())
  with pytest.raises(KubricGenError, match="license must be printable"):
    Options(license="a\nb")


def test_importing_needs_no_renderer():
  """The pictures are made by what is passed in: assets are below the renderer."""
  script = ("import sys, kubric_gen.assets.importing.folder, kubric_gen.assets.collections\n"
            "print([n for n in sys.modules if n.startswith(('kubric_gen.render', 'kubric_gen.pictures', 'bpy'))])")
  assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "[]\n"
  for file in Path(importing.__file__).parent.rglob("*.py"):
    if file.name != "__main__.py":
      assert not re.search(r"(from|import) kubric_gen\.(render|pictures)\b", file.read_text()), file


def test_units_and_axes_can_be_said(tmp_path):
  trimesh.creation.box((10, 20, 30)).export(tmp_path / "box.stl")
  for options, extent in ((Options(unit="inch"), (0.254, 0.508, 0.762)),
                          (Options(unit="m"), (10, 20, 30)),
                          (Options(up="y", density=100.0), (0.01, 0.03, 0.02))):
    output = tmp_path / f"out_{options.unit}"
    import_folder(tmp_path / "box.stl", output, options)
    item = ManifestObjects(output / f"{output.name}.json").create("box", "x")
    assert np.ptp(load_mesh(item.shape).bounds, axis=0) == pytest.approx(extent, rel=1e-4)
    assert mass_of(item) == pytest.approx(options.density * np.prod(extent), rel=1e-4)


def test_folders_without_files(tmp_path):
  with pytest.raises(KubricGenError, match="holds nothing to import"):
    find_files(tmp_path)
  with pytest.raises(KubricGenError, match="folder not found"):
    find_files(tmp_path / "none")


def test_a_conversion_that_takes_too_long_is_given_up(folder, tmp_path, monkeypatch):
  monkeypatch.setattr("kubric_gen.assets.importing.conversion.MAX_SECONDS", 0.01)
  with pytest.raises(AssetError, match="takes longer"):
    to_glb(folder / "blend_box.blend", tmp_path / "x.glb")


def test_solids_of_overlapping_parts_count_once():
  first = trimesh.creation.box((1, 1, 1))
  both = trimesh.util.concatenate([first, first.copy().apply_translation((0.5, 0, 0))])
  assert solidity_of(both.vertices, both.faces).volume == pytest.approx(1.5)
  hollow = trimesh.util.concatenate([first, trimesh.Trimesh(first.vertices / 2, first.faces[:, ::-1])])
  assert solidity_of(hollow.vertices, hollow.faces).volume == pytest.approx(1 - 1 / 8)


def test_a_soup_of_triangles_gets_bodies():
  soup = np.random.default_rng(0).normal(size=(40, 3, 3))
  made = solidity_of(soup.reshape(-1, 3), np.arange(120).reshape(-1, 3))
  assert made.kind == "repaired" and made.volume > 0 and len(made.pieces) > 1


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, "-m", "kubric_gen.assets", *map(str, arguments)], capture_output=True, text=True,
                        check=False)


def test_command_line(folder, tmp_path):
  (tmp_path / "in" / "kind").mkdir(parents=True)
  (tmp_path / "in" / "kind" / "box.glb").write_bytes((folder / "box.glb").read_bytes())
  (tmp_path / "in" / "bad.stl").write_bytes(b"bad")
  done = command("import", tmp_path / "in", "--output", tmp_path / "out", "--no-thumbnails", "--license=CC0")
  assert done.returncode == 0 and done.stderr == ""
  first, second, last = done.stdout.splitlines()
  assert first.startswith("skipped  bad.stl: ") and second == "ok       kind/box.glb -> kind_box: 0.3 m, 3 kg, 1 piece, closed"
  assert last == f"{tmp_path / 'out' / 'out.json'}: 1 asset, 1 file skipped"
  again = command("import", tmp_path / "in", "--output", tmp_path / "out")
  assert again.returncode == 2 and again.stderr.startswith("error: ") and again.stderr.count("\n") == 1
  for arguments in (["import", tmp_path], ["import"], [], ["export"], ["import", tmp_path, "--output=x", "--unit=mile"],
                    ["import", tmp_path, f"--output={tmp_path / 'x'}", "--density=-1"],
                    ["import", tmp_path / "in", f"--output={tmp_path / 'x'}", "--license=a\nb"],
                    ["import", tmp_path / "in", f"--output={tmp_path / 'in' / 'x'}", "--overwrite"]):
    failed = command(*arguments)
    assert failed.returncode == 2 and failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1
