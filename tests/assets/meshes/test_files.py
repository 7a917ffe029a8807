"""Meshes from files: every format the same, centred and upright; and nothing but one line from broken ones."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

import kubric_gen as kg
from kubric_gen.assets import Mesh, inertia_of, load_mesh, mass_of
from kubric_gen.assets.fetching import cache
from kubric_gen.errors import AssetError

# trimesh reads damaged OBJ files with an old NumPy habit.
pytestmark = [pytest.mark.filterwarnings("ignore:string or file could not be read:DeprecationWarning"),
              pytest.mark.usefixtures("cache_root")]

SUFFIXES = (".obj", ".glb", ".gltf", ".ply", ".stl", ".off")
OFFSET = np.array([3.0, -2.0, 5.0])
TETRAHEDRON = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def wedge() -> trimesh.Trimesh:
  """A closed mesh without symmetry, away from the origin."""
  mesh = trimesh.convex.convex_hull([(0, 0, 0), (2, 0, 0), (0, 1, 0), (2, 1, 0), (0, 0, 0.5), (0.3, 1, 0.7),
                                     (1.5, 0.2, 0.4)])
  mesh.apply_translation(OFFSET)
  return mesh


def write(mesh: trimesh.Trimesh | trimesh.Scene, path: Path) -> Path:
  """The file; a glTF file's buffers go beside it."""
  if path.suffix == ".gltf":
    for name, data in mesh.export(file_type="gltf").items():
      (path.parent / (path.name if name.endswith(".gltf") else name)).write_bytes(data)
  else:
    mesh.export(path)
  return path


def read(path: Path, up: str = "auto") -> Mesh:
  return load_mesh(kg.MeshFile(str(path), up=up))


def sound(mesh: Mesh) -> None:
  """What any mesh that is not refused must be."""
  assert all(np.isfinite(array).all() for array in (mesh.vertices, mesh.normals, mesh.uvs, mesh.bounds, mesh.inertia))
  assert len(mesh.faces) and mesh.faces.dtype == np.int32
  assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)
  assert len(mesh.vertices) == len(mesh.normals) == len(mesh.uvs) and len(mesh.material_index) == len(mesh.faces)
  np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-6)
  np.testing.assert_array_equal(mesh.bounds, [mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)])
  assert np.isfinite(mesh.volume) and mesh.volume >= 0 and mesh.materials


def refused(path: Path) -> str:
  """The one line that a broken file ends with."""
  with pytest.raises(AssetError) as caught:
    read(path)
  message = str(caught.value)
  assert "\n" not in message and str(path) in message
  return message


# What is read.

@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same_body_centred_on_its_centre_of_mass(tmp_path: Path, suffix: str) -> None:
  source = wedge()
  mesh = read(write(source, tmp_path / f"wedge{suffix}"), up="z")
  sound(mesh)
  assert mesh.volume == pytest.approx(source.volume, rel=1e-5)
  np.testing.assert_allclose(mesh.bounds, source.bounds - source.center_mass, atol=1e-5)
  np.testing.assert_allclose(mesh.inertia, source.moment_inertia, atol=1e-5)
  again = trimesh.Trimesh(mesh.vertices, mesh.faces)
  assert again.is_watertight and again.volume > 0
  np.testing.assert_allclose(again.center_mass, 0, atol=1e-6)
  a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
  outwards = np.cross(b - a, c - a)
  for k in range(3):
    assert (np.einsum("ij,ij->i", outwards, mesh.normals[mesh.faces[:, k]]) > 0).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_y_up_files_are_set_upright(tmp_path: Path, suffix: str) -> None:
  """(x, y, z) of the file becomes (x, -z, y): a turn about X, which mirrors nothing."""
  path = write(wedge(), tmp_path / f"wedge{suffix}")
  flat, upright, automatic = (read(path, up) for up in ("z", "y", "auto"))
  turn = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
  np.testing.assert_allclose(upright.vertices, flat.vertices @ turn.T, atol=1e-9)
  np.testing.assert_allclose(upright.normals, flat.normals @ turn.T, atol=1e-9)
  np.testing.assert_allclose(upright.inertia, turn @ flat.inertia @ turn.T, atol=1e-9)
  np.testing.assert_array_equal(upright.faces, flat.faces)
  np.testing.assert_array_equal(automatic.vertices, (upright if suffix in (".glb", ".gltf") else flat).vertices)


