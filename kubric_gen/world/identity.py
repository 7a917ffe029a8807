"""What a scene was made from, and the hash that names it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.serialization import to_plain
from kubric_gen.world.config import Config
from kubric_gen.world.splits import WHOLE, DatasetSpec, Split
from kubric_gen.world.world import World


def scene_flags(world: World[Config], config: Config, seed: int, layers: Iterable[str], settings: RenderSettings,
                seeds_of: str = "") -> dict[str, Any]:
  """Exactly what decides the content of a scene.

  Args:
    config: of the scene, with the overrides of its split. seeds_of: the explicit split whose seed it is.

  Raises:
    KubricGenError: a file that the config names cannot be used.
  """
  chosen = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)} | dict(world.digests(config))
  preset = settings.effective
  explicit = {"seeds_of": seeds_of} if seeds_of else {}
  return {"world": world.name, "seed": seed, **explicit, **chosen, "layers": list(layers), "samples_per_pixel": preset.samples,
          "denoiser": preset.denoiser, "adaptive_threshold": preset.adaptive_threshold,
          "adaptive_min_samples": preset.adaptive_min_samples}


def config_hash(flags: dict[str, Any]) -> str:
  """A key for what a scene was made from: SHA-256 over its flags, in hexadecimal."""
  text = json.dumps(to_plain(flags), sort_keys=True, separators=(",", ":"))
  return hashlib.sha256(text.encode()).hexdigest()


def scene_names(world: World[Config], dataset: DatasetSpec | None, split: Split | None, seed: int) -> dict[str, Any]:
  """What the metadata of a scene say of where it belongs."""
  names: dict[str, Any] = {"world": world.name, "seed": seed}
  if dataset is not None and split not in (None, WHOLE):
    names |= {"split": split.name, "pair_id": dataset.pair_id(split, seed)}
  return names
