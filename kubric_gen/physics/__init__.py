"""Rigid-body motion: the only place that uses PyBullet, which is loaded when it is first needed."""

from kubric_gen.physics.placement import Placer
from kubric_gen.physics.simulation import settle, simulate

__all__ = ["Placer", "settle", "simulate"]
