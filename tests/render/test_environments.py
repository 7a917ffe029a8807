"""Environments and the ground that continues them, against what radiometry says."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.assets.collections import BlenderHdris, PlainColors, Skies
from kubric_gen.render.environment import irradiance_from_above
from kubric_gen.world.scenery import floor_and_dome

FAST = kg.RenderSettings(samples_per_pixel=64, denoiser="none")


def picture(scene: kg.Scene, settings: kg.RenderSettings = FAST) -> np.ndarray:
  """The one frame, linear (H, W, 3)."""
  image = next(iter(kg.render_frames(scene, kg.Motion.from_paths(scene), settings)))
  from kubric_gen.scene.color import srgb_to_linear
  return srgb_to_linear(image[..., :3] / 255.0)


def view(environment: kg.Environment, target: tuple[float, float, float], *objects: kg.Object, size: int = 16,
         position: tuple[float, float, float] = (0.0, -2.0, 3.0)) -> kg.Scene:
  camera = kg.PerspectiveCamera(position=position, look_at=target, focal_length=200)
  return kg.Scene(objects, cameras=[camera], environment=environment, resolution=(size, size), num_frames=1,
                  view_transform="Standard")


def write_hdri(path: Path, function: object, height: int = 64) -> str:
  """An equirectangular picture of a function of (elevation, azimuth); azimuth 0 is at its centre, towards +X."""
  rows, columns = np.meshgrid(np.arange(height) + 0.5, np.arange(2 * height) + 0.5, indexing="ij")
  elevation, azimuth = math.pi * (0.5 - rows / height), math.pi * (1 - columns / height)
  value = function(elevation, azimuth)  # type: ignore[operator]
  cv2.imwrite(str(path), np.repeat(value[..., None], 3, axis=-1).astype(np.float32))
  return str(path)


@pytest.mark.parametrize(("power", "expected"), [(0, math.pi), (1, 2 * math.pi / 3), (2, math.pi / 2)])
def test_irradiance_is_the_integral(power: int, expected: float) -> None:
  """Of radiance sin^n(elevation): ∫ sin^n cos sin over the half sphere is 2 π / (n + 2)."""
  elevation = (np.arange(512) + 0.5) / 512 * math.pi - math.pi / 2
  column = np.where(elevation > 0, np.abs(np.sin(elevation)) ** power, 5.0)  # what is below does not count
  pixels = np.repeat(np.repeat(column[:, None, None], 1024, axis=1), 3, axis=2).astype(np.float32)
  assert irradiance_from_above(pixels) == pytest.approx(expected, rel=1e-4)


def test_a_flaw_in_a_picture_does_not_darken_everything() -> None:
  pixels = np.ones((64, 128, 3), np.float32)
  pixels[40, 7], pixels[50, 9], pixels[60, 1] = np.nan, -np.inf, -5.0
  assert irradiance_from_above(pixels) == pytest.approx(math.pi, rel=2e-3)


def test_ground_under_the_open_sky_looks_as_in_the_picture(tmp_path: Path) -> None:
  hdri = write_hdri(tmp_path / "gradient.hdr", lambda elevation, azimuth: np.where(
      elevation > 0, 0.6 * (1 + 0.5 * np.sin(azimuth)), 0.15 + 0.1 * np.cos(azimuth)))
  floor, dome = floor_and_dome(kg.ProjectedEnvironment(centre=(0.0, 0.0, 3.0)))
  for turn, toward in ((0.0, 0.0), (0.0, 1.2), (0.9, 1.2), (-2.0, 3.0)):
    point = (4 * math.cos(toward), 4 * math.sin(toward), 0.0)
    seen = picture(view(kg.Environment(hdri=hdri, rotation=turn), point, floor, dome, position=(0.0, 0.0, 3.0)))
    assert seen.mean() == pytest.approx(0.15 + 0.1 * math.cos(toward - turn), rel=0.06), (turn, toward)


def test_the_dome_continues_the_picture_and_objects_cast_shadows(tmp_path: Path) -> None:
  hdri = write_hdri(tmp_path / "sky.hdr", lambda elevation, azimuth: np.where(elevation > 0, 0.5, 0.2))
  floor, dome = floor_and_dome(kg.ProjectedEnvironment())
  environment = kg.Environment(hdri=hdri)
  assert picture(view(environment, (0.0, 25.0, 18.0), floor, dome)).mean() == pytest.approx(0.5, rel=0.05)
  roof = kg.Object("roof", kg.Cube(), position=(0.0, 4.0, 0.9), scale=(8.0, 6.0, 0.1), static=True,
                   material=kg.PrincipledMaterial(color=(0.0, 0.0, 0.0), roughness=1.0, specular=0.0))
  under, open_sky = (picture(view(environment, (0.0, 4.0, 0.0), floor, dome, *more, position=(0.0, 3.7, 0.8))).mean()
                     for more in ((roof,), ()))
  assert under < 0.2 * open_sky


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.5, 0.25, 1.0)])
@pytest.mark.parametrize("suffix", ["hdr", "png"])
def test_every_kind_of_file_and_tint(tmp_path: Path, suffix: str, tint: tuple[float, float, float]) -> None:
  """A grey picture of 0.2159: ground and dome look alike, in the tint."""
  path = tmp_path / f"grey.{suffix}"
  if suffix == "png":
    cv2.imwrite(str(path), np.full((32, 64, 3), 128, np.uint8))
  else:
    cv2.imwrite(str(path), np.full((32, 64, 3), 0.2158605, np.float32))
  floor, dome = floor_and_dome(kg.ProjectedEnvironment(reflectance=1.0))
  environment = kg.Environment(hdri=str(path), color=tint)
  for target in ((0.0, 4.0, 0.0), (0.0, 25.0, 18.0)):
    seen = picture(view(environment, target, floor, dome)).mean(axis=(0, 1))
    np.testing.assert_allclose(seen, np.multiply(tint, 0.2158605), rtol=0.06)


def test_reflectance_has_a_limit(tmp_path: Path) -> None:
  hdri = write_hdri(tmp_path / "snow.hdr", lambda elevation, azimuth: np.where(elevation > 0, 0.2, 0.9))
  floor, dome = floor_and_dome(kg.ProjectedEnvironment(reflectance=0.5))
  assert picture(view(kg.Environment(hdri=hdri), (0.0, 2.0, 0.0), floor, dome)).mean() == pytest.approx(0.1, rel=0.05)


def test_the_sun_of_a_sky_stands_where_it_is_said() -> None:
  for rotation, toward in ((0.0, math.pi / 2), (math.pi / 2, math.pi)):
    environment = kg.Environment(sky=kg.Sky(elevation=0.3), rotation=rotation, strength=0.002)
    at, away = (picture(view(environment, (100 * math.cos(a), 100 * math.sin(a), 3 + 100 * math.tan(0.3)),
                             position=(0.0, 0.0, 3.0))).max() for a in (toward, toward + 1.0))
    assert at > 0.9 and away < 0.1


def test_a_plain_environment_gives_its_colour_to_the_ground() -> None:
  floor, dome = floor_and_dome(kg.ProjectedEnvironment(reflectance=1.0))
  seen = picture(view(kg.Environment(strength=0.8, backdrop=(0.5, 0.25, 0.1)), (0.0, 2.0, 0.0), floor, dome))
  np.testing.assert_allclose(seen.mean(axis=(0, 1)), (0.4, 0.2, 0.08), rtol=0.06)


@pytest.mark.parametrize("source", [BlenderHdris(), Skies(), PlainColors()], ids=lambda source: source.name)
def test_collections_of_environments(source: BlenderHdris | Skies | PlainColors) -> None:
  ids = source.ids()
  assert list(ids) == sorted(ids) and len(ids) >= 7
  for asset_id in ids:
    made = source.create(asset_id, rotation=0.5)
    assert made.rotation == 0.5 and made == source.create(asset_id, rotation=0.5)
    assert source.find(asset_id).license
  training, testing = source.split(0.2)
  assert sorted(training + testing) == list(ids)
  with pytest.raises(kg.KubricGenError, match="no asset 'moon'"):
    source.create("moon")


def test_every_environment_leaves_nothing_in_the_dark() -> None:
  ball = kg.Object("ball", kg.Sphere(), position=(0.0, 2.0, 0.5), static=True)
  for source in (BlenderHdris(), Skies()):
    for asset_id in source.ids():
      floor, dome = floor_and_dome(kg.ProjectedEnvironment())
      seen = picture(view(source.create(asset_id), (0.0, 2.0, 0.3), floor, dome, ball, position=(0.0, -8.0, 3.0)),
                     kg.RenderSettings(samples_per_pixel=16, denoiser="none"))
      assert 0.02 < seen.mean() < 0.8, asset_id
