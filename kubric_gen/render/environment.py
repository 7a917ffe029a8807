"""Light from all directions, and ground that continues it, as Cycles shader nodes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubric_gen.render.images import load_image
from kubric_gen.scene.color import srgb_to_linear
from kubric_gen.scene.environment import Environment
from kubric_gen.scene.materials import ProjectedEnvironment

MAX_RADIANCE = 65504.0
"""Of a pixel: the greatest number of 16 bits."""
SAND = (0.42, 0.36, 0.28)
"""Reflectance of the ground under a sky."""


def _load_hdri(bpy: Any, path: str) -> Any:
  return load_image(bpy, path, "linear" if Path(path).suffix.lower() in (".exr", ".hdr") else "srgb")


def _tinted(tree: Any, color: Any, environment: Environment) -> Any:
  tint = tree.nodes.new("ShaderNodeVectorMath")
  tint.operation = "MULTIPLY"
  tint.inputs[1].default_value = environment.color
  tree.links.new(color, tint.inputs[0])
  return tint.outputs["Vector"]


def _radiance(bpy: Any, tree: Any, environment: Environment, direction: Any) -> Any:
  """The socket of the HDRI's colour in a direction (a socket), without the environment's tint and strength."""
  assert environment.hdri is not None
  turned = tree.nodes.new("ShaderNodeMapping")
  turned.inputs["Rotation"].default_value = (0.0, 0.0, -environment.rotation)  # turns the look-up
  image = tree.nodes.new("ShaderNodeTexEnvironment")
  image.image = _load_hdri(bpy, environment.hdri)
  tree.links.new(direction, turned.inputs["Vector"])
  tree.links.new(turned.outputs["Vector"], image.inputs["Vector"])
  return image.outputs["Color"]


def _sky(tree: Any, environment: Environment) -> Any:
  """The socket of a sky's colour, which follows the direction of view by itself."""
  sky = environment.sky
  assert sky is not None
  node = tree.nodes.new("ShaderNodeTexSky")
  node.sky_type = "NISHITA"
  node.sun_elevation, node.sun_rotation = sky.elevation, -environment.rotation  # clockwise
  node.sun_disc, node.sun_size = sky.sun, sky.sun_size
  node.air_density, node.dust_density, node.ozone_density, node.altitude = sky.air, sky.dust, sky.ozone, sky.altitude
  return _tinted(tree, node.outputs["Color"], environment)


def build_environment(bpy: Any, environment: Environment) -> None:
  """Makes the world of Blender's current scene."""
  world = bpy.data.worlds.new("environment")
  bpy.context.scene.world = world
  world.use_nodes = True
  tree = world.node_tree
  tree.nodes.clear()
  background = tree.nodes.new("ShaderNodeBackground")
  background.inputs["Strength"].default_value = environment.strength
  background.inputs["Color"].default_value = (*environment.color, 1.0)
  shader = background.outputs["Background"]
  if environment.sky is not None:
    tree.links.new(_sky(tree, environment), background.inputs["Color"])
  elif environment.hdri is not None:
    direction = tree.nodes.new("ShaderNodeTexCoord").outputs["Generated"]
    tree.links.new(_tinted(tree, _radiance(bpy, tree, environment, direction), environment), background.inputs["Color"])
  if environment.backdrop is not None:
    seen = tree.nodes.new("ShaderNodeBackground")
    seen.inputs["Color"].default_value = (*environment.backdrop, 1.0)
    mix = tree.nodes.new("ShaderNodeMixShader")
    tree.links.new(tree.nodes.new("ShaderNodeLightPath").outputs["Is Camera Ray"], mix.inputs["Fac"])
    tree.links.new(shader, mix.inputs[1])
    tree.links.new(seen.outputs["Background"], mix.inputs[2])
    shader = mix.outputs["Shader"]
  tree.links.new(shader, tree.nodes.new("ShaderNodeOutputWorld").inputs["Surface"])


