"""A world: one object that stands on a floor, seen by two cameras of different resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import tests.growth.house.lines
import tests.growth.house.proximity  # noqa: F401
from kubric_gen.cli import main
from kubric_gen.scene import Cube, Object, PerspectiveCamera, Plane, Scene, Sphere
from kubric_gen.world import DatasetSpec, Split, World, WorldConfig, setting, stream
from tests.growth.house.frames import Frames

SHAPES = {"cube": Cube(), "sphere": Sphere()}


@dataclass(frozen=True, kw_only=True)
class HouseConfig(WorldConfig):
  """Every number of the distribution."""

  resolution: tuple[int, int] = setting((16, 16), "image size in pixels as HEIGHTxWIDTH, or one number for a square")
  num_frames: int = setting(2, "rendered frames", minimum=1)
  largest: float = setting(1.5, "greatest extent, metres", above=0)
  lift: float = setting(0.0, "metres above the floor", minimum=0)


def build(config: HouseConfig, rng: np.random.Generator) -> Scene:
  """Draws a scene; each factor has a random stream of its own."""
  kind = tuple(SHAPES)[int(stream(rng, "kind").integers(2))]
  size = float(stream(rng, "size").uniform(0.5, config.largest))
  floor = Object("floor", Plane(), scale=(20, 20, 1), static=True, background=True)
  item = Object("item", SHAPES[kind], scale=size, position=(0, 0, size / 2 + config.lift), static=True)
  height, width = config.resolution
  cameras = (PerspectiveCamera("front", position=(0, -6, 2), look_at=(0, 0, 0.5)),
             PerspectiveCamera("above", position=(0.1, 0, 7), look_at=(0, 0, 0), resolution=(height // 2, width // 2)))
  return Scene((floor, item), (), cameras, resolution=config.resolution, num_frames=config.num_frames,
               labels={"kind": kind, "size": size})


def dataset(config: HouseConfig) -> DatasetSpec:
  """Explicit splits, of which one is paired with another."""
  return DatasetSpec("growth_house", "One object, seen twice.", schema=Frames(tuple(SHAPES)), resolutions=(16,), splits=(
      Split("train", description="for training"), Split("test", description="for testing"),
      Split("lifted", overrides={"lift": 1.0}, paired_with="test", description="as test, with the object in the air")))


WORLD = World("growth_house", HouseConfig, build, dataset)

if __name__ == "__main__":
  main(WORLD)
