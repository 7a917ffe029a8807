"""Cameras with exact projection, a file for each lens."""

from kubric_gen.scene.cameras.camera import OPENCV_AXES, Camera, Resolution, Window
from kubric_gen.scene.cameras.orthographic import OrthographicCamera
from kubric_gen.scene.cameras.perspective import PerspectiveCamera
