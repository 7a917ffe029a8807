"""What a scene was made from and by, and the hash that names it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from kubric_gen.render.settings import RenderSettings
from kubric_gen.scene.serialization import to_plain
from kubric_gen.world import Config, World


def scene_flags(world: World[Config], config: Config, seed: int, layers: Iterable[str],
                settings: RenderSettings) -> dict[str, Any]:
  """Exactly what decides the content of a scene.

  Raises:
    KubricGenError: a file that the config names cannot be used.
  """
  chosen = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)} | dict(world.digests(config))
  preset = settings.effective
  return {"world": world.name, "seed": seed, **chosen, "layers": list(layers), "samples_per_pixel": preset.samples,
          "denoiser": preset.denoiser, "adaptive_threshold": preset.adaptive_threshold,
          "adaptive_min_samples": preset.adaptive_min_samples}


def config_hash(flags: dict[str, Any]) -> str:
  """A key for what a scene was made from: SHA-256 over its flags, in hexadecimal."""
  text = json.dumps(to_plain(flags), sort_keys=True, separators=(",", ":"))
  return hashlib.sha256(text.encode()).hexdigest()
