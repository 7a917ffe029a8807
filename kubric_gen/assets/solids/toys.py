"""Toys and games."""

from __future__ import annotations

import numpy as np

from kubric_gen.assets.collision.convexity import corners, hull_pieces
from kubric_gen.assets.solids import finishes
from kubric_gen.assets.solids.family import Family, Model, Parameter, Part, assemble
from kubric_gen.assets.solids.finishes import Finish, Palette
from kubric_gen.assets.solids.looks import HUE, VARIETY, finish_parameter
from kubric_gen.assets.solids.modelling import (ball as ellipsoid, box, cylinder, prism, revolve, rounded_box, rounded_profile,
                                         smooth_line, tube, tube_rings)


def car(length: float, height: float, cabin: float, wheel: float, finish: int, hue: float, variety: int) -> Model:
  """A toy car along X: a rounded body with a cabin, windows and four wheels."""
  palette = Palette(hue, variety)
  paint = (finishes.lacquer, finishes.wood, finishes.plastic)[finish](palette)
  width, r = 0.46 * length, wheel * length
  low = 0.62 * r
  body_h = 0.5 * height
  body = rounded_box((length, width, body_h), 0.35 * body_h, (0, 0, low + body_h / 2), steps=6)
  roof = low + height
  half = 0.5 * cabin * length
  shift = 0.04 * length * (2 * palette.chance(5) - 1) - 0.03 * length
  side = np.array([(-half, low + 0.8 * body_h), (half, low + 0.8 * body_h), (0.62 * half, roof), (-0.72 * half, roof)]) + (shift,
                                                                                                                           0)
  top = prism(side, 0.8 * width).rotate((90, 0, 0))
  window = np.array([(-0.86 * half, low + 1.04 * body_h), (0.84 * half, low + 1.04 * body_h), (0.6 * half, roof - 0.1 * height),
                     (-0.7 * half, roof - 0.1 * height)]) + (shift, 0)
  dark = finishes.plain((0.02, 0.025, 0.03), 1200.0, 0.08)
  panes = prism(window, 0.805 * width).rotate((90, 0, 0))
  front = prism(side * (1.006, 1) - (0.006 * shift, 0), 0.66 * width).rotate((90, 0, 0)) ^ box(
      (2 * length, width, 0.66 * (roof - low - body_h)), (0, 0, low + 1.02 * body_h + 0.36 * (roof - low - body_h)))
  parts = [Part(body, paint), Part(top, paint), Part(panes, dark, convex=False), Part(front, dark, convex=False)]
  tyre, hub = finishes.black_rubber(palette), finishes.metal(palette, 1)
  for x in (-0.31, 0.31):
    for y in (-1.0, 1.0):
      at = (x * length, y * (0.5 * width - 0.2 * r), r)
      parts.append(Part(cylinder(r, 0.62 * r, bevel=0.14 * r).rotate((90, 0, 0)).translate(at), tyre))
      parts.append(Part(cylinder(0.55 * r, 0.68 * r, bevel=0.08 * r).rotate((90, 0, 0)).translate(at), hub, convex=False))
  lamp = finishes.plain((0.95, 0.9, 0.7), 1000.0, 0.1)
  for y in (-0.3, 0.3):
    parts.append(Part(ellipsoid((0.012 * length, 0.05 * length, 0.05 * length), (0.495 * length, y * width, low + 0.55 * body_h),
                                24), lamp,
                      convex=False))
  return assemble(parts)


