"""Which versions made something."""

from __future__ import annotations

import importlib.metadata

from kubric_gen import __version__


def versions() -> dict[str, str]:
  """Of this package and of the engines that decide what a scene looks like."""
  return {"bpy": importlib.metadata.version("bpy"), "pybullet": importlib.metadata.version("pybullet"),
          "kubric_gen": __version__}
