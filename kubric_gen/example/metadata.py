"""What is known of a scene as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kubric_gen.errors import KubricGenError, SceneError, shown
from kubric_gen.example.parts import Part, Sizes
from kubric_gen.scene.cameras import Resolution
from kubric_gen.scene.posed_views import PosedView
from kubric_gen.scene.scene import Scene
from kubric_gen.versions import versions

SIDES = ("width", "height")


@dataclass(frozen=True, eq=False)
class Metadata(Part):
  """What is known of a scene, as it is in one view.

  Attributes:
    resolution: (width, height) in pixels of the view; `width` and `height` are known by their own names, too.
    frame_rate: frames per second. step_rate: physics steps per second. num_frames: rendered ones.
    gravity: m/s², world axes.
    num_instances: objects that are seen in at least one view.
    cameras: names of all views, the main one first.
    view_transform: how scene-linear light becomes an image.
    versions: of this package and the engines.
    background: what stands behind the objects, in the world's words.
    world, split, seed: which scene it is, where a world has made it; the split only where it has been chosen.
    pair_id: names what all scenes have in common that differ in one factor alone.
    config_hash: of all that the scene was made from.
    views: where the frames are posed views of a scene that stays as it is, what is known of each; else none.
    labels: what the world says of the scene.
  """

  resolution: tuple[int, int]
  frame_rate: int
  step_rate: int
  gravity: tuple[float, float, float]
  num_frames: int
  num_instances: int
  cameras: tuple[str, ...]
  view_transform: str
  versions: Mapping[str, Any]
  background: str = ""
  world: str | None = None
  split: str | None = None
  seed: int | None = None
  pair_id: str | None = None
  config_hash: str | None = None
  views: tuple[PosedView, ...] = ()
  labels: Mapping[str, Any] = field(default_factory=dict)

  @property
  def width(self) -> int:
    return self.resolution[0]

  @property
  def height(self) -> int:
    return self.resolution[1]

  @classmethod
  def names(cls) -> tuple[str, ...]:
    return (*super().names(), *SIDES)

  def plain(self) -> dict[str, Any]:
    views = {"views": [view.plain() for view in self.views]} if self.views else {}
    return {name: item for name, item in super().plain().items() if name != "views"} | views

  @classmethod
  def from_plain(cls, value: Any, sizes: Sizes | None = None) -> Metadata:
    views = value.get("views", ()) if isinstance(value, Mapping) else ()
    if not isinstance(views, (list, tuple)) or not all(isinstance(view, Mapping) for view in views):
      raise ValueError(f"Metadata.views must be a list of objects, got {shown(views)}")
    found = super().from_plain({**value, "views": ()} if views else value, sizes)
    for name in SIDES:
      if value.get(name, found[name]) != found[name]:  # older directories do not have them
        raise ValueError(f"Metadata.{name} must be that of Metadata.resolution, {found[name]}, got {shown(value[name])}")
    if views and len(views) != found.num_frames:
      raise ValueError(f"Metadata.views has {len(views)} views for {found.num_frames} frames")
    try:
      posed = tuple(map(PosedView.from_plain, views))
    except SceneError as error:
      raise ValueError(f"Metadata.views: {error}") from None
    if len({view.name for view in posed}) < len(posed):
      raise ValueError(f"Metadata.views has a name twice: {', '.join(view.name for view in posed)[:80]}")
    return replace(found, views=posed)


def metadata_of(scene: Scene, resolution: Resolution, num_instances: int, given: Mapping[str, Any]) -> Metadata:
  """The metadata of a view.

  Args:
    scene: the scene. resolution: (height, width) of the view. given: further fields, or labels.

  Raises:
    KubricGenError: a label of the scene has the name of a field.
  """
  height, width = resolution
  known: dict[str, Any] = {
      "resolution": (width, height), "frame_rate": scene.frame_rate, "step_rate": scene.step_rate, "gravity": scene.gravity,
      "num_frames": scene.num_frames, "num_instances": num_instances, "cameras": tuple(camera.name for camera in scene.cameras),
      "view_transform": scene.view_transform, "versions": versions(), "views": [view.plain() for view in scene.posed_views]}
  taken = sorted(set(scene.labels) & (set(Metadata.names()) - {"background"}))
  if taken:
    raise KubricGenError(f"the scene has a label {shown(taken[0])}, which says something else of every scene: choose another "
                         "name")
  try:
    return Metadata.from_plain({**scene.labels, **known, **given})
  except KubricGenError:
    raise
  except ValueError as error:
    raise KubricGenError(f"the scene's labels or metadata cannot be used: {error}") from None
