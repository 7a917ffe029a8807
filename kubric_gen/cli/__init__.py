"""Command lines: flags that follow from a config, the script of a world, and what it does for a seed."""

from kubric_gen.system.lazy import lazy_names

with lazy_names(globals()):
  from kubric_gen.cli.flags import (config_from_flags, define, define_config_flags, define_render_flags, render_settings)
  from kubric_gen.cli.generating import generate
  from kubric_gen.cli.script import main
  from kubric_gen.system.command import guarded
