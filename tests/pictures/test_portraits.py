"""Pictures of single objects."""

from __future__ import annotations

import numpy as np
import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.pictures.portraits import FILL, portraits, sheet, studio
from kubric_gen.scene import Cube, Cylinder, Object, PrincipledMaterial, Sphere
from kubric_gen.scene.transforms import quaternion_from_euler, rotation_matrix, to_local


@pytest.mark.parametrize("scale", [(1, 1, 1), (1e-3, 1e-3, 0.2), (300, 20, 1)])
def test_objects_of_any_size_stand_on_the_floor_and_fill_the_picture(scale):
  item = Object("x", Cube(), scale=scale, quaternion=quaternion_from_euler(0.3, 0.2, 1.0), velocity=(1, 2, 3))
  scene = studio(item, 100)
  stood, camera = scene.objects[1], scene.camera
  corners = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1).T
  points = corners * stood.scale @ rotation_matrix(stood.quaternion).T + stood.position
  assert points[:, 2].min() == pytest.approx(0, abs=1e-9) and np.ptp(points, axis=0).max() == pytest.approx(2)
  seen = camera.project(to_local(points, camera.position, camera.quaternion), (100, 100))
  low, high = seen.min(axis=0), seen.max(axis=0)
  assert max(high - low) == pytest.approx(100 * FILL)
  assert low + high == pytest.approx([100, 100], abs=0.1)


def test_portraits_show_the_object_on_a_light_floor():
  looks = [Object("red", Sphere(), material=PrincipledMaterial(color=(0.8, 0.02, 0.02))),
           Object("green", Cylinder(), material=PrincipledMaterial(color=(0.02, 0.6, 0.02)), scale=40)]
  images = list(portraits(looks, 48, samples=4))
  for image, channel in zip(images, (0, 1)):
    assert image.shape == (48, 48, 3) and image.dtype == np.uint8
    middle = image[20:28, 20:28].mean(axis=(0, 1))
    assert middle.argmax() == channel and middle[channel] > 2 * np.delete(middle, channel).max()
    corner = image[0, 0].astype(int)
    assert corner.min() > 150 and np.ptp(corner) < 20
  page = sheet([("red things", images[:1]), ("all", images)], 48)
  assert page.dtype == np.uint8 and page.shape[0] == 2 * 52 + 4
  assert np.array_equal(page[4:52, -104:-56], images[0]) and np.array_equal(page[56:104, -52:-4], images[1])
  assert (page[4:52, -52:-4] == 255).all()


def test_a_sheet_needs_pictures():
  with pytest.raises(KubricGenError, match="at least one"):
    sheet([("nothing", [])])
