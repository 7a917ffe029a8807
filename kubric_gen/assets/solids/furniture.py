"""Stools, chairs, tables, lamps: legs under something."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kubric_gen.assets.collision.convexity import corners, hull_pieces, wedges as wall_pieces
from kubric_gen.assets.meshes.manifolds import closed_surface
from kubric_gen.assets.solids import finishes
from kubric_gen.assets.solids.family import Family, Model, Parameter, Part, assemble
from kubric_gen.assets.solids.finishes import Finish, Palette
from kubric_gen.assets.solids.looks import HUE, VARIETY, finish_parameter
from kubric_gen.assets.solids.modelling import (ball, cylinder, revolve, rounded_box, rounded_profile, smooth_line, tube,
                                                tube_rings)

FRAMES = (finishes.wood, finishes.metal, finishes.lacquer)
SEATS = (finishes.wood, finishes.fabric, finishes.leather, finishes.plastic)


def _rod(start: tuple[float, float, float], end: tuple[float, float, float], low: float, high: float | None = None) -> Any:
  """A straight leg that tapers from one radius to another."""
  line = np.linspace(start, end, 2)
  return tube(line, np.array([low, low if high is None else high]), 20)


def _legs(width: float, depth: float, height: float, radius: float, splay: float, finish: Finish) -> list[Part]:
  """Four legs; at the floor they stand `splay` metres further out."""
  parts = []
  for x in (-1, 1):
    for y in (-1, 1):
      top = (x * (width / 2 - 1.5 * radius), y * (depth / 2 - 1.5 * radius), height)
      parts.append(Part(_rod((top[0] + x * splay, top[1] + y * splay, 0.0), top, 0.75 * radius, radius), finish))
  return parts


def _level(solid: Any) -> Any:
  """What stands below the floor is cut off, so that slanting legs stand flat."""
  return solid.trim_by_plane((0.0, 0.0, 1.0), 0.0)


def _grounded(parts: list[Part]) -> list[Part]:
  return [Part(_level(part.solid), part.finish, part.pieces, part.convex) for part in parts]


def stool(height: float, radius: float, thickness: float, legs: int, splay: float, finish: int, seat: int, hue: float,
          variety: int) -> Model:
  palette = Palette(hue, variety)
  frame = FRAMES[finish](palette)
  top = cylinder(radius, thickness, (0, 0, height - thickness / 2), 0.3 * thickness, segments=64)
  parts = [Part(top, SEATS[seat](palette))]
  ring = 0.0
  for k in range(legs):
    angle = 2 * math.pi * (k + 0.5) / legs
    out = (math.cos(angle), math.sin(angle))
    low, high = radius * (0.72 + splay), 0.72 * radius
    ring = low + (high - low) * 0.35
    leg = _rod((out[0] * low, out[1] * low, -0.01), (out[0] * high, out[1] * high, height - 0.5 * thickness), 0.016, 0.02)
    parts.append(Part(_level(leg), frame))
  t = np.linspace(0, 2 * np.pi, 49)[:-1]
  circle = np.column_stack([ring * np.cos(t), ring * np.sin(t), np.full(48, 0.35 * height)])
  parts.append(Part(tube(circle, 0.009, 12, closed=True), frame, hull_pieces(tube_rings(circle[::4], 0.009, 8, closed=True),
                                                                             True)))
  return assemble(parts)


def chair(width: float, depth: float, seat_height: float, back: float, slats: int, finish: int, seat: int, hue: float,
          variety: int) -> Model:
  palette = Palette(hue, variety)
  frame = FRAMES[finish](palette)
  r, thick = 0.018, 0.035
  parts = _grounded(_legs(width, depth, seat_height - 0.5 * thick, r, 0.02, frame))
  parts.append(Part(rounded_box((width, depth, thick), 0.012, (0, 0, seat_height)), SEATS[seat](palette)))
  lean, top = 0.16 * back, seat_height + back
  y = depth / 2 - r
  for x in (-1, 1):
    parts.append(Part(_rod((x * (width / 2 - r), y, seat_height), (x * (width / 2 - r), y + lean, top), r), frame))
  if slats == 0:
    panel = rounded_box((width - 2 * r, 0.02, 0.62 * back), 0.008).rotate((-math.degrees(math.atan2(lean, back)), 0, 0))
    parts.append(Part(panel.translate((0, y + 0.62 * lean, seat_height + 0.64 * back)), SEATS[seat](palette)))
  for k in range(slats):
    share = 0.35 + 0.6 * (k + 0.5) / slats
    slat = rounded_box((width - r, 0.014, 0.34 * back / slats), 0.005, (0, y + share * lean, seat_height + share * back))
    parts.append(Part(slat, frame))
  return assemble(parts)


def table(width: float, depth: float, height: float, thickness: float, round_top: int, finish: int, hue: float, variety: int,
          ) -> Model:
  palette = Palette(hue, variety)
  top_finish = (finishes.wood, finishes.stone, finishes.lacquer)[finish](palette)
  frame = (finishes.wood, finishes.metal)[palette.pick(5, 2)](palette)
  if round_top:
    top = cylinder(width / 2, thickness, (0, 0, height - thickness / 2), 0.3 * thickness, segments=80)
    post = revolve(rounded_profile([(0, 0), (0.3 * width, 0, 0.01), (0.3 * width, 0.02, 0.01), (0.05, 0.05, 0.04),
                                    (0.04, height - 0.1, 0.04),
                                    (0.12, height - thickness), (0, height - thickness)], 6), 64)
    foot, column = cylinder(0.3 * width, 0.025, (0, 0, 0.0125)), cylinder(0.045, height - thickness,
                                                                          (0, 0, (height - thickness) / 2))
    return assemble([Part(top, top_finish), Part(post, frame, [corners(foot), corners(column)])])
  top = rounded_box((width, depth, thickness), 0.3 * thickness, (0, 0, height - thickness / 2))
  parts = [Part(top, top_finish), *_legs(width, depth, height - 0.5 * thickness, 0.03, 0.0, frame)]
  for y in (-1, 1):
    rail = rounded_box((width - 0.12, 0.02, 0.07), 0.004, (0, y * (depth / 2 - 0.05), height - thickness - 0.035))
    parts.append(Part(rail, frame))
  for x in (-1, 1):
    rail = rounded_box((0.02, depth - 0.12, 0.07), 0.004, (x * (width / 2 - 0.05), 0, height - thickness - 0.035))
    parts.append(Part(rail, frame))
  return assemble(parts)


def lamp(height: float, foot: float, shade: float, taper: float, finish: int, hue: float, variety: int) -> Model:
  """A table lamp with an open shade."""
  palette = Palette(hue, variety)
  body = (finishes.ceramic, finishes.wood, finishes.metal, finishes.stone)[finish](palette)
  z, drop = 0.62 * height, 0.4 * height
  if palette.chance(5) < 0.5:
    line = smooth_line([(0.55 * foot, 0.02), (foot, 0.3 * z), (0.3 * foot, 0.85 * z), (0.22 * foot, z)], 8)
    profile = np.concatenate([[(0, 0), (0.7 * foot, 0), (0.7 * foot, 0.015)], line, [(0, z)]])
    stem_pieces = [corners(cylinder(0.8 * foot, 0.7 * z, (0, 0, 0.35 * z)))]
  else:
    profile = rounded_profile([(0, 0), (foot, 0, 0.005), (foot, 0.02, 0.008), (0.012, 0.035, 0.01), (0.01, z), (0, z)], 5)
    stem_pieces = [corners(cylinder(foot, 0.025, (0, 0, 0.0125))), corners(cylinder(0.012, z, (0, 0, z / 2)))]
  low, high = shade, shade * taper
  bottom, top = height - drop, height
  outer, inner = np.array([(low, bottom), (high, top)]), np.array([(low - 0.003, bottom), (high - 0.003, top)])
  ring = revolve([(0, bottom), *outer.tolist(), (0, top)], 80) - revolve(
      [(0, bottom - 0.001), (low - 0.003, bottom - 0.001), (high - 0.003, top + 0.001), (0, top + 0.001)], 80)
  pairs = np.stack([outer[:, 0], inner[:, 0], outer[:, 1], inner[:, 1]], axis=1)
  cloth = finishes.fabric(palette) if palette.chance(6) < 0.6 else finishes.plain(palette.light, 300.0, 0.9)
  bulb = ball((0.028, 0.028, 0.036), (0, 0, z + 0.03))
  spokes = [_rod((0, 0, top - 0.015), (math.cos(a) * (high - 0.002), math.sin(a) * (high - 0.002), top - 0.015), 0.0025)
            for a in (0.0, 2 * math.pi / 3, 4 * math.pi / 3)]
  post = cylinder(0.004, top - z, (0, 0, (top + z) / 2 - 0.01))
  wire = finishes.metal(palette, 4)
  return assemble([
      Part(revolve(profile, 64), body, stem_pieces), Part(ring, cloth, wall_pieces(pairs, (0.0, 1.0))),
      Part(bulb, finishes.plain((0.9, 0.88, 0.8), 800.0, 0.3)), Part(post, wire), *(Part(spoke, wire) for spoke in spokes)])


def cushion(width: float, depth: float, thickness: float, hue: float, variety: int) -> Model:
  """A pillow that thins out towards its corners."""
  palette = Palette(hue, variety)
  n = 40
  u, v = np.meshgrid(np.linspace(-1, 1, n + 1), np.linspace(-1, 1, n + 1), indexing="ij")
  bulge = ((1 - u ** 4) * (1 - v ** 4)) ** 0.5
  pinch = 1 - 0.07 * (1 - u ** 2) * v ** 6, 1 - 0.07 * (1 - v ** 2) * u ** 6
  x, y = u * pinch[1] * width / 2, v * pinch[0] * depth / 2
  quads = []
  for side in (1, -1):
    grid = np.stack([x, y, side * bulge * thickness / 2, (u + 1) / 2, (v + 1) / 2], axis=-1)
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], axis=2).reshape(-1, 3, 5), np.stack([a, c, d], axis=2).reshape(-1, 3, 5)])
    quads.append(faces if side > 0 else faces[:, ::-1])
  solid = closed_surface(np.concatenate(quads))
  picture = finishes.printed(palette, ("dots", "stripes", "checker")[palette.pick(5, 3)], density=120.0)
  return assemble([Part(solid, finishes.fabric(palette) if palette.chance(6) < 0.5 else picture)])


_LOOK = {"hue": HUE, "variety": VARIETY}
FAMILIES = (
    Family("stool", "stool", stool, {
        "height": Parameter(0.4, 0.75, 0.5, "m", "of the seat"),
        "radius": Parameter(0.14, 0.2, 0.17, "m", "of the seat"),
        "thickness": Parameter(0.025, 0.07, 0.035, "m", "of the seat"),
        "legs": Parameter(3, 5, 4, "", "how many", whole=True),
        "splay": Parameter(0.0, 0.5, 0.25, "", "how far the legs stand out, in radii"),
        "finish": finish_parameter(*FRAMES),
        "seat": finish_parameter(*SEATS), **_LOOK}),
    Family("chair", "chair", chair, {
        "width": Parameter(0.38, 0.5, 0.43, "m", "of the seat"),
        "depth": Parameter(0.38, 0.48, 0.42, "m", "of the seat"),
        "seat_height": Parameter(0.42, 0.48, 0.45, "m", "of the seat"),
        "back": Parameter(0.35, 0.6, 0.45, "m", "height of the back"),
        "slats": Parameter(0, 4, 3, "", "of the back, 0 for a panel", whole=True),
        "finish": finish_parameter(*FRAMES),
        "seat": finish_parameter(*SEATS), **_LOOK}),
    Family("table", "table", table, {
        "width": Parameter(0.6, 1.6, 1.1, "m", "along X, or the diameter"),
        "depth": Parameter(0.5, 0.9, 0.7, "m", "along Y"),
        "height": Parameter(0.4, 0.76, 0.73, "m", "of the top"),
        "thickness": Parameter(0.02, 0.05, 0.03, "m", "of the top"),
        "round_top": Parameter(0, 1, 0, "", "1 for a round top on a column", whole=True),
        "finish": finish_parameter(finishes.wood, finishes.stone, finishes.lacquer), **_LOOK}),
    Family("lamp", "lamp", lamp, {
        "height": Parameter(0.3, 0.6, 0.45, "m", "over all"),
        "foot": Parameter(0.05, 0.1, 0.075, "m", "radius of the foot"),
        "shade": Parameter(0.1, 0.18, 0.13, "m", "lower radius of the shade"),
        "taper": Parameter(0.4, 1.0, 0.65, "", "upper radius of the shade to its lower one"),
        "finish": finish_parameter(finishes.ceramic, finishes.wood, finishes.metal, finishes.stone), **_LOOK}),
    Family("cushion", "cushion", cushion, {
        "width": Parameter(0.3, 0.6, 0.45, "m", "along X"),
        "depth": Parameter(0.3, 0.5, 0.45, "m", "along Y"),
        "thickness": Parameter(0.08, 0.18, 0.13, "m", "in the middle"), **_LOOK}))