def brick(columns: int, rows: int, layers: int, pitch: float, hue: float, variety: int) -> Model:
  """A building brick with studs, hollow from below."""
  palette = Palette(hue, variety)
  plastic = finishes.plastic(palette)
  p, h = pitch, pitch * 0.4 * layers * 3
  size = (columns * p - 0.0002, rows * p - 0.0002, h)
  wall = 0.16 * p
  body = rounded_box(size, 0.03 * p, (0, 0, h / 2), steps=2) - box(
      (size[0] - 2 * wall, size[1] - 2 * wall, h), (0, 0, h / 2 - 0.8 * wall))
  pieces = [corners(box((size[0], size[1], 0.8 * wall), (0, 0, h - 0.4 * wall)))]
  for axis, sign in ((0, -1), (0, 1), (1, -1), (1, 1)):
    extent, centre = [size[0], size[1], h], [0.0, 0.0, h / 2]
    extent[axis], centre[axis] = wall, sign * (size[axis] - wall) / 2
    pieces.append(corners(box(extent, centre)))
  parts = [Part(body, plastic, pieces)]
  for i in range(columns):
    for j in range(rows):
      centre_of = ((i - (columns - 1) / 2) * p, (j - (rows - 1) / 2) * p, h + 0.1 * p)
      parts.append(Part(cylinder(0.3 * p, 0.22 * p, centre_of, 0.02 * p, segments=32), plastic))
  return assemble(parts)


PIPS = {1: [(0, 0)], 2: [(-1, -1), (1, 1)], 3: [(-1, -1), (0, 0), (1, 1)], 4: [(-1, -1), (-1, 1), (1, -1), (1, 1)],
        5: [(-1, -1), (-1, 1), (0, 0), (1, -1), (1, 1)], 6: [(-1, -1), (-1, 0), (-1, 1), (1, -1), (1, 0), (1, 1)]}


def die(size: float, roundness: float, pip: float, finish: int, hue: float, variety: int) -> Model:
  """A die with carved pips; opposite sides add up to seven."""
  palette = Palette(hue, variety)
  cube = rounded_box((size, size, size), roundness * size, steps=6)
  made = (finishes.plastic, finishes.wood, finishes.stone)[finish](palette)
  pale = finish == 1 or max(palette.main) > 0.5
  ink = finishes.plain((0.015, 0.015, 0.02) if pale else (0.9, 0.9, 0.88), 1000.0, 0.4)
  dents = []
  for number, axis, sign in ((1, 2, 1), (6, 2, -1), (2, 0, 1), (5, 0, -1), (3, 1, 1), (4, 1, -1)):
    for u, v in PIPS[number]:
      at = np.zeros(3)
      at[axis], at[(axis + 1) % 3], at[(axis + 2) % 3] = sign * (0.5 * size + 0.35 * pip * size), 0.24 * size * u, 0.24 * size * v
      dents.append(Part(ellipsoid(pip * size, at.tolist(), 20), ink))
  return assemble([Part(cube, made)], dents)


def ball(radius: float, kind: int, hue: float, variety: int) -> Model:
  """A ball: 0 plain rubber, 1 striped beach ball, 2 dotted, 3 with grooves like a basketball's, 4 of wood."""
  palette = Palette(hue, variety)
  body = ellipsoid(radius, segments=96)
  if kind == 3:
    skin = Finish(finishes.rubber(palette).material, 90.0)
    lines = finishes.plain((0.015, 0.015, 0.015), 90.0, 0.8)
    t = np.arange(96) * (2 * np.pi / 96)
    circle = np.column_stack([np.cos(t), np.sin(t), np.zeros(96)]) * 1.004 * radius
    wave = np.column_stack([np.cos(t) * np.cos(0.75 * np.sin(2 * t)), np.sin(t) * np.cos(0.75 * np.sin(2 * t)),
                            np.sin(0.75 * np.sin(2 * t))])
    paths = [circle, circle[:, [0, 2, 1]] * (1, 1, -1), wave[:, [2, 0, 1]] * 1.004 * radius]
    return assemble([Part(body, skin)], [Part(tube(path, 0.03 * radius, 10, closed=True), lines) for path in paths])
  if kind == 1:
    made = finishes.printed(palette, "stripes", density=60.0)
    body = body.rotate((90, 0, 0))
  elif kind == 2:
    made = finishes.printed(palette, "dots", density=150.0)
  else:
    made = finishes.wood(palette) if kind == 4 else Finish(finishes.rubber(palette).material, 300.0)
  return assemble([Part(body, made)])


