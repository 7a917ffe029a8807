"""What MOVi's scenes and records hold, as digests: a change of the code must not change them unnoticed.

    python tests/golden/movi.py    # writes digests.json anew, for changes that are meant

Of each array there is a digest of its decoded values, which must match on the processor type that made it, and a few of its
values, which must match nearly everywhere.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
  sys.path.insert(0, str(ROOT))

from kubric_gen.cli.generating import generate  # noqa: E402
from kubric_gen.render.settings import RenderSettings  # noqa: E402
from kubric_gen.schema.tf_example import decode  # noqa: E402
from kubric_gen.shards.recipe import Recipe, resolution_name  # noqa: E402
from kubric_gen.shards.scene import make_scene  # noqa: E402
from kubric_gen.sinks import read_scene  # noqa: E402
from worlds.movi import WORLD  # noqa: E402

FILE = Path(__file__).with_name("digests.json")
CASES = [(variant, seed) for variant in "abdef" for seed in (3, 11)]
RESOLUTION, FRAMES = (64, 64), 3
SETTINGS = RenderSettings(quality="draft", device="cpu")
SAMPLES = 24
"""Values that are kept of each array."""
COLOUR = ("rgba", "video")
UNSTABLE = ("versions", "config_hash")
"""Metadata that changes with every release."""


def processor() -> str:
  """The model name of the CPU."""
  lines = Path("/proc/cpuinfo").read_text().splitlines()
  return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
  if isinstance(value, Mapping):
    for key in sorted(value):
      yield from _leaves(value[key], f"{name}/{key}")
  else:
    yield name, value


def _digest(value: Any) -> dict[str, Any]:
  """Of an array, or of anything that JSON knows."""
  if isinstance(value, np.ndarray) and value.dtype != object:
    flat = np.ascontiguousarray(value).ravel()
    places = np.unique(np.linspace(0, flat.size - 1, SAMPLES).astype(int)) if flat.size else np.zeros(0, int)
    text = f"{value.dtype} {value.shape}"
    return {"kind": text, "sha256": hashlib.sha256(text.encode() + flat.tobytes()).hexdigest()[:16],
            "some": [float(item) for item in flat[places]]}
  text = json.dumps(value, sort_keys=True, default=lambda item: item.decode() if isinstance(item, bytes) else (
      np.asarray(item).tolist()))
  return {"kind": type(value).__name__, "sha256": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _scene_digests(variant: str, seed: int) -> dict[str, Any]:
  config = WORLD.config(variant=variant, resolution=RESOLUTION, num_frames=FRAMES)
  with tempfile.TemporaryDirectory() as folder:
    path = generate(WORLD, config, seed, folder, settings=SETTINGS, preview=False)
    example = read_scene(path)
    found = {f"layer/{name}": _digest(example.stack(name)) for name in example.layers}
    described = json.loads((path / "metadata.json").read_text())
    collisions = json.loads((path / "events.json").read_text())["collisions"]
  metadata = {key: item for key, item in described["metadata"].items() if key not in UNSTABLE}
  for part, value in (("metadata", metadata), ("camera", described["camera"])):
    found |= {f"{part}/{key}": _digest(item) for key, item in sorted(value.items())}
  for part, items in (("instances", described["instances"]), ("collisions", collisions)):
    keys = sorted({key for item in items for key in item})
    found |= {f"{part}/{key}": _digest([item.get(key) for item in items]) for key in keys}
    found[f"{part}/count"] = _digest(len(items))
  return found


def _record_digests(variant: str, seed: int) -> dict[str, Any]:
  config = WORLD.config(variant=variant, resolution=RESOLUTION, num_frames=FRAMES)
  recipe = Recipe("movi", config, (RESOLUTION,), SETTINGS)
  (data,) = make_scene(recipe, recipe.key(seed)).records[resolution_name(RESOLUTION)].values()
  record = decode(recipe.features(RESOLUTION), data)
  return {f"record/{name[1:]}": _digest(value) for name, value in _leaves(record, "")}


def digests(variant: str, seed: int) -> dict[str, Any]:
  """Of the scene directory and the record of a seed, by the names of what they hold."""
  return _scene_digests(variant, seed) | _record_digests(variant, seed)


if __name__ == "__main__":
  made = {f"{variant}/{seed}": digests(variant, seed) for variant, seed in CASES}
  FILE.write_text(json.dumps({"processor": processor(), "scenes": made}, indent=1) + "\n")
