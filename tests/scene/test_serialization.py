"""Scenes as JSON and back."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kubric_gen as kg
from kubric_gen.errors import SceneError
from kubric_gen.scene.serialization import from_json, from_plain, to_json, to_plain

reproducible = settings(derandomize=True, deadline=None, max_examples=40)

CAMERA = kg.PerspectiveCamera()
real = st.floats(-1e6, 1e6)
positive = st.floats(1e-6, 1e6)
unit = st.floats(0, 1)
vectors = st.tuples(real, real, real)
colors = st.one_of(st.tuples(unit, unit, unit), st.sampled_from(["red", "#1a2b3c"]))
quaternions = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: math.hypot(*q) > 1e-6)
json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
                           | st.text("ab é\n\"\\/", max_size=5),
                           lambda inner: st.lists(inner, max_size=3)
                           | st.dictionaries(st.sampled_from(["type", "labels", "a", "é", ""]), inner, max_size=3),
                           max_leaves=6)
labels = st.dictionaries(st.sampled_from(["type", "labels", "name", "size", "objects"]), json_values, max_size=3)


@st.composite
def path(draw: st.DrawFn) -> kg.Path:
  n = draw(st.integers(1, 3))
  frames = np.cumsum(draw(st.lists(st.floats(0.1, 9), min_size=n, max_size=n)))
  return kg.Path(frames, [draw(vectors) for _ in range(n)], [draw(quaternions) for _ in range(n)])


@st.composite
def materials(draw: st.DrawFn) -> kg.PrincipledMaterial | kg.FlatMaterial | None:
  return draw(st.one_of(
      st.none(), st.builds(kg.FlatMaterial, color=colors, holdout=st.booleans(), indirect=st.booleans()),
      st.builds(kg.PrincipledMaterial, color=colors, metallic=unit, roughness=unit, alpha=unit, emission=colors,
                ior=st.floats(1, 3), subsurface_radius=vectors)))


@st.composite
def objects(draw: st.DrawFn, name: str) -> kg.Object:
  shape = draw(st.one_of(st.sampled_from([kg.Cube(), kg.Sphere(), kg.Cylinder(), kg.Plane(), kg.Disc()]),
                         st.builds(kg.Dome, fillet=positive, height=positive)))
  moving = draw(st.none() | path())
  more = {draw(st.sampled_from(["mass", "density"])): draw(st.none() | positive)}
  return kg.Object(name, shape, material=draw(materials()), position=draw(vectors), quaternion=draw(quaternions),
                   scale=draw(st.one_of(positive, st.tuples(positive, positive, positive))), static=moving is None,
                   path=moving, background=draw(st.booleans()), friction=draw(st.floats(0, 9)),
                   restitution=draw(unit), labels=draw(labels),
                   visibility=draw(st.builds(kg.RayVisibility, camera=st.booleans(), shadow=st.booleans())), **more)


@st.composite
def scenes(draw: st.DrawFn) -> kg.Scene:
  pose = {"position": draw(vectors), "quaternion": draw(quaternions)}
  lights = [kg.SunLight("sun", strength=draw(positive), **pose), kg.PointLight("point", power=draw(positive)),
            kg.SpotLight("spot", angle=draw(st.floats(0.1, 3))), kg.AreaLight("area", width=draw(positive))]
  cameras = [kg.PerspectiveCamera(focal_length=draw(st.floats(1, 300)), f_stop=draw(st.none() | positive),
                                  path=draw(st.none() | path())),
             kg.OrthographicCamera("ortho", scale=draw(positive), shutter=draw(unit), **pose)]
  frame_rate = draw(st.integers(1, 60))
  return kg.Scene(
      [draw(objects(f"object {i}")) for i in range(draw(st.integers(0, 3)))], lights[:draw(st.integers(0, 4))],
      cameras[:draw(st.integers(1, 2))], resolution=draw(st.tuples(st.integers(1, 4096), st.integers(1, 4096))),
      num_frames=draw(st.integers(1, 500)), frame_rate=frame_rate, step_rate=frame_rate * draw(st.integers(1, 50)),
      gravity=draw(vectors), view_transform=draw(st.sampled_from(["Filmic", "Standard", "AgX", "Raw"])),
      environment=kg.Environment(color=draw(colors), strength=draw(positive), backdrop=draw(st.none() | colors)),
      transparent_background=draw(st.booleans()), labels=draw(labels))


@reproducible
@given(scenes())
def test_a_scene_survives_json(scene: kg.Scene) -> None:
  text = to_json(scene)
  again = from_json(text)
  assert again == scene
  assert to_json(again) == text  # to the byte, thus to the last digit
  json.loads(text, parse_constant=pytest.fail)  # no NaN, no Infinity


@reproducible
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_every_digit(value: float) -> None:
  scene = kg.Scene([], cameras=[CAMERA], gravity=(value, 0, 0))
  assert math.copysign(1, from_json(to_json(scene)).gravity[0]) == math.copysign(1, value)
  assert from_json(to_json(scene)).gravity[0] == value


def test_files_survive_json(tmp_path_factory: pytest.TempPathFactory) -> None:
  folder = tmp_path_factory.mktemp("files é")
  for name in ("c.png", "n.png", "m.obj", "sky.hdr"):
    (folder / name).touch()
  material = kg.PrincipledMaterial(color=kg.Texture(str(folder / "c.png"), repeat=2),
                                   alpha=kg.Texture(folder / "n.png", "raw"))
  scene = kg.Scene([kg.Object("m", kg.MeshFile(folder / "m.obj", up="y"), material=material)], cameras=[CAMERA],
                   environment=kg.Environment(hdri=folder / "sky.hdr", rotation=1.5))
  text = to_json(scene)
  assert from_json(text) == scene
  (folder / "n.png").unlink()
  with pytest.raises(SceneError, match="n.png"):  # a stored scene whose files have gone
    from_json(text)


def test_every_scene_class_can_be_stored() -> None:
  import kubric_gen.scene as package
  classes = [value for name, value in vars(package).items() if dataclasses.is_dataclass(value)
             and isinstance(value, type) and not name.startswith(("Motion", "Collision", "Contact", "Camera"))]
  assert len(classes) > 15
  for cls in classes:
    with pytest.raises(SceneError) as caught:
      from_plain({"type": cls.__name__, "no such field": 1})
    assert "no such field" in str(caught.value), cls


def test_the_look_of_the_text() -> None:
  plain = json.loads(to_json(kg.Scene([kg.Object("a", kg.Cube(), labels={"type": "Cube"})], cameras=[CAMERA])))
  assert plain["type"] == "Scene" and plain["objects"][0]["shape"] == {"type": "Cube"}
  assert plain["objects"][0]["labels"] == {"type": "Cube"}
  assert plain["resolution"] == [256, 256] and plain["cameras"][0]["type"] == "PerspectiveCamera"


def test_numpy_values_become_plain() -> None:
  plain = to_plain({"a": np.arange(3), "b": np.float32(0.5), 1: (np.int64(2), [np.bool_(True)])})
  assert plain == {"a": [0, 1, 2], "b": 0.5, "1": [2, [True]]}
  json.dumps(plain)


def altered(change: dict[str, Any]) -> str:
  return json.dumps(to_plain(kg.Scene([kg.Object("a", kg.Cube())], cameras=[CAMERA])) | change)


@pytest.mark.parametrize("text, word", [
    ("", "not a scene"), ("{", "not a scene"), ("[]", "not a scene"), ("null", "not a scene"),
    ("1" * 5000, "not a scene"), ("[" * 100_000, "not a scene"), ("{}", "not a scene"),
    ('{"type": "Cube"}', "not a scene"), ('{"type": "Sofa"}', "Sofa"),
    ('{"type": []}', "type"), ('{"type": null}', "type"), ('{"type": "Scene"}', "objects"),
    ('{"type": "Scene", "objects": 3}', "Scene"),
    (altered({"objekts": []}), "objekts"), (altered({"num_frames": 0}), "num_frames"),
    (altered({"gravity": "down"}), "gravity"),
    (altered({"cameras": []}), "camera"), (altered({"cameras": [{"type": "PerspectiveCamera", "near": -1}]}), "near"),
    (altered({"cameras": [{"type": "PerspectiveCamera", "path": 3}]}), "path"),
    (altered({"environment": 3}), "environment"),
    (altered({"objects": [{"name": "a"}]}), "objects"),
    (altered({"objects": [{"type": "Object", "name": "a"}]}), "shape"),
    (altered({"objects": [{"type": "Object", "name": "a", "shape": {"type": "Cube", "size": 1}}]}), "Cube.*size"),
    (altered({"objects": [{"type": "Object", "name": "a", "shape": {"type": "Cube"}, "mass": "NaN"}]}), "mass"),
    (altered({"objects": [{"type": "Object", "name": "a", "shape": {"type": "Cube"}, "look_at": [0, 0, 1]}]}),
     "look_at"),
    (altered({"labels": 3}), "labels"), (altered({"resolution": None}), "resolution"),
    (altered({"gravity": [0, 0, 10 ** 400]}), "gravity"), (altered({"gravity": [0, 0, math.nan]}), "gravity")],
                         ids=lambda value: value[-40:])
def test_what_is_no_scene_is_refused(text: str, word: str) -> None:
  with pytest.raises(SceneError, match=word) as caught:
    from_json(text)
  assert "\n" not in str(caught.value)
