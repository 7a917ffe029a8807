"""A world of posed views that declares no dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kubric_gen.cli import main
from kubric_gen.scene import Cube, Object, PerspectiveCamera, PosedView, Scene
from kubric_gen.world import StaticWorldConfig, World, path_through, setting, shell_above


@dataclass(frozen=True, kw_only=True)
class ViewsConfig(StaticWorldConfig):
  """Every number of the distribution."""

  num_views: int = setting(2, "views", minimum=1, maximum=9)


def build(config: ViewsConfig, rng: np.random.Generator) -> Scene:
  """Draws a scene."""
  positions = [shell_above(rng, 3.0, 4.0, 0.2, 1.0) for _ in range(config.num_views)]
  return Scene((Object("item", Cube(), static=True),), (), (PerspectiveCamera(path=path_through(positions, (0, 0, 0))),),
               resolution=config.resolution, num_frames=config.num_views,
               posed_views=tuple(PosedView(f"view_{number}") for number in range(config.num_views)))


WORLD = World("plain_views", ViewsConfig, build)

if __name__ == "__main__":
  main(WORLD)
