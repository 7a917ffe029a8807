"""The schema of posed views: one record for each view of a scene that stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubric_gen.errors import KubricGenError
from kubric_gen.scene.cameras import Resolution
from kubric_gen.scene.layers import LAYERS
from kubric_gen.schema.features import Feature, Features, Image, Sequence, Tensor, Text
from kubric_gen.schema.schema import Schema
from kubric_gen.schema.stills import layer_features

if TYPE_CHECKING:
  from kubric_gen.example.example import Example

GEOMETRY = ("depth", "segmentation")


@dataclass(frozen=True)
class PosedViews(Schema):
  """Records of views, each with its image, its geometry and its camera.

  Attributes:
    scene: further features, whose values are the world's labels of the scene, or its metadata.
    view: further features, whose values are the world's labels of the view.
    instances: features of each object, whose values are the world's labels of it, or what else is known of an instance.
  """

  scene: Mapping[str, Feature] = field(default_factory=dict)
  view: Mapping[str, Feature] = field(default_factory=dict)
  instances: Mapping[str, Feature] = field(default_factory=lambda: {"asset_id": Text()})
  layers = ("rgba", *GEOMETRY)

  def features(self, config: Any, resolution: Resolution) -> Features:
    found: dict[str, Feature] = {"image": Image((*resolution, 3), unit="sRGB", meaning="the view")}
    for name in GEOMETRY:
      found |= layer_features(LAYERS[name], resolution)
    return {
        **found, "K": Tensor("float32", (3, 3), meaning="camera coordinates to normalised image positions (x, y), after division "
                             "by the third; the camera looks along -Z, +Y up"),
        "intrinsics": Tensor("float32", (3, 3), unit="px", meaning="K in OpenCV's form, pixel centres at half-integers"),
        "camera_to_world": Tensor("float32", (4, 4), unit="m", meaning="the pose; the camera looks along -Z, +Y up"),
        "instances": Sequence(dict(self.instances), meaning="label k of the segmentation is the k-th, in all views of a scene"),
        "split": Text(meaning="of the dataset, to which the view belongs"),
        "scene": Text(meaning="the same in all views of a scene"), "view": Text(meaning="its name in the scene"),
        **self.scene, **self.view}

  def records(self, example: Example, scene_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    main = example.main
    if not main.metadata.views:
      raise KubricGenError("records of posed views need a scene that has some: give its Scene posed_views")
    instances = [{**item} for item in main.instances]
    for t, posed in enumerate(main.metadata.views):
      layers = {name: main.layers[name][t] for name in self.layers}
      yield f"{scene_id}/{posed.name}", {
          **main.metadata, **posed.labels, **{name: layers[name] for name in GEOMETRY}, "image": layers["rgba"][..., :3],
          "K": main.camera.K, "intrinsics": main.camera.intrinsics_cv, "camera_to_world": main.camera.camera_to_world(t),
          "instances": instances, "split": posed.split, "scene": scene_id, "view": posed.name}
