"""The basic solids of Kubric's KuBasic set, each one unit in its largest extent; cube, sphere and cylinder are primitives."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from kubric_gen.assets.collision.convexity import hull_pieces
from kubric_gen.assets.meshes.manifolds import unite
from kubric_gen.assets.meshes.mesh import Array
from kubric_gen.assets.solids.family import Family, Model, Parameter, model_of_solid
from kubric_gen.assets.solids.modelling import AROUND, box, prism, revolve, smooth_line, tube, tube_rings

TURN = np.linspace(0.0, 2 * np.pi, 2 * AROUND, endpoint=False)


def _outwards(sides: int) -> float:
  """By how much a regular polygon has to grow to lie halfway between a circle's inner and outer ones."""
  return 1 + (math.pi / sides) ** 2 / 4


def _spin(profile: list[tuple[float, float]], sides: int) -> Array:
  """The corners of a profile turned about Z."""
  angle, outwards = np.arange(sides) * (2 * np.pi / sides), _outwards(sides)
  return np.concatenate([np.column_stack([r * outwards * np.cos(angle), r * outwards * np.sin(angle), np.full(sides, z)])
                         for r, z in profile])


def cone() -> Model:
  profile = [(0.0, 0.0), (0.5, 0.0), (0.0, 1.0)]
  return model_of_solid(revolve(profile), [_spin(profile, 64)])


def torus(tube_ratio: float) -> Model:
  ring = np.column_stack([np.cos(TURN), np.sin(TURN), np.zeros_like(TURN)]) * (1 - tube_ratio) / 2
  circles = tube_rings(ring[::6], tube_ratio / 2 * _outwards(16), 16, closed=True)
  return model_of_solid(tube(ring, tube_ratio / 2, 32, closed=True), hull_pieces(circles, closed=True), 1.0)


def torus_knot(turns: int, windings: int, thickness: float) -> Model:
  t = np.linspace(0.0, 2 * np.pi, 4 * AROUND, endpoint=False)
  r = 2.0 + np.cos(windings * t)
  path = np.column_stack([r * np.cos(turns * t), r * np.sin(turns * t), np.sin(windings * t)]) / 6
  circles = tube_rings(path[::6], thickness * _outwards(12), 12, closed=True)
  return model_of_solid(tube(path, thickness, 20, closed=True), hull_pieces(circles, closed=True), 1.0)


def gear(teeth: int, thickness: float, bore: float) -> Model:
  """A spur gear with straight flanks."""
  outer, root, hole = 0.5, 0.4, bore / 2
  angles, radii = [], []
  for tooth in range(teeth):
    for part, radius in ((0.0, root), (0.25, root), (0.37, outer), (0.63, outer), (0.75, root)):
      angles.append(2 * math.pi * (tooth + part) / teeth)
      radii.append(radius)
  outline = np.column_stack([np.array(radii) * np.cos(angles), np.array(radii) * np.sin(angles)])
  circle = np.arange(AROUND) * (2 * np.pi / AROUND)
  body = prism(outline, thickness) - prism(np.column_stack([np.cos(circle), np.sin(circle)]) * hole, 2 * thickness)

  def slab(points: list[tuple[float, float]]) -> Array:
    """Points (radius, angle) as a convex piece of the gear's height."""
    flat = np.array([[r * math.cos(a), r * math.sin(a)] for r, a in points])
    return np.concatenate([np.column_stack([flat, np.full(len(flat), z)]) for z in (-thickness / 2, thickness / 2)])

  pieces = []
  step = 2 * math.pi / teeth
  for tooth in range(teeth):
    start = tooth * step
    pieces += [slab([(hole, start + part * step) for part in (0.0, 0.5, 1.0)]
                    + [(root, start + part * step) for part in (0.0, 0.25, 0.75, 1.0)]),
               slab([(root, start + 0.25 * step), (outer, start + 0.37 * step), (outer, start + 0.63 * step),
                     (root, start + 0.75 * step)])]
  return model_of_solid(body, pieces)


def sponge(holes: int) -> Model:
  """A cube that square shafts run through from every side, `holes` by `holes` of them; one is the first Menger sponge."""
  cells = 2 * holes + 1
  edges = np.linspace(-0.5, 0.5, cells + 1)
  body: Any = box((1.0, 1.0, 1.0))
  for axis, i, j in product(range(3), range(1, cells, 2), range(1, cells, 2)):
    centre, size = np.zeros(3), np.full(3, 1.0 / cells)
    size[axis] = 1.2
    centre[(axis + 1) % 3], centre[(axis + 2) % 3] = (edges[i] + edges[i + 1]) / 2, (edges[j] + edges[j + 1]) / 2
    body -= box(size.tolist(), centre.tolist())
  pieces = []
  for i, j in product(range(cells), repeat=2):  # columns along Z where no shaft crosses them, else their blocks
    solid = [k for k in range(cells) if sum(index % 2 for index in (i, j, k)) < 2]
    for run in np.split(solid, np.flatnonzero(np.diff(solid) > 1) + 1) if solid else ():
      corners = product((edges[i], edges[i + 1]), (edges[j], edges[j + 1]), (edges[run[0]], edges[run[-1] + 1]))
      pieces.append(np.array(list(corners)))
  return model_of_solid(body, pieces)


