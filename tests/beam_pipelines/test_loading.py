"""Loading with TFDS what the pipeline has made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.beam_pipelines.runs import ROOT, environment


def test_the_training_example_makes_a_step(undisturbed: Path) -> None:
  result = subprocess.run([sys.executable, "docs/examples/train_depth.py", f"--data_dir={undisturbed}", "--dataset=movi_a/32x32"],
                          cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=250)
  assert result.returncode == 0 and "after 1 step" in result.stdout, result.stderr[-2000:]


def test_tfds_build_makes_scenes_by_itself(tmp_path: Path) -> None:
  config = '{"name": "16x16", "description": "", "resolution": [16, 16], "num_scenes": 3, "num_frames": 2, "quality": "draft"}'
  result = subprocess.run([str(Path(sys.executable).parent / "tfds"), "build", "kubric_gen/datasets/movi_a.py",
                           f"--data_dir={tmp_path}", f"--config={config}"],
                          cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=250)
  assert result.returncode == 0, result.stderr[-2000:]
  assert (tmp_path / "movi_a" / "16x16" / "1.0.0" / "dataset_info.json").is_file()
