"""Patterns and prints as Cycles shader nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from kubric_gen.scene.patterns import Pattern, Print


def _node(tree: Any, kind: str, inputs: dict[Any, Any] | None = None, **settings: Any) -> Any:
  """A node with its settings; inputs that are sockets are linked."""
  node = tree.nodes.new(kind)
  for name, value in settings.items():
    setattr(node, name, value)
  for name, value in (inputs or {}).items():
    if hasattr(value, "is_output"):
      tree.links.new(value, node.inputs[name])
    else:
      node.inputs[name].default_value = value
  return node


def _ramp(tree: Any, factor: Any, *stops: tuple[float, float]) -> Any:
  """A piecewise linear function of a factor."""
  node = _node(tree, "ShaderNodeValToRGB", {"Fac": factor})
  ramp = node.color_ramp
  while len(ramp.elements) < len(stops):
    ramp.elements.new(1.0)
  for element, (position, value) in zip(ramp.elements, stops):
    element.position, element.color = position, (value, value, value, 1.0)
  return node.outputs["Color"]


def pattern_factor(tree: Any, pattern: Pattern) -> Any:
  """The socket that tells where the second colour is: 0 for ground, 1 for features."""
  rng = np.random.default_rng(pattern.seed)
  start, turn = rng.uniform(-50, 50, 3).tolist(), rng.uniform(-np.pi, np.pi, 3).tolist()
  upright = ((0.0, 0.0), (np.pi / 2, 0.0), (0.0, np.pi / 2))[int(rng.integers(3))]  # to Z, Y or X
  scale = 1.0 / pattern.size
  place = _node(tree, "ShaderNodeTexCoord").outputs["Object"]

  def space(stretch: tuple[float, float, float] = (1.0, 1.0, 1.0), rotation: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Any:
    return _node(tree, "ShaderNodeMapping", {
        "Vector": place, "Location": start, "Rotation": rotation, "Scale": [scale * s for s in stretch]}).outputs["Vector"]

  def noise(vector: Any, **inputs: Any) -> Any:
    return _node(tree, "ShaderNodeTexNoise", {"Vector": vector, **inputs}).outputs["Fac"]

  if pattern.kind == "mottle":
    return _ramp(tree, noise(space(), Scale=0.5, Detail=4.0, Roughness=0.6), (0.3, 0.0), (0.7, 1.0))
  if pattern.kind == "brushed":
    return noise(space((0.02, 1.0, 1.0), tuple(turn)), Scale=2.0, Detail=3.0)
  if pattern.kind == "speckle":
    spots = _node(tree, "ShaderNodeTexVoronoi", {"Vector": space(), "Scale": 0.5, "Randomness": 1.0}).outputs["Distance"]
    return _ramp(tree, spots, (0.16, 1.0), (0.22, 0.0))
  if pattern.kind == "marble":
    veins = noise(space(rotation=tuple(turn)), Scale=0.25, Detail=8.0, Roughness=0.62, Distortion=1.2)
    return _ramp(tree, veins, (0.43, 0.0), (0.495, 1.0), (0.51, 1.0), (0.6, 0.0))
  if pattern.kind == "weave":
    threads = [_node(tree, "ShaderNodeTexWave", {"Vector": space(), "Scale": 1.0, "Distortion": 0.3, "Detail": 1.0},
                     bands_direction=axis).outputs["Fac"] for axis in ("X", "Y", "Z")]
    both = _node(tree, "ShaderNodeMath", {0: threads[0], 1: threads[2]}, operation="MULTIPLY").outputs[0]
    return _node(tree, "ShaderNodeMath", {0: both, 1: threads[1]}, operation="MAXIMUM").outputs[0]
  rings = _node(tree, "ShaderNodeTexWave", {
      "Vector": space((1.0, 1.0, 0.12), (upright[0] + 0.04 * turn[0], upright[1] + 0.04 * turn[1], 0.0)), "Scale": 0.33,
      "Distortion": 3.0, "Detail": 2.0, "Detail Scale": 1.2}, wave_type="RINGS", rings_direction="Z").outputs["Fac"]
  grain = noise(space((6.0, 6.0, 0.25), (*upright, 0.0)), Scale=1.5, Detail=3.0)
  mixed = _node(tree, "ShaderNodeMath", {0: grain, 1: 0.45, 2: _ramp(tree, rings, (0.1, 0.0), (0.95, 0.75))},
                operation="MULTIPLY_ADD").outputs[0]
  return _ramp(tree, mixed, (0.15, 0.0), (1.0, 1.0))


def pattern_color(tree: Any, pattern: Pattern) -> Any:
  """The socket of a pattern's colour."""
  ground, feature = pattern.colors
  return _node(tree, "ShaderNodeMix", {"Factor": pattern_factor(tree, pattern), 6: (*ground, 1.0), 7: (*feature, 1.0)},
               data_type="RGBA").outputs[2]


def pattern_normal(tree: Any, pattern: Pattern, strength: float) -> Any:
  """The socket of normals that make a pattern's features stand out, as high as they are wide."""
  along = _node(tree, "ShaderNodeVectorTransform", {"Vector": (pattern.size, 0.0, 0.0)}, vector_type="VECTOR",
                convert_from="OBJECT", convert_to="WORLD").outputs["Vector"]  # the size grows with the object
  height = _node(tree, "ShaderNodeVectorMath", {0: along}, operation="LENGTH").outputs["Value"]
  return _node(tree, "ShaderNodeBump", {"Height": pattern_factor(tree, pattern), "Strength": strength,
                                        "Distance": height}).outputs["Normal"]


def print_color(bpy: Any, tree: Any, picture: Print) -> Any:
  """The socket of a print's colour; equal prints share one image."""
  from kubric_gen.render.prints import print_image
  name = f"print {picture!r}"[:60]
  image = next((i for i in bpy.data.images if i.get("print") == repr(picture)), None)
  if image is None:
    pixels = print_image(picture)
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height)
    image["print"] = repr(picture)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels[::-1] / np.float32(255)
    image.pixels.foreach_set(rgba.ravel())
    image.pack()
  coordinates = _node(tree, "ShaderNodeTexCoord").outputs["UV" if picture.mapping == "uv" else "Generated"]
  vector = _node(tree, "ShaderNodeMapping", {"Vector": coordinates, "Scale": (picture.repeat,) * 3}).outputs["Vector"]
  node = _node(tree, "ShaderNodeTexImage", {"Vector": vector}, image=image)
  if picture.mapping == "box":
    node.projection, node.projection_blend = "BOX", 0.1
  return node.outputs["Color"]
