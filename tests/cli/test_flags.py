"""Flags beyond reason: one short line, exit status 2, and soon."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from absl import flags

from kubric_gen.cli.numbers import FiniteParser, WholeParser
from kubric_gen.limits import MAX_MESSAGE
from kubric_gen.world.loading import load_world, world_names

ROOT = Path(__file__).parents[2]
LONG = 100_000
"""Characters; the system takes 131,071 in an argument."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=100)


def one_short_line(result: subprocess.CompletedProcess[str], most: int = 300) -> str:
  lines = result.stderr.splitlines()
  assert result.returncode == 2 and len(lines) == 1 and lines[0].startswith("error: "), result.stderr[:2000]
  assert len(lines[0]) <= most and not result.stdout, lines[0]
  return lines[0]


@pytest.mark.parametrize(("flag", "word"), [
    ("--max_num_objects=" + "9" * 400, "max_num_objects must be in [1, 255], got 9999"),
    ("--max_num_objects=" + "9" * 50_000, "digits"), ("--max_speed=1e308", "max_speed must be in [0, 10000]"),
    ("--max_speed=nan", "finite"), ("--camera_jitter=1.7e308", "camera_jitter"),
    ("--spawn_min=-1e308,0,0", "spawn_min"), ("--spawn_min=0,nan,0", "spawn_min"), ("--large_size=1e-320", "large_size"),
    ("--num_frames=1000000000000", "num_frames"), ("--step_rate=120000000000", "step_rate"), ("--num_frames=1_0", "num_frames"),
    ("--samples_per_pixel=1000000000000000000000000000000", "samples_per_pixel"), ("--threads=-5", "threads"),
    ("--threads=1000000000000", "threads"), ("--adaptive_threshold=nan", "adaptive_threshold"), ("--seed=1_0", "seed"),
    ("--seed=\u0661", "seed"), ("--seed=0..4999999,5000000..9999999,10000000..10000009", "at a time"),
    ("--resolution=9999999999999999999999", "resolution"), ("--frame_rate=100000", "frame_rate")])
def test_numbers_beyond_reason(flag: str, word: str, tmp_path: Path) -> None:
  line = one_short_line(run("worlds/movi.py", flag, f"--output_dir={tmp_path / 'out'}"))
  assert word in line and not (tmp_path / "out").exists()


def text_flags() -> list[str]:
  """Names of the flags of all worlds' scripts that are texts, with the script."""
  common = ("seed", "split", "layers", "output_dir", "sinks", "quality", "denoiser", "device", "flagfile", "no_such_flag")
  names = {(world, name) for world in world_names()[:1] for name in common}
  names |= {(world, field.name) for world in world_names() for field in dataclasses.fields(load_world(world).config)
            if isinstance(field.default, str)}
  return [f"{world} --{name}" for world, name in sorted(names)]


@pytest.mark.parametrize("flag", text_flags())
def test_long_texts_are_not_echoed(flag: str, tmp_path: Path) -> None:
  world, name = flag.split()
  more = () if name == "--output_dir" else (f"--output_dir={tmp_path / 'out'}", "--dry_run")
  variant = ("--variant=c",) if world == "movi" and name.endswith("_assets") else ()
  line = one_short_line(run(f"worlds/{world}.py", *more, *variant, f"{name}={'x' * LONG}"), MAX_MESSAGE)
  assert ("xxxx" in line or name == "--no_such_flag") and not (tmp_path / "out").exists()


@pytest.mark.parametrize("flag", ["seed", "num_scenes", "split_scenes", "world", "resolution", "file_format", "splits",
                                  "processes", "max_worker_memory", "no_such_flag", "store_dir"])
def test_long_texts_are_not_echoed_by_the_pipeline(flag: str, tmp_path: Path) -> None:
  scenes = () if flag in ("seed", "num_scenes", "split_scenes") else ("--num_scenes=1",)
  one_short_line(run("-m", "beam_pipelines.generate", *scenes, f"--data_dir={tmp_path}", f"--{flag}={'x' * LONG}"), MAX_MESSAGE)


@pytest.mark.parametrize("flag", [
    "num_scenes=" + "9" * 400, "start_seed=" + "9" * 30, "processes=1000000000000", "processes=0", "max_attempts=" + "9" * 400,
    "stall_timeout=inf", "stall_timeout=nan", "stall_timeout=1e308", "max_worker_memory=nan", "max_worker_memory=inf",
    "max_failed_fraction=nan", "num_scenes=1_0", "resolution=\u0661\u0662"])
def test_numbers_beyond_reason_for_the_pipeline(flag: str, tmp_path: Path) -> None:
  scenes = () if flag.startswith("num_scenes") else ("--num_scenes=1",)
  line = one_short_line(run("-m", "beam_pipelines.generate", *scenes, f"--data_dir={tmp_path}", f"--{flag}"))
  assert flag.partition("=")[0] in line and not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [("worlds/movi.py",), ("-m", "beam_pipelines.generate")])
def test_a_flag_with_a_long_name(command: tuple[str, ...]) -> None:
  one_short_line(run(*command, f"--{'x' * LONG}=1"))


@pytest.mark.parametrize(("text", "number"), [("3", 3), ("-3", -3), ("+3", 3), ("007", 7), (5, 5)])
def test_whole_numbers(text: Any, number: int) -> None:
  assert WholeParser().parse(text) == number


@pytest.mark.parametrize("text", ["", "1_0", "\u0663", "²", "1.0", "0x10", " 3", "nan", "9" * 1001])
def test_what_is_no_whole_number(text: str) -> None:
  with pytest.raises(ValueError, match="whole number|too many digits"):
    WholeParser().parse(text)


@pytest.mark.parametrize(("text", "number"), [("3", 3.0), ("-1.5e3", -1500.0), (".5", 0.5), (2, 2.0)])
def test_finite_numbers(text: Any, number: float) -> None:
  assert FiniteParser().parse(text) == number


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e309", "1_0", "\u0663", math.nan])
def test_what_is_no_finite_number(text: Any) -> None:
  with pytest.raises(ValueError):
    FiniteParser().parse(text)
  with pytest.raises(ValueError):
    FiniteParser(0, 10).parse(text)


def test_bounds_are_those_of_absl() -> None:
  with pytest.raises(ValueError, match="range"):
    WholeParser(1, 5).parse("6")
  assert isinstance(FiniteParser(0, 1), flags.FloatParser)