def test_parts_stand_where_the_files_scene_puts_them(tmp_path: Path) -> None:
  box = trimesh.creation.box((1, 1, 1))
  scene = trimesh.Scene()
  for x, scale in ((0, 1), (4, 2)):
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[0, 3] = x
    scene.add_geometry(box, transform=matrix)
  mesh = read(write(scene, tmp_path / "two.glb"), up="z")
  sound(mesh)
  assert mesh.volume == pytest.approx(9)
  np.testing.assert_allclose(mesh.bounds, [(-0.5 - 32 / 9, -1, -1), (5 - 32 / 9, 1, 1)], atol=1e-6)


def test_an_open_mesh_has_the_mass_properties_of_its_hull(tmp_path: Path) -> None:
  box = trimesh.creation.box((1, 2, 3))
  box.update_faces(np.arange(len(box.faces)) > 1)  # a side is missing
  assert not box.is_watertight
  mesh = read(write(box, tmp_path / "open.ply"))
  sound(mesh)
  assert mesh.volume == pytest.approx(6) and len(mesh.faces) == 10
  np.testing.assert_allclose(mesh.inertia, np.diag([6 / 12 * 13, 6 / 12 * 10, 6 / 12 * 5]), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("text", [
    "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3\nf 1 3 4\n",
    "v 5 0 0.1\nv 6 0 0.33\nv 6 1 0.56\nv 5 1 0.33\nf 1 2 3\nf 1 3 4\n",
    "v 5 0 0.1\nv 6 0 0.33\nv 6 1 0.56\nv 5 1 0.33\nf 1 2 3\nf 1 3 4\nf 3 2 1\nf 4 3 1\n"],
    ids=["level", "tilted", "two-sided"])
def test_a_flat_mesh_has_no_volume_and_is_centred(tmp_path: Path, text: str) -> None:
  path = tmp_path / "flat.obj"
  path.write_text(text)
  mesh = read(path)
  sound(mesh)
  assert mesh.volume == 0 and (mesh.inertia == 0).all()
  np.testing.assert_allclose(mesh.bounds.sum(axis=0), 0, atol=1e-12)


def test_vertices_of_no_face_do_not_widen_the_box(tmp_path: Path) -> None:
  path = tmp_path / "stray.obj"
  path.write_text("v 100 100 100\n" + TETRAHEDRON.replace("f 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4",
                                                          "v nan 0 0\nf 2 4 3\nf 2 3 5\nf 2 5 4\nf 3 4 5"))
  mesh = read(path)
  sound(mesh)
  np.testing.assert_allclose(mesh.bounds, [(-0.25,) * 3, (0.75,) * 3])
  assert mesh.volume == pytest.approx(1 / 6) and len(np.unique(mesh.vertices, axis=0)) == 4


def test_a_mesh_far_from_its_origin_keeps_its_volume(tmp_path: Path) -> None:
  box = trimesh.creation.box((1, 1, 1))
  path = tmp_path / "far.obj"
  far = box.vertices + 4e6
  path.write_text("".join(f"v {x} {y} {z}\n" for x, y, z in far)
                  + "".join(f"f {a} {b} {c}\n" for a, b, c in box.faces + 1))
  mesh = read(path)
  assert mesh.volume == pytest.approx(1, rel=1e-6)
  np.testing.assert_allclose(mesh.bounds, [(-0.5,) * 3, (0.5,) * 3], atol=1e-6)
  np.testing.assert_allclose(mesh.inertia, np.eye(3) / 6, atol=1e-6)


def test_given_normals_are_kept_and_missing_or_broken_ones_made_up(tmp_path: Path) -> None:
  path = tmp_path / "n.obj"
  path.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 3 4\nvn 0 0 1\nvn inf 0 1\nf 1//1 2//2 3//3\n")
  mesh = read(path)
  sound(mesh)
  assert any(np.allclose(n, (0, 0.6, 0.8)) for n in mesh.normals)


def round_icosahedron(normals: bool = True) -> trimesh.Trimesh:
  """Twelve vertices, whose normals are those of a sphere: no rule of creases would find them."""
  solid = trimesh.creation.icosahedron()
  vertices = solid.vertices / np.linalg.norm(solid.vertices, axis=1, keepdims=True)
  return trimesh.Trimesh(vertices, solid.faces, process=False, vertex_normals=vertices if normals else None)


SHEAR = np.array([[1.0, 0.4, 0.0, 2.0], [0.0, 0.5, 0.0, 0.0], [0.3, 0.0, 2.0, -1.0], [0.0, 0.0, 0.0, 1.0]])
TRANSFORMS = {"none": None, "turned": trimesh.transformations.rotation_matrix(0.7, (1, 2, 3)),
              "uneven": np.diag([1.0, 2.0, 5.0, 1.0]), "mirrored": np.diag([-1.0, 1.0, 3.0, 1.0]), "sheared": SHEAR,
              "tiny": np.diag([1e-7, 1e-7, 2e-7, 1.0]), "point mirrored": np.diag([-2.0, -2.0, -2.0, 1.0])}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("suffix", [".glb", ".gltf"])
def test_normals_of_gltf_files_are_kept_and_go_with_their_node(tmp_path: Path, suffix: str, name: str) -> None:
  matrix = TRANSFORMS[name]
  scene = trimesh.Scene()
  scene.add_geometry(round_icosahedron(), transform=matrix)
  path = tmp_path / f"ball{suffix}"
  if suffix == ".glb":
    path.write_bytes(trimesh.exchange.gltf.export_glb(scene, include_normals=True))
  else:
    for file, data in trimesh.exchange.gltf.export_gltf(scene, include_normals=True).items():
      (tmp_path / (path.name if file.endswith(".gltf") else file)).write_bytes(data)
  mesh = read(path, up="z")
  sound(mesh)
  assert len(mesh.vertices) == 12 and mesh.volume > 0
  linear = np.eye(3) if matrix is None else matrix[:3, :3]
  scale = np.abs(linear).max()
  ball = (mesh.vertices + mesh.centre - (0 if matrix is None else matrix[:3, 3])) @ np.linalg.inv(linear / scale).T / scale
  expected = ball @ np.linalg.inv(linear / scale)  # normals go with the inverse's transpose
  expected /= np.linalg.norm(expected, axis=1, keepdims=True)
  np.testing.assert_allclose(mesh.normals, expected, atol=1e-5)
  a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
  assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), mesh.normals[mesh.faces].mean(axis=1)) > 0).all()


