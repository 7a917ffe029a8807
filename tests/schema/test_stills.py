"""Stills: every layer of fixed shape comes back in its units, with no time axis and no name of another dataset."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import kubric_gen as kg
from kubric_gen.errors import KubricGenError
from kubric_gen.scene.layers import LAYERS
from kubric_gen.schema import Label, Record, Stills, Tensor
from kubric_gen.schema.statistics import record_statistics
from kubric_gen.schema.tf_example import encode

SIZE = (12, 16)
FIXED = tuple(name for name, spec in LAYERS.items() if spec.channels is not None and not spec.rendered)


def _scene(views: int, frames: int) -> kg.Scene:
  ball = kg.Object("ball", kg.Sphere(), path=kg.Path((0, 3), ((0, 0, 0), (1, 0, 0)), ((1, 0, 0, 0),) * 2))
  floor = kg.Object("floor", kg.Plane(), scale=(9, 9, 1), position=(0, 0, -1), static=True, background=True)
  cameras = [kg.PerspectiveCamera(f"c{i}", position=(i, -5, 1), look_at=(0, 0, 0)) for i in range(views)]
  return kg.Scene([floor, ball], [], cameras, resolution=SIZE, num_frames=frames, labels={"kind": "ball", "weight": 2.5})


@pytest.mark.parametrize(("views", "frames", "keys"), [
    (1, 1, ["s"]), (2, 1, ["s/c0", "s/c1"]), (1, 2, ["s/00000", "s/00001"]),
    (2, 2, ["s/c0/00000", "s/c0/00001", "s/c1/00000", "s/c1/00001"])])
def test_a_record_per_view_and_frame_in_the_units_of_the_layers(views: int, frames: int, keys: list[str]) -> None:
  schema = Stills(FIXED, {"kind": Label(("box", "ball")), "mass": Tensor("float32", key="weight", unit="kg")})
  features = schema.features(SimpleNamespace(num_frames=frames), SIZE)
  with kg.make_example(_scene(views, frames), layers=FIXED) as example:
    records = list(schema.records(example, "s"))
    assert [key for key, _ in records] == keys
    for key, record in records:
      found = Record(features, encode(features, record)).values(in_units=True)
      view = example.view(found["view"])
      assert found["id"] == key and found["kind"] == 1 and found["mass"] == 2.5
      np.testing.assert_allclose(found["world_to_camera"], view.camera.extrinsics_cv[found["frame"]], atol=1e-6)
      for name in FIXED:
        wanted = view.layers[name][int(found["frame"])]
        assert found[name].shape == wanted.shape
        step = float(np.ptp(wanted)) / 65535 if f"{name}_range" in features else 2 / 65535
        np.testing.assert_allclose(found[name], wanted, atol=0.51 * step + 1e-5)
      counted = record_statistics(features, record)
      assert counted.numbers["depth"].count == SIZE[0] * SIZE[1] and counted.labels == {"kind": {"ball": 1}}


def test_layers_that_differ_in_shape_are_refused() -> None:
  for name in ("amodal_segmentation", "tracks"):
    with pytest.raises(KubricGenError, match=f"the layer {name} has another shape"):
      Stills((name,)).features(SimpleNamespace(num_frames=1), SIZE)


def test_layers_that_nobody_makes_are_refused() -> None:
  with pytest.raises(KubricGenError, match="Stills needs the layer 'smell', which nobody makes"):
    Stills(("rgba", "smell")).check()
