"""Meshes as files that other programs read."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import ArrayLike

from kubric_gen.assets.meshes.files import Y_UP_TO_Z_UP
from kubric_gen.assets.meshes.mesh import Mesh
from kubric_gen.scene.materials import Material, PrincipledMaterial, Texture


def _pbr(material: Material) -> Any:
  """A glTF material: colour or its texture, alpha, metalness and roughness."""
  from PIL import Image
  from trimesh.visual.material import PBRMaterial
  values: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.5}
  color: Any = getattr(material, "color", (0.8, 0.8, 0.8))
  if isinstance(color, Texture):
    with Image.open(color.path) as image:
      values["baseColorTexture"] = image.convert("RGBA" if "A" in image.getbands() else "RGB")
    color = (1.0, 1.0, 1.0)
  alpha = 1.0
  if isinstance(material, PrincipledMaterial):
    alpha = material.alpha if isinstance(material.alpha, float) else 1.0
    for name in ("metallic", "roughness"):
      value = getattr(material, name)
      if isinstance(value, float):
        values[f"{name}Factor"] = value
  values["baseColorFactor"] = np.round(np.array([*color, alpha]) * 255).astype(np.uint8)
  return PBRMaterial(alphaMode="BLEND" if alpha < 1 else "OPAQUE", **values)


def glb_bytes(mesh: Mesh) -> bytes:
  """A mesh as a glb file: +Y up, as glTF has it, textures inside, one part for each material."""
  import trimesh
  scene = trimesh.Scene()
  looks = mesh.materials or (PrincipledMaterial(),)
  index = mesh.material_index if len(mesh.material_index) else np.zeros(len(mesh.faces), np.int32)
  for number, look in enumerate(looks):
    faces = mesh.faces[index == number]
    if not len(faces):
      continue
    used, corner = np.unique(faces, return_inverse=True)
    part = trimesh.Trimesh(mesh.vertices[used] @ Y_UP_TO_Z_UP, corner.reshape(-1, 3), process=False,
                           vertex_normals=mesh.normals[used] @ Y_UP_TO_Z_UP)
    part.visual = trimesh.visual.TextureVisuals(uv=mesh.uvs[used], material=_pbr(look))
    scene.add_geometry(part, node_name=f"part_{number}", geom_name=f"part_{number}")
  return bytes(trimesh.exchange.gltf.export_glb(scene, include_normals=True))


def urdf_text(name: str, mass: float, inertia: ArrayLike) -> str:
  """A URDF file of one body that looks and collides as `collision_geometry.obj`, with its centre of mass at the origin.

  Args:
    mass: kg. inertia (3, 3): kg·m² about the origin.
  """
  tensor = np.asarray(inertia, np.float64)
  moments = " ".join(f'i{"xyz"[i]}{"xyz"[j]}="{tensor[i, j]:.9g}"' for i in range(3) for j in range(i, 3))
  mesh = '<geometry><mesh filename="collision_geometry.obj" scale="1 1 1"/></geometry>'
  return f"""<?xml version="1.0"?>
<robot name={quoteattr(name)}>
  <link name="base">
    <inertial><origin xyz="0 0 0" rpy="0 0 0"/><mass value="{mass:.9g}"/><inertia {moments}/></inertial>
    <visual><origin xyz="0 0 0" rpy="0 0 0"/>{mesh}</visual>
    <collision><origin xyz="0 0 0" rpy="0 0 0"/>{mesh}</collision>
  </link>
</robot>
"""
