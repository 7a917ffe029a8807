"""What lies in a drawer or a workshop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kubric_gen.assets.collision.convexity import corners, hull_pieces
from kubric_gen.assets.meshes.mesh import Array
from kubric_gen.assets.solids import finishes
from kubric_gen.assets.solids.family import Family, Model, Parameter, Part, assemble
from kubric_gen.assets.solids.finishes import Palette
from kubric_gen.assets.solids.looks import HUE, VARIETY, finish_parameter
from kubric_gen.assets.solids.modelling import (box, cylinder, prism, revolve, rings, rounded_box, rounded_profile,
                                                smooth_line, tube, tube_rings)

GRIPS = (finishes.wood, finishes.plastic, finishes.rubber)


def polygon(sides: int, radius: float) -> Array:
  """A regular polygon (n, 2), `radius` from its centre to its sides."""
  angle = 2 * np.pi * np.arange(sides) / sides
  return np.column_stack([np.cos(angle), np.sin(angle)]) * radius / math.cos(math.pi / sides)


def hammer(length: float, head: float, face: float, finish: int, hue: float, variety: int) -> Model:
  """A joiner's hammer: a grip along Z, a head across it."""
  palette = Palette(hue, variety)
  grip_line = smooth_line([(0.017, 0.0), (0.02, 0.12 * length), (0.014, 0.5 * length), (0.012, 0.75 * length), (0.013, length)],
                          8)
  grip = revolve(np.concatenate([[(0, 0)], grip_line, [(0, length)]]), 40).scale((1.0, 0.75, 1.0))
  z = length - 0.02
  steel = finishes.metal(palette, 4 if palette.chance(3) < 0.5 else 0)
  block = rounded_box((0.4 * head, 0.03, 0.032), 0.005, (0, 0, z))
  poll = cylinder(face, 0.3 * head, bevel=0.003).rotate((0, 90, 0)).translate((-0.33 * head, 0, z))
  neck = cylinder(0.012, 0.2 * head).rotate((0, 90, 0)).translate((-0.22 * head, 0, z))
  wedge = np.array([(0.18 * head, -0.014), (0.56 * head, -0.0015), (0.56 * head, 0.0015), (0.18 * head, 0.014)])
  pein = prism(wedge, 0.028).rotate((90, 0, 0)).translate((0, 0, z))
  return assemble([Part(grip, GRIPS[finish](palette), hull_pieces(tube_rings([(0, 0, v) for v in np.linspace(0, length, 6)],
                                                                              0.014, 12))),
                    Part(block, steel), Part(poll, steel), Part(neck, steel), Part(pein, steel)])


def screwdriver(length: float, blade: float, tip: int, finish: int, hue: float, variety: int) -> Model:
  palette = Palette(hue, variety)
  grip, steel = 0.42 * length, finishes.metal(palette, 0)
  angle = np.arange(72) * (2 * np.pi / 72)
  z = np.concatenate([[0.0], np.linspace(0, 1, 26), [1.0]])
  body = np.interp(z, [0, 0.06, 0.3, 0.72, 0.84, 0.95, 1], [0.7, 0.95, 1.0, 0.98, 0.62, 0.8, 0.6]) * 0.016
  body[[0, -1]] = 0.0
  fluted = np.clip(np.minimum(z - 0.08, 0.74 - z) / 0.05, 0, 1)[:, None] * 0.0012 * (1 + np.cos(8 * angle))[None]
  r = np.where(body[:, None] > 0, body[:, None] - fluted, 0.0)
  handle = rings(np.stack([r * np.cos(angle), r * np.sin(angle), np.broadcast_to(z[:, None] * grip, r.shape)], axis=-1),
                 np.linspace(0, 1, 73), z)
  shaft_r = blade / 2
  shaft = cylinder(shaft_r, length - grip, (0, 0, (length + grip) / 2 - 0.01), segments=24)
  end = length - 0.01
  if tip == 0:
    flat = np.array([(-0.7 * blade, -0.01), (0.7 * blade, -0.01), (0.55 * blade, 0.0), (0.6 * blade, 0.008),
                     (-0.6 * blade, 0.008),
                     (-0.55 * blade, 0.0)])
    point = prism(flat, 0.22 * blade + 0.0008).rotate((90, 0, 0)).translate((0, 0, end))
  else:
    cross = [box((0.9 * blade, 0.28 * blade, 0.012)), box((0.28 * blade, 0.9 * blade, 0.012))]
    cone = cylinder(0.55 * blade, 0.012, top=0.1 * blade)
    point = ((cross[0] + cross[1]) ^ cone).translate((0, 0, end + 0.004))
  return assemble([Part(handle, GRIPS[finish](palette), [corners(handle)]), Part(shaft, steel), Part(point, steel)])


