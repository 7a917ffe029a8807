"""Things that hold something: one generator of turned walls, from plates to bottles."""

from __future__ import annotations

import numpy as np

from kubric_gen.assets.collision.convexity import corners, hull_pieces
from kubric_gen.assets.collision.convexity import wedges as wall_pieces
from kubric_gen.assets.meshes.mesh import Array
from kubric_gen.assets.solids import finishes
from kubric_gen.assets.solids.family import Family, Model, Parameter, Part, assemble
from kubric_gen.assets.solids.finishes import Finish, Maker, Palette
from kubric_gen.assets.solids.looks import HUE, VARIETY, finish_parameter
from kubric_gen.assets.solids.modelling import cylinder, revolve, rounded_profile, smooth_line, tube, tube_rings

SEGMENTS = 80
SIDES = 14
"""Pieces around a hollow wall."""


def _wall(outer: Array, wall: float, floor: float) -> tuple[Array, Array]:
  """A closed profile (n, 2) of a wall with a rounded rim, and the same for `wedges` (m, 4).

  Args:
    outer (m, 2): its outside, from the foot to the rim. wall, floor: thicknesses in metres.
  """
  direction = np.gradient(outer, axis=0)
  direction /= np.hypot(*direction.T)[:, None]
  inner = outer - wall * np.stack([direction[:, 1], -direction[:, 0]], axis=1)
  inner = inner[(inner[:, 1] > floor) & (inner[:, 0] > 0.2 * wall)]
  if len(inner) < 2:
    inner = outer[-2:] - (wall, 0.0)
  angle = np.linspace(0, np.pi, 8)[1:-1]
  top, across = (outer[-1] + inner[-1]) / 2, (outer[-1] - inner[-1]) / 2
  rim = top + np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * np.array([-across[1], across[0]])
  bottom = [(max(inner[0, 0] - 0.6 * wall, 0.0), floor + 0.2 * wall), (0.0, floor)]
  profile = np.concatenate([[(0.0, 0.0)], outer, rim, inner[::-1], bottom])
  t = np.linspace(0, 1, len(outer))
  matched = np.stack([np.interp(t, np.linspace(0, 1, len(inner)), inner[:, axis]) for axis in (0, 1)], axis=1)
  pairs = np.stack([outer[:, 0], matched[:, 0], outer[:, 1], matched[:, 1]], axis=1)
  lip, crest = 0.5 * float(across[0]), float(rim[:, 1].max())
  return profile, np.concatenate([pairs, [(top[0] + lip, top[0] - lip, crest, crest)]])


def _side(height: float, foot: float, rim: float, belly: float, steps: int = 24) -> Array:
  """The outside of a vessel from its rounded foot to its rim; `belly` moves the middle outwards."""
  t = np.linspace(0, 1, steps)
  radius = foot * (1 - t) + rim * t + belly * np.maximum(foot, rim) * 4 * t * (1 - t) * (1 - 0.5 * t)
  line = np.column_stack([radius, height * t])
  soft = min(0.3 * foot, 0.12 * height)
  return rounded_profile([(0.0, 0.0), (line[0, 0], 0.0, soft), *line[1:].tolist()], 4)[1:]


def _shell(outer: Array, wall: float, floor: float, finish: Finish, levels: int = 2) -> list[Part]:
  profile, pairs = _wall(outer, wall, floor)
  base = np.column_stack([outer[outer[:, 1] <= floor + 0.02 * outer[-1, 1]]])
  foot = cylinder(float(base[:, 0].max()), max(floor, 1e-3), (0, 0, max(floor, 1e-3) / 2), segments=32)
  pieces = [corners(foot), *wall_pieces(pairs, np.linspace(0, 1, levels + 1).tolist(), SIDES)]
  return [Part(revolve(profile, SEGMENTS), finish, pieces)]


def _handle(outer: Array, reach: float, thickness: float, low: float, high: float, finish: Finish) -> list[Part]:
  """A grip between two heights, given as shares of the height."""
  height = float(outer[-1, 1])
  z0, z1 = low * height, high * height
  r0, r1 = (float(np.interp(z, outer[:, 1], outer[:, 0])) - 0.8 * thickness for z in (z0, z1))
  middle = max(r0, r1) + reach
  path = smooth_line([(r1, 0, z1), (middle - 0.25 * reach, 0, z1 + 0.03 * height), (middle, 0, 0.62 * z1 + 0.38 * z0),
                      (middle - 0.2 * reach, 0, 0.25 * z1 + 0.75 * z0), (r0, 0, z0)], 7)
  circles = tube_rings(path, thickness, 10)
  solid = tube(path, thickness, 20).scale((1.0, 1.25, 1.0))
  return [Part(solid, finish, [piece * (1.0, 1.25, 1.0) for piece in hull_pieces(circles, every=2)])]


