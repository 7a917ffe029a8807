"""The built-in shapes: closed, exact and oriented; and mass properties that follow the scale."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

import kubric_gen as kg
from kubric_gen.assets import Mesh, inertia_of, load_mesh, mass_of
from kubric_gen.assets.meshes.mesh import integrate_solid
from kubric_gen.errors import AssetError

reproducible = settings(derandomize=True, deadline=None, max_examples=25)

SOLIDS = [kg.Cube(), kg.Sphere(), kg.Cylinder()]
SURFACES = [kg.Plane(), kg.Disc(), kg.Dome(), kg.Dome(fillet=0.1, height=1.5)]
TESSELLATION = 0.5 * (1 - np.cos(np.pi / 192))
"""How far inside a unit cylinder its triangles lie; twice as far inside a unit sphere, whose cells bend both ways."""


@cache
def merged(mesh: Mesh) -> trimesh.Trimesh:
  """As trimesh sees it, with the seams closed. Shared: not to be changed."""
  return trimesh.Trimesh(mesh.vertices, mesh.faces, process=True)


def corners(mesh: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
  return a, b, c


@pytest.mark.parametrize("shape", SOLIDS, ids=repr)
def test_solids_are_closed_and_their_mass_properties_are_those_of_the_true_shape(shape: kg.Cube) -> None:
  mesh = load_mesh(shape)
  solid = merged(mesh)
  assert solid.is_watertight and solid.is_winding_consistent and solid.euler_number == 2
  tolerance = 0 if isinstance(shape, kg.Cube) else 1e-3  # trimesh measures the polyhedron
  assert mesh.volume == pytest.approx(solid.volume, rel=tolerance + 1e-12)
  np.testing.assert_allclose(mesh.inertia, solid.moment_inertia, rtol=2 * tolerance + 1e-12, atol=1e-12)
  np.testing.assert_allclose(solid.center_mass, 0, atol=1e-12)
  volume, centre, inertia = integrate_solid(mesh.vertices, mesh.faces)
  assert volume == pytest.approx(solid.volume)
  np.testing.assert_allclose(centre, 0, atol=1e-12)
  np.testing.assert_allclose(inertia, solid.moment_inertia, atol=1e-12)


def test_volumes_and_inertias_by_the_book() -> None:
  for shape, volume, inertia in [(kg.Cube(), 1, (1 / 6,) * 3), (kg.Sphere(), np.pi / 6, (np.pi / 6 * 0.4 / 4,) * 3),
                                 (kg.Cylinder(), np.pi / 4, (np.pi / 4 * (3 / 4 + 1) / 12,) * 2 + (np.pi / 4 / 8,))]:
    mesh = load_mesh(shape)
    assert mesh.volume == pytest.approx(volume)
    np.testing.assert_allclose(mesh.inertia, np.diag(inertia))


@pytest.mark.parametrize("shape", SOLIDS + SURFACES, ids=repr)
def test_every_mesh_is_well_formed(shape: kg.Cube) -> None:
  mesh = load_mesh(shape)
  count = len(mesh.vertices)
  assert mesh.faces.dtype == np.int32 and mesh.faces.min() == 0 and mesh.faces.max() == count - 1
  assert mesh.normals.shape == mesh.vertices.shape == (count, 3) and mesh.uvs.shape == (count, 2)
  np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-12)
  # exact: coordinates use it
  np.testing.assert_array_equal(mesh.bounds, [mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)])
  assert mesh.uvs.min() >= 0 and mesh.uvs.max() <= 1 and (np.ptp(mesh.uvs, axis=0) == 1).all()
  a, b, c = corners(mesh)
  face_normals = np.cross(b - a, c - a)
  assert np.linalg.norm(face_normals, axis=1).min() > 1e-9  # no slivers
  for k in range(3):  # winding and shading normals agree
    assert (np.einsum("ij,ij->i", face_normals, mesh.normals[mesh.faces[:, k]]) > 0).all()
  assert mesh.materials == ()


def test_bounds() -> None:
  for shape in SOLIDS:
    np.testing.assert_array_equal(load_mesh(shape).bounds, [(-0.5,) * 3, (0.5,) * 3])
  for shape in (kg.Plane(), kg.Disc()):
    np.testing.assert_array_equal(load_mesh(shape).bounds, [(-0.5, -0.5, 0), (0.5, 0.5, 0)])
  np.testing.assert_allclose(load_mesh(kg.Dome()).bounds, [(-0.75, -0.75, 0), (0.75, 0.75, 0.75)], atol=1e-15)


@pytest.mark.parametrize("shape", SOLIDS, ids=repr)
def test_normals_of_solids_point_outwards(shape: kg.Cube) -> None:
  mesh = load_mesh(shape)
  assert (np.einsum("ij,ij->i", mesh.normals, mesh.vertices) > 0).all()


def test_curved_surfaces_have_the_true_normals_and_lie_within_the_tessellation() -> None:
  sphere, cylinder = load_mesh(kg.Sphere()), load_mesh(kg.Cylinder())
  np.testing.assert_allclose(sphere.normals * 0.5, sphere.vertices, atol=1e-12)
  side = np.abs(cylinder.normals[:, 2]) < 0.5
  np.testing.assert_allclose(cylinder.normals[side, :2] * 0.5, cylinder.vertices[side, :2], atol=1e-12)
  np.testing.assert_array_equal(cylinder.normals[~side], [0, 0, 1] * np.sign(cylinder.vertices[~side]))
  for mesh, axes, largest in ((sphere, 3, 2 * TESSELLATION), (cylinder, 2, TESSELLATION)):
    a, b, c = (corner[:, :axes] for corner in corners(mesh))
    curved = mesh is sphere or side[mesh.faces[:, 0]]
    keep = np.broadcast_to(curved, len(a))
    middles = np.concatenate([(p + q)[keep] / 2 for p, q in ((a, b), (b, c), (c, a))])
    assert 0.5 - np.linalg.norm(middles, axis=1).min() == pytest.approx(largest, rel=1e-3)


def test_texture_coordinates() -> None:
  sphere = load_mesh(kg.Sphere())
  # v: south to north
  np.testing.assert_allclose(sphere.vertices[:, 2], -np.cos(np.pi * sphere.uvs[:, 1]) / 2, atol=1e-12)
  away = np.hypot(sphere.vertices[:, 0], sphere.vertices[:, 1]) > 1e-9
  azimuth = np.arctan2(sphere.vertices[away, 1], sphere.vertices[away, 0]) / (2 * np.pi)
  np.testing.assert_allclose((azimuth - sphere.uvs[away, 0] + 0.5) % 1 - 0.5, 0, atol=1e-12)  # u: eastwards from +X
  for shape in (kg.Plane(), kg.Disc()):
    mesh = load_mesh(shape)
    np.testing.assert_allclose(mesh.uvs, mesh.vertices[:, :2] + 0.5, atol=1e-12)
  cube = load_mesh(kg.Cube())
  for face in range(6):  # the whole image once on every side, not mirrored
    a, b, c = (cube.faces[2 * face, k] for k in range(3))
    right, up = np.linalg.lstsq(np.diff(cube.uvs[[a, b, c]], axis=0), np.diff(cube.vertices[[a, b, c]], axis=0),
                                rcond=None)[0]
    np.testing.assert_allclose(np.cross(right, up), cube.normals[a], atol=1e-12)


@pytest.mark.parametrize("shape", SURFACES[:2], ids=repr)
def test_flat_surfaces_face_upwards_and_have_no_volume(shape: kg.Plane) -> None:
  mesh = load_mesh(shape)
  np.testing.assert_array_equal(mesh.normals, np.tile((0, 0, 1), (len(mesh.normals), 1)))
  assert mesh.volume == 0 and (mesh.inertia == 0).all()


@pytest.mark.parametrize("shape", SURFACES[2:], ids=repr)
def test_a_dome_closes_over_its_disc_and_faces_inwards(shape: kg.Dome) -> None:
  dome, disc = load_mesh(shape), load_mesh(kg.Disc())
  room = trimesh.util.concatenate([merged(dome), merged(disc)])
  room.merge_vertices()
  assert room.is_watertight and room.is_winding_consistent
  assert room.volume < 0  # inside out: all its faces look inwards
  centre = (0, 0, shape.height / 2)
  assert (np.einsum("ij,ij->i", dome.normals, centre - dome.vertices) > 0).all()
  rim = dome.vertices[:, 2] == 0
  np.testing.assert_allclose(np.hypot(*dome.vertices[rim, :2].T), 0.5)
  # continues the floor smoothly
  np.testing.assert_allclose(dome.normals[rim], np.tile((0, 0, 1), (rim.sum(), 1)), atol=1e-12)
  assert dome.volume == 0


def test_equal_shapes_share_one_mesh() -> None:
  assert load_mesh(kg.Dome()) is load_mesh(kg.Dome(fillet=0.25)) is not load_mesh(kg.Dome(fillet=0.3))


# Mass properties.

scales = st.tuples(*[st.floats(0.05, 20)] * 3)


@reproducible
@given(st.sampled_from(SOLIDS), scales, st.floats(1, 2e4))
def test_mass_is_density_times_real_volume(shape: kg.Cube, scale: tuple, density: float) -> None:
  item = kg.Object("a", shape, scale=scale, density=density)
  mesh = load_mesh(shape)
  assert mass_of(item) == pytest.approx(density * mesh.volume * np.prod(scale))
  assert mass_of(kg.Object("a", shape, scale=scale)) == pytest.approx(1000 * mesh.volume * np.prod(scale))
  assert mass_of(kg.Object("a", shape, scale=scale, mass=density)) == density  # a given mass is not rescaled


@reproducible
@given(st.sampled_from(SOLIDS), scales, st.floats(0.01, 100))
def test_inertia_is_that_of_the_scaled_mesh(shape: kg.Cube, scale: tuple, mass: float) -> None:
  mesh = load_mesh(shape)
  solid = merged(mesh).copy()
  solid.apply_scale(scale)
  expected = solid.moment_inertia * mass / solid.volume
  found = inertia_of(kg.Object("a", shape, scale=scale, mass=mass))
  np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-9 * np.abs(expected).max())
  moments = np.linalg.eigvalsh(found)
  assert (moments > 0).all() and moments[2] < moments[0] + moments[1]  # of a real body


@reproducible
@given(st.sampled_from(SOLIDS), st.floats(0.05, 20))
def test_inertia_grows_with_the_fifth_power_of_the_size(shape: kg.Cube, factor: float) -> None:
  small, large = (inertia_of(kg.Object("a", shape, scale=scale, density=500)) for scale in (1, factor))
  np.testing.assert_allclose(large, small * factor ** 5, rtol=1e-9, atol=1e-12 * factor ** 5)


def test_surfaces_have_no_mass_of_their_own() -> None:
  wall = kg.Object("wall", kg.Plane(), static=True)
  assert mass_of(wall) == 0 and (inertia_of(wall) == 0).all()
  assert mass_of(kg.Object("wall", kg.Disc(), static=True, mass=3)) == 3
  np.testing.assert_allclose(inertia_of(kg.Object("wall", kg.Plane(), scale=(1, 2, 1), static=True, mass=12)),
                             np.diag((4, 1, 5)))


def test_a_dynamic_object_without_volume_needs_a_mass(tmp_path: Path) -> None:
  file = tmp_path / "flat.obj"
  file.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
  with pytest.raises(AssetError, match="'leaf'.*mass"):
    mass_of(kg.Object("leaf", kg.MeshFile(file)))
  leaf = kg.Object("leaf", kg.MeshFile(file), mass=2)
  assert mass_of(leaf) == 2 and (np.linalg.eigvalsh(inertia_of(leaf)) > 0).all()