def spoon(length: float, width: float, depth: float, finish: int, hue: float, variety: int) -> Model:
  """A bowl and a curved handle along X, of one thickness."""
  palette = Palette(hue, variety)
  made = (finishes.metal, finishes.wood, finishes.plastic)[finish](palette)
  bowl = 0.3 * length
  thick = 0.0022 if finish == 0 else 0.004
  t = np.linspace(0, 1, 61)
  t = 0.4 * t + 0.3 * (1 - np.cos(np.pi * t))  # closer together near both ends
  x = t * length
  bowl_half = np.sqrt(np.clip(1 - ((t - 0.15) / 0.15) ** 2, 0, 1))  # half an ellipse, then the neck and the handle
  half = np.maximum(np.where(t < 0.3, bowl_half, 0.0), np.interp(t, [0, 0.2, 0.33, 0.4, 0.7, 0.92, 0.985, 1],
                                                                [0.0, 0.0, 0.24, 0.17, 0.2, 0.34, 0.24, 0.0])) * width / 2
  half[[0, -1]] = 1e-4
  sag = np.where(x < bowl, -depth * np.sin(np.pi * np.clip(x / bowl, 0, 1)) ** 0.8, 0.0)
  lift = 0.1 * length * np.clip((t - 0.28) / 0.72, 0, 1) ** 1.6 * np.where(t > 0.85, 1 - 2.2 * (t - 0.85), 1.0)
  across = np.linspace(-1, 1, 21)
  hollow = sag[:, None] * (1 - across[None] ** 2) + lift[:, None] - 0.0
  edge = half[:, None] * across[None]
  upper = np.stack([np.broadcast_to(x[:, None], edge.shape), edge, hollow + thick / 2], axis=-1)
  lower = upper - (0, 0, thick)
  loops = np.concatenate([lower, upper[:, ::-1]], axis=1)
  ends = np.repeat(loops[[0, -1]].mean(axis=1)[:, None], loops.shape[1], axis=1)
  solid = rings(np.concatenate([ends[:1], loops, ends[1:]]), np.linspace(0, 1, loops.shape[1] + 1), np.concatenate([[0], t, [1]]))
  if solid.volume() < 0:
    solid = rings(np.concatenate([ends[:1], loops[:, ::-1], ends[1:]]), np.linspace(0, 1, loops.shape[1] + 1),
                  np.concatenate([[0], t, [1]]))
  pieces = []
  for low, high in zip(range(0, 60, 6), range(6, 61, 6)):
    columns = (slice(0, 8), slice(7, 14), slice(13, 21)) if low < 20 else (slice(0, 21),)
    for part in columns:
      block = np.concatenate([upper[low:high + 1:3, part][:, ::3].reshape(-1, 3),
                              lower[low:high + 1:3, part][:, ::3].reshape(-1, 3),
                              upper[low:high + 1:3, part][:, -1], lower[low:high + 1:3, part][:, -1]])
      pieces.append(block)
  return assemble([Part(solid, made, pieces)])


def _thread(radius: float, length: float, pitch: float, depth: float) -> Any:
  """A rod along Z from 0 with a helical thread (a sharp V)."""
  steps, around = max(24, int(length / pitch * 8)), 48
  z = np.linspace(0, length, steps)
  angle = np.arange(around) * (2 * np.pi / around)
  phase = (z[:, None] / pitch - angle[None] / (2 * np.pi)) % 1.0
  fade = np.clip(np.minimum(z, length - z) / pitch, 0, 1)[:, None]
  r = radius - depth * fade * (1 - np.abs(2 * phase - 1))
  points = np.stack([r * np.cos(angle), r * np.sin(angle), np.broadcast_to(z[:, None], r.shape)], axis=-1)
  ends = [np.broadcast_to(np.array([0.0, 0.0, v]), (1, around, 3)) for v in (0.0, length)]
  return rings(np.concatenate([ends[0], points, ends[1]]), np.linspace(0, 1, around + 1), np.concatenate([[0], z / length, [1]]))