GLAZES: tuple[Maker, ...] = (finishes.ceramic, finishes.decorated, finishes.stone, finishes.wood, finishes.metal)


def vessel(height: float, foot: float, rim: float, belly: float, wall: float, handle: float, finish: int, hue: float,
           variety: int) -> Model:
  """What mugs and bowls have in common."""
  palette = Palette(hue, variety)
  made = GLAZES[finish](palette)
  outer = _side(height, foot, rim, belly)
  parts = _shell(outer, wall, 1.6 * wall, made)
  if handle > 0.02:
    parts += _handle(outer, handle * 0.45 * height, max(0.3, min(1.0, 2 * handle)) * 0.055 * height, 0.22, 0.8, made)
  return assemble(parts)


def bottle(height: float, radius: float, shoulder: float, neck: float, finish: int, hue: float, variety: int) -> Model:
  palette = Palette(hue, variety)
  wall, r = 0.05 * radius + 0.0012, radius
  top, start = height * 0.93, height * shoulder
  n = neck * radius
  side = rounded_profile([(0, 0), (r, 0, 0.2 * r), (r, start, 0.6 * r), (n, min(start + 0.9 * r, 0.82 * height), 0.5 * r),
                          (n, top)], 8)[1:]
  parts = _shell(side, wall, 0.06 * radius, (finishes.glass, finishes.plastic, finishes.ceramic)[finish](palette), 3)
  cap = cylinder(1.12 * n, 0.1 * height, (0, 0, height * 0.95), 0.15 * n)
  parts.append(Part(cap, finishes.metal(palette, 4) if finish == 0 else finishes.plain(palette.second, 950.0)))
  low, high = 0.22 * start, 0.8 * start
  label = revolve([(0, low), (1.002 * r, low), (1.002 * r, high), (0, high)], SEGMENTS, (0, 0, 1, 1), 2.0)
  inside = cylinder(0.99 * r, height, (0, 0, height / 2))
  sleeve = wall_pieces([(1.002 * r, 0.96 * r, z, z) for z in (low, high)], (0.0, 1.0), SIDES)
  parts.append(Part(label - inside, finishes.printed(palette), sleeve))
  return assemble(parts)


def vase(height: float, foot: float, belly: float, neck: float, rim: float, waist: float, finish: int, hue: float,
         variety: int) -> Model:
  outer = smooth_line([(foot, 0.0), (belly, height * waist), (neck, height * (0.45 + 0.5 * waist)), (rim, height)], 10)
  return assemble(_shell(outer, 0.05 * belly + 0.001, 0.06 * height,
                          (finishes.ceramic, finishes.decorated, finishes.glass,
                           finishes.stone)[finish](Palette(hue, variety)), 4))


def plate(radius: float, depth: float, rim: float, finish: int, hue: float, variety: int) -> Model:
  foot = radius * (1 - rim)
  outer = smooth_line([(0.55 * foot, 0.0), (0.8 * foot, 0.04 * depth), (foot, 0.35 * depth), (0.5 * (foot + radius), 0.8 * depth),
                       (radius, depth)], 6)
  return assemble(_shell(outer, 0.018 * radius + 0.0015, 0.12 * depth + 0.002,
                          (finishes.ceramic, finishes.decorated, finishes.stone)[finish](Palette(hue, variety)), 2))


def glass(height: float, foot: float, rim: float, stem: float, hue: float, variety: int) -> Model:
  """A tumbler, or with a stem a goblet."""
  made = finishes.glass(Palette(hue, variety))
  if stem < 0.1:
    return assemble(_shell(_side(height, foot, rim, 0.0), 0.002 + 0.02 * rim, 0.1 * height, made))
  z = stem * height
  bowl = _side(height - z, 0.35 * rim, rim, 0.45) + (0.0, z)
  profile, pairs = _wall(bowl, 0.0015 + 0.015 * rim, z + 0.06 * height)
  profile[0] = (0.0, z)
  pieces = wall_pieces(pairs, (0.0, 0.5, 1.0), SIDES)
  foot_line = rounded_profile([(0, 0), (foot, 0, 0.002), (foot, 0.004), (0.15 * foot, 0.018, 0.01), (0.09 * foot, z),
                               (0.3 * rim, z + 0.05 * height), (0, z + 0.05 * height)], 6)
  base = revolve(foot_line, SEGMENTS)
  disc, post = cylinder(foot, 0.006, (0, 0, 0.003)), cylinder(0.15 * foot, z, (0, 0, z / 2), segments=16)
  return assemble([Part(revolve(profile, SEGMENTS), made, pieces), Part(base, made, [corners(disc), corners(post)])])


