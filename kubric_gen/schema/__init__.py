"""What the records of a dataset hold, and how they are coded, with no TensorFlow."""