def bolt(length: float, diameter: float, head: int, finish: int, variety: int) -> Model:
  """A screw with a hexagonal, round or countersunk head, at ten times the size of a small one."""
  palette = Palette(0.6, variety)
  made = finishes.metal(palette, (0, 2, 4)[finish])
  r = diameter / 2
  rod = _thread(r, length, 0.3 * diameter, 0.13 * diameter)
  height = 0.65 * diameter
  if head == 0:
    top = prism(polygon(6, 0.85 * diameter), height) ^ revolve(
        rounded_profile([(0, -height / 2), (0.9 * diameter, -height / 2), (0.99 * diameter, 0.3 * height),
                         (0.8 * diameter, height / 2),
                         (0, height / 2)]), 64)
    cap = top.translate((0, 0, length + height / 2))
  elif head == 1:
    cap = cylinder(0.78 * diameter, height, (0, 0, length + height / 2), 0.06 * diameter) - prism(
        polygon(6, 0.38 * diameter), height).translate((0, 0, length + 0.9 * height))
  else:
    cap = cylinder(r, 0.5 * diameter, (0, 0, length + 0.25 * diameter - 0.0005), top=diameter) - box(
        (3 * diameter, 0.2 * diameter, 0.3 * diameter), (0, 0, length + 0.5 * diameter))
  return assemble([Part(rod, made, [corners(cylinder(r, length, (0, 0, length / 2), segments=24))]),
                    Part(cap, made, [corners(cap)])],
                   crease=math.radians(30))


def nut(diameter: float, height: float, finish: int, variety: int) -> Model:
  """A hexagonal nut."""
  palette = Palette(0.6, variety)
  made = finishes.metal(palette, (0, 2, 4)[finish])
  h = height * diameter
  r = diameter / 2
  bevel = revolve(rounded_profile([(0, -h / 2), (0.84 * diameter, -h / 2), (1.02 * diameter, -0.3 * h),
                                   (1.02 * diameter, 0.3 * h),
                                   (0.84 * diameter, h / 2), (0, h / 2)]), 72)
  hole = _thread(r, h + 0.1 * diameter, 0.3 * diameter, 0.1 * diameter).translate((0, 0, -h / 2 - 0.05 * diameter))
  body = (prism(polygon(6, 0.85 * diameter), h) ^ bevel) - hole
  outer, inner = polygon(6, 0.85 * diameter), polygon(6, 0.97 * r)
  pieces = []
  for k in range(6):
    flat = np.concatenate([outer[[k, (k + 1) % 6]], inner[[k, (k + 1) % 6]]])
    pieces.append(np.concatenate([np.column_stack([flat, np.full(4, z)]) for z in (-h / 2, h / 2)]))
  return assemble([Part(body, made, pieces)], crease=math.radians(30))


def pencil(length: float, radius: float, tip: float, hue: float, variety: int) -> Model:
  palette = Palette(hue, variety)
  body = prism(polygon(6, radius), length).translate((0, 0, length / 2))
  coat = revolve([(0, -0.001), (1.6 * radius, -0.001), (1.6 * radius, length - tip), (0.0, length - tip)], 24)
  inner = revolve([(0, length - 1.45 * tip), (0.94 * radius, length - 1.45 * tip), (0.94 * radius, length - tip),
                   (0.2 * radius, length - 0.1 * tip),
                   (0, length - 0.1 * tip)], 40)
  lead = revolve([(0, length - 0.3 * tip), (0.33 * radius, length - 0.3 * tip), (0.05 * radius, length + 0.02 * tip),
                  (0, length + 0.02 * tip)], 24)
  cap = finishes.rubber(Palette(0.97, 3)) if palette.chance(5) < 0.5 else finishes.lacquer(palette)
  end = cylinder(1.02 * radius, 0.012, (0, 0, -0.004), 0.001)
  ring = cylinder(1.06 * radius, 0.012, (0, 0, 0.006), 0.0005)
  hull = [corners(prism(polygon(6, radius), length - tip).translate((0, 0, (length - tip) / 2)) + lead)]
  return assemble([Part(body ^ coat, finishes.lacquer(palette), hull), Part(inner, finishes.plain((0.62, 0.4, 0.2), 600.0),
                                                                             convex=False),
                    Part(lead, finishes.plain((0.03, 0.03, 0.035), 2000.0, 0.4), convex=False), Part(end, cap),
                    Part(ring, finishes.metal(palette, 2), convex=False)])


