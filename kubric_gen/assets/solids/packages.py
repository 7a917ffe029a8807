"""Boxes, tubes and books: what comes in card and paper."""

from __future__ import annotations

from typing import Any

import numpy as np

from kubric_gen.assets.meshes.manifolds import closed_surface
from kubric_gen.assets.solids import finishes
from kubric_gen.assets.solids.family import Family, Model, Parameter, Part, assemble
from kubric_gen.assets.solids.finishes import Palette
from kubric_gen.assets.solids.looks import HUE, VARIETY
from kubric_gen.assets.solids.modelling import box, cylinder, prism, revolve, rounded_box


def carton(width: float, depth: float, height: float, roundness: float, hue: float, variety: int) -> Model:
  """A package whose section runs from a rectangle (roundness 0) to an ellipse (1), with a picture on each side."""
  palette = Palette(hue, variety)
  if roundness < 0.02:
    solid = rounded_box((width, depth, height), 0.012 * min(width, depth, height), steps=2)
  else:
    angle = np.arange(96) * (2 * np.pi / 96)
    power = 0.06 + 0.94 * roundness  # of a superellipse (Lamé): 1 an ellipse, 0 a rectangle
    cos, sin = np.cos(angle), np.sin(angle)
    outline = np.column_stack([np.sign(cos) * np.abs(cos) ** power * width / 2, np.sign(sin) * np.abs(sin) ** power * depth / 2])
    solid = prism(outline, height)
  return assemble([Part(solid, finishes.printed(palette, mapping="box", density=250.0))])


def tube_box(height: float, radius: float, lid: float, hue: float, variety: int) -> Model:
  """A round tin or canister with a lid."""
  palette = Palette(hue, variety)
  body = revolve([(0, 0), (radius, 0), (radius, height), (0, height)], 80, (0, 0, 1 / (1 - lid), 1 / (1 - lid)), 2.0)
  cover = cylinder(1.03 * radius, lid * height, (0, 0, height * (1 - lid / 2) + 0.002), 0.06 * radius, segments=80)
  tin = finishes.metal(palette) if palette.chance(5) < 0.6 else finishes.lacquer(palette)
  return assemble([Part(body, finishes.printed(palette, density=350.0)), Part(cover, tin)])


def book(height: float, width: float, thickness: float, cover: float, hue: float, variety: int) -> Model:
  """A hardback that lies on its back: boards, a rounded spine and a block of pages."""
  palette = Palette(hue, variety)
  board = cover * 0.001
  edge = 0.004
  pages = box((width - 2 * edge, height - 2 * edge, thickness - 2 * board), (-0.2 * edge, 0, 0))
  art = finishes.printed(palette, "cover", "box", 700.0)
  boards = [rounded_box((width, height, board), 0.4 * board, (0, 0, side * (thickness - board) / 2), steps=2) for side in (-1, 1)]
  turn = np.linspace(np.pi / 2, 3 * np.pi / 2, 12)
  outer = np.column_stack([0.35 * thickness * np.cos(turn), 0.5 * thickness * np.sin(turn)])
  inner = np.column_stack([(0.35 * thickness - board) * np.cos(turn), (0.5 * thickness - board) * np.sin(turn)])[::-1]
  spine = prism(np.concatenate([outer, inner]), height).rotate((90, 0, 0)).translate((-width / 2 + 0.0006, 0, 0))
  filled = prism(outer, height - 0.0002).rotate((90, 0, 0)).translate((-width / 2 + 0.0006, 0, 0))
  back = finishes.plain(palette.dark, 700.0) if palette.chance(6) < 0.5 else art
  return assemble([Part(pages, finishes.paper(palette)), *(Part(part, art) for part in boards), Part(spine, back, convex=False),
                    Part(filled, finishes.paper(palette))])


def parcel(width: float, depth: float, height: float, tape: float, hue: float, variety: int) -> Model:
  """A cardboard box closed with tape."""
  palette = Palette(hue, variety)
  body = rounded_box((width, depth, height), 0.004, steps=2)
  strip = rounded_box((width + 0.0012, tape * depth, height + 0.0012), 0.003, steps=2)
  sides = box((width + 1, depth + 1, 0.55 * height), (0, 0, -0.28 * height))
  wrap = strip - sides
  label = box((0.32 * width, 0.0012, 0.3 * height), (0.2 * width, -depth / 2, 0.05 * height))
  return assemble([Part(body, finishes.card(palette)), Part(wrap, finishes.plain((0.55, 0.42, 0.24), 300.0, 0.25), convex=False),
                    Part(label, finishes.printed(palette), convex=False)])