def top(radius: float, height: float, finish: int, hue: float, variety: int) -> Model:
  """A spinning top."""
  palette = Palette(hue, variety)
  made = (finishes.wood, finishes.lacquer, finishes.plastic)[finish](palette)
  line = np.concatenate([[(0, 0)], smooth_line([(0.06 * radius, 0.02 * height), (0.35 * radius, 0.18 * height),
                                                (radius, 0.5 * height),
                                               (0.75 * radius, 0.62 * height), (0.12 * radius, 0.66 * height)], 8),
                         [(0.12 * radius, 0.97 * height), (0.06 * radius, height), (0, height)]])
  disc = revolve(line, 72)
  ring = revolve(rounded_profile([(0, 0.49 * height), (1.03 * radius, 0.46 * height, 0.01 * height),
                                  (1.03 * radius, 0.55 * height, 0.01 * height),
                                  (0, 0.56 * height)]), 72)
  stem = cylinder(0.12 * radius, 0.36 * height, (0, 0, 0.82 * height), segments=16)
  lower = revolve(np.concatenate([line[line[:, 1] <= 0.66 * height], [(0, 0.66 * height)]]), 32)
  return assemble([Part(disc, made, [corners(lower), corners(stem)]), Part(ring, finishes.plain(palette.second, 900.0, 0.3))])


def ring_stack(radius: float, rings: int, hue: float, variety: int) -> Model:
  """A stacking toy: rings that get smaller on a rocking foot."""
  palette = Palette(hue, variety)
  thick = 0.26 * radius
  foot = cylinder(1.05 * radius, 0.22 * radius, (0, 0, 0.11 * radius), 0.05 * radius, segments=72)
  wooden = finishes.wood(palette)
  parts = [Part(foot, wooden)]
  z = float(0.22 * radius)
  t = np.arange(64) * (2 * np.pi / 64)
  for k in range(rings):
    share = 1 - 0.55 * k / max(rings - 1, 1)
    tube_r = thick * (1 - 0.3 * k / max(rings, 1))
    z += tube_r * 0.92
    main = (share * radius - tube_r)
    circle = np.column_stack([main * np.cos(t), main * np.sin(t), np.full(64, z)])
    color = finishes.plain(finishes.hsv(hue + 0.13 * k, 0.75, 0.85), 700.0, 0.3)
    parts.append(Part(tube(circle, tube_r, 24, closed=True), color, hull_pieces(tube_rings(circle[::5], tube_r, 12, closed=True),
                                                                                True)))
    z += tube_r * 0.92
  parts.append(Part(cylinder(0.12 * radius, z, (0, 0, z / 2)), wooden))
  parts.append(Part(ellipsoid(0.24 * radius, (0, 0, z + 0.12 * radius)), finishes.plain(palette.second, 700.0, 0.3)))
  return assemble(parts)


