"""Examples: the finished data of scenes, and how they are made."""

from etils import epy

with epy.lazy_api_imports(globals()):
  from kubric_gen.example.example import Example, View
  from kubric_gen.example.frames import Frame, LazyFrames, Spool
  from kubric_gen.example.making import make_example
