"""Patterns and prints: made from numbers, always the same, in the colours asked for."""

from __future__ import annotations

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.render.prints import SIZE, print_image
from kubric_gen.scene.color import linear_to_srgb
from kubric_gen.scene.patterns import PATTERNS, PRINTS

RED, BLUE = (0.8, 0.02, 0.02), (0.02, 0.02, 0.8)
FAST = kg.RenderSettings(samples_per_pixel=4, denoiser="none")


def picture(material: kg.PrincipledMaterial, shape: object = None, size: int = 48) -> np.ndarray:
  item = kg.Object("item", shape or kg.Plane(), static=True, material=material)  # type: ignore[arg-type]
  camera = kg.OrthographicCamera(position=(0, 0, 3), look_at=(0, 0, 0), scale=1.0)
  scene = kg.Scene([item], cameras=[camera], environment=kg.Environment(), resolution=(size, size), num_frames=1,
                   view_transform="Standard")
  return next(iter(kg.render_frames(scene, kg.Motion.from_paths(scene), FAST)))[..., :3].astype(int)


@pytest.mark.parametrize("kind", PATTERNS)
def test_patterns_show_both_colours(kind: str) -> None:
  def draw(seed: int) -> np.ndarray:
    return picture(kg.PrincipledMaterial(color=kg.Pattern(kind, (RED, BLUE), 0.1, seed), roughness=1.0, specular=0.0))

  first = draw(1)
  redness = first[..., 0] - first[..., 2]
  assert redness.max() > 20 or redness.min() < -20
  assert np.ptp(redness) > 40  # it varies
  assert np.median(first[..., 1]) < 60
  np.testing.assert_array_equal(draw(1), first)
  assert np.abs(draw(2) - first).max() > 20


def test_a_bump_changes_the_shading_only() -> None:
  pattern = kg.Pattern("speckle", (RED, BLUE), 0.1, 3)
  flat = kg.PrincipledMaterial(color=(0.5, 0.5, 0.5), roughness=0.3)
  bumpy = kg.PrincipledMaterial(color=(0.5, 0.5, 0.5), roughness=0.3, bump=pattern, bump_strength=1.0)
  ball = kg.Sphere()
  sun = kg.Environment(sky=kg.Sky(elevation=1.0), strength=0.05)
  pictures = []
  for material in (flat, bumpy):
    item = kg.Object("item", ball, static=True, material=material)
    scene = kg.Scene([item], cameras=[kg.PerspectiveCamera(position=(0, 0, 2), look_at=(0, 0, 0))], environment=sun,
                     resolution=(32, 32), num_frames=1)
    with kg.make_example(scene, layers=["rgba", "normal"], settings=FAST) as example:
      pictures.append((example.stack("rgba").astype(int), example.stack("normal")))
  np.testing.assert_array_equal(pictures[0][1], pictures[1][1])
  assert np.abs(pictures[0][0] - pictures[1][0]).max() > 20


def test_relief_grows_with_the_object() -> None:
  pattern = kg.Pattern("speckle", (RED, BLUE), 0.1, 3)
  sun = kg.SunLight("sun", position=(3, -2, 4), look_at=(0, 0, 0), strength=3)
  changes = []
  for scale in (0.3, 6.0):
    pictures = []
    for strength in (0.0, 1.0):
      item = kg.Object("item", kg.Sphere(), scale=scale, static=True, material=kg.PrincipledMaterial(
          color=(0.5, 0.5, 0.5), roughness=0.5, bump=pattern, bump_strength=strength))
      camera = kg.PerspectiveCamera(position=(0, 0, 2 * scale), look_at=(0, 0, 0), near=0.01)
      scene = kg.Scene([item], [sun], [camera], resolution=(32, 32), num_frames=1)
      pictures.append(next(iter(kg.render_frames(scene, kg.Motion.from_paths(scene), FAST)))[..., :3].astype(int))
    changes.append(float(np.abs(pictures[0] - pictures[1]).mean()))
  assert changes[0] > 0.2 and changes[1] == pytest.approx(changes[0], rel=0.25)


@pytest.mark.parametrize("kind", PRINTS)
def test_prints_follow_from_their_numbers(kind: str) -> None:
  colors = (RED, BLUE, (0.1, 0.6, 0.1), (0.9, 0.9, 0.9))
  image = print_image(kg.Print(kind, colors, seed=5))
  assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8
  np.testing.assert_array_equal(image, print_image(kg.Print(kind, colors, seed=5)))
  values, counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
  common = {tuple(value) for value, count in zip(values.tolist(), counts) if count > 100}
  inks = {tuple(np.round(linear_to_srgb(color) * 255).astype(int).tolist()) for color in colors}
  assert len(common & inks) >= 2
  others = [print_image(kg.Print(kind, colors, seed=seed)) for seed in range(3)]
  assert kind == "checker" or any(np.abs(other.astype(int) - image).max() > 50 for other in others)


def test_a_print_lies_on_the_surface_as_texture_coordinates_say() -> None:
  material = kg.PrincipledMaterial(color=kg.Print("checker", (RED, BLUE)), roughness=1.0, specular=0.0)
  image = picture(material, size=64)
  cells = image.reshape(8, 8, 8, 8, 3)[:, 2:6, :, 2:6].mean(axis=(1, 3))
  blue = cells[..., 2] > cells[..., 0]
  np.testing.assert_array_equal(blue, np.add.outer(np.arange(8), np.arange(8)) % 2 == 0)
  on_box = kg.PrincipledMaterial(color=kg.Print("checker", (RED, BLUE), "box"), roughness=1.0, specular=0.0)
  assert np.ptp(picture(on_box, kg.Cube())[..., 0]) > 100


@pytest.mark.parametrize(("make", "word"), [
    (lambda: kg.Pattern("plaid", (RED, BLUE)), "kind"), (lambda: kg.Pattern("wood", (RED,)), "two"),
    (lambda: kg.Pattern("wood", (RED, BLUE, RED)), "two"), (lambda: kg.Pattern("wood", (RED, BLUE), size=0.0), "size"),
    (lambda: kg.Pattern("wood", (RED, BLUE), seed=-1), "seed"), (lambda: kg.Print("poem", (RED, BLUE)), "kind"),
    (lambda: kg.Print("label", (RED, BLUE), "sphere"), "mapping"), (lambda: kg.Print("label", (RED, BLUE), repeat=0), "repeat"),
    (lambda: kg.PrincipledMaterial(bump="wood"), "bump"), (lambda: kg.Sky(elevation=4.0), "elevation"),
    (lambda: kg.Sky(dust=-1), "dust"), (lambda: kg.Environment(sky="blue"), "sky"),
    (lambda: kg.ProjectedEnvironment(blend=0), "blend"), (lambda: kg.ProjectedEnvironment(reflectance=2), "reflectance")])
def test_descriptions_that_make_no_sense(make: object, word: str) -> None:
  with pytest.raises(kg.KubricGenError, match=word):
    make()  # type: ignore[operator]