def gift(width: float, depth: float, height: float, ribbon: float, hue: float, variety: int) -> Model:
  """A wrapped present with a ribbon and a bow."""
  palette = Palette(hue, variety)
  body = rounded_box((width, depth, height), 0.02 * min(width, depth, height), steps=3)
  band = finishes.plain(palette.second, 400.0, 0.3)
  out = 0.0015
  bands = [rounded_box((ribbon * width, depth + 2 * out, height + 2 * out), 0.002, steps=2),
           rounded_box((width + 2 * out, ribbon * depth, height + 2 * out), 0.002, steps=2)]
  wrapping = finishes.printed(palette, ("dots", "stripes", "checker")[palette.pick(5, 3)], "box", 200.0)
  loops = [_loop(0.3 * min(width, depth), 0.1 * min(width, depth)).rotate((0, 0, turn)).translate((0, 0, height / 2))
           for turn in (20.0, 110.0, 200.0, 290.0)]
  return assemble([Part(body, wrapping), *(Part(part, band, convex=False) for part in bands),
                    *(Part(part, band) for part in loops)])


def _loop(reach: float, width: float) -> Any:
  """A loop of ribbon that rises from the origin along X: a band around a flattened ring."""
  t = np.linspace(0, 2 * np.pi, 33)
  centre = np.column_stack([reach / 2 * (1 - np.cos(t)), np.zeros(33),
                            0.35 * reach * np.sin(t) * np.sin(t / 2) + 0.2 * reach * np.sin(t / 2)])
  normal = np.gradient(centre, axis=0)[:, [2, 1, 0]] * (-1, 1, 1)
  normal /= np.sqrt((normal ** 2).sum(axis=1, keepdims=True))
  normal[-1] = normal[0]
  thick = 0.035 * reach
  quads = []
  section = [np.concatenate([centre + side * normal * thick + (0, across * width / 2, 0)]) for side, across in (
      (1, -1), (1, 1), (-1, 1), (-1, -1))]
  for k in range(4):
    a, b = section[k], section[(k + 1) % 4]
    for i in range(32):
      j = (i + 1) % 32
      p = [np.append(a[i], (k / 4, i / 32)), np.append(b[i], ((k + 1) / 4, i / 32)), np.append(b[j], ((k + 1) / 4, (i + 1) / 32)),
           np.append(a[j], (k / 4, (i + 1) / 32))]
      quads += [[p[0], p[1], p[2]], [p[0], p[2], p[3]]]
  solid = closed_surface(np.array(quads))
  return solid if solid.volume() > 0 else closed_surface(np.array(quads)[:, ::-1])


_SIZES = {"width": Parameter(0.05, 0.25, 0.12, "m", "along X"), "depth": Parameter(0.03, 0.2, 0.06, "m", "along Y"),
          "height": Parameter(0.04, 0.3, 0.18, "m", "along Z")}
_LOOK = {"hue": HUE, "variety": VARIETY}
_ROUND = Parameter(0.0, 1.0, 0.0, "", "of its section: 0 a rectangle, 1 an ellipse")

FAMILIES = (
    Family("carton", "", carton, {**_SIZES, "roundness": _ROUND, **_LOOK}),
    Family("box", "box", carton, {**_SIZES, "roundness": Parameter(0.0, 0.0, 0.0, "", _ROUND.help), **_LOOK}, "carton"),
    Family("drum", "drum", carton, {
        "width": Parameter(0.05, 0.2, 0.1, "m", "along X"),
        "depth": Parameter(0.05, 0.2, 0.1, "m", "along Y"),
        "height": Parameter(0.04, 0.25, 0.14, "m", "along Z"),
        "roundness": Parameter(1.0, 1.0, 1.0, "", _ROUND.help), **_LOOK}, "carton"),
    Family("canister", "canister", tube_box, {
        "height": Parameter(0.08, 0.25, 0.16, "m", "with its lid"),
        "radius": Parameter(0.03, 0.07, 0.045, "m", "of the body"),
        "lid": Parameter(0.06, 0.3, 0.15, "", "height of the lid, as a share"), **_LOOK}),
    Family("book", "book", book, {
        "height": Parameter(0.15, 0.3, 0.22, "m", "of the boards"),
        "width": Parameter(0.1, 0.22, 0.15, "m", "of the boards"),
        "thickness": Parameter(0.012, 0.06, 0.03, "m", "with the boards"),
        "cover": Parameter(2.0, 4.0, 3.0, "mm", "thickness of a board"), **_LOOK}),
    Family("parcel", "parcel", parcel, {
        "width": Parameter(0.15, 0.45, 0.3, "m", "along X"),
        "depth": Parameter(0.12, 0.35, 0.2, "m", "along Y"),
        "height": Parameter(0.08, 0.3, 0.16, "m", "along Z"),
        "tape": Parameter(0.1, 0.3, 0.18, "", "width of the tape, as a share"), **_LOOK}),
    Family("gift", "gift", gift, {
        "width": Parameter(0.1, 0.3, 0.2, "m", "along X"),
        "depth": Parameter(0.1, 0.3, 0.2, "m", "along Y"),
        "height": Parameter(0.06, 0.25, 0.12, "m", "along Z"),
        "ribbon": Parameter(0.06, 0.16, 0.1, "", "width of the ribbon, as a share"), **_LOOK}))
