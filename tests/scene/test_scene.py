"""Scenes as data: what is refused, printed, compared, pickled, and how the parts move."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.errors import SceneError

CAMERA = kg.PerspectiveCamera()
NAMES = {name: getattr(kg, name) for name in dir(kg) if isinstance(getattr(kg, name), type)}


def scene(*objects: kg.Object, **more: Any) -> kg.Scene:
  return kg.Scene(objects, cameras=more.pop("cameras", (CAMERA,)), **more)


def still(end: float = 5.0) -> kg.Path:
  return kg.Path((0, end), ((0, 0, 0), (1, 2, 3)), ((1, 0, 0, 0), (0, 0, 0, 1)))


@pytest.fixture
def full() -> kg.Scene:
  return scene(
      kg.Object("floor", kg.Disc(), scale=20, static=True, background=True, labels={"type": "ground"}),
      kg.Object("ball", kg.Sphere(), position=(0, 0, 2), velocity=(1, 0, 0),
                material=kg.PrincipledMaterial(color="red")),
      kg.Object("arm", kg.Cube(), path=still(), labels={"size": 0.1 + 0.2, "ids": [1, 2]}),
      lights=[kg.SunLight("sun", look_at=(0, 1, -1)), kg.AreaLight("lamp", width=2)],
      cameras=[CAMERA, kg.OrthographicCamera("top", position=(0, 0, 9))], resolution=(48, 64), num_frames=4)


# What is refused, by the field's name.

OBJECT_MISUSE = [
    ("name", ""), ("name", "a/b"), ("name", None), ("shape", "cube"), ("shape", None), ("shape", kg.Cube),
    ("material", "red"), ("position", (0, 0)), ("position", (0, 0, math.nan)), ("quaternion", (0, 0, 0, 0)),
    ("quaternion", (1, 0, 0)), ("scale", 0), ("scale", (1, 1, -1)), ("scale", None), ("mass", 0), ("mass", -1),
    ("mass", math.inf), ("mass", "heavy"), ("density", 0), ("density", math.nan), ("friction", -0.1),
    ("friction", None),
    ("restitution", -0.1), ("restitution", 1.1), ("linear_damping", 2), ("angular_damping", -1), ("velocity", 3),
    ("velocity", (math.inf, 0, 0)), ("angular_velocity", (0, 0)), ("path", 3), ("path", ((0, 0, 0),)),
    ("visibility", False),
    ("labels", 5), ("labels", {1: 2}), ("labels", {"x": math.nan}), ("labels", {"x": object()}), ("asset_id", 7),
    ("look_at", (0, 0))]


@pytest.mark.parametrize("field, value", OBJECT_MISUSE, ids=lambda value: repr(value)[:25])
def test_object_misuse(field: str, value: object) -> None:
  with pytest.raises(SceneError, match=field) as caught:
    kg.Object(**{"name": "thing", "shape": kg.Cube(), field: value})
  assert "\n" not in str(caught.value)
  if field not in ("name", "look_at"):
    assert "'thing'" in str(caught.value)


@pytest.mark.parametrize("fields, word", [
    ({"mass": 1, "density": 2}, "mass or a density"), ({"static": True, "velocity": (1, 0, 0)}, "static"),
    ({"static": True, "angular_velocity": (1, 0, 0)}, "static"), ({"static": True, "path": still()}, "path"),
    ({"path": still(), "velocity": (0, 0, 1)}, "path"), ({"path": still(), "angular_velocity": (0, 0, 1)}, "path"),
    ({"shape": kg.Plane()}, "Plane.*static"), ({"shape": kg.Disc()}, "Disc.*static"),
    ({"shape": kg.Dome()}, "Dome.*static"),
    ({"quaternion": (0, 1, 0, 0), "look_at": (0, 0, 1)}, "quaternion or look_at")])
def test_what_contradicts_itself_is_refused(fields: dict, word: str) -> None:
  with pytest.raises(SceneError, match=f"'thing'.*{word}"):
    kg.Object(**{"name": "thing", "shape": kg.Cube(), **fields})


def test_surfaces_may_follow_a_path() -> None:
  assert kg.Object("lift", kg.Plane(), path=still()).path == still()


@pytest.mark.parametrize("fields, word", [
    ({"resolution": (64,)}, "resolution"), ({"resolution": 64}, "resolution"), ({"resolution": (64, 0)}, "resolution"),
    ({"resolution": (64.0, 64)}, "resolution"), ({"resolution": "64x64"}, "resolution"),
    ({"num_frames": 0}, "num_frames"),
    ({"num_frames": 2.5}, "num_frames"), ({"frame_rate": 0}, "frame_rate"), ({"step_rate": -240}, "step_rate"),
    ({"step_rate": 100}, "step_rate must be a multiple.*240"), ({"frame_rate": 7}, "step_rate.*try 238"),
    ({"gravity": -9.81}, "gravity"), ({"view_transform": "filmic"}, "view_transform.*Filmic"),
    ({"labels": [1]}, "labels"),
    ({"environment": "sky.hdr"}, "environment"), ({"cameras": ()}, "at least one camera"),
    ({"cameras": ("eye",)}, "cameras"),
    ({"lights": (CAMERA,)}, "lights"), ({"objects": (kg.SunLight("sun"),)}, "objects"),
    ({"objects": (kg.Object("a", kg.Cube()),) * 2}, "unique.*: a$"),
    ({"objects": (kg.Object("camera", kg.Cube()),)}, "unique.*: camera$"),
    ({"lights": (kg.SunLight("s"), kg.PointLight("s"))}, "unique.*: s$")])
def test_scene_misuse(fields: dict, word: str) -> None:
  with pytest.raises(SceneError, match=word):
    kg.Scene(**{"objects": (), "cameras": (CAMERA,), **fields})


def test_a_scene_without_a_camera_is_refused() -> None:
  with pytest.raises(SceneError, match="camera"):
    kg.Scene([])


@pytest.mark.parametrize("kind, field, value", [
    *[(kind, "name", "") for kind in (kg.SunLight, kg.PointLight, kg.SpotLight, kg.AreaLight)],
    *[(kind, "power", value) for kind in (kg.PointLight, kg.SpotLight, kg.AreaLight) for value in (-1, math.nan, None)],
    (kg.SunLight, "strength", -1), (kg.SunLight, "angle", -0.1), (kg.SunLight, "angle", 4),
    (kg.PointLight, "radius", -1),
    (kg.SpotLight, "angle", 0), (kg.SpotLight, "angle", 4), (kg.SpotLight, "blend", 1.1), (kg.AreaLight, "width", 0),
    (kg.AreaLight, "height", -1), (kg.SunLight, "color", "mauve"), (kg.SunLight, "color", (1, 1, -1)),
    (kg.SunLight, "position", (1,)), (kg.SunLight, "quaternion", (0, 0, 0, 0)), (kg.SunLight, "look_at", (0, 0, 0))])
def test_light_misuse(kind: type, field: str, value: object) -> None:
  with pytest.raises(SceneError, match=field):
    kind(**{"name": "lamp", field: value})


def test_a_light_has_a_quaternion_or_looks_at_something() -> None:
  with pytest.raises(SceneError, match="'lamp'.*quaternion or look_at"):
    kg.SpotLight("lamp", quaternion=(0, 1, 0, 0), look_at=(1, 1, 1))


@pytest.mark.parametrize("field, value", [
    *[(name, value) for name in ("metallic", "roughness", "alpha", "specular", "transmission", "coat", "coat_roughness",
                                 "sheen", "sheen_roughness", "subsurface", "anisotropy", "anisotropy_rotation")
      for value in (-0.01, 1.01, "much")],
    ("color", "mauve"), ("color", (0, 0)), ("emission", (-1, 0, 0)), ("emission_strength", -1), ("ior", 0.9),
    ("specular_tint", 1.0), ("normal_map", "n.png"), ("normal_strength", -1), ("subsurface_radius", 1.0)])
def test_material_misuse(field: str, value: object) -> None:
  with pytest.raises(SceneError, match=field):
    kg.PrincipledMaterial(**{field: value})


@pytest.fixture
def image(tmp_path: Path) -> str:
  path = tmp_path / "image.png"
  path.write_bytes(b"not looked at")
  return str(path)


def test_textures_stand_where_the_docstring_says(image: str) -> None:
  raw = kg.Texture(image, "raw")
  material = kg.PrincipledMaterial(color=kg.Texture(image), emission=kg.Texture(image), metallic=raw, roughness=raw,
                                   alpha=raw, normal_map=raw)
  assert material.alpha is raw
  for field in ("specular", "ior", "transmission", "coat"):
    with pytest.raises(SceneError, match=field):
      kg.PrincipledMaterial(**{field: raw})
  for field in ("metallic", "roughness", "alpha", "normal_map"):
    with pytest.raises(SceneError, match=f"{field}.*image.png.*raw"):
      kg.PrincipledMaterial(**{field: kg.Texture(image)})


@pytest.mark.parametrize("fields, word", [({"path": "/no/such.png"}, "/no/such.png"),
                                          ({"color_space": "cmyk"}, "color_space"),
                                          ({"repeat": 0}, "repeat"), ({"repeat": math.nan}, "repeat")])
def test_texture_misuse(image: str, fields: dict, word: str) -> None:
  with pytest.raises(SceneError, match=word):
    kg.Texture(**{"path": image, **fields})


def test_environment_misuse(image: str, tmp_path: Path) -> None:
  assert kg.Environment(hdri=Path(image)).hdri == image
  text = tmp_path / "sky.txt"
  text.touch()
  for fields, word in [({"hdri": "/no/such.hdr"}, "/no/such.hdr"), ({"hdri": text}, "sky.txt.*\\.exr"),
                       ({"strength": -1}, "strength"), ({"rotation": "left"}, "rotation"),
                       ({"color": "mauve"}, "color"), ({"backdrop": (1, 2)}, "backdrop")]:
    with pytest.raises(SceneError, match=word):
      kg.Environment(**fields)


@pytest.mark.parametrize("frames, positions, quaternions, word", [
    ((), (), (), "as many"), ((0, 1), ((0, 0, 0),), ((1, 0, 0, 0),) * 2, "as many.*2 frames, 1 positions"),
    ((0,), ((0, 0, 0),), ((1, 0, 0, 0),) * 2, "as many"), ((1, 1), ((0, 0, 0),) * 2, ((1, 0, 0, 0),) * 2, "increase"),
    ((1, 0), ((0, 0, 0),) * 2, ((1, 0, 0, 0),) * 2, "increase"), ((math.nan,), ((0, 0, 0),), ((1, 0, 0, 0),), "frame"),
    ((0,), ((0, 0),), ((1, 0, 0, 0),), "position"), ((0,), ((0, 0, 0),), ((0, 0, 0, 0),), "quaternion")])
def test_path_misuse(frames: tuple, positions: tuple, quaternions: tuple, word: str) -> None:
  with pytest.raises(SceneError, match=f"path.*{word}"):
    kg.Path(frames, positions, quaternions)


def test_shape_misuse(tmp_path: Path) -> None:
  mesh, other = tmp_path / "m.obj", tmp_path / "m.blend"
  mesh.touch()
  other.touch()
  assert kg.MeshFile(mesh).path == str(mesh)
  for call, word in [(lambda: kg.MeshFile(str(other)), "m.blend.*\\.obj"),
                     (lambda: kg.MeshFile("/no/m.obj"), "/no/m.obj"),
                     (lambda: kg.MeshFile(str(tmp_path)), "mesh file"),
                     (lambda: kg.MeshFile(str(mesh), up="x"), "up must be"),
                     (lambda: kg.Dome(fillet=0), "fillet"), (lambda: kg.Dome(height=-1), "height")]:
    with pytest.raises(SceneError, match=word):
      call()


def test_the_up_axis_of_mesh_files(tmp_path: Path) -> None:
  for suffix, y_up in ((".glb", True), (".gltf", True), (".obj", False), (".ply", False), (".STL", False)):
    file = tmp_path / f"m{suffix}"
    file.touch()
    assert kg.MeshFile(str(file)).y_up == y_up
    assert kg.MeshFile(str(file), up="y").y_up and not kg.MeshFile(str(file), up="z").y_up


# Normal forms.

def test_values_are_normalised() -> None:
  item = kg.Object("a", kg.Cube(), position=np.array([1, 2, 3]), scale=2, quaternion=(2, 0, 0, 0), mass=np.float32(1.5))
  assert item.position == (1.0, 2.0, 3.0) and item.scale == (2.0, 2.0, 2.0) and item.quaternion == (1, 0, 0, 0)
  assert type(item.mass) is float and item.asset_id == "cube"
  assert item == kg.Object("a", kg.Cube(), position=[1, 2, 3], scale=[2, 2, 2], mass=1.5)
  made = kg.Scene([item], cameras=[CAMERA], resolution=[np.int64(8), 9], num_frames=np.int32(3))
  assert made.resolution == (8, 9) and type(made.resolution[0]) is int and made.objects == (item,)


def test_objects_look_at_points_like_cameras_do() -> None:
  expected = kg.PerspectiveCamera(position=(1, 2, 3), look_at=(4, 5, 6)).quaternion
  assert kg.Object("a", kg.Cube(), position=(1, 2, 3), look_at=(4, 5, 6)).quaternion == expected
  assert kg.SunLight("a", position=(1, 2, 3), look_at=(4, 5, 6)).quaternion == expected


def test_labels_are_copied() -> None:
  source = {"list": [1, 2]}
  item = kg.Object("a", kg.Cube(), labels=source)
  source["list"].append(3)
  assert item.labels == {"list": (1, 2)}


def test_everything_is_frozen(full: kg.Scene) -> None:
  for item in (full, full.objects[0], full.cameras[0], full.lights[0], full.objects[1].material, full.objects[2].path):
    with pytest.raises(dataclasses.FrozenInstanceError):
      item.name = "other"  # type: ignore[union-attr, misc]


def test_the_main_camera_is_the_first_and_simulation_reaches_one_frame_beyond_each_end(full: kg.Scene) -> None:
  assert full.camera is full.cameras[0]
  assert full.simulated_frames.tolist() == [0, 1, 2, 3, 4, 5]


# Printing, comparing, copying.

@pytest.mark.parametrize("value, text", [
    (kg.Cube(), "Cube()"), (kg.PerspectiveCamera(), "PerspectiveCamera()"), (kg.Dome(height=1), "Dome(height=1.0)"),
    (kg.PrincipledMaterial(roughness=0.25), "PrincipledMaterial(roughness=0.25)"), (kg.Environment(), "Environment()"),
    (kg.Object("a", kg.Cube()), "Object(name='a', shape=Cube(), asset_id='cube')"),
    (kg.SunLight("sun", strength=2), "SunLight(name='sun', strength=2.0)"),
    (kg.BACKDROP, "RayVisibility(diffuse=False, shadow=False)")])
def test_repr_names_only_what_differs_from_the_defaults(value: object, text: str) -> None:
  assert repr(value) == text


def test_repr_makes_the_scene_again(full: kg.Scene) -> None:
  assert "\n" not in repr(full) and len(repr(full)) < 900
  assert eval(repr(full), NAMES) == full


def test_equality_is_by_value(full: kg.Scene) -> None:
  assert copy.deepcopy(full) == full
  assert dataclasses.replace(full, num_frames=5) != full
  assert dataclasses.replace(full, objects=full.objects[::-1]) != full
  assert kg.Cube() == kg.Cube() and kg.Cube() != kg.Sphere() and hash(kg.Dome()) == hash(kg.Dome(fillet=0.25))
  assert kg.PerspectiveCamera() != kg.OrthographicCamera()


def test_pickling(full: kg.Scene) -> None:
  again = pickle.loads(pickle.dumps(full))
  assert again == full and repr(again) == repr(full)


def test_replace_checks_again(full: kg.Scene) -> None:
  arm = full.objects[2]
  assert dataclasses.replace(arm, name="leg").path == arm.path
  with pytest.raises(SceneError, match="friction"):
    dataclasses.replace(arm, friction=-1)
  turned = dataclasses.replace(CAMERA, position=(1, 1, 1), look_at=(0, 0, 0))
  assert dataclasses.replace(turned, near=0.5).quaternion == turned.quaternion


# Motion without physics.

def test_motion_from_paths(full: kg.Scene) -> None:
  motion = kg.Motion.from_paths(full)
  assert motion.positions.shape == motion.velocities.shape == motion.angular_velocities.shape == (6, 3, 3)
  assert motion.quaternions.shape == (6, 3, 4) and motion.collisions == () and motion.contacts == ()
  np.testing.assert_array_equal(motion.positions[:, 1], np.tile((0, 0, 2), (6, 1)))
  np.testing.assert_allclose(motion.positions[:, 2], np.arange(6)[:, None] / 5 * (1, 2, 3))
  # 0.2 per frame at 12 frames per second
  np.testing.assert_allclose(motion.velocities[:, 2], np.tile((2.4, 4.8, 7.2), (6, 1)))
  assert (motion.velocities[:, :2] == 0).all()
  np.testing.assert_allclose(np.linalg.norm(motion.quaternions, axis=-1), 1)


def test_motion_of_nothing() -> None:
  assert kg.Motion.from_paths(scene(num_frames=2)).positions.shape == (4, 0, 3)
