"""MOVi-E with a panning camera as a TFDS dataset."""

from __future__ import annotations

from kubric_gen.datasets.builder import WorldBuilder, standard_configs


class MoviPanningE(WorldBuilder):
  """As MOVi-E, seen by a camera that also turns."""

  WORLD = "movi"
  OPTIONS = {"variant": "panning_e"}
  BUILDER_CONFIGS = standard_configs(256)