def can(height: float, radius: float, rib: float, hue: float, variety: int) -> Model:
  palette = Palette(hue, variety)
  r, h = radius, height
  tin = finishes.metal(palette, 1)
  body = revolve(rounded_profile([(0, 0.004), (0.86 * r, 0.004), (0.88 * r, 0, 0.001), (0.93 * r, 0, 0.001), (r, 0.06 * h, 0.01),
                                  (r, 0.93 * h, 0.01), (0.9 * r, 0.99 * h, 0.001), (0.9 * r, h, 0.001), (0.86 * r, h, 0.001),
                                  (0.85 * r, 0.97 * h, 0.001), (0, 0.97 * h)], 4), SEGMENTS)
  low, high, out = 0.085 * h, 0.915 * h, 1.002 * r
  t = np.linspace(0, 1, 60)
  ribs = out + rib * 0.012 * r * np.where((t > 0.15) & (t < 0.85), 1 - np.cos((t - 0.15) / 0.7 * 2 * np.pi * 7), 0.0)
  line = np.concatenate([[(0, low)], np.column_stack([ribs, low + (high - low) * t]), [(0, high)]])
  label = revolve(line, SEGMENTS, np.concatenate([[0], t, [1]]), 2.0)
  tab = cylinder(0.2 * r, 0.0016, (0.3 * r, 0, 0.972 * h), 0.0004).scale((1.4, 1.0, 1.0))
  return assemble([Part(body, tin), Part(label, finishes.printed(palette, density=1000.0), convex=False),
                    Part(tab, tin, convex=False)])


def jar(height: float, radius: float, lid: float, fill: float, hue: float, variety: int) -> Model:
  """A glass jar with a lid and something in it."""
  palette = Palette(hue, variety)
  r, top = radius, height * (1 - lid)
  side = rounded_profile([(0, 0), (r, 0, 0.25 * r), (r, 0.86 * top, 0.3 * r), (0.8 * r, top)], 7)[1:]
  parts = _shell(side, 0.05 * r, 0.07 * r, finishes.glass(Palette(hue, 0)), 1)
  inside = revolve(rounded_profile([(0, 0.075 * r), (0.945 * r, 0.075 * r, 0.2 * r), (0.945 * r, max(fill * 0.8 * top, 0.2 * r)),
                                    (0, max(fill * 0.8 * top, 0.2 * r))], 6), 48)
  parts.append(Part(inside, finishes.mottled(palette.main, palette.second, 0.02, palette.seed, 1100.0)))
  cover = cylinder(0.88 * r, lid * height + 0.01 * height, (0, 0, top + 0.5 * lid * height), 0.05 * r)
  parts.append(Part(cover, finishes.metal(palette) if palette.chance(5) < 0.5 else finishes.decorated(palette)))
  return assemble(parts)


def candle(height: float, radius: float, melt: float, holder: float, hue: float, variety: int) -> Model:
  palette = Palette(hue, variety)
  wax = finishes.mottled(palette.light if palette.chance(0) < 0.4 else palette.main, palette.light, 0.03, palette.seed, 900.0,
                         0.35)
  r, base = radius, 0.012 + 0.3 * radius
  body = revolve(rounded_profile([(0, 0), (r, 0, 0.05 * r), (r, height, 0.12 * r), (0.7 * r, height, 0.1 * r),
                                  (0.1 * r, height - melt * r), (0, height - melt * r)], 6), SEGMENTS).translate((0, 0,
                                                                                                                  0.5 * base))
  wick = tube(smooth_line([(0, 0, 0), (0.02 * r, 0, 0.25 * r), (0.14 * r, 0, 0.5 * r)], 4)
              + (0, 0, height + 0.4 * base - melt * r), 0.05 * r + 0.0004, 10)
  parts = [Part(body, wax), Part(wick, finishes.plain((0.02, 0.018, 0.015), 600.0, 0.9), convex=False)]
  if holder > 1.05:
    foot = revolve(rounded_profile([(0, 0), (holder * r, 0, 0.1 * base), (holder * r, 0.5 * base, 0.2 * base),
                                    (1.12 * r, 0.6 * base, 0.1 * base),
                                    (1.12 * r, base, 0.1 * base), (0, base)], 5), SEGMENTS)
    parts.append(Part(foot, (finishes.metal, finishes.ceramic, finishes.wood)[palette.pick(6, 3)](palette)))
  return assemble(parts)


_M = "m"
_VESSEL = {
    "height": Parameter(0.03, 0.13, 0.095, _M, "from foot to rim"), "foot": Parameter(0.02, 0.06, 0.035, _M,
                                                                                      "radius of the foot"),
    "rim": Parameter(0.03, 0.13, 0.042, _M, "radius of the rim"), "belly": Parameter(-0.12, 0.4, 0.0, "",
                                                                                     "bulge of the side in radii"),
    "wall": Parameter(0.002, 0.007, 0.004, _M, "thickness"), "handle": Parameter(0.0, 1.0, 0.0, "",
                                                                                 "size of the handle, 0 for none"),
    "finish": finish_parameter(*GLAZES), "hue": HUE, "variety": VARIETY}


