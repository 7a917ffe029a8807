"""Where geometry comes from: built-in shapes and mesh files, as triangle meshes with mass properties."""

from kubric_gen.assets.meshes.mass import inertia_of, mass_of
from kubric_gen.assets.meshes.mesh import Mesh
from kubric_gen.assets.meshes.loading import load_mesh

__all__ = ["Mesh", "inertia_of", "load_mesh", "mass_of"]
