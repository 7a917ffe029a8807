"""What a world is made of: its config, its splits, and what worlds share. A world imports from here and from `kubric_gen.scene`.

Imported on first use: a config can be read without PyBullet, Blender or any collection of assets.
"""

from etils import epy

with epy.lazy_api_imports(globals()):
  from kubric_gen.world.config import Config, WorldConfig, parse_resolution, setting
  from kubric_gen.world.splits import DatasetSpec, Split
  from kubric_gen.world.world import World