def key(length: float, bow: float, teeth: int, finish: int, variety: int) -> Model:
  """A warded key that lies flat: a ring, a stem along X and teeth."""
  palette = Palette(0.1, variety)
  made = finishes.metal(palette, (0, 2, 3)[finish])
  r, stem = bow * length, 0.028 * length
  t = np.arange(64) * (2 * np.pi / 64)
  circle = np.column_stack([r * np.cos(t), r * np.sin(t), np.zeros(64)])
  parts = [Part(tube(circle, 0.032 * length, 20, closed=True), made, hull_pieces(tube_rings(circle[::4], 0.034 * length, 8,
                                                                                            closed=True), True))]
  shaft = cylinder(stem, length - r).rotate((0, 90, 0)).translate((r + (length - r) / 2, 0, 0))
  collar = cylinder(1.5 * stem, 0.05 * length, bevel=0.2 * stem).rotate((0, 90, 0)).translate((1.2 * r, 0, 0))
  parts += [Part(shaft, made), Part(collar, made)]
  rng = np.random.default_rng(variety)
  for k in range(teeth):
    reach = float(rng.uniform(0.08, 0.16)) * length
    x = 0.98 * length - k * 0.07 * length
    parts.append(Part(rounded_box((0.05 * length, reach, 0.028 * length), 0.004 * length, (x, -reach / 2, 0)), made))
  return assemble(parts)


_METALS = Parameter(0, 2, 0, "", "0 steel, 1 brass, 2 black or copper", whole=True)
FAMILIES = (
    Family("hammer", "hammer", hammer, {
        "length": Parameter(0.22, 0.36, 0.3, "m", "of the grip"),
        "head": Parameter(0.09, 0.13, 0.11, "m", "length of the head"),
        "face": Parameter(0.011, 0.018, 0.014, "m", "radius of the face"),
        "finish": finish_parameter(*GRIPS),
        "hue": HUE, "variety": VARIETY}),
    Family("screwdriver", "screwdriver", screwdriver, {
        "length": Parameter(0.15, 0.3, 0.21, "m", "over all"),
        "blade": Parameter(0.004, 0.009, 0.006, "m", "diameter of the shaft"),
        "tip": Parameter(0, 1, 0, "", "0 flat, 1 crossed", whole=True),
        "finish": finish_parameter(*GRIPS),
        "hue": HUE, "variety": VARIETY}),
    Family("spoon", "spoon", spoon, {
        "length": Parameter(0.13, 0.3, 0.19, "m", "over all"),
        "width": Parameter(0.03, 0.06, 0.042, "m", "of the bowl"),
        "depth": Parameter(0.006, 0.016, 0.01, "m", "of the bowl"),
        "finish": finish_parameter(finishes.metal, finishes.wood, finishes.plastic),
        "hue": HUE, "variety": VARIETY}),
    Family("bolt", "bolt", bolt, {
        "length": Parameter(0.03, 0.1, 0.06, "m", "of the thread"),
        "diameter": Parameter(0.012, 0.024, 0.016, "m", "of the thread"),
        "head": Parameter(0, 2, 0, "", "0 hexagonal, 1 round, 2 countersunk", whole=True),
        "finish": _METALS, "variety": VARIETY}),
    Family("nut", "nut", nut, {
        "diameter": Parameter(0.012, 0.03, 0.02, "m", "of the thread"),
        "height": Parameter(0.5, 1.2, 0.8, "", "in diameters"),
        "finish": _METALS, "variety": VARIETY}),
    Family("pencil", "pencil", pencil, {
        "length": Parameter(0.08, 0.18, 0.16, "m", "over all"),
        "radius": Parameter(0.0035, 0.006, 0.004, "m", "to its sides"),
        "tip": Parameter(0.014, 0.026, 0.02, "m", "length of the tip"),
        "hue": HUE, "variety": VARIETY}),
    Family("key", "key", key, {
        "length": Parameter(0.05, 0.11, 0.08, "m", "from ring to tip"),
        "bow": Parameter(0.13, 0.2, 0.16, "", "radius of the ring in lengths"),
        "teeth": Parameter(2, 4, 3, "", "how many", whole=True),
        "finish": _METALS, "variety": VARIETY}))
