"""Where examples and records go, and how they come back: see `kubric_gen.sinks.sink` for the contract."""

from kubric_gen.system.lazy import lazy_names

with lazy_names(globals()):
  from kubric_gen.sinks.scene_directory import write_files, write_scene
  from kubric_gen.sinks.scene_reader import read_scene
  from kubric_gen.sinks.sink import ExampleSink, RecordSink, Sink, add_sink, example_sink, need_layers, record_sink, sinks
