"""Files of convex bodies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.assets import load_mesh
from kubric_gen.assets.collision import files as collision_files
from kubric_gen.assets.collision.files import hull_of, load_pieces, pieces_text, read_pieces
from kubric_gen.errors import AssetError, SceneError
from kubric_gen.physics.colliders import collider_of, extent_of
from kubric_gen.scene import MeshFile, Object
from kubric_gen.scene.transforms import IDENTITY, rotation_matrix


def box(low, high) -> np.ndarray:
  return np.array(np.meshgrid(*zip(low, high), indexing="ij")).reshape(3, -1).T.astype(float)


@pytest.fixture
def chair(tmp_path: Path) -> tuple[Path, Path]:
  """An L of two boxes, off the origin, and its collision file."""
  parts = [trimesh.creation.box(bounds=bounds) for bounds in (((3, 1, 0), (4, 2, 0.5)), ((3, 1, 0.5), (3.2, 2, 1.5)))]
  visual, collision = tmp_path / "chair.obj", tmp_path / "collision.obj"
  trimesh.util.concatenate(parts).export(visual, include_normals=False)
  collision.write_text(pieces_text([np.asarray(part.vertices) for part in parts]))
  return visual, collision


def test_bodies_follow_their_mesh_to_its_centre(chair):
  visual, collision = chair
  shape = MeshFile(visual, collision=collision)
  mesh, pieces = load_mesh(shape), load_pieces(shape)
  assert [len(piece) for piece in pieces] == [8, 8]
  joined = np.concatenate(pieces)
  assert np.stack([joined.min(axis=0), joined.max(axis=0)]) == pytest.approx(mesh.bounds)
  assert load_mesh(MeshFile(visual)).bounds == pytest.approx(mesh.bounds)
  assert mesh.centre == pytest.approx(-mesh.bounds[0] + (3, 1, 0))


@pytest.mark.parametrize("static", [True, False])
def test_a_mesh_collides_with_its_bodies(chair, static):
  visual, collision = chair
  item = Object("x", MeshFile(visual, collision=collision), scale=(1, 2, 3), static=static)
  collider = collider_of(item, convex=not static)
  assert collider.kind == "pieces" and len(collider.pieces) == 2
  turned = [piece @ rotation_matrix(collider.rotation).T for piece in collider.pieces]
  for piece, expected in zip(turned, load_pieces(item.shape)):
    order = np.lexsort(np.round(expected * item.scale, 6).T), np.lexsort(np.round(piece, 6).T)
    assert piece[order[1]] == pytest.approx((expected * item.scale)[order[0]], abs=1e-6)
  plain = Object("x", MeshFile(visual), scale=(1, 2, 3), static=static)
  assert np.array_equal(extent_of(item, IDENTITY), extent_of(plain, IDENTITY))


def test_axes_of_both_files(tmp_path):
  """A glb's mesh is turned, its collision file is not; what is said explicitly holds for both."""
  made = trimesh.creation.box(bounds=((0, 0, 0), (1, 2, 3)))
  glb = tmp_path / "box.glb"
  made.export(glb)
  turned = made.vertices @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T
  files = {}
  for name, points in (("up", turned), ("same", made.vertices)):
    files[name] = tmp_path / f"{name}.obj"
    files[name].write_text(pieces_text([np.asarray(points)]))
  for shape in (MeshFile(glb, collision=files["up"]), MeshFile(glb, "y", files["same"]), MeshFile(glb, "z", files["same"])):
    points = load_pieces(shape)[0]
    assert np.stack([points.min(axis=0), points.max(axis=0)]) == pytest.approx(load_mesh(shape).bounds)
    assert load_mesh(shape).bounds[1] == pytest.approx((0.5, 1, 1.5) if shape.up == "z" else (0.5, 1.5, 1))


def test_without_groups_components_are_the_bodies(tmp_path):
  parts = [trimesh.creation.box(bounds=((i, 0, 0), (i + 0.5, 1, 1))) for i in range(3)]
  file = tmp_path / "c.obj"
  trimesh.util.concatenate(parts).export(file, include_normals=False)
  assert [len(piece) for piece in read_pieces(file)] == [8, 8, 8]
  lines, start = [], 1
  for part in parts:  # every triangle with corners of its own
    for triangle in part.triangles:
      lines += [f"v {x} {y} {z}" for x, y, z in triangle] + [f"f {start} {start + 1} {start + 2}"]
      start += 3
  file.write_text("\n".join(lines))
  assert [len(piece) for piece in read_pieces(file)] == [8, 8, 8]


