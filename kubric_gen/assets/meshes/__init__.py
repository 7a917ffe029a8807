"""Triangle meshes: of shapes, from files, and what they weigh."""
