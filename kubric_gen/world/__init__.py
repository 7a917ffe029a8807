"""What a world is made of: its config, splits and schema, and what worlds share.

A world imports from here, from `kubric_gen.scene`, and for its script `kubric_gen.cli.main`.

Imported on first use: a config can be read without PyBullet, Blender or any collection of assets.
"""

from kubric_gen.system.lazy import lazy_names

with lazy_names(globals()):
  from kubric_gen.assets.collections import (BasicShapes, BlenderHdris, BulletObjects, Catalogue, ManifestEnvironments,
                                             ManifestObjects, PlainColors, RandomUrdfs, Skies)
  from kubric_gen.assets.collections.sources import AssetSource, EnvironmentSource, ObjectSource
  from kubric_gen.errors import KubricGenError
  from kubric_gen.schema import (Box, Coding, Feature, Features, Image, Label, MoviSchema, PosedViews, Schema, Sequence, Stills,
                                 Tensor, Text, Video)
  from kubric_gen.world.clevr import CLEVR_COLORS, CLEVR_MATERIALS, CLEVR_SHAPES, ClevrLights, clevr_material
  from kubric_gen.world.clutter import Region, Settling, drop_clutter, scatter
  from kubric_gen.world.config import Config, StaticWorldConfig, WorldConfig, parse_resolution, setting
  from kubric_gen.world.moving_cameras import Line, path_along, path_through
  from kubric_gen.world.posed_views import PosedViewsConfig, view_splits
  from kubric_gen.world.ranges import check_ranges, check_regions
  from kubric_gen.world.sampling import (half_shell, line_in_shell, line_past_centre, pick, pick_item, random_count, random_hue,
                                         shell_above, uniform_vector)
  from kubric_gen.world.scenery import floor_and_dome
  from kubric_gen.world.sizing import largest_extent, scaled_to
  from kubric_gen.world.sources import ASSET_SPLITS, environment_source, ids_of_split, manifest_digests, object_source
  from kubric_gen.world.splits import DatasetSpec, Split
  from kubric_gen.world.streams import stream
  from kubric_gen.world.throwing import throw_inwards
  from kubric_gen.world.wandering import Wandering, wander, with_paths
  from kubric_gen.world.world import World
