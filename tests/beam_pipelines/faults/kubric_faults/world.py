"""MOVi-A with seeds that crash, hang or fail, as the environment variable KUBRIC_FAULTS says: `segfault=3,hang=5,raise=7`.

With `FOLDER@` in front of a seed the fault happens only the first time.
"""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

from kubric_gen.errors import KubricGenError
from kubric_gen.scene import Scene
from kubric_gen.world import Split, World
from worlds.movi import MoviConfig, build, dataset


class FaultyWorld(World):

  def scene(self, config: MoviConfig, seed: int, split: Split | None = None) -> Scene:
    for part in filter(None, os.environ.get("KUBRIC_FAULTS", "").split(",")):
      kind, _, which = part.partition("=")
      folder, _, number = which.rpartition("@")
      if int(number) != seed:
        continue
      if folder:
        marker = Path(folder) / f"{kind}-{number}"
        if marker.exists():
          continue
        marker.touch()
      if kind == "segfault":
        ctypes.string_at(0)
      elif kind == "hang":
        time.sleep(3600)
      elif kind == "raise":
        raise KubricGenError("this seed is cursed")
    return super().scene(config, seed, split)


WORLD = FaultyWorld("movi", MoviConfig, build, dataset)
