"""Triangle meshes: of primitives, and from files; their shading, and closed ones as solids that can be cut."""
