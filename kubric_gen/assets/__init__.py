"""Where geometry comes from: built-in shapes and mesh files, as triangle meshes with mass properties.

Here: `loading` gives the mesh of any shape, `mass` what an object weighs. Below, a folder a trade; each imports only from those
that stand before it:

- `fetching`: files from disk, servers and object stores; archives; the cache that all processes of a user share.
- `meshes`: the `Mesh` itself, those of primitives and of a user's files, their shading.
- `collision`: the convex bodies that stand for meshes in physics, also from collision files and URDFs.
- `solids`: families of shapes that are made from numbers, such as mugs, cars and books.
- `collections`: assets by id: the built-in ones, PyBullet's, Blender's environments, and those that a manifest lists.
- `importing`: a folder of a user's own files as a collection; `python -m kubric_gen.assets import`.
"""

from kubric_gen.assets.loading import load_mesh
from kubric_gen.assets.mass import inertia_of, mass_of
from kubric_gen.assets.meshes.mesh import Mesh

__all__ = ["Mesh", "inertia_of", "load_mesh", "mass_of"]
