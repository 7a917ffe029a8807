"""Blender's monkey, the one solid whose shape comes with Blender."""

from __future__ import annotations

import numpy as np

from kubric_gen.assets.meshes.manifolds import closed_surface, unite
from kubric_gen.assets.solids.family import Family, Model, model_of_solid
from kubric_gen.system.console import captured_console


def suzanne() -> Model:
  """Head, eyes and ears as one closed solid: the openings of Blender's mesh are filled."""
  with captured_console():
    import bpy  # noqa: F401  first: there is no bmesh before it

    import bmesh
    work = bmesh.new()
    layer = work.loops.layers.uv.new("UVMap")
    bmesh.ops.create_monkey(work, calc_uvs=True)
    bmesh.ops.subdivide_edges(work, edges=work.edges, cuts=1, use_grid_fill=True, smooth=0.6)
    lids = bmesh.ops.holes_fill(work, edges=[edge for edge in work.edges if edge.is_boundary], sides=0)["faces"]
    bmesh.ops.poke(work, faces=lids)  # a fan: they are not flat
    bmesh.ops.triangulate(work, faces=work.faces)
    work.verts.index_update()
    island = _islands([(edge.verts[0].index, edge.verts[1].index) for edge in work.edges], len(work.verts))
    corners = np.array([[(*loop.vert.co, *loop[layer].uv) for loop in face.loops] for face in work.faces])
    of_face = np.array([island[face.verts[0].index] for face in work.faces])
    work.free()
  parts = [corners[of_face == number] for number in np.unique(of_face)]
  head = max(parts, key=len)
  for eye in parts:
    if eye is not head:  # it only touches the rim of its socket, which leaves slivers: let it bite
      centre = eye[..., :3].mean(axis=(0, 1))
      eye[..., :3] = centre + 1.02 * (eye[..., :3] - centre)
  return model_of_solid(unite(map(closed_surface, parts)), size=1.0, most=128)


def _islands(edges: list[tuple[int, int]], count: int) -> list[int]:
  """For each vertex the least index of those that edges connect it with."""
  root = list(range(count))

  def find(i: int) -> int:
    while root[i] != i:
      root[i] = root[root[i]]
      i = root[i]
    return i

  for a, b in edges:
    low, high = sorted((find(a), find(b)))
    root[high] = low
  return [find(i) for i in range(count)]


FAMILIES = (Family("suzanne", "monkey", suzanne),)
