"""MOVi's scenes and records are what they were."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("golden_movi", Path(__file__).with_name("movi.py"))
assert _spec is not None and _spec.loader is not None
movi = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(movi)

STORED = json.loads(movi.FILE.read_text())
SAME_PROCESSOR = STORED["processor"] == movi.processor()
NEARLY = 1e-4
"""Relative to the greatest value that is kept, how far values may be off on another processor."""


@pytest.mark.parametrize("variant, seed", movi.CASES)
def test_scene_and_record(variant, seed):
  wanted = STORED["scenes"][f"{variant}/{seed}"]
  found = movi.digests(variant, seed)
  missing = sorted(set(wanted) - set(found))
  assert not missing, f"gone: {missing}"
  changed = []
  for name, item in wanted.items():
    other = found[name]
    if other["kind"] != item["kind"]:
      changed.append(f"{name}: {other['kind']}, was {item['kind']}")
    elif SAME_PROCESSOR:
      if other["sha256"] != item["sha256"]:
        changed.append(name)
    elif "some" in item and name.rpartition("/")[2] not in movi.COLOUR:
      limit = NEARLY * max(1.0, *map(abs, item["some"]))
      off = sum(abs(a - b) > limit for a, b in zip(item["some"], other["some"]))
      if off > 1:  # one sample may sit on an edge
        changed.append(name)
  assert not changed, f"changed: {changed}"
