"""MOVi-B as a TFDS dataset."""

from __future__ import annotations

from kubric_gen.datasets.builder import WorldBuilder, standard_configs


class MoviB(WorldBuilder):
  """Eleven shapes of any size and hue tumble over a floor of any hue."""

  WORLD = "movi"
  OPTIONS = {"variant": "b"}
  BUILDER_CONFIGS = standard_configs(256, 128)
