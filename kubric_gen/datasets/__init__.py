"""TFDS builders: importing this makes `tfds.load("movi_a/128x128", data_dir=…)` work. Needs the extra `beam`."""

from kubric_gen.datasets.movi_a import MoviA
from kubric_gen.datasets.movi_b import MoviB

__all__ = ["MoviA", "MoviB"]
