"""The convex bodies that stand for meshes in physics."""