def test_two_nodes_of_one_mesh_have_normals_of_their_own(tmp_path: Path) -> None:
  scene = trimesh.Scene()
  scene.add_geometry(round_icosahedron(), geom_name="ball")
  scene.graph.update(frame_to="second", matrix=np.diag([-1.0, 2.0, 1.0, 1.0]) + np.eye(4, k=3) * 5, geometry="ball")
  path = tmp_path / "two.glb"
  path.write_bytes(trimesh.exchange.gltf.export_glb(scene, include_normals=True))
  mesh = read(path, up="z")
  sound(mesh)
  assert len(mesh.vertices) == 24
  a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
  assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), mesh.normals[mesh.faces].mean(axis=1)) > 0).all()


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".glb"])
@pytest.mark.parametrize("normals", [True, False])
def test_normals_are_those_of_the_file_else_those_of_creases(tmp_path: Path, suffix: str, normals: bool) -> None:
  ball = round_icosahedron(normals)
  path = tmp_path / f"ball{suffix}"
  if suffix == ".ply":
    ball.export(path, vertex_normal=normals)
  else:
    ball.export(path, include_normals=normals)
  mesh = read(path, up="z")
  sound(mesh)
  assert len(mesh.vertices) == (12 if normals else 60)  # its sides meet at 42 degrees
  if normals:
    np.testing.assert_allclose(mesh.normals, mesh.vertices, atol=1e-5)