def rocket(height: float, radius: float, fins: int, hue: float, variety: int) -> Model:
  """A toy rocket that stands on its fins."""
  palette = Palette(hue, variety)
  z0 = 0.1 * height
  line = smooth_line([(0.62 * radius, z0), (0.95 * radius, z0 + 0.2 * height), (radius, z0 + 0.45 * height),
                      (0.62 * radius, z0 + 0.74 * height),
                      (0.0, height)], 10)
  body = revolve(np.concatenate([[(0, z0)], line]), 64)
  cut = z0 + 0.62 * height
  nose = body.trim_by_plane((0, 0, 1), cut).scale((1.02, 1.02, 1.0)).translate((0, 0, 0.0008))
  paint = finishes.plain(palette.paper, 400.0, 0.3) if palette.chance(5) < 0.5 else finishes.lacquer(palette)
  red = finishes.plain(palette.second, 400.0, 0.3)
  outline = np.array([(0.4 * radius, z0 + 0.05 * height), (1.0 * radius, 0.0), (1.9 * radius, 0.0),
                      (1.75 * radius, 0.12 * height),
                      (0.9 * radius, z0 + 0.3 * height), (0.4 * radius, z0 + 0.32 * height)])
  parts = [Part(body, paint), Part(nose, red)]
  for k in range(fins):
    fin = prism(outline, 0.14 * radius).rotate((90, 0, 0)).rotate((0, 0, 360 * k / fins + 20))
    parts.append(Part(fin, red))
  porthole = cylinder(0.34 * radius, 0.2 * radius, bevel=0.05 * radius).rotate((90, 0, 0)).translate((0, -0.93 * radius,
                                                                                                      z0 + 0.45 * height))
  pane = ellipsoid((0.26 * radius, 0.05 * radius, 0.26 * radius), (0, -1.03 * radius, z0 + 0.45 * height), 32)
  parts += [Part(porthole, finishes.metal(palette, 1), convex=False), Part(pane, finishes.plain((0.1, 0.25, 0.4), 500.0, 0.05),
                                                                           convex=False)]
  return assemble(parts)


_LOOK = {"hue": HUE, "variety": VARIETY}
FAMILIES = (
    Family("car", "toy car", car, {
        "length": Parameter(0.07, 0.2, 0.12, "m", "over all"),
        "height": Parameter(0.03, 0.06, 0.045, "m", "of body and cabin"),
        "cabin": Parameter(0.4, 0.72, 0.55, "", "length of the cabin, as a share"),
        "wheel": Parameter(0.09, 0.15, 0.12, "", "radius of a wheel in lengths"),
        "finish": finish_parameter(finishes.lacquer, finishes.wood, finishes.plastic), **_LOOK}),
    Family("brick", "toy brick", brick, {
        "columns": Parameter(1, 4, 4, "", "studs along X", whole=True),
        "rows": Parameter(1, 2, 2, "", "studs along Y", whole=True),
        "layers": Parameter(1, 2, 1, "", "height, in bricks", whole=True),
        "pitch": Parameter(0.008, 0.016, 0.008, "m", "between studs"), **_LOOK}),
    Family("die", "die", die, {
        "size": Parameter(0.014, 0.05, 0.02, "m", "of an edge"),
        "roundness": Parameter(0.06, 0.22, 0.12, "", "of the edges, in sizes"),
        "pip": Parameter(0.06, 0.095, 0.08, "", "radius of a pip, in sizes"),
        "finish": finish_parameter(finishes.plastic, finishes.wood, finishes.stone), **_LOOK}),
    Family("ball", "ball", ball, {
        "radius": Parameter(0.02, 0.12, 0.06, "m", "of the ball"),
        "kind": Parameter(0, 4, 0, "", "0 plain, 1 striped, 2 dotted, 3 grooved, 4 wooden", whole=True), **_LOOK}),
    Family("top", "spinning top", top, {
        "radius": Parameter(0.018, 0.04, 0.028, "m", "of the disc"),
        "height": Parameter(0.04, 0.08, 0.055, "m", "over all"),
        "finish": finish_parameter(finishes.wood, finishes.lacquer, finishes.plastic), **_LOOK}),
    Family("ring_stack", "stacking rings", ring_stack, {
        "radius": Parameter(0.05, 0.09, 0.07, "m", "of the largest ring"),
        "rings": Parameter(3, 5, 4, "", "how many", whole=True), **_LOOK}),
    Family("rocket", "toy rocket", rocket, {
        "height": Parameter(0.12, 0.25, 0.18, "m", "over all"),
        "radius": Parameter(0.022, 0.04, 0.03, "m", "of the body"),
        "fins": Parameter(3, 5, 3, "", "how many", whole=True), **_LOOK}))
