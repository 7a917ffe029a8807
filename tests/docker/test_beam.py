"""The image as Beam uses it: the pipeline inside it, and as the SDK container of a portable runner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubric_gen.shards.reader import ArrayRecords
from tests.docker.local_engine import ROOT, LocalEngine
from tests.docker.test_image import contain

pytestmark = [pytest.mark.image, pytest.mark.timeout(3000)]

FLAGS = ("--num_scenes=4", "--num_frames=2", "--resolution=32", "--samples_per_pixel=2", "--file_format=array_record,tfrecord")


def files(folder: Path) -> dict[str, bytes]:
  return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """The dataset, made on this machine without a container."""
  folder = tmp_path_factory.mktemp("outside")
  subprocess.run([sys.executable, "-m", "beam_pipelines.generate", *FLAGS, f"--data_dir={folder / 'data'}"], cwd=ROOT, check=True,
                 capture_output=True, timeout=280)
  return folder


def test_the_pipeline_in_a_container(engine: LocalEngine, image: str, output: Path, outside: Path) -> None:
  result = contain(engine, image, ["-m", "beam_pipelines.generate", *FLAGS, "--data_dir=/output/data"],
                   f"--volume={output}:/output", "--read-only", "--user=4321:8765")
  assert result.returncode == 0, result.stderr
  for name in ("data/movi_a", "data_tfrecord/movi_a"):
    assert files(output / name) == files(outside / name)


def test_beams_docker_environment(engine: LocalEngine, image: str, output: Path, outside: Path, tmp_path: Path) -> None:
  """Beam starts the image itself, and its boot program the worker. Beam mounts nothing: a `docker` that does stands before
  the real one, as the workers of a cluster would have a shared folder or a bucket."""
  programs = tmp_path / "programs"
  programs.mkdir()
  (programs / "docker").write_text(f"""#!/bin/sh
echo "$@" >>{programs}/log
if [ "$1" = run ]; then shift; set -- run --volume={output}:{output} "$@"; fi
exec {engine.client} "$@"
""")
  (programs / "docker").chmod(0o755)
  environment = {**engine.environment, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
  result = subprocess.run([sys.executable, "-m", "beam_pipelines.generate", *FLAGS, f"--data_dir={output / 'data'}",
                           "--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=DOCKER",
                           f"--environment_config={image}:latest"], cwd=ROOT, env=environment, capture_output=True, text=True,
                          timeout=280)
  assert result.returncode == 0, result.stderr
  assert "4 scenes asked, 4 made" in result.stdout
  started = [line for line in (programs / "log").read_text().splitlines() if line.startswith("run ")]
  assert started and all(f"{image}:latest --id=" in line and "--provision_endpoint=" in line for line in started)
  for name in ("data/movi_a", "data_tfrecord/movi_a"):
    assert files(output / name) == files(outside / name)
  assert len(ArrayRecords(next((output / "data/movi_a").glob("*/*")), "train")) == 4
  made_by = json.loads(next((output / "data/movi_a").glob("*/*/card.json")).read_text())["versions"]
  assert made_by["kubric_gen"]


def test_too_little_memory_for_the_workers(engine: LocalEngine, image: str, output: Path) -> None:
  """Beam itself fits into it, Blender does not."""
  result = contain(engine, image, ["-m", "beam_pipelines.generate", "--num_scenes=1", "--resolution=512", "--max_attempts=1",
                                   "--processes=1", "--data_dir=/output/data"], f"--volume={output}:/output", "--memory=450m",
                   "--memory-swap=450m")
  assert result.returncode == 2 and "for lack of memory" in result.stderr, result.stderr


@pytest.mark.timeout(120, func_only=True)
def test_beams_worker_pool(engine: LocalEngine, image: str) -> None:
  """What Beam's EXTERNAL environment calls: the image is told by its arguments that it is to be a pool of workers."""
  process = engine.start("run", "--rm", "--name=kubric-gen-pool", "--network=none", image, "--worker_pool")
  try:
    assert process.stderr is not None
    line = ""
    while "worker pool" not in line.lower():
      line = process.stderr.readline()
      assert line, "the pool ended"
  finally:
    engine.docker("kill", "kubric-gen-pool")
    process.wait(60)