@pytest.mark.parametrize("broken", [(0.0, 0.0, 0.0), (np.nan, 0.0, 0.0)])
def test_normals_without_direction_are_made_up(tmp_path: Path, broken: tuple[float, float, float]) -> None:
  ball = round_icosahedron()
  for count, vertices in ((1, 12), (12, 60)):
    normals = np.array(ball.vertices)
    normals[:count] = broken
    lines = [f"v {x} {y} {z}\n" for x, y, z in ball.vertices] + [f"vn {x} {y} {z}\n" for x, y, z in normals]
    lines += [f"f {a}//{a} {b}//{b} {c}//{c}\n" for a, b, c in ball.faces + 1]
    path = tmp_path / f"ball{count}.obj"
    path.write_text("".join(lines))
    mesh = read(path)
    sound(mesh)
    assert len(mesh.vertices) == vertices and (np.einsum("ij,ij->i", mesh.normals, mesh.vertices) > 0.5).all()


def test_an_obj_box_has_the_normals_and_texture_coordinates_of_each_side(tmp_path: Path) -> None:
  """Positions, texture coordinates and normals each with indices of their own, in two materials."""
  box = trimesh.creation.box((1, 1, 1))
  lines = ["mtllib c.mtl\n"] + [f"v {x} {y} {z}\n" for x, y, z in box.vertices]
  lines += [f"vn {x} {y} {z}\n" for x, y, z in box.face_normals]
  lines += [f"vt {face / 12} {corner / 3}\n" for face in range(12) for corner in range(3)]
  for number, (a, b, c) in enumerate(box.faces + 1):
    lines += [f"usemtl {'ab'[number // 6]}\n"] * (number % 6 == 0)
    lines += ["f " + " ".join(f"{v}/{3 * number + k + 1}/{number + 1}" for k, v in enumerate((a, b, c))) + "\n"]
  (tmp_path / "c.mtl").write_text("newmtl a\nKd 1 0 0\nnewmtl b\nKd 0 1 0\n")
  path = tmp_path / "box.obj"
  path.write_text("".join(lines))
  mesh = read(path)
  sound(mesh)
  assert len(mesh.vertices) == 36 and len(mesh.materials) == 2 and mesh.volume == pytest.approx(1)
  a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
  sides = np.cross(b - a, c - a)
  np.testing.assert_allclose(mesh.normals[mesh.faces], np.repeat(sides[:, None], 3, axis=1), atol=1e-6)
  found = mesh.uvs[mesh.faces]
  np.testing.assert_allclose(np.sort(found[:, 0, 0]), np.arange(12) / 12, atol=1e-6)
  np.testing.assert_allclose(found[:, :, 1], np.tile([0, 1 / 3, 2 / 3], (12, 1)), atol=1e-6)


def test_texture_coordinates_that_are_not_finite_are_zero(tmp_path: Path) -> None:
  path = tmp_path / "uv.obj"
  path.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nvt nan nan\nvt 0.25 0.5\nvt inf 0\nf 1/1 2/2 3/3\n")
  mesh = read(path)
  sound(mesh)
  assert sorted(map(tuple, mesh.uvs)) == [(0, 0), (0, 0), (0.25, 0.5)]


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
  path = write(trimesh.creation.box((1, 1, 1)), tmp_path / "box.ply")
  first = read(path)
  assert read(path) is first
  write(trimesh.creation.icosphere(1), path)
  assert len(read(path).faces) == 80


