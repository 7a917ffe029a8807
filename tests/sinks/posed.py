"""Scenes of posed views that need no renderer, what an oracle knows of them, and readers of exports that know nothing of ours."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.annotations.analytic import Body, Keys, Oracle, View

import kubric_gen as kg
from kubric_gen.example.frames import LazyFrames
from kubric_gen.scene.posed_views import PosedView
from kubric_gen.scene.transforms import look_at

Array = NDArray[np.float64]

SIZE = (64, 80)
VIEWS = 12
SPLITS = {3: "validation", 7: "test", 11: "test"}
IDENTITY = (1.0, 0.0, 0.0, 0.0)


# --- a scene -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Thing:
  """A body: of the scene, and of the oracle. Where it has an end, it moves there in a straight line."""

  name: str
  kind: str
  scale: tuple[float, float, float]
  position: tuple[float, float, float]
  end: tuple[float, float, float] | None = None

  def object(self, frames: int) -> kg.Object:
    shape = {"plane": kg.Plane, "box": kg.Cube, "sphere": kg.Sphere}[self.kind]()
    path = None if self.end is None else kg.Path((1, frames), (self.position, self.end), (IDENTITY,) * 2)
    still: dict[str, Any] = {"position": self.position, "static": True} if path is None else {"path": path}
    return kg.Object(self.name, shape, scale=self.scale, background=self.kind == "plane", **still)

  def body(self, fraction: float) -> Body:
    end = self.end or self.position
    at = tuple(a + fraction * (b - a) for a, b in zip(self.position, end))
    return Body(self.kind, self.scale, Keys((at,), (IDENTITY,)), self.kind == "plane")


FLOOR = Thing("floor", "plane", (6, 6, 1), (0, 0, 0))
CUBE = Thing("cube", "box", (1, 1, 1), (-0.8, 0.2, 0.5))
BALL = Thing("ball", "sphere", (1, 1, 1), (0.9, -0.2, 0.5))
MOVER = Thing("mover", "box", (0.5, 0.5, 0.5), (0, -1.3, 0.25), (0, 1.3, 0.25))
STILL, MOVING = (FLOOR, CUBE, BALL), (FLOOR, CUBE, BALL, MOVER)


def shell(views: int = VIEWS) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
  """Positions and quaternions of cameras around the scene."""
  turns = 2 * np.pi * np.arange(views) / views
  heights = 0.6 + 0.25 * np.sin(5 * turns)
  positions = 5 * np.stack([np.cos(turns) * np.cos(heights), np.sin(turns) * np.cos(heights), np.sin(heights)], axis=1)
  return [tuple(p) for p in positions.tolist()], [look_at(p, (0, 0, 0.3)) for p in positions]


def posed_scene(things: tuple[Thing, ...], views: int = VIEWS, size: tuple[int, int] = SIZE) -> kg.Scene:
  positions, quaternions = shell(views)
  camera = kg.PerspectiveCamera(path=kg.Path(tuple(range(1, views + 1)), tuple(positions), tuple(quaternions)))
  names = [PosedView(f"view_{t:03d}", SPLITS.get(t, "train")) for t in range(views)]
  return kg.Scene([thing.object(views) for thing in things], [], [camera], resolution=size, num_frames=views, posed_views=names)


def colour(t: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
  """An image (H, W, 4) in which no two pixels are alike."""
  rows, columns = np.indices(size)
  return np.stack([rows, columns, np.full(size, t), 255 - rows], axis=-1).astype(np.uint8)


def example_of(scene: kg.Scene) -> kg.Example:
  """The example of a scene, with colour that needs no renderer."""
  example = kg.make_example(scene, layers=("segmentation", "depth"))
  example.views = tuple(
      replace(view, layers={"rgba": LazyFrames(scene.num_frames, functools.partial(colour, size=view.metadata.resolution[::-1])),
                            **view.layers}) for view in example.views)
  return example


def oracle(things: tuple[Thing, ...], t: int, views: int = VIEWS, size: tuple[int, int] = SIZE) -> Oracle:
  """What is seen in a view: its frame 0."""
  positions, quaternions = shell(views)
  bodies = [thing.body(t / max(views - 1, 1)) for thing in things]
  return Oracle(bodies, View(Keys((positions[t],), (quaternions[t],))), size, 1)


# --- readers -------------------------------------------------------------------------------------------------------------


def read_png(path: Path) -> NDArray[Any]:
  from PIL import Image
  with Image.open(path) as image:
    return np.asarray(image)


def read_ply(path: Path) -> tuple[Array, NDArray[np.uint8]]:
  """Positions and colours of a cloud of points."""
  import trimesh
  cloud = trimesh.load(path)
  if not len(getattr(cloud, "vertices", ())):
    return np.zeros((0, 3)), np.zeros((0, 3), np.uint8)
  return np.asarray(cloud.vertices), np.asarray(cloud.colors)[:, :3]


@dataclass(frozen=True, eq=False)
class Shot:
  """A frame of nerfstudio's format, with depth z in metres."""

  described: dict[str, Any]
  k: Array
  to_world: Array
  image: NDArray[np.uint8]
  z: Array
  mask: NDArray[np.uint8]

  def project(self, points: Array) -> tuple[Array, Array]:
    """Positions (N, 2) as (x, y), and z."""
    local = (points - self.to_world[:3, 3]) @ self.to_world[:3, :3]
    x, y, z = local[:, 0], -local[:, 1], -local[:, 2]
    return np.stack([self.k[0, 0] * x / z + self.k[0, 2], self.k[1, 1] * y / z + self.k[1, 2]], axis=1), z

  def unproject(self, at: Array, z: Array) -> Array:
    """The inverse of `project`."""
    x, y = (at[:, 0] - self.k[0, 2]) / self.k[0, 0] * z, (at[:, 1] - self.k[1, 2]) / self.k[1, 1] * z
    return np.stack([x, -y, -z], axis=1) @ self.to_world[:3, :3].T + self.to_world[:3, 3]


def read_nerfstudio(folder: Path) -> tuple[dict[str, Any], dict[str, Shot]]:
  """`transforms.json`, and frames by their names."""
  described = json.loads((folder / "transforms.json").read_text())
  assert described["camera_model"] == "OPENCV" and described["depth_unit_scale_factor"] == 0.001
  shots = {}
  for frame in described["frames"]:
    lens = {name: frame.get(name, described.get(name)) for name in ("fl_x", "fl_y", "cx", "cy", "w", "h")}
    image, depth, mask = (read_png(folder / frame[key]) for key in ("file_path", "depth_file_path", "mask_path"))
    assert image.shape == (lens["h"], lens["w"], 4) and image.dtype == np.uint8
    assert depth.shape == mask.shape == (lens["h"], lens["w"]) and mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 255}
    k = np.array([[lens["fl_x"], 0, lens["cx"]], [0, lens["fl_y"], lens["cy"]], [0, 0, 1]])
    shots[Path(frame["file_path"]).stem] = Shot(frame, k, np.array(frame["transform_matrix"]), image, depth * 0.001, mask)
  assert len(shots) == len(described["frames"])
  return described, shots
