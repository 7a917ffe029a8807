"""Exact annotations from geometry and poses; nothing here needs a renderer."""

from kubric_gen.annotations.ground_truth import GroundTruth
from kubric_gen.annotations.surface import SurfaceSamples

__all__ = ["GroundTruth", "SurfaceSamples"]