def test_mass_and_inertia_follow_the_scale(tmp_path: Path) -> None:
  source = wedge()
  path = write(source, tmp_path / "wedge.ply")
  scale = (0.5, 2.0, 3.0)
  item = kg.Object("w", kg.MeshFile(str(path)), scale=scale, density=250)
  source.apply_scale(scale)
  assert mass_of(item) == pytest.approx(250 * source.volume, rel=1e-5)
  np.testing.assert_allclose(inertia_of(item), 250 * source.moment_inertia, rtol=1e-4, atol=1e-3)


# Materials.

def textured(image: Image.Image) -> trimesh.Trimesh:
  mesh = trimesh.Trimesh([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [(0, 1, 2), (0, 2, 3)], process=False)
  uv = [(0, 0), (1, 0), (1, 1), (0, 1)]
  mesh.visual = trimesh.visual.TextureVisuals(uv=uv, material=trimesh.visual.material.PBRMaterial(
      baseColorTexture=image, metallicFactor=0.25, roughnessFactor=0.75))
  return mesh


@pytest.fixture
def image() -> Image.Image:
  return Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8))


def same_image(texture: object, image: Image.Image) -> bool:
  assert isinstance(texture, kg.Texture) and texture.color_space == "srgb"
  with Image.open(texture.path) as found:
    return np.array_equal(np.asarray(found.convert("RGB")), np.asarray(image))


def test_a_textured_glb(tmp_path: Path, image: Image.Image) -> None:
  mesh = read(write(textured(image), tmp_path / "t.glb"), up="z")
  sound(mesh)
  (material,) = mesh.materials
  assert isinstance(material, kg.PrincipledMaterial) and same_image(material.color, image)
  assert (material.metallic, material.roughness) == (0.25, 0.75)
  np.testing.assert_array_equal(mesh.material_index, [0, 0])
  np.testing.assert_allclose(mesh.uvs, mesh.vertices[:, :2] + 0.5, atol=1e-6)  # v upwards, though glTF's runs down


def test_textures_lie_in_the_cache_and_come_back_when_it_is_deleted(tmp_path: Path, image: Image.Image, cache_root: Path) -> None:
  path = write(textured(image), tmp_path / "t.glb")
  first = read(path)
  place = Path(first.materials[0].color.path)
  assert place.parent == cache_root / "textures" and place.parent.stat().st_mode & 0o077 == 0
  assert read(path) is first
  shutil.rmtree(cache_root)
  assert same_image(read(path).materials[0].color, image)


