"""From examples to the records of a dataset, and back, with no TensorFlow."""
