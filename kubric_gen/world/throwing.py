"""Objects that fly inwards, so that they meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kubric_gen.scene.objects import Object
from kubric_gen.world.sampling import uniform_vector


def throw_inwards(item: Object, rng: np.random.Generator, max_speed: float, *, centre: tuple[float, float] = (0.0, 0.0),
                  seconds: float = 1.0) -> Object:
  """The object with a level velocity that takes it to about the centre of the scene.

  The velocity is that which leads to the centre in the given time, plus a random one: uniform in [-max_speed, max_speed] along
  x and y.

  Args:
    max_speed: m/s. centre: x and y, metres. seconds: until an object without the random part is above the centre.
  """
  vx, vy, _ = uniform_vector(rng, (-max_speed, -max_speed, 0.0), (max_speed, max_speed, 0.0))
  x, y = (here - there for here, there in zip(item.position, centre))
  return replace(item, velocity=(vx - x / seconds, vy - y / seconds, 0.0))