def test_a_cache_that_cannot_hold_a_texture_is_told(tmp_path: Path, image: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
  (tmp_path / "cache").mkdir()
  (tmp_path / "cache" / "textures").touch()
  monkeypatch.setattr(cache, "_root", lambda: tmp_path / "cache")
  with pytest.raises(AssetError, match="^cannot write to the cache .*point KUBRIC_GEN_CACHE elsewhere$"):
    read(write(textured(image), tmp_path / "t.glb"))


def test_a_textured_obj(tmp_path: Path, image: Image.Image) -> None:
  image.save(tmp_path / "wood.png")
  (tmp_path / "t.mtl").write_text("newmtl wood\nKd 1 1 1\nmap_Kd wood.png\n")
  (tmp_path / "t.obj").write_text("mtllib t.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
                                  "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl wood\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n")
  mesh = read(tmp_path / "t.obj")
  sound(mesh)
  assert same_image(mesh.materials[0].color, image)
  np.testing.assert_allclose(mesh.uvs, mesh.vertices[:, :2] + 0.5, atol=1e-9)


def test_plain_colours_of_obj_and_glb(tmp_path: Path) -> None:
  (tmp_path / "c.mtl").write_text("newmtl a\nKd 0.8 0.2 0.4\nnewmtl b\nKd 0 1 0\n")
  faces = TETRAHEDRON.replace("f 1 3 2", "usemtl a\nf 1 3 2").replace("f 2 3 4", "usemtl b\nf 2 3 4")
  (tmp_path / "c.obj").write_text("mtllib c.mtl\n" + faces)
  mesh = read(tmp_path / "c.obj")
  sound(mesh)
  colors = [material.color for material in mesh.materials]
  np.testing.assert_allclose(sorted(colors), [(0, 1, 0), (0.8, 0.2, 0.4)], atol=0.003)
  assert sorted(np.bincount(mesh.material_index)) == [1, 3]
  glb = trimesh.creation.box((1, 1, 1))
  glb.visual = trimesh.visual.TextureVisuals(material=trimesh.visual.material.PBRMaterial(
      baseColorFactor=[255, 0, 51, 128], alphaMode="BLEND", metallicFactor=1.0))
  (material,) = read(write(glb, tmp_path / "c.glb")).materials
  np.testing.assert_allclose(material.color, (1, 0, 0.2), atol=0.003)
  assert material.alpha == pytest.approx(0.5, abs=0.003) and material.metallic == 1


def test_a_mesh_without_material_gets_a_plain_one_and_vertex_colours_their_mean(tmp_path: Path) -> None:
  box = trimesh.creation.box((1, 1, 1))
  assert read(write(box, tmp_path / "plain.stl")).materials == (kg.PrincipledMaterial(),)
  box.visual.vertex_colors = [255, 0, 0, 255]
  np.testing.assert_allclose(read(write(box, tmp_path / "red.ply")).materials[0].color, (1, 0, 0))


def test_a_missing_material_file_does_not_lose_the_mesh_but_a_missing_texture_is_an_error(tmp_path: Path) -> None:
  (tmp_path / "a.obj").write_text("mtllib no.mtl\nusemtl x\n" + TETRAHEDRON)
  sound(read(tmp_path / "a.obj"))
  (tmp_path / "b.mtl").write_text("newmtl x\nKd 1 0 0\nmap_Kd no.png\n")
  (tmp_path / "b.obj").write_text("mtllib b.mtl\nusemtl x\n" + TETRAHEDRON)
  with pytest.raises(AssetError, match="no.png"):
    read(tmp_path / "b.obj")


# What is not read.

@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [
    b"", b"\n\n", b"\0" * 100, b"garbage", bytes(range(256)) * 8, b"{}", b"[]", "ñö".encode("latin1"),
    b"solid\nfacet normal 0 0 1\n", b"glTF\2\0\0\0\xff\xff\xff\xff"], ids=lambda value: repr(value[:12]))
def test_garbage_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
  path = tmp_path / f"garbage{suffix}"
  path.write_bytes(content)
  refused(path)


