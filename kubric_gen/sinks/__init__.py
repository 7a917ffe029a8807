"""Where examples go, and how they come back."""

from kubric_gen.sinks.scene_directory import read_scene, write_files, write_scene

__all__ = ["read_scene", "write_files", "write_scene"]
