"""MOVi-D as a TFDS dataset."""

from __future__ import annotations

from kubric_gen.datasets.builder import WorldBuilder, standard_configs


class MoviD(WorldBuilder):
  """Everyday objects are thrown among others that lie on ground under the sky of an HDRI."""

  WORLD = "movi"
  OPTIONS = {"variant": "d"}
  BUILDER_CONFIGS = standard_configs(256, 128)
