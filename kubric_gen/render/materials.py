"""Materials as Cycles shader nodes."""

from __future__ import annotations

from typing import Any

from kubric_gen.render.environment import ground_shader
from kubric_gen.render.images import load_image
from kubric_gen.render.patterns import pattern_color, pattern_normal, print_color
from kubric_gen.scene.environment import Environment
from kubric_gen.scene.materials import FlatMaterial, Material, PrincipledMaterial, ProjectedEnvironment, Texture
from kubric_gen.scene.patterns import Pattern, Print

_SOCKETS = {"metallic": "Metallic", "roughness": "Roughness", "ior": "IOR", "specular": "Specular IOR Level",
            "transmission": "Transmission Weight", "alpha": "Alpha", "emission_strength": "Emission Strength",
            "coat": "Coat Weight", "coat_roughness": "Coat Roughness", "sheen": "Sheen Weight",
            "sheen_roughness": "Sheen Roughness", "subsurface": "Subsurface Weight",
            "subsurface_radius": "Subsurface Radius", "anisotropy": "Anisotropic",
            "anisotropy_rotation": "Anisotropic Rotation"}
_COLOR_SOCKETS = {"color": "Base Color", "emission": "Emission Color", "specular_tint": "Specular Tint"}


def _texture_node(bpy: Any, tree: Any, texture: Texture) -> Any:
  node = tree.nodes.new("ShaderNodeTexImage")
  node.image = load_image(bpy, texture.path, texture.color_space)
  if texture.repeat != 1:
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = (texture.repeat,) * 3
    tree.links.new(tree.nodes.new("ShaderNodeTexCoord").outputs["UV"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], node.inputs["Vector"])
  return node


def _build_principled(bpy: Any, tree: Any, material: PrincipledMaterial) -> Any:
  shader = tree.nodes.new("ShaderNodeBsdfPrincipled")
  for field, socket in (_SOCKETS | _COLOR_SOCKETS).items():
    value = getattr(material, field)
    if isinstance(value, Texture):
      node = _texture_node(bpy, tree, value)
      output = node.outputs["Color"]
      if field == "alpha":  # as the labels have it: what is seen is what is labelled
        node.interpolation = "Closest"
        step = tree.nodes.new("ShaderNodeMath")
        step.operation = "GREATER_THAN"
        step.inputs[1].default_value = 0.5 - 1e-4
        tree.links.new(output, step.inputs[0])
        output = step.outputs[0]
      tree.links.new(output, shader.inputs[socket])
    elif isinstance(value, Pattern):
      tree.links.new(pattern_color(tree, value), shader.inputs[socket])
    elif isinstance(value, Print):
      tree.links.new(print_color(bpy, tree, value), shader.inputs[socket])
    elif field in _COLOR_SOCKETS:
      shader.inputs[socket].default_value = (*value, 1.0)
    else:
      shader.inputs[socket].default_value = value
  shader.inputs["Subsurface Scale"].default_value = 1.0
  if material.normal_map is not None:
    node = tree.nodes.new("ShaderNodeNormalMap")
    node.inputs["Strength"].default_value = material.normal_strength
    tree.links.new(_texture_node(bpy, tree, material.normal_map).outputs["Color"], node.inputs["Color"])
    tree.links.new(node.outputs["Normal"], shader.inputs["Normal"])
  elif material.bump is not None:
    tree.links.new(pattern_normal(tree, material.bump, material.bump_strength), shader.inputs["Normal"])
  return shader.outputs["BSDF"]


def _build_flat(tree: Any, material: FlatMaterial) -> Any:
  if material.holdout:
    seen = tree.nodes.new("ShaderNodeHoldout").outputs["Holdout"]
  else:
    emission = tree.nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = (*material.color, 1.0)
    seen = emission.outputs["Emission"]
  if material.indirect and not material.holdout:
    return seen
  paths = tree.nodes.new("ShaderNodeLightPath")
  mix = tree.nodes.new("ShaderNodeMixShader")
  other = tree.nodes.new("ShaderNodeEmission" if material.indirect else "ShaderNodeBsdfTransparent")
  if material.indirect:
    other.inputs["Color"].default_value = (*material.color, 1.0)
  tree.links.new(paths.outputs["Is Camera Ray"], mix.inputs["Fac"])
  tree.links.new(other.outputs[0], mix.inputs[1])
  tree.links.new(seen, mix.inputs[2])
  return mix.outputs["Shader"]


def build_material(bpy: Any, material: Material, environment: Environment) -> Any:
  """A Blender material for a description, in a scene with this environment."""
  result = bpy.data.materials.new(type(material).__name__)
  result.use_nodes = True
  tree = result.node_tree
  tree.nodes.clear()
  if isinstance(material, FlatMaterial):
    shader = _build_flat(tree, material)
  elif isinstance(material, ProjectedEnvironment):
    shader = ground_shader(bpy, tree, material, environment)
  else:
    shader = _build_principled(bpy, tree, material)
  output = tree.nodes.new("ShaderNodeOutputMaterial")
  tree.links.new(shader, output.inputs["Surface"])
  return result
