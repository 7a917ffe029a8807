"""Where examples go, and how they come back."""

from kubric_gen.sinks.scene_directory import read_scene, write_files, write_scene
from kubric_gen.staging import check_target, staged_directory

__all__ = ["check_target", "read_scene", "staged_directory", "write_files", "write_scene"]
