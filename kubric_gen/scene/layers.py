"""The names of the annotation layers and how a choice of them is checked."""

from __future__ import annotations

from collections.abc import Iterable

from kubric_gen.errors import KubricGenError

MOVI_LAYERS = ("rgba", "segmentation", "depth", "normal", "object_coordinates", "forward_flow", "backward_flow")
"""The seven layers of MOVi, made by default."""
EXTRA_LAYERS = ("z", "uv", "occlusion_forward", "occlusion_backward", "amodal_segmentation", "tracks")
"""Layers made when asked for."""
LAYERS = MOVI_LAYERS + EXTRA_LAYERS


def check_layers(names: Iterable[str]) -> tuple[str, ...]:
  """The names without repetition, in the order of `LAYERS`.

  Raises:
    KubricGenError: an unknown name.
  """
  names = tuple(names)
  unknown = sorted(set(names) - set(LAYERS))
  if unknown:
    raise KubricGenError(f"unknown layer {', '.join(unknown)}: choose from {', '.join(LAYERS)}")
  return tuple(name for name in LAYERS if name in names)
