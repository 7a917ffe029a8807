"""MOVi-C as a TFDS dataset."""

from __future__ import annotations

from kubric_gen.datasets.builder import WorldBuilder, standard_configs


class MoviC(WorldBuilder):
  """Everyday objects tumble over ground under the sky of an HDRI."""

  WORLD = "movi"
  OPTIONS = {"variant": "c"}
  BUILDER_CONFIGS = standard_configs(256, 128)
