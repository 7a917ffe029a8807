"""Loading with TFDS what the pipeline has made."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.beam_pipelines.runs import ROOT, decoded, environment


def test_the_training_example_makes_a_step(undisturbed: Path) -> None:
  result = subprocess.run([sys.executable, "docs/examples/train_depth.py", f"--data_dir={undisturbed}", "--dataset=movi_a/32x32"],
                          cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=250)
  assert result.returncode == 0 and "after 1 step" in result.stdout, result.stderr[-2000:]


def test_the_training_example_sees_metres(undisturbed: Path) -> None:
  frames = runpy.run_path(str(ROOT / "docs" / "examples" / "train_depth.py"))["frames"]
  pairs = list(frames("movi_a/32x32", str(undisturbed)).as_numpy_iterator())
  train: list[Any] = [record for record in decoded(undisturbed).values() if record["split"] == "train"]
  assert len(pairs) == 2 * len(train) > 0
  found = sorted((float(depth.min()), float(depth.max())) for _, depth in pairs)
  wanted = []
  for record in train:
    low, high = record["metadata"]["depth_range"].astype(np.float64)
    assert 1 < low < high < 100  # the camera is some metres away from a floor of 40 m
    for frame in record["depth"]:
      wanted.append((frame.min() / 65535 * (high - low) + low, frame.max() / 65535 * (high - low) + low))
  np.testing.assert_allclose(found, sorted(wanted), rtol=1e-5)
  assert all(depth.dtype == np.float32 and 0 <= image.min() <= image.max() <= 1 for image, depth in pairs)


def test_tfds_build_makes_scenes_by_itself(tmp_path: Path) -> None:
  config = '{"name": "16x16", "description": "", "resolution": [16, 16], "num_scenes": 3, "num_frames": 2, "quality": "draft"}'
  result = subprocess.run([str(Path(sys.executable).parent / "tfds"), "build", "movi_a", "--imports=kubric_gen.datasets",
                           f"--data_dir={tmp_path}", f"--config={config}"],
                          cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=250)
  assert result.returncode == 0, result.stderr[-2000:]
  folder = tmp_path / "movi_a" / "16x16" / "1.0.0"
  assert (folder / "dataset_info.json").is_file()
  assert json.loads((tmp_path / "movi_a" / ".config" / "metadata.json").read_text()) == {"default_config_name": "16x16"}
  assert sum(record["split"] == "train" for record in decoded(tmp_path, "16x16").values()) == 3
  assert json.loads((folder / "metadata.json").read_text())["features"]["depth"]["length"] == 2
