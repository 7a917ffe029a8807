"""What the records of a dataset hold, and how they are coded, with no TensorFlow: see `kubric_gen.schema.schema`."""

from kubric_gen.system.lazy import lazy_names

with lazy_names(globals()):
  from kubric_gen.schema.coding import Coding
  from kubric_gen.schema.features import Box, Feature, Features, Image, Label, Sequence, Tensor, Text, Video
  from kubric_gen.schema.movi import MoviSchema
  from kubric_gen.schema.decoding import physical
  from kubric_gen.schema.posed_views import PosedViews
  from kubric_gen.schema.schema import ClipConfig, Record, Schema
  from kubric_gen.schema.stills import Stills
