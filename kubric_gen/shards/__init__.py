"""From stored scenes to the files of a dataset, and the reader that needs no TensorFlow."""