def teapot(spout: float, handle: float) -> Model:
  """A lathed pot with a lid, after Newell's of Utah."""
  side = smooth_line([(0.0, 0.0), (0.75, 0.0), (0.95, 0.12), (1.0, 0.45), (0.92, 0.85), (0.72, 1.15)], 8)
  lid = smooth_line([(0.72, 1.15), (0.66, 1.22), (0.4, 1.34), (0.12, 1.42)], 6)
  knob = smooth_line([(0.1, 1.42), (0.1, 1.47), (0.17, 1.56), (0.12, 1.66), (0.0, 1.69)], 6)
  profile = [(0.0, 0.0), *side[1:], *lid[1:], *knob]
  body = revolve(profile)
  t = np.linspace(0.0, 1.0, 25)
  bend = np.column_stack([0.75 + spout * t, np.zeros(25), 0.45 + 0.25 * t + 0.55 * t ** 2])
  thick = 0.24 - 0.13 * t
  arc = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 25)
  grip = np.column_stack([-0.72 - handle * np.cos(arc), np.zeros(25), 0.68 + 0.36 * np.sin(arc)])
  model = unite([body, tube(bend, thick), tube(grip, 0.08, 16)])
  return model_of_solid(model, size=1.0)


def organic(roundness: float) -> Model:
  """A rounded animal with four legs, head and ears, which stands in for Kubric's "spot"."""
  import manifold3d
  balls = [((0.0, 0.0, 0.62), (0.52, 0.3, 0.3)), ((0.55, 0.0, 0.92), (0.24, 0.2, 0.2)), ((0.74, 0.0, 0.84), (0.15, 0.12, 0.11))]
  balls += [((x, y, 0.2), (0.11, 0.11, 0.3)) for x in (-0.33, 0.33) for y in (-0.17, 0.17)]
  balls += [((0.5, y, 1.14), (0.07, 0.05, 0.12)) for y in (-0.14, 0.14)] + [((-0.56, 0.0, 0.7), (0.12, 0.05, 0.05))]
  centres, radii = (np.array(part) for part in zip(*balls))

  def inside(x: float, y: float, z: float) -> float:
    distance = (np.sqrt((((np.array((x, y, z)) - centres) / radii) ** 2).sum(axis=1)) - 1) * radii.min(axis=1)
    return float(roundness * np.log(np.exp(-distance / roundness).sum()))

  solid = manifold3d.Manifold.level_set(inside, (-0.9, -0.5, -0.2, 1.0, 0.5, 1.4), 0.045)
  return model_of_solid(solid, size=1.0, uv=_wrapped, tolerance=0.025)


def _wrapped(corners: Array) -> Array:
  """Texture coordinates (F, 3, 2) of corners (F, 3, 3) by longitude and latitude about the origin."""
  u = np.arctan2(corners[..., 1], corners[..., 0]) / (2 * np.pi) + 0.5
  u = np.where(np.ptp(u, axis=1, keepdims=True) > 0.5, np.where(u < 0.5, u + 1, u), u)  # faces across the seam
  length = np.sqrt((corners ** 2).sum(axis=-1))
  return np.stack([u, np.arcsin(np.clip(corners[..., 2] / np.maximum(length, 1e-12), -1, 1)) / np.pi + 0.5], axis=-1)


FAMILIES = (
    Family("cone", "cone", cone),
    Family("gear", "gear", gear, {
        "teeth": Parameter(6, 24, 12, "", "how many", whole=True),
        "thickness": Parameter(0.05, 0.6, 0.25, "m", "along its axis"),
        "bore": Parameter(0.1, 0.6, 0.3, "m", "diameter of the hole")}),
    Family("organic", "animal", organic, {
        "roundness": Parameter(0.02, 0.06, 0.04, "m", "over which parts run into one another")}),
    Family("sponge", "sponge", sponge, {"holes": Parameter(1, 3, 1, "", "shafts along an edge", whole=True)}),
    Family("teapot", "teapot", teapot, {
        "spout": Parameter(0.6, 1.1, 0.85, "", "reach of the spout in radii"),
        "handle": Parameter(0.35, 0.7, 0.55, "", "reach of the handle in radii")}),
    Family("torus", "torus", torus, {
        "tube_ratio": Parameter(0.1, 0.45, 0.3, "", "diameter of the tube to that of the torus")}),
    Family("torus_knot", "knot", torus_knot, {
        "turns": Parameter(2, 3, 2, "", "about the axis", whole=True),
        "windings": Parameter(3, 5, 3, "", "about the tube", whole=True),
        "thickness": Parameter(0.04, 0.09, 0.07, "m", "radius of the tube")}))
