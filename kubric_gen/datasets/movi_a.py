"""MOVi-A as a TFDS dataset."""

from __future__ import annotations

from kubric_gen.datasets.builder import WorldBuilder, standard_configs


class MoviA(WorldBuilder):
  """Cubes, cylinders and spheres tumble over a floor."""

  WORLD = "movi"
  OPTIONS = {"variant": "a"}
  BUILDER_CONFIGS = standard_configs(256, 128)
