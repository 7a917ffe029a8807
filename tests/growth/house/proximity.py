"""A layer: how near surfaces are."""

from __future__ import annotations

from typing import Any

import numpy as np

from kubric_gen.scene.layers import LayerSpec, Show, Storage, add_layer


def _proximity(truth: Any, t: int) -> Any:
  return (1 / (1 + truth.depth(t).astype(np.float64))).astype(np.float32)


PROXIMITY = add_layer(LayerSpec(
    "proximity", 1, "float32", "", "1 / (1 + distance in metres)", Storage.UNIT, Show.UNIT, film=True, compute=_proximity))
