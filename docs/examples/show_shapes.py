"""Renders all basic shapes in rows, each turned to its best side: `python docs/examples/show_shapes.py output/shapes`."""

from __future__ import annotations

import colorsys
import math
import sys

import kubric_gen as kg
from kubric_gen.scene import Shape
from worlds.movi import MORE_SHAPES

COLUMNS = 6
TILTED = {"torus": 50.0, "torus_knot": 60.0, "gear": 50.0}
"""Degrees towards the viewer."""


def placed(number: int, name: str, shape: Shape, total: int) -> kg.Object:
  row, column = divmod(number, COLUMNS)
  half = math.radians(TILTED.get(name, 0.0)) / 2
  turn = math.radians({"suzanne": 15, "spot": -35, "organic": -35, "sponge": 25, "cube": 25, "teapot": -20}.get(name, 0)) / 2
  material = kg.PrincipledMaterial(color=colorsys.hsv_to_rgb(number / total, 0.8, 0.7), roughness=0.35)
  return kg.Object(name, shape, position=(1.45 * (column - (COLUMNS - 1) / 2), -2.1 * row, 0.6), static=True, material=material,
                   quaternion=(math.cos(half) * math.cos(turn), math.sin(half) * math.cos(turn), math.sin(half) * math.sin(turn),
                               math.cos(half) * math.sin(turn)))


def main() -> None:
  objects = [placed(number, name, shape, len(MORE_SHAPES)) for number, (name, shape) in enumerate(MORE_SHAPES.items())]
  floor = kg.Object("floor", kg.Plane(), scale=(60, 60, 1), static=True, background=True)
  lights = [kg.SunLight("sun", position=(3, -5, 8), look_at=(0, 0, 0), strength=1.8, angle=0.3)]
  camera = kg.PerspectiveCamera(position=(0, -10.5, 7.5), look_at=(0, -0.95, 0.45), focal_length=44)
  scene = kg.Scene([floor, *objects], lights, [camera], resolution=(400, 840), num_frames=1,
                   environment=kg.Environment(color=(0.28, 0.28, 0.32)))
  with kg.make_example(scene, layers=["rgba", "segmentation"], settings=kg.RenderSettings(quality="high")) as example:
    kg.write_scene(example, sys.argv[1], overwrite=True)


if __name__ == "__main__":
  main()
