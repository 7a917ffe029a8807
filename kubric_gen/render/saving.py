"""Blender's state as a file of its own, which tells nothing of the machine that wrote it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

LONG = 1000
"""Bytes that Blender keeps of a path, or nearly so: a shorter one leaves the end of the one before where it is."""


def _paths(bpy: Any) -> Iterator[tuple[Any, str, Any]]:
  """What holds paths of this machine: the owner, the name of the attribute, and what it is to hold in the file."""
  yield bpy.context.scene.render, "filepath", "//"
  for image in bpy.data.images:
    if image.filepath_raw:
      place = f"//{os.path.basename(image.filepath_raw)}"
      yield image, "filepath_raw", place
      yield from ((packed, "filepath", place) for packed in image.packed_files)
  for screen in bpy.data.screens:
    for area in screen.areas:
      for space in area.spaces:
        if space.type == "FILE_BROWSER" and space.params is not None:
          yield space.params, "directory", b"//"


def save_blend(bpy: Any, path: str | os.PathLike[str]) -> None:
  """Writes what is there as a .blend file, textures packed."""
  bpy.ops.file.pack_all()
  changed = [(owner, name, getattr(owner, name), value) for owner, name, value in _paths(bpy)]
  try:
    for owner, name, _, value in changed:
      setattr(owner, name, value[:1] * LONG)
      setattr(owner, name, value)
    bpy.ops.wm.save_as_mainfile(filepath=os.fspath(path), copy=True, compress=True)
  finally:
    for owner, name, before, _ in changed:
      setattr(owner, name, before)
