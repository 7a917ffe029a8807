"""Runs of the pipeline as users start it: a process of its own, at a tiny size."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
FAULTS = Path(__file__).parent / "faults"
TINY = ("--num_frames=2", "--resolution=32,16", "--samples_per_pixel=2", "--device=cpu")
FAULTY = ("--world=kubric_faults.world",)
SCENES = 8


def command(data_dir: Path, *flags: str, num_scenes: int = SCENES) -> list[str]:
  seeds = () if any(flag.startswith("--seed=") for flag in flags) else (f"--num_scenes={num_scenes}",)
  return [sys.executable, "-m", "beam_pipelines.generate", f"--data_dir={data_dir}", *seeds, *TINY, *flags]


def environment(**variables: str) -> dict[str, str]:
  path = os.pathsep.join(filter(None, (str(FAULTS), os.environ.get("PYTHONPATH", ""))))
  return {**os.environ, "PYTHONPATH": path, **variables}


def generate(data_dir: Path, *flags: str, num_scenes: int = SCENES, **variables: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run(command(data_dir, *flags, num_scenes=num_scenes), cwd=ROOT, env=environment(**variables),
                        capture_output=True, text=True, timeout=280)


def start(data_dir: Path, *flags: str, num_scenes: int = SCENES, **variables: str) -> subprocess.Popen[str]:
  return subprocess.Popen(command(data_dir, *flags, num_scenes=num_scenes), cwd=ROOT, env=environment(**variables),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def workers_of(pid: int) -> list[int]:
  """The worker processes that a driver has started."""
  found = []
  for folder in Path("/proc").glob("[0-9]*"):
    with contextlib.suppress(OSError):  # gone meanwhile
      parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
      if parent == pid and b"kubric_gen.workers.child" in (folder / "cmdline").read_bytes():
        found.append(int(folder.name))
  return found


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> object:
  end = time.monotonic() + seconds
  while time.monotonic() < end:
    value = condition()
    if value:
      return value
    time.sleep(0.02)
  raise AssertionError(f"did not happen within {seconds} s")


def stored(data_dir: Path) -> list[int]:
  """Seeds in the store."""
  return sorted(int(path.stem) for path in data_dir.glob("scenes/*/*/*/*.zip"))


def same(a: object, b: object) -> bool:
  if isinstance(a, dict):
    return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
  if isinstance(a, list):
    return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
  return np.array_equal(np.asarray(a), np.asarray(b))


def decoded(data_dir: Path, resolution: str = "32x32") -> dict[str, dict[str, object]]:
  """All records of a TFRecord dataset by their video names, decoded without TensorFlow, with the splits they are in."""
  import json
  import struct

  from kubric_gen.schema.tf_example import decode
  from kubric_gen.shards.reader import features_of
  folder = data_dir / "movi_a" / resolution / "1.0.0"
  features = features_of(folder)
  info = json.loads((folder / "dataset_info.json").read_text())
  records: dict[str, dict[str, object]] = {}
  for split in info["splits"]:
    for index, length in enumerate(split["shardLengths"]):
      data = (folder / f"movi_a-{split['name']}.tfrecord-{index:05d}-of-{len(split['shardLengths']):05d}").read_bytes()
      at, count = 0, 0
      while at < len(data):  # length, its checksum, the record, its checksum
        (size,) = struct.unpack_from("<Q", data, at)
        record = decode(features, data[at + 12:at + 12 + size])
        name = record["metadata"]["video_name"]
        assert name not in records, f"{name} is there twice"
        records[name] = {**record, "split": split["name"]}
        at, count = at + size + 16, count + 1
      assert count == int(length)
  return records


def assert_same_records(data_dir: Path, undisturbed: Path, without: Collection[str] = ()) -> None:
  """The records of a run are those of an undisturbed one, each once, but for some."""
  everything = {f"movi_a_{seed}" for seed in range(SCENES)}
  for resolution in ("32x32", "16x16"):
    expected, found = decoded(undisturbed, resolution), decoded(data_dir, resolution)
    assert set(expected) == everything and set(found) == everything - set(without)
    assert all(same(found[name], expected[name]) for name in found)
