"""Trains a small network to tell depth from colour, on the dataset that `make dataset` has made.

    python docs/examples/train_depth.py --data_dir=output/datasets --steps=1
"""

from __future__ import annotations

import argparse

import tensorflow as tf
import tensorflow_datasets as tfds

from kubric_gen.datasets import in_units  # also registers the builders


def frames(dataset: str, data_dir: str) -> tf.data.Dataset:
  """Images in [0, 1] and depth in metres of each frame of all videos."""
  videos = tfds.load(dataset, data_dir=data_dir, split="train", shuffle_files=True)
  in_metres = videos.map(in_units(dataset, data_dir=data_dir))
  return in_metres.flat_map(lambda video: tf.data.Dataset.from_tensor_slices(
      (tf.cast(video["video"], tf.float32) / 255, video["depth"])))


def network() -> tf.keras.Model:
  """A few convolutions that keep the image size."""
  layers = [tf.keras.layers.Conv2D(32, 5, padding="same", dilation_rate=rate, activation="relu") for rate in (1, 2, 4, 8)]
  return tf.keras.Sequential([*layers, tf.keras.layers.Conv2D(1, 3, padding="same", activation="softplus")])


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--data_dir", default="output/datasets")
  parser.add_argument("--dataset", default="movi_a/64x64")
  parser.add_argument("--steps", type=int, default=1)
  options = parser.parse_args()
  batches = frames(options.dataset, options.data_dir).shuffle(256, seed=0).batch(16).repeat()
  model = network()
  model.compile(optimizer=tf.keras.optimizers.Adam(1e-3), loss="mae")
  history = model.fit(batches, steps_per_epoch=options.steps, epochs=1, verbose=0)
  print(f"mean absolute error {history.history['loss'][-1]:.2f} m after {options.steps} step{'s' * (options.steps > 1)}")


if __name__ == "__main__":
  main()
