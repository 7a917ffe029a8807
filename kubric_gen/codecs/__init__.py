"""Files as bytes: images, arrays, and how floats become integers."""