PLY_VERTICES = "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n"
PLY_FACE = "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
BROKEN = {
    "nan.obj": TETRAHEDRON.replace("v 1 0 0", "v nan 0 0"), "inf.obj": TETRAHEDRON.replace("v 1 0 0", "v 1 inf 0"),
    "large.obj": TETRAHEDRON.replace("v 1 0 0", "v 1e30 0 0"), "point.obj": "v 1 1 1\n" * 3 + "f 1 2 3\n",
    "planar.obj": "v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", "short.obj": TETRAHEDRON.replace("v 1 0 0", "v 1 0"),
    "range.obj": TETRAHEDRON.replace("f 2 3 4", "f 2 3 9"),
    "negative.obj": TETRAHEDRON.replace("f 2 3 4", "f -9 -8 -7"),
    "wraps.obj": TETRAHEDRON.replace("f 2 3 4", "f 2 3 4294967300"),
    "huge.obj": TETRAHEDRON.replace("f 2 3 4", f"f 2 3 {10 ** 30}"), "faceless.obj": "v 0 0 0\nv 1 0 0\nv 0 1 0\n",
    "line.obj": "v 0 0 0\nv 1 0 0\nl 1 2\n", "words.obj": "v a b c\nf x y z\n",
    "range.off": "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", "count.off": "OFF\n999999999 1 0\n0 0 0\n",
    "range.ply": PLY_VERTICES.format(3) + PLY_FACE + "0 0 0\n1 0 0\n0 1 0\n3 0 1 5\n",
    "count.ply": PLY_VERTICES.format(99999999999) + PLY_FACE + "0 0 0\n",
    "points.ply": PLY_VERTICES.format(3) + "end_header\n0 0 0\n1 0 0\n0 1 0\n",
    "missing.gltf": '{"asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 7}]}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_contents_are_refused(tmp_path: Path, name: str) -> None:
  path = tmp_path / name
  path.write_text(BROKEN[name])
  refused(path)


def test_binary_counts_that_promise_too_much_are_refused(tmp_path: Path) -> None:
  stl = tmp_path / "count.stl"
  stl.write_bytes(b"\0" * 80 + struct.pack("<I", 2 ** 32 - 1) + b"\0" * 50)
  refused(stl)
  ply = tmp_path / "index.ply"
  header = (PLY_VERTICES.format(3) + PLY_FACE).replace("ascii", "binary_little_endian").replace(" int ", " uint ")
  ply.write_bytes(header.encode() + struct.pack("<9fB3I", 0, 0, 0, 1, 0, 0, 0, 1, 0, 3, 0, 1, 2 ** 32 - 1))
  refused(ply)


def survives(path: Path) -> bool:
  """Whether the file is read; whatever is, is sound, and whatever is not ends as one line."""
  try:
    sound(read(path))
  except AssetError as error:
    assert "\n" not in str(error) and len(str(error)) < 2000
    return False
  return True


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_files_end_in_one_line_or_a_sound_mesh(tmp_path: Path, suffix: str) -> None:
  whole = write(wedge(), tmp_path / f"whole{suffix}").read_bytes()
  path = tmp_path / f"cut{suffix}"
  outcomes = []
  for size in np.linspace(0, len(whole) - 1, 25).astype(int):
    path.write_bytes(whole[:size])
    outcomes.append(survives(path))
  assert not outcomes[0] and not all(outcomes)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files_end_in_one_line_or_a_sound_mesh(tmp_path: Path, suffix: str) -> None:
  whole = np.frombuffer(write(wedge(), tmp_path / f"whole{suffix}").read_bytes(), np.uint8)
  path = tmp_path / f"damaged{suffix}"
  rng = np.random.default_rng(0)
  for _ in range(25):
    damaged = whole.copy()
    damaged[rng.integers(len(whole), size=rng.integers(1, 6))] = rng.integers(0, 256)
    path.write_bytes(damaged.tobytes())
    survives(path)


@pytest.mark.parametrize("remove", [Path.unlink, lambda path: (path.unlink(), path.mkdir())], ids=["gone", "folder"])
def test_a_file_that_has_gone_since_is_refused(tmp_path: Path, remove: Callable[[Path], object]) -> None:
  path = tmp_path / "gone.obj"
  path.write_text(TETRAHEDRON)
  shape = kg.MeshFile(str(path))
  remove(path)
  with pytest.raises(AssetError, match="gone.obj") as caught:
    load_mesh(shape)
  assert "\n" not in str(caught.value)


def test_files_that_are_too_large_are_not_even_opened(tmp_path: Path) -> None:
  path = tmp_path / "large.ply"
  with path.open("wb") as file:
    file.truncate((1 << 30) + 1)  # sparse
  assert "1 GiB" in refused(path)


def test_colours_of_vertices_become_their_mean(tmp_path: Path) -> None:
  ball = trimesh.creation.icosphere(subdivisions=3)
  colors = np.where(ball.vertices[:, 2:] > 0, [[255, 0, 0, 255]], [[0, 0, 255, 255]]).astype(np.uint8)
  ball.visual.vertex_colors = colors
  for suffix in ("ply", "glb"):
    ball.export(tmp_path / f"ball.{suffix}")
    (material,) = load_mesh(kg.MeshFile(tmp_path / f"ball.{suffix}")).materials
    assert isinstance(material, kg.PrincipledMaterial)
    np.testing.assert_allclose(material.color, (0.5, 0.0, 0.5), atol=0.06)
