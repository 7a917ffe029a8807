"""The scene: everything that simulation, rendering and annotation need, as plain data."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import SceneError, cut_words, shown
from kubric_gen.limits import MAX_FRAME_RATE, MAX_FRAMES, MAX_STEP_RATE
from kubric_gen.scene.cameras import Camera, Resolution
from kubric_gen.scene.environment import Environment
from kubric_gen.scene.lights import Light
from kubric_gen.scene.objects import Object
from kubric_gen.scene.posed_views import PosedView
from kubric_gen.scene.validation import Described, Vector3, assign, choice, instance, integer, labels, resolution, vector3

VIEW_TRANSFORMS = ("Filmic", "Standard", "AgX", "Raw")


@dataclass(frozen=True, repr=False)
class Scene(Described):
  """A scene with its timing.

  The animation is simulated from frame 0 to frame N + 1 and rendered for frames 1 … N, where N is `num_frames`.

  Attributes:
    objects: in any order; names are unique over objects, lights and cameras together.
    lights, cameras: of the cameras the first is the main one; there is at least one.
    environment: light from all directions.
    resolution: (height, width) in pixels of the images of all cameras that have none of their own.
    num_frames: N, how many frames are rendered.
    frame_rate: frames per second. step_rate: physics steps per second, a multiple of the frame rate.
    gravity: m/s², world axes.
    view_transform: how scene-linear light becomes an image: Filmic, Standard (plain sRGB), AgX or Raw.
    transparent_background: the environment is not seen by the camera; the image's alpha tells where it would be.
    posed_views: where the scene stays as it is and the frames are poses of its one camera: what is known of each. Objects may
      only be elsewhere in another frame by a path, and no layer relates a frame to its neighbours.
    labels: what the world wants to say of the scene; `background` is part of the published metadata.
  """

  objects: tuple[Object, ...]
  lights: tuple[Light, ...] = ()
  cameras: tuple[Camera, ...] = ()
  _: KW_ONLY
  environment: Environment = Environment(color=(0.05, 0.05, 0.05))
  resolution: Resolution = (256, 256)
  num_frames: int = 24
  frame_rate: int = 12
  step_rate: int = 240
  gravity: Vector3 = (0.0, 0.0, -9.81)
  view_transform: str = "Filmic"
  transparent_background: bool = False
  posed_views: tuple[PosedView, ...] = ()
  labels: Mapping[str, Any] = field(default_factory=dict)

  def __post_init__(self) -> None:
    assign(
        self, objects=tuple(self.objects), lights=tuple(self.lights), cameras=tuple(self.cameras),
        resolution=resolution(self.resolution, "resolution"),
        num_frames=integer(self.num_frames, "num_frames", minimum=1, maximum=MAX_FRAMES),
        frame_rate=integer(self.frame_rate, "frame_rate", minimum=1, maximum=MAX_FRAME_RATE),
        step_rate=integer(self.step_rate, "step_rate", minimum=1, maximum=MAX_STEP_RATE),
        gravity=vector3(self.gravity, "gravity"),
        view_transform=choice(self.view_transform, "view_transform", VIEW_TRANSFORMS),
        environment=instance(self.environment, "environment", Environment), posed_views=tuple(self.posed_views),
        labels=labels(self.labels, "labels"))
    if self.step_rate % self.frame_rate:
      raise SceneError(f"step_rate must be a multiple of the frame rate, got {self.step_rate} steps for "
                       f"{self.frame_rate} frames per second (try {self.frame_rate * max(1, 240 // self.frame_rate)})")
    for kind, items, expected in (("objects", self.objects, Object), ("lights", self.lights, Light),
                                  ("cameras", self.cameras, Camera), ("posed_views", self.posed_views, PosedView)):
      for item in items:
        if not isinstance(item, expected):
          raise SceneError(f"{kind} must hold {kind}, got {shown(item)}")
    if not self.cameras:
      raise SceneError("a scene needs at least one camera")
    names = [item.name for item in (*self.objects, *self.lights, *self.cameras)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
      raise SceneError(f"names must be unique in a scene, used more than once: {', '.join(map(cut_words, twice[:5]))}")
    if self.posed_views:
      self._check_posed_views()

  def _check_posed_views(self) -> None:
    names = [view.name for view in self.posed_views]
    if len(names) != self.num_frames or len(set(names)) < len(names):
      raise SceneError(f"posed views are the frames of a scene, each under its own name, got {len(names)} "
                       f"({len(set(names))} names) for {self.num_frames} frames: give as many as num_frames")
    if len(self.cameras) > 1:
      raise SceneError(f"posed views are the frames of one camera's path, got {len(self.cameras)} cameras")
    if self.camera.shutter:
      raise SceneError(f"posed views do not follow one another in time: the shutter of {shown(self.camera.name)} must be 0, got "
                       f"{self.camera.shutter:g}")
    moving = [item.name for item in self.objects if not item.static and item.path is None]
    if moving:
      raise SceneError(f"a scene of posed views stays as it is: make the object {shown(moving[0])} static, or give it a path")

  @property
  def camera(self) -> Camera:
    """The main camera."""
    return self.cameras[0]

  def resolution_of(self, camera: Camera) -> Resolution:
    """(height, width) of a camera's images."""
    return camera.resolution or self.resolution

  def resized(self, resolution: Resolution) -> Scene:
    """The same scene with images of another resolution; cameras with one of their own are enlarged or shrunk alike.

    Raises:
      SceneError: one of them would not have a whole number of pixels.
    """
    if resolution == self.resolution:
      return self

    def side(length: int, new: int, old: int, name: str) -> int:
      if length * new % old:
        raise SceneError(f"camera {shown(name)}: its resolution cannot be multiplied by {new}/{old}: choose another")
      return length * new // old

    def sized(camera: Camera) -> Camera:
      if camera.resolution is None:
        return camera
      height, width = (side(*sides, camera.name) for sides in zip(camera.resolution, resolution, self.resolution))
      return dataclasses.replace(camera, resolution=(height, width))

    cameras = tuple(map(sized, self.cameras))
    return dataclasses.replace(self, resolution=resolution, cameras=cameras)

  @property
  def simulated_frames(self) -> NDArray[np.int64]:
    """Frame numbers 0 … N + 1: one beyond each end of the rendered ones."""
    return np.arange(self.num_frames + 2)
