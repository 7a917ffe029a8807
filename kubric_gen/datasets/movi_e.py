"""MOVi-E as a TFDS dataset."""

from __future__ import annotations

from kubric_gen.datasets.builder import WorldBuilder, standard_configs


class MoviE(WorldBuilder):
  """As MOVi-D, seen by a camera that moves along a line."""

  WORLD = "movi"
  OPTIONS = {"variant": "e"}
  BUILDER_CONFIGS = standard_configs(256, 128)
