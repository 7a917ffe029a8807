"""Randomness by purpose: a generator for each use, so that one more use changes none of the others."""

from __future__ import annotations

import hashlib
import json

import numpy as np

Key = tuple[str | int, ...]
"""What tells one scene from all others, such as its world, split and seed."""


def generator(*key: str | int) -> np.random.Generator:
  """A generator (PCG64) that follows from texts and numbers alone: the same on every machine, in every process."""
  digest = hashlib.sha256(json.dumps(key).encode()).digest()
  return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest[:16], "big")))
