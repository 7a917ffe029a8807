"""Fruit, mushrooms and a plant in its pot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kubric_gen.assets.collision.convexity import corners, hull_pieces
from kubric_gen.assets.meshes.mesh import Array
from kubric_gen.assets.solids import finishes
from kubric_gen.assets.solids.family import Family, Model, Parameter, Part, assemble
from kubric_gen.assets.solids.finishes import Finish, Palette, hsv
from kubric_gen.assets.solids.looks import HUE, VARIETY
from kubric_gen.assets.solids.modelling import ball, cylinder, revolve, rings, rounded_profile, smooth_line, tube, tube_rings

STALK = finishes.plain((0.08, 0.05, 0.025), 600.0, 0.8)
RIPE = Parameter(0.0, 1.0, 0.6, "", "from green to red")


def _skin(palette: Palette, ripeness: float, size: float) -> Finish:
  hue = 0.27 * (1 - ripeness)
  return finishes.mottled(hsv(hue, 0.8, 0.75), hsv(hue + 0.05, 0.65, 0.82), size, palette.seed, 850.0, 0.3)


def _stalk(length: float, thickness: float, base: float) -> Part:
  path = smooth_line([(0, 0, base), (0.06 * length, 0, base + 0.5 * length), (0.22 * length, 0, base + length)], 6)
  return Part(tube(path, np.linspace(0.8, 1.2, len(path)) * thickness, 10), STALK,
              hull_pieces(tube_rings(path, thickness, 6), every=6))


def apple(radius: float, height: float, dimple: float, ripeness: float, variety: int) -> Model:
  palette = Palette(0.0, variety)
  r, h = radius, height * radius
  t = np.linspace(0, np.pi, 49)
  shape = np.sin(t) * (1 + 0.1 * np.cos(t) * -1)
  z = -h * np.cos(t)
  z = z - dimple * r * np.exp(-(t[::-1] / 0.32) ** 2) * 1.1 + 0.6 * dimple * r * np.exp(-(t / 0.3) ** 2)
  profile = np.column_stack([r * np.maximum(shape, 0), z])
  profile[[0, -1], 0] = 0.0
  angle = np.arange(64) * (2 * np.pi / 64)
  lobes = 1 + 0.025 * np.cos(5 * angle)[None] * np.clip(-np.cos(t), -1, 1)[:, None] * -1
  points = np.stack([profile[:, :1] * lobes * np.cos(angle), profile[:, :1] * lobes * np.sin(angle),
                     np.broadcast_to(profile[:, 1:], (49, 64))], axis=-1)
  body = rings(points, np.linspace(0, 1, 65), np.linspace(0, 1, 49))
  parts = [Part(body, _skin(palette, ripeness, 0.5 * r)), _stalk(0.5 * r, 0.05 * r, float(profile[-1, 1]) - 0.02 * r)]
  if palette.chance(4) < 0.5:
    parts.append(Part(leaf(0.75 * r, 0.32 * r, 0.2).rotate((0, -20, 40)).translate((0.04 * r, 0,
                                                                                    float(profile[-1, 1]) + 0.25 * r)),
                      _green(palette), convex=False))
  return assemble(parts)


def pear(radius: float, height: float, neck: float, ripeness: float, variety: int) -> Model:
  palette = Palette(0.0, variety)
  r, h = radius, height * radius
  line = smooth_line([(0.0, 0.05 * h), (0.45 * r, 0.0), (0.95 * r, 0.2 * h), (0.93 * r, 0.42 * h), (neck * r, 0.75 * h),
                      (0.62 * neck * r, 0.95 * h),
                      (0.0, 0.985 * h)], 8)
  line[:, 0] = np.maximum(line[:, 0], 0.0)
  body = revolve(line, 72)
  low = revolve(np.concatenate([line[line[:, 1] < 0.6 * h], [(0, 0.6 * h)]]), 40)
  high = revolve(np.concatenate([[(0, 0.6 * h)], line[line[:, 1] >= 0.6 * h]]), 40)
  skin = finishes.mottled(hsv(0.2 - 0.1 * ripeness, 0.75, 0.72), hsv(0.14 - 0.1 * ripeness, 0.7, 0.7), 0.5 * r,
                                 palette.seed, 850.0,
                                 0.4)
  return assemble([Part(body, skin, [corners(low), corners(high)]), _stalk(0.55 * r, 0.05 * r, 0.95 * h)])


def mushroom(height: float, cap: float, dome: float, stem: float, spots: int, hue: float, variety: int) -> Model:
  palette = Palette(hue, variety)
  r = cap
  rise = dome * r
  z0 = height - rise
  outer = smooth_line([(r, z0), (0.92 * r, z0 + 0.42 * rise), (0.6 * r, z0 + 0.82 * rise), (0.0, z0 + rise)], 10)
  profile = np.concatenate([[(0, z0 + 0.15 * rise), (0.5 * r, z0 + 0.1 * rise), (0.93 * r, z0 - 0.02 * rise)], outer])
  profile[:, 0] = np.maximum(profile[:, 0], 0.0)
  profile[-1, 0] = 0.0
  top = revolve(profile, 72)
  line = np.concatenate([[(0, 0)], smooth_line([(1.15 * stem * r, 0.0), (1.25 * stem * r, 0.12 * z0), (0.8 * stem * r, 0.6 * z0),
                                               (0.85 * stem * r, z0 + 0.2 * rise)], 8), [(0, z0 + 0.2 * rise)]])
  foot = revolve(line, 56)
  skin = finishes.mottled(palette.main, palette.dark, 0.4 * r, palette.seed, 500.0, 0.45)
  pale = finishes.mottled(palette.paper, hsv(0.1, 0.25, 0.8), 0.3 * r, palette.seed, 500.0, 0.8)
  parts = [Part(top, skin), Part(foot, pale)]
  rng = np.random.default_rng(variety)
  for _ in range(spots):
    share, turn, size = float(rng.uniform(0.1, 0.85)), float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.05, 0.13)) * r
    row = outer[int((1 - share) * (len(outer) - 1))]
    at = (float(row[0]) * math.cos(turn), float(row[0]) * math.sin(turn), float(row[1]))
    parts.append(Part(ball((size, size, 0.6 * size), at, 20), pale, convex=False))
  return assemble(parts)


def banana(length: float, thickness: float, bend: float, ripeness: float, variety: int) -> Model:
  palette = Palette(0.0, variety)
  angle = np.linspace(-bend / 2, bend / 2, 41)
  r = length / bend
  path = np.column_stack([r * np.sin(angle), np.zeros(41), r * (1 - np.cos(angle))])
  t = np.linspace(0, 1, 41)
  radius = thickness * np.interp(t, [0, 0.05, 0.14, 0.35, 0.65, 0.84, 0.9, 1], [0.3, 0.42, 0.8, 1.0, 1.0, 0.72, 0.3, 0.24])
  circles = tube_rings(path, radius, 30)
  centre = circles.mean(axis=1, keepdims=True)
  five = 1 - 0.05 * np.cos(5 * np.arange(30) * 2 * np.pi / 30)
  circles = centre + (circles - centre) * five[None, :, None]
  ends = [np.repeat(circles[[i]].mean(axis=1)[:, None], 30, axis=1) for i in (0, -1)]
  solid = rings(np.concatenate([ends[0], circles, ends[1]]), np.linspace(0, 1, 31), np.concatenate([[0], t, [1]]))
  hue = 0.22 - 0.09 * ripeness
  skin = finishes.mottled(hsv(hue, 0.8, 0.86), hsv(hue - 0.02, 0.75, 0.7), 0.7 * thickness, palette.seed, 900.0,
                                 0.45)
  tip = ball(0.4 * thickness, path[0].tolist(), 20)
  return assemble([Part(solid, skin, hull_pieces(circles[:, ::2], every=5)), Part(tip, STALK)])


def carrot(length: float, radius: float, taper: float, leaves: int, variety: int) -> Model:
  palette = Palette(0.3, variety)
  t = np.linspace(0, 1, 50)
  rng = np.random.default_rng(variety)
  wobble = np.interp(t, np.linspace(0, 1, 18), rng.uniform(-1, 1, 18))
  r = radius * (0.08 + 0.92 * t ** taper) * (1 + 0.025 * wobble) * np.sqrt(np.clip((1 - t) / 0.06, 0, 1))
  r[0] = 0.0
  body = revolve(np.column_stack([r, t * length]), 48)
  skin = finishes.mottled(hsv(0.06, 0.88, 0.92), hsv(0.045, 0.85, 0.78), 0.5 * radius, palette.seed, 1000.0, 0.5)
  parts = [Part(body, skin)]
  green = _green(palette)
  for k in range(leaves):
    turn = 360 * k / leaves + float(rng.uniform(-20, 20))
    tall = float(rng.uniform(0.3, 0.5)) * length
    path = smooth_line([(0.1 * radius, 0, 0.97 * length), (0.5 * radius, 0, length + 0.5 * tall),
                        (1.3 * radius, 0, length + tall)], 6)
    parts.append(Part(tube(path, np.linspace(1.0, 0.6, len(path)) * 0.09 * radius, 10).rotate((0, 0, turn)), green,
                      [piece @ _turn(turn).T for piece in hull_pieces(tube_rings(path, 0.1 * radius, 6), every=6)]))
  return assemble(parts)


def _turn(degrees: float) -> Array:
  a = math.radians(degrees)
  return np.array([[math.cos(a), -math.sin(a), 0.0], [math.sin(a), math.cos(a), 0.0], [0.0, 0.0, 1.0]])


def _green(palette: Palette) -> Finish:
  return finishes.mottled(hsv(0.27 + 0.08 * palette.chance(6), 0.7, 0.38), hsv(0.25 + 0.06 * palette.chance(7), 0.65, 0.55), 0.02,
                          palette.seed, 500.0,
                          0.5)


def leaf(length: float, width: float, bend: float) -> Any:
  """A pointed leaf from the origin along X, folded along its middle, that hangs down by `bend` lengths."""
  t = np.linspace(0, 1, 15)
  half = 0.5 * width * np.sin(np.pi * t ** 0.8) ** 0.9 + 0.012 * length
  half[-1] = 0.002 * length
  across = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
  thick = 0.012 * length
  upper = np.stack([np.broadcast_to(t[:, None] * length, (15, 5)), half[:, None] * across,
                    -bend * length * (t ** 2)[:, None] + 0.3 * half[:, None] * np.abs(across) + thick / 2], axis=-1)
  lower = upper - (0, 0, thick)
  loops = np.concatenate([lower, upper[:, ::-1]], axis=1)
  ends = np.repeat(loops[[0, -1]].mean(axis=1)[:, None], 10, axis=1)
  stacked = np.concatenate([ends[:1], loops, ends[1:]])
  solid = rings(stacked, np.linspace(0, 1, 11), np.concatenate([[0], t, [1]]))
  return solid


def plant(pot: float, height: float, leaves: int, reach: float, droop: float, hue: float, variety: int) -> Model:
  """A plant with long leaves in a flower pot."""
  palette = Palette(hue, variety)
  r, h = pot, 1.7 * pot
  clay = finishes.plain((0.42, 0.15, 0.07), 1900.0, 0.9) if palette.chance(5) < 0.5 else finishes.ceramic(palette)
  profile = rounded_profile([(0, 0), (0.68 * r, 0, 0.03 * r), (0.92 * r, 0.8 * h), (r, 0.8 * h, 0.03 * r), (r, h, 0.03 * r),
                             (0.88 * r, h, 0.03 * r),
                             (0.85 * r, 0.9 * h), (0, 0.9 * h)], 4)
  solid = revolve(profile, 72)
  soil = cylinder(0.87 * r, 0.08 * h, (0, 0, 0.88 * h), 0.02 * h)
  earth = finishes.mottled((0.03, 0.02, 0.012), (0.09, 0.055, 0.03), 0.01, palette.seed, 1200.0, 1.0)
  parts = [Part(solid, clay), Part(soil, earth, convex=False)]
  rng = np.random.default_rng(variety)
  green = _green(palette)
  base = 0.9 * h
  for k in range(leaves):
    turn = 137.5 * k  # the golden angle
    inner = k / max(leaves - 1, 1)
    tall = height * float(rng.uniform(0.55, 1.0)) * (0.6 + 0.4 * inner)
    out = reach * height * float(rng.uniform(0.5, 1.0)) * (1 - 0.65 * inner)
    path = smooth_line([(0.1 * r, 0, base - 0.01), (0.25 * out, 0, base + 0.5 * tall), (out, 0, base + tall)], 6)
    stem = tube(path, np.linspace(1.0, 0.6, len(path)) * 0.035 * r, 8).rotate((0, 0, turn))
    blade = leaf(0.55 * height, 0.17 * height, droop)
    pitch = math.degrees(math.atan2(tall * 0.5, max(out * 0.75, 1e-3))) * 0.55
    blade = blade.rotate((0, -pitch, 0)).translate(tuple(path[-1].tolist())).rotate((0, 0, turn))
    parts += [Part(stem, green, [corners(stem)]), Part(blade, green, [corners(blade)])]
  return assemble(parts)


def pumpkin(radius: float, height: float, ribs: int, depth: float, hue: float, variety: int) -> Model:
  palette = Palette(hue, variety)
  t = np.linspace(0, np.pi, 41)
  angle = np.arange(144) * (2 * np.pi / 144)
  valley = np.abs(np.cos(ribs * angle / 2)) ** 0.5
  r = radius * np.sin(t)[:, None] ** 0.75 * (1 - depth * (1 - valley)[None] * np.sin(t)[:, None] ** 0.5)
  z = np.broadcast_to((-height * radius * np.cos(t) - 0.12 * radius * np.exp(-((np.pi - t) / 0.3) ** 2)
                       + 0.08 * radius * np.exp(-(t / 0.3) ** 2))[:, None], r.shape)
  r = r.copy()
  r[[0, -1]] = 0.0
  body = rings(np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=-1), np.linspace(0, 1, 145), np.linspace(0, 1, 41))
  orange = 0.055 + 0.05 * (palette.chance(1) - 0.5) if palette.chance(2) < 0.75 else 0.22
  skin = finishes.mottled(hsv(orange, 0.85, 0.85), hsv(orange + 0.02, 0.75, 0.75), 0.4 * radius, palette.seed, 600.0,
                                 0.4)
  stem = tube(smooth_line([(0, 0, 0.8 * height * radius), (0.04 * radius, 0, 1.02 * height * radius),
                           (0.2 * radius, 0, 1.2 * height * radius)], 6),
              np.linspace(0.14, 0.1, 13) * radius, 10)
  green = finishes.plain(hsv(0.22, 0.5, 0.35), 600.0, 0.8)
  return assemble([Part(body, skin), Part(stem, green)])


FAMILIES = (
    Family("apple", "apple", apple, {
        "radius": Parameter(0.03, 0.05, 0.04, "m", "around"),
        "height": Parameter(0.78, 1.0, 0.88, "", "in radii"),
        "dimple": Parameter(0.15, 0.35, 0.25, "", "depth at the stalk in radii"),
        "ripeness": RIPE, "variety": VARIETY}),
    Family("pear", "pear", pear, {
        "radius": Parameter(0.03, 0.045, 0.037, "m", "around"),
        "height": Parameter(2.3, 3.2, 2.7, "", "in radii"),
        "neck": Parameter(0.32, 0.55, 0.42, "", "radius of the neck in radii"),
        "ripeness": RIPE, "variety": VARIETY}),
    Family("mushroom", "mushroom", mushroom, {
        "height": Parameter(0.05, 0.14, 0.09, "m", "over all"),
        "cap": Parameter(0.025, 0.06, 0.04, "m", "radius of the cap"),
        "dome": Parameter(0.5, 0.95, 0.7, "", "height of the cap in radii"),
        "stem": Parameter(0.25, 0.5, 0.35, "", "radius of the stem in radii"),
        "spots": Parameter(0, 14, 0, "", "on the cap", whole=True),
        "hue": HUE, "variety": VARIETY}),
    Family("banana", "banana", banana, {
        "length": Parameter(0.14, 0.22, 0.18, "m", "along its bend"),
        "thickness": Parameter(0.015, 0.022, 0.018, "m", "radius"),
        "bend": Parameter(0.9, 1.9, 1.4, "rad", "from end to end"),
        "ripeness": RIPE, "variety": VARIETY}),
    Family("carrot", "carrot", carrot, {
        "length": Parameter(0.1, 0.2, 0.15, "m", "of the root"),
        "radius": Parameter(0.013, 0.025, 0.018, "m", "at the top"),
        "taper": Parameter(0.5, 0.9, 0.65, "", "1 for a cone, less for a blunt root"),
        "leaves": Parameter(0, 7, 5, "", "how many", whole=True), "variety": VARIETY}),
    Family("pumpkin", "pumpkin", pumpkin, {
        "radius": Parameter(0.07, 0.18, 0.12, "m", "around"),
        "height": Parameter(0.55, 0.95, 0.75, "", "in radii"),
        "ribs": Parameter(8, 14, 10, "", "how many", whole=True),
        "depth": Parameter(0.08, 0.2, 0.14, "", "of the furrows in radii"),
        "hue": HUE, "variety": VARIETY}),
    Family("plant", "potted plant", plant, {
        "pot": Parameter(0.05, 0.1, 0.07, "m", "radius of the pot"),
        "height": Parameter(0.12, 0.35, 0.22, "m", "of the leaves"),
        "leaves": Parameter(5, 14, 9, "", "how many", whole=True),
        "reach": Parameter(0.3, 0.9, 0.55, "", "how far they spread, in heights"),
        "droop": Parameter(0.05, 0.5, 0.25, "", "how far their tips hang down, in lengths"),
        "hue": HUE, "variety": VARIETY}))
