"""Rendering with Blender Cycles; Blender is imported when the first scene is opened, not before."""

from kubric_gen.render.cycles import CyclesRenderer, render_frames
from kubric_gen.render.settings import DENOISERS, DEVICES, QUALITIES, RenderSettings

__all__ = ["CyclesRenderer", "DENOISERS", "DEVICES", "QUALITIES", "RenderSettings", "render_frames"]
