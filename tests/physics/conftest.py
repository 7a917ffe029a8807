"""Scenes and mesh files for the physics tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from kubric_gen.assets import load_mesh
from kubric_gen.scene import Object, PerspectiveCamera, Plane, Scene
from kubric_gen.scene.transforms import to_world


@pytest.fixture
def make_scene() -> Callable[..., Scene]:
  """A scene of the given objects; a second lasts 12 frames."""

  def make(*objects: Object, **settings: Any) -> Scene:
    return Scene(objects, cameras=(PerspectiveCamera(position=(9, 9, 5), look_at=(0, 0, 0)),), **settings)

  return make


@pytest.fixture
def floor() -> Object:
  return Object("floor", Plane(), scale=20, static=True, restitution=1.0, friction=1.0)


@pytest.fixture
def lowest() -> Callable[..., float]:
  """Height of an object's lowest vertex at a pose, from its mesh and not from what physics knows of it."""

  def height(item: Object, position: np.ndarray, quaternion: np.ndarray) -> float:
    return float(to_world(load_mesh(item.shape).vertices, position, quaternion, item.scale)[:, 2].min())

  return height


@pytest.fixture(scope="session")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
  """A torus lying flat, an irregular convex stone, a brick turned in its file, and a thin square sheet."""
  folder = tmp_path_factory.mktemp("meshes")
  points = np.random.default_rng(3).normal(size=(40, 3))
  points *= np.array([0.5, 0.35, 0.25]) / np.linalg.norm(points, axis=1, keepdims=True)
  brick = trimesh.creation.box((1.0, 0.5, 0.3))
  brick.apply_transform(np.block([[TURN.as_matrix(), np.array([[3.0], [2.0], [1.0]])], [np.zeros((1, 3)), np.eye(1)]]))
  sheet = trimesh.Trimesh([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], [[0, 1, 2], [0, 2, 3]])
  made = {"torus": trimesh.creation.torus(0.4, 0.1), "stone": trimesh.Trimesh(points).convex_hull, "brick": brick,
          "sheet": sheet}
  for name, mesh in made.items():
    mesh.export(folder / f"{name}.obj", include_normals=False)
  return {name: folder / f"{name}.obj" for name in made}


TURN = Rotation.from_euler("xyz", (25, 40, 10), degrees=True)


@pytest.fixture
def brick_turn() -> Rotation:
  """How the brick is turned in its file."""
  return TURN