def _narrowed(**bounds: tuple[float, float, float]) -> dict[str, Parameter]:
  return {name: Parameter(*bounds.get(name, (p.low, p.high, p.default)), p.unit, p.help, p.whole) for name, p in _VESSEL.items()}


FAMILIES = (
    Family("vessel", "", vessel, _VESSEL),
    Family("mug", "mug", vessel, _narrowed(
        height=(0.075, 0.115, 0.095), foot=(0.028, 0.042, 0.035), rim=(0.034, 0.05, 0.042), belly=(-0.08, 0.12, 0.0),
        handle=(0.6, 1.0, 0.85), finish=(0, 1, 0)), "vessel"),
    Family("bowl", "bowl", vessel, _narrowed(
        height=(0.04, 0.09, 0.06), foot=(0.025, 0.05, 0.035), rim=(0.07, 0.13, 0.08), belly=(0.05, 0.25, 0.15),
        handle=(0.0, 0.0, 0.0)), "vessel"),
    Family("bottle", "bottle", bottle, {
        "height": Parameter(0.18, 0.34, 0.26, _M, "with its cap"),
        "radius": Parameter(0.03, 0.05, 0.037, _M, "of the body"),
        "shoulder": Parameter(0.45, 0.66, 0.56, "", "height of the shoulder, as a share"),
        "neck": Parameter(0.28, 0.5, 0.36, "", "radius of the neck in radii"),
        "finish": finish_parameter(finishes.glass, finishes.plastic, finishes.ceramic),
        "hue": HUE, "variety": VARIETY}),
    Family("vase", "vase", vase, {
        "height": Parameter(0.15, 0.38, 0.25, _M, "from foot to rim"),
        "foot": Parameter(0.03, 0.06, 0.04, _M, "radius of the foot"),
        "belly": Parameter(0.05, 0.11, 0.08, _M, "radius of the belly"),
        "neck": Parameter(0.02, 0.05, 0.03, _M, "radius of the neck"),
        "rim": Parameter(0.025, 0.07, 0.045, _M, "radius of the rim"),
        "waist": Parameter(0.28, 0.58, 0.4, "", "height of the belly, as a share"),
        "finish": finish_parameter(finishes.ceramic, finishes.decorated, finishes.glass, finishes.stone),
        "hue": HUE, "variety": VARIETY}),
    Family("plate", "plate", plate, {
        "radius": Parameter(0.09, 0.16, 0.13, _M, "of the rim"),
        "depth": Parameter(0.012, 0.035, 0.02, _M, "height of the rim"),
        "rim": Parameter(0.2, 0.4, 0.3, "", "width of the rim in radii"),
        "finish": finish_parameter(finishes.ceramic, finishes.decorated, finishes.stone),
        "hue": HUE, "variety": VARIETY}),
    Family("glass", "glass", glass, {
        "height": Parameter(0.09, 0.2, 0.13, _M, "from foot to rim"),
        "foot": Parameter(0.026, 0.04, 0.032, _M, "radius of the foot"),
        "rim": Parameter(0.032, 0.045, 0.038, _M, "radius of the rim"),
        "stem": Parameter(0.0, 0.5, 0.0, "", "height of the stem, as a share"),
        "hue": HUE, "variety": VARIETY}),
    Family("can", "can", can, {
        "height": Parameter(0.06, 0.17, 0.115, _M, "over all"),
        "radius": Parameter(0.028, 0.05, 0.034, _M, "of the body"),
        "rib": Parameter(0.0, 1.0, 0.0, "", "depth of the ribs, 0 for none"),
        "hue": HUE, "variety": VARIETY}),
    Family("jar", "jar", jar, {
        "height": Parameter(0.08, 0.2, 0.13, _M, "with its lid"),
        "radius": Parameter(0.03, 0.06, 0.042, _M, "of the body"),
        "lid": Parameter(0.1, 0.2, 0.13, "", "height of the lid, as a share"),
        "fill": Parameter(0.2, 1.0, 0.8, "", "how full it is"),
        "hue": HUE, "variety": VARIETY}),
    Family("candle", "candle", candle, {
        "height": Parameter(0.05, 0.22, 0.12, _M, "of the wax"),
        "radius": Parameter(0.012, 0.045, 0.03, _M, "of the wax"),
        "melt": Parameter(0.02, 0.3, 0.12, "", "depth of the pool in radii"),
        "holder": Parameter(1.0, 2.4, 1.6, "", "radius of the holder in radii, 1 for none"),
        "hue": HUE, "variety": VARIETY}))
