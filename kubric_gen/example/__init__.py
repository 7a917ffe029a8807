"""Examples: the finished data of scenes, and how they are made."""

from kubric_gen.system.lazy import lazy_names

with lazy_names(globals()):
  from kubric_gen.example.example import Example, View
  from kubric_gen.example.frames import Frame, LazyFrames, Spool
  from kubric_gen.example.making import make_example
