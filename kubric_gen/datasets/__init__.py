"""TFDS builders: importing this makes `tfds.load("movi_a/128x128", data_dir=…)` work. Needs the extra `beam`."""

from kubric_gen.datasets.movi_a import MoviA
from kubric_gen.datasets.movi_b import MoviB
from kubric_gen.datasets.movi_c import MoviC
from kubric_gen.datasets.movi_d import MoviD
from kubric_gen.datasets.movi_e import MoviE
from kubric_gen.datasets.movi_f import MoviF
from kubric_gen.datasets.movi_panning_e import MoviPanningE

__all__ = ["MoviA", "MoviB", "MoviC", "MoviD", "MoviE", "MoviF", "MoviPanningE"]