def irradiance_from_above(pixels: NDArray[np.float32]) -> float:
  """Luminance of the irradiance of a level surface under an equirectangular picture (H, W, 3), row 0 at the bottom.

  E = ∫ L cos θ dω over the upper half; a uniform picture of radiance 1 gives π. Pixels that are no numbers count as black.
  """
  height, width = pixels.shape[:2]
  elevation = (np.arange(height) + 0.5) / height * math.pi - math.pi / 2
  weight = np.clip(np.sin(elevation), 0, None) * np.cos(elevation) * (math.pi / height) * (2 * math.pi / width)
  pixels = np.clip(np.nan_to_num(pixels, nan=0.0, posinf=MAX_RADIANCE, neginf=0.0), 0.0, MAX_RADIANCE)
  luminance = pixels @ np.array([0.2126, 0.7152, 0.0722], np.float32)
  return float((luminance.sum(axis=1, dtype=np.float64) * weight).sum())


def _hdri_irradiance(bpy: Any, environment: Environment) -> float:
  """`irradiance_from_above` of the HDRI, without the environment's tint and strength."""
  assert environment.hdri is not None
  image = _load_hdri(bpy, environment.hdri)
  width, height = image.size
  values = np.empty(width * height * image.channels, np.float32)
  image.pixels.foreach_get(values)
  pixels = values.reshape(height, width, image.channels)
  pixels = np.repeat(pixels[..., :1], 3, axis=-1) if image.channels < 3 else pixels[..., :3]
  if not image.is_float:  # pixels of 8 bits are as in the file
    pixels = srgb_to_linear(pixels).astype(np.float32)
  return irradiance_from_above(pixels)


def ground_shader(bpy: Any, tree: Any, material: ProjectedEnvironment, environment: Environment) -> Any:
  """The shader of a floor or dome that continues the environment."""
  matt = tree.nodes.new("ShaderNodeBsdfDiffuse")
  geometry = tree.nodes.new("ShaderNodeNewGeometry")
  if environment.hdri is None:
    plain = (1.0, 1.0, 1.0) if environment.backdrop is None else environment.backdrop  # the light has the environment's colour
    color = np.minimum(np.asarray(plain, np.float64), 1.0) if environment.sky is None else np.array(SAND)
    matt.inputs["Color"].default_value = (*(material.reflectance * color).tolist(), 1.0)
    if environment.sky is None:
      return matt.outputs["BSDF"]
    above = tree.nodes.new("ShaderNodeBsdfTransparent").outputs["BSDF"]  # the sky is behind it
  else:
    direction = tree.nodes.new("ShaderNodeVectorMath")
    direction.operation = "SUBTRACT"
    direction.inputs[1].default_value = material.centre
    tree.links.new(geometry.outputs["Position"], direction.inputs[0])
    seen = _radiance(bpy, tree, environment, direction.outputs["Vector"])
    # Radiance L of a matt surface of reflectance r under irradiance E is r E / π
    wanted = tree.nodes.new("ShaderNodeVectorMath")
    wanted.operation = "SCALE"
    wanted.inputs["Scale"].default_value = math.pi / max(_hdri_irradiance(bpy, environment), 1e-6)
    limited = tree.nodes.new("ShaderNodeVectorMath")
    limited.operation = "MINIMUM"
    limited.inputs[1].default_value = (material.reflectance,) * 3
    tree.links.new(seen, wanted.inputs[0])
    tree.links.new(wanted.outputs["Vector"], limited.inputs[0])
    tree.links.new(limited.outputs["Vector"], matt.inputs["Color"])
    glow = tree.nodes.new("ShaderNodeEmission")
    glow.inputs["Strength"].default_value = environment.strength
    tree.links.new(_tinted(tree, seen, environment), glow.inputs["Color"])
    above = glow.outputs["Emission"]
  height = tree.nodes.new("ShaderNodeSeparateXYZ")
  tree.links.new(geometry.outputs["Position"], height.inputs["Vector"])
  share = tree.nodes.new("ShaderNodeMapRange")
  share.interpolation_type = "SMOOTHSTEP"
  share.inputs["From Max"].default_value = material.blend
  tree.links.new(height.outputs["Z"], share.inputs["Value"])
  mix = tree.nodes.new("ShaderNodeMixShader")
  tree.links.new(share.outputs["Result"], mix.inputs["Fac"])
  tree.links.new(matt.outputs["BSDF"], mix.inputs[1])
  tree.links.new(above, mix.inputs[2])
  return mix.outputs["Shader"]