def test_groups_share_vertices_and_count_back(tmp_path):
  file = tmp_path / "c.obj"
  corners = "".join(f"v {x} {y} {z}\n" for x, y, z in box((0, 0, 0), (1, 1, 1))) + "v 0.5 0.5 3\n"
  file.write_text(f"# made by hand\n{corners}g lower\nf 1/1/1 2/2/2 3//3 4\nf 5 6 7 8\ng empty\no upper\nf 2 4 6\nf -2 -1 4\n")
  lower, upper = read_pieces(file)
  assert len(lower) == 8 and len(upper) == 5


@pytest.mark.parametrize(("text", "reason"), [
    ("", "no faces"), ("v 0 0 0\nf 1 2 3\n", "faces without vertices"), ("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "finite"),
    ("v 0 0\nf 1 1 1\n", "three numbers"), ("v a b c\n", "could not convert"), ("v 0 0 0\nf x\n", "invalid literal"),
    ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "no body with a volume")])
def test_broken_files_are_refused_in_one_line(tmp_path, text, reason):
  file = tmp_path / "c.obj"
  file.write_text(text)
  with pytest.raises(AssetError, match=reason) as error:
    read_pieces(file)
  assert "\n" not in str(error.value)


def test_limits(tmp_path, monkeypatch, chair):
  monkeypatch.setattr(collision_files, "MAX_PIECES", 1)
  with pytest.raises(AssetError, match="2 bodies"):
    read_pieces(chair[1])
  monkeypatch.undo()
  monkeypatch.setattr(collision_files, "MAX_CORNERS", 15)
  with pytest.raises(AssetError, match="too fine"):
    read_pieces(chair[1])
  monkeypatch.setattr(collision_files, "MAX_BYTES", 100)
  with pytest.raises(AssetError, match="larger"):
    read_pieces(chair[1])


@pytest.mark.parametrize("change", [lambda p: p * 1000, lambda p: p + 100])
def test_bodies_of_another_unit_or_place_are_refused(chair, change):
  visual, collision = chair
  collision.write_text(pieces_text([change(piece) for piece in read_pieces(collision)]))
  with pytest.raises(AssetError, match="does not fit"):
    load_pieces(MeshFile(visual, collision=collision))


def test_names_are_checked(chair, tmp_path):
  with pytest.raises(SceneError, match="not found"):
    MeshFile(chair[0], collision=tmp_path / "none.obj")
  with pytest.raises(SceneError, match="must end in .obj"):
    MeshFile(chair[0], collision=__file__)
  shape = MeshFile(*chair[:1], collision=chair[1])
  chair[1].unlink()
  with pytest.raises(AssetError, match="cannot be read"):
    load_pieces(shape)


def test_hulls_face_outwards():
  corners, faces = hull_of(np.concatenate([box((0, 0, 0), (1, 2, 3)), [[0.5, 0.5, 0.5]]]))
  assert len(corners) == 8
  assert trimesh.Trimesh(corners, faces).volume == pytest.approx(6)
  assert hull_of(box((0, 0, 0), (1, 1, 0))) is None


@given(st.binary(max_size=300) | st.lists(st.sampled_from(
    ["v 0 0 1", "v 1 0 0", "v 0 1 0", "v 0 0 0", "v 1e300 0 0", "f 1 2 3", "f 4 3 2 1", "f -1 -2 -3", "f 0", "f", "v", "o a",
     "g", "f 99999999999999999999 1 2", "f 1/ 2/ 3/"]), max_size=20).map(lambda lines: "\n".join(lines).encode()))
@settings(max_examples=150, deadline=None)
def test_anything_is_read_or_refused(tmp_path_factory, data):
  file = tmp_path_factory.mktemp("fuzz") / "c.obj"
  file.write_bytes(data)
  try:
    assert all(np.isfinite(piece).all() for piece in read_pieces(file))
  except AssetError:
    pass
