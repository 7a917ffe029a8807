"""Pictures of single objects, and sheets of them: what a collection has, at a glance.

Every object stands on the same light floor and fills the picture, whatever its size.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kubric_gen.pictures.sheets import Row, Style, draw_grid
from kubric_gen.scene import Environment, Motion, Object, PerspectiveCamera, Plane, PrincipledMaterial, Scene, SunLight
from kubric_gen.scene.transforms import look_at, rotation_matrix
from kubric_gen.scene.validation import vector3

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

SAMPLES = 16
AZIMUTH, ELEVATION = math.radians(-60), math.radians(28)
"""Where the camera stands; steep enough for the floor to fill the picture."""
FOCAL_LENGTH = 70.0
FILL = 0.8
"""How much of the picture's width or height the object takes."""
GAP = 4
"""Pixels between the pictures of a sheet."""


def _standing(item: Object) -> tuple[Object, Array]:
  """The object on the floor, two metres in its largest extent, and the corners (n, 3) of its hull there."""
  from kubric_gen.assets import load_mesh
  turned = load_mesh(item.shape).vertices * item.scale @ rotation_matrix(item.quaternion).T
  low, high = turned.min(axis=0), turned.max(axis=0)
  factor = 2 / float((high - low).max())
  position = -factor * np.array([*(low + high)[:2] / 2, low[2]])
  stood = Object(
      "portrayed", item.shape, material=item.material, quaternion=item.quaternion,
      position=vector3(position, "position"), scale=vector3(np.multiply(item.scale, factor), "scale"), static=True)
  return stood, turned * factor + position


def _camera(points: Array) -> PerspectiveCamera:
  """A camera in the usual direction, at the distance from which the points (n, 3) fill the picture."""
  camera = PerspectiveCamera(focal_length=FOCAL_LENGTH)
  toward = np.array([math.cos(ELEVATION) * math.cos(AZIMUTH), math.cos(ELEVATION) * math.sin(AZIMUTH), math.sin(ELEVATION)])
  quaternion = look_at(toward, (0, 0, 0))
  seen = points @ rotation_matrix(quaternion)
  reach = FILL * math.tan(camera.field_of_view / 2)
  # The planes of the view that the points touch: |x - a| <= (d - z) · reach on all four sides, solved for a and d
  sides = [(seen[:, axis] * sign + seen[:, 2] * reach).max() for axis in (0, 1) for sign in (1, -1)]
  middle = np.array([sides[0] - sides[1], sides[2] - sides[3]]) / 2
  distance = max(sides[0] + sides[1], sides[2] + sides[3]) / (2 * reach)
  for _ in range(10):  # perspective: the axis with room to spare is not centred yet
    slope = (seen[:, :2] - middle) / (distance - seen[:, 2:])
    middle = middle + (slope.min(axis=0) + slope.max(axis=0)) / 2 * distance
  position = rotation_matrix(quaternion) @ np.array([*middle, distance])
  return dataclasses.replace(camera, position=vector3(position, "position"), quaternion=quaternion)


def studio(item: Object, size: int) -> Scene:
  """A scene of one frame, `size` pixels square: the object by itself, scaled to two metres, under soft light."""
  stood, points = _standing(item)
  floor = Object("floor", Plane(), material=PrincipledMaterial(color=(0.72, 0.72, 0.72), roughness=0.9, specular=0.1),
                 scale=(400.0, 400.0, 1.0), static=True, background=True)
  sun = SunLight("sun", position=(-3.0, -2.5, 6.0), look_at=(0.0, 0.0, 0.0), strength=1.9, angle=math.radians(25))
  return Scene((floor, stood), (sun,), (_camera(points),), environment=Environment(color=(0.36, 0.36, 0.36)), num_frames=1,
               resolution=(size, size), view_transform="Standard")


def portraits(items: Iterable[Object], size: int = 128, samples: int = SAMPLES) -> Iterator[Picture]:
  """Pictures of objects, one after another.

  Args:
    items: what to portray: shape, material, proportions and orientation count, nothing else does.
    size: pixels of a side. samples: rays per pixel; the result is denoised.

  Yields:
    Images (size, size, 3), uint8 sRGB.

  Raises:
    AssetError: an object's files cannot be used.
  """
  from kubric_gen.render import RenderSettings
  from kubric_gen.render.cycles import CyclesRenderer
  for item in items:
    scene = studio(item, size)
    with CyclesRenderer(scene, Motion.from_paths(scene), RenderSettings(samples_per_pixel=samples, denoiser="accurate",
                                                                        device="cpu")) as renderer:
      for image in renderer.frames():
        yield np.ascontiguousarray(image[..., :3])


def sheet(rows: Sequence[tuple[str, Sequence[Picture]]], size: int = 128) -> Picture:
  """A sheet of pictures.

  Args:
    rows: of each its caption and its pictures (size, size, 3). size: pixels of a side of a picture.

  Returns:
    An image (H, W, 3), uint8: the captions on the left, if there are any, on white.

  Raises:
    KubricGenError: there are no pictures.
  """
  return draw_grid([Row(images, caption) for caption, images in rows], style=Style(GAP, GAP, max(11, size // 9), outline=False))
