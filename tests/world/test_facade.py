"""`kubric_gen.world` has what a world needs, and costs nothing before it is used."""

from __future__ import annotations

import subprocess
import sys

import kubric_gen.world as facade


def test_every_name_is_there() -> None:
  names = [name for name in dir(facade) if not name.startswith("_") and name != "epy"]
  assert {"World", "WorldConfig", "setting", "stream", "scatter", "Split"} <= set(names)
  for name in names:
    assert getattr(facade, name) is not None


def test_a_config_needs_no_engine_and_no_assets() -> None:
  code = ("import sys; from kubric_gen.world import WorldConfig, check_ranges, pick, setting, stream;"
          "print(*sys.modules)")
  loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
  assert "kubric_gen" in loaded
  assert not {"bpy", "pybullet", "trimesh", "cv2", "tensorflow", "kubric_gen.assets"} & set(loaded)
