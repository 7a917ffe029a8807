"""Exact annotations from geometry and poses; nothing here needs a renderer."""

from kubric_gen.annotations.ground_truth import BACKGROUND_DEPTH, GroundTruth
from kubric_gen.annotations.surface import SurfaceSamples

__all__ = ["BACKGROUND_DEPTH", "GroundTruth", "SurfaceSamples"]
