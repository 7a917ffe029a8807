"""MOVi-F as a TFDS dataset."""

from __future__ import annotations

from kubric_gen.datasets.builder import WorldBuilder, standard_configs


class MoviF(WorldBuilder):
  """As MOVi-E, with motion blur."""

  WORLD = "movi"
  OPTIONS = {"variant": "f"}
  BUILDER_CONFIGS = standard_configs(512, 256, 128)
