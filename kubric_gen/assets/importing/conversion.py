"""USD and Blender files as glb files, by Blender in a process of its own: such a file may well bring Blender down.

    python -m kubric_gen.assets.importing.conversion INPUT OUTPUT
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kubric_gen.errors import AssetError
from kubric_gen.system.scratch import Scratch

BLENDER_SUFFIXES = (".usd", ".usda", ".usdc", ".usdz", ".blend")
MAX_SECONDS = 600.0
MAX_BYTES = 1 << 30
REASON = "reason: "


def to_glb(path: Path, output: Path) -> None:
  """Writes what a USD or Blender file shows as one glb file: meshes as modifiers leave them, and their materials.

  Scripts in the file are not run. Of materials, what glTF knows is kept: colours, image textures, metalness, roughness.

  Raises:
    AssetError: Blender cannot read it, it holds nothing to see, an image is missing, or it takes longer than `MAX_SECONDS`.
  """
  if path.stat().st_size > MAX_BYTES:
    raise AssetError(f"{path} is larger than {MAX_BYTES >> 30} GiB: simplify it first")
  command = [sys.executable, "-m", "kubric_gen.assets.importing.conversion", str(path.resolve()), str(output)]
  try:
    with Scratch("conversion") as scratch:  # where Blender leaves a folder behind
      done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            timeout=MAX_SECONDS, text=True, errors="replace", env={**os.environ, "TMPDIR": str(scratch)})
  except subprocess.TimeoutExpired:
    raise AssetError(f"Blender takes longer than {MAX_SECONDS:.0f} s to convert {path}: simplify it first") from None
  if done.returncode or not output.is_file():
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    reasons = [line.removeprefix(REASON) for line in lines if line.startswith(REASON)]
    reason = reasons[-1] if reasons else f"it ended with status {done.returncode}: {(lines or ['no message'])[-1][:200]}"
    raise AssetError(f"{path} cannot be converted by Blender ({reason}): export it as glb")


def _fail(reason: str) -> None:
  print(f"\n{REASON}{' '.join(reason.split())[:300]}", flush=True)
  os._exit(1)  # Blender's own way out may take time, or crash


def _convert(source: str, target: str) -> None:
  import bpy
  bpy.ops.wm.read_factory_settings(use_empty=True)
  missing = ""
  bpy.context.preferences.filepaths.use_scripts_auto_execute = False
  if source.lower().endswith(".blend"):
    bpy.ops.wm.open_mainfile(filepath=source, load_ui=False, use_scripts=False)
  else:
    bpy.ops.wm.usd_import(filepath=source, import_cameras=False, import_lights=False, import_textures_mode="IMPORT_PACK",
                          set_frame_range=False)
    missing = _missing_in_usd(bpy, source)  # Blender leaves them out without a word
  seen = [item for item in bpy.context.scene.objects if not item.hide_render]
  if not any(item.type in ("MESH", "CURVE", "SURFACE", "FONT", "META") for item in seen):
    _fail("it holds nothing to see")
  missing = missing or _missing_image(bpy, seen)
  if missing:
    _fail(f"an image is missing: {missing}")
  bpy.ops.export_scene.gltf(
      filepath=target, export_format="GLB", use_renderable=True, use_active_scene=True, export_apply=True,
      export_yup=True, export_cameras=False, export_lights=False, export_animations=False, export_skins=False,
      export_morph=False, export_extras=False)


def _missing_in_usd(bpy: Any, source: str) -> str:
  """The name of an image file that a USD file needs and that is not there; "" if there is none, or nothing to tell it by."""
  bpy.utils.expose_bundled_modules()
  try:
    from pxr import Sdf, Usd
  except ImportError:  # left out of the container image: such a texture is then missing without a word
    return ""
  stage = Usd.Stage.Open(source)
  for prim in stage.Traverse():
    for attribute in prim.GetAttributes():
      if attribute.GetTypeName() == Sdf.ValueTypeNames.Asset and attribute.GetName() == "inputs:file":
        asset = attribute.Get()
        if asset is not None and asset.path and not asset.resolvedPath and "<UDIM>" not in asset.path:
          return str(asset.path)
  return ""


def _missing_image(bpy: Any, items: Any) -> str:
  """The name of an image file that the objects' materials need and that is not there; "" if there is none."""
  for item in items:
    for slot in item.material_slots:
      tree = slot.material.node_tree if slot.material is not None else None
      for node in tree.nodes if tree is not None else ():
        image = getattr(node, "image", None)
        if image is not None and image.source == "FILE" and image.packed_file is None:
          path = bpy.path.abspath(image.filepath, library=image.library)
          if not os.path.isfile(path):
            return image.filepath or image.name
  return ""


if __name__ == "__main__":
  try:
    _convert(*sys.argv[1:3])
  except Exception as error:  # Blender's operators raise RuntimeError, its exporter anything
    _fail(str(error) or type(error).__name__)
  sys.stdout.flush()
  os._exit(0)
