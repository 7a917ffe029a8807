"""MOVi-A, but for seed 1, which ends its process the first time, and seed 2, which always does."""

import os
import signal
from pathlib import Path

from kubric_gen.cli import main
from kubric_gen.world import World
from worlds.movi import WORLD, MoviConfig

MARKER = Path(os.environ["KUBRIC_GEN_OUTPUT_DIR"]) / "tried"


class UnluckyWorld(World):

  def generator(self, seed: int):  # type: ignore[no-untyped-def]
    if seed == 2 or (seed == 1 and not MARKER.exists()):
      MARKER.touch()
      os.kill(os.getpid(), signal.SIGKILL)
    return super().generator(seed)


if __name__ == "__main__":
  main(UnluckyWorld(WORLD.name, MoviConfig, WORLD.build, WORLD.dataset))
