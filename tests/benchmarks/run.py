"""Measures speed, memory and image quality on MOVi-A and prints Markdown tables; `make benchmark` runs it.

Ratios are taken within one run on one machine. Every measurement runs in a process of its own, one after another.
Name sections to run only some: `python tests/benchmarks/run.py geometry memory`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kubric_gen.workers.child import peak_megabytes, resident_megabytes
from tests.benchmarks import dataset, views

SEED = 3
GEOMETRY = ("segmentation", "depth", "normal", "object_coordinates", "forward_flow", "backward_flow")


def _generate(output: str, seed: int = SEED, layers: tuple[str, ...] | None = None, quality: dict[str, Any] | None = None,
              **config: Any) -> float:
  """Makes one scene and returns the seconds it took."""
  from kubric_gen.cli.generating import generate
  from kubric_gen.render import RenderSettings
  from worlds.movi import WORLD, MoviConfig
  start = time.perf_counter()
  generate(WORLD, MoviConfig(**config), seed, output, layers=layers,
           settings=RenderSettings(device="cpu", **(quality or {})), overwrite=True)
  return time.perf_counter() - start


def measure_overhead() -> dict[str, float]:
  """24 frames at 256×256 and 64 spp, from the interpreter's start: how much is not Cycles sampling or denoising.

  Cycles builds its ray hierarchy inside the same call, so that counts as Cycles too.
  """
  inside = 0.0
  import kubric_gen.render.cycles as renderer
  opened = renderer.CyclesRenderer.__enter__

  def timed_open(self: renderer.CyclesRenderer) -> renderer.CyclesRenderer:
    opened(self)
    import cycles
    if not hasattr(cycles, "original_render"):
      cycles.original_render = cycles.CyclesRender.render

      def timed(engine: Any, depsgraph: Any) -> None:
        nonlocal inside
        start = time.perf_counter()
        cycles.original_render(engine, depsgraph)
        inside += time.perf_counter() - start

      cycles.CyclesRender.render = timed
    return self

  renderer.CyclesRenderer.__enter__ = timed_open  # type: ignore[method-assign]
  with tempfile.TemporaryDirectory() as output:
    _generate(output, quality={"samples_per_pixel": 64})
  total = time.clock_gettime(time.CLOCK_BOOTTIME) - _process_start()
  return {"total": total, "cycles": inside, "peak_mb": peak_megabytes()}


def _process_start() -> float:
  """When this process started, seconds since boot."""
  with open("/proc/self/stat") as file:
    return int(file.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def measure_geometry() -> dict[str, float]:
  """Frames per second of the geometry layers at 256×256, files included, after a small first scene."""
  with tempfile.TemporaryDirectory() as output:
    _generate(output, layers=GEOMETRY, resolution=(32, 32), num_frames=2)
    result = {"six": 24 / _generate(output, layers=GEOMETRY)}
    for name in ("occlusion_forward", "amodal_segmentation", "z", "uv", "tracks"):
      result[name] = 24 / _generate(output, layers=(name,))
    result["metadata"] = 24 / _generate(output, layers=("segmentation",))
  return result


def measure_imports() -> dict[str, float]:
  """Median seconds of fresh interpreters that import something, less those of bare ones."""
  def seconds(code: str) -> float:
    times = []
    for _ in range(9):
      start = time.perf_counter()
      subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
      times.append(time.perf_counter() - start)
    return statistics.median(times)

  bare = seconds("pass")
  return {"numpy_scipy": seconds("import numpy, scipy") - bare,
          "numpy_scipy_transform": seconds("import numpy, scipy.spatial.transform") - bare,
          "kubric_gen": seconds("import kubric_gen") - bare,
          "kubric_gen_scene": seconds("import kubric_gen; kubric_gen.Scene") - bare}


def measure_restart() -> dict[str, float]:
  """The same small scene three times in one process."""
  with tempfile.TemporaryDirectory() as output:
    first, second, third = (_generate(output, resolution=(64, 64), num_frames=2, quality={"samples_per_pixel": 4})
                            for _ in range(3))
  return {"first": first, "second": min(second, third)}


def measure_memory() -> dict[str, float]:
  """Resident memory over 100 different scenes in one process."""
  marks = {}
  with tempfile.TemporaryDirectory() as output:
    for seed in range(100):
      _generate(output, seed=seed, resolution=(64, 64), num_frames=2, quality={"samples_per_pixel": 1})
      if seed + 1 in (10, 50, 100):
        marks[f"after_{seed + 1}"] = resident_megabytes()
  return marks


QUALITY_ROWS = [("draft", {"quality": "draft"}), ("standard", {"quality": "standard"}), ("high", {"quality": "high"}),
                ("64 spp, accurate (Blender's default)", {"samples_per_pixel": 64, "denoiser": "accurate"}),
                *((f"{spp} spp, {denoiser}", {"samples_per_pixel": spp, "denoiser": denoiser})
                  for spp in (4, 16, 64) for denoiser in ("none", "fast", "accurate") if (spp, denoiser) != (64, "accurate"))]


def measure_quality() -> dict[str, list[float]]:
  """PSNR, SSIM and seconds a frame of three frames of seed 3 at 128×128 against 4096 spp, 8-bit sRGB."""
  import numpy as np
  from skimage.metrics import peak_signal_noise_ratio, structural_similarity

  from kubric_gen.physics import simulate
  from kubric_gen.render import CyclesRenderer, RenderSettings
  from worlds.movi import WORLD, MoviConfig
  scene = WORLD.scene(MoviConfig(resolution=(128, 128)), SEED)
  motion = simulate(scene)
  indices = (2, 11, 20)

  def render(**settings: Any) -> tuple[list[Any], float]:
    with CyclesRenderer(scene, motion, RenderSettings(device="cpu", **settings)) as renderer:
      next(renderer.frames(indices=[0]))  # scene set-up is not the settings' doing
      start = time.perf_counter()
      images = [frame[..., :3] for frame in renderer.frames(indices=indices)]
      return images, (time.perf_counter() - start) / len(indices)

  truth, _ = render(samples_per_pixel=4096, denoiser="none")
  rows = {}
  for name, settings in QUALITY_ROWS:
    images, seconds = render(**settings)
    # One PSNR over the three frames together
    psnr = peak_signal_noise_ratio(np.stack(truth), np.stack(images), data_range=255)
    ssim = statistics.mean(structural_similarity(a, b, channel_axis=-1, data_range=255) for a, b in zip(truth, images))
    rows[name] = [float(psnr), float(ssim), seconds]
  return rows


def measure_clutter() -> dict[str, float]:
  """MOVi-D with as many objects as it can have: with nothing kept from before, and again with other objects."""
  import tempfile
  os.environ["KUBRIC_GEN_CACHE"] = tempfile.mkdtemp()
  from worlds.movi import WORLD, MoviConfig
  config = MoviConfig(variant="d", min_num_static=20, max_num_static=20, min_num_dynamic=3, max_num_dynamic=3)
  times = []
  for seed in range(6):
    start = time.perf_counter()
    scene = WORLD.scene(config, seed)
    times.append(time.perf_counter() - start)
    assert len(scene.objects) == 25  # with floor and dome
  return {"first": times[0], "worst": max(times), "mean": statistics.mean(times[1:])}


def report_clutter(result: dict[str, float]) -> list[str]:
  return [f"| 23 objects of MOVi-D built, placed and settled (with an empty cache; mean and longest of six scenes) | "
          f"{result['first']:.1f} s ({result['mean']:.1f} s, {result['worst']:.1f} s) | < 10 s |"]


def report_overhead(result: dict[str, float]) -> list[str]:
  rest = result["total"] - result["cycles"]
  return [f"| everything outside Cycles' render call, from the interpreter's start; 24 frames, 256×256, 64 spp | "
          f"{100 * rest / result['total']:.1f} % of {result['total']:.0f} s | ≤ 8 % |",
          f"| peak memory of that scene | {result['peak_mb']:.0f} MB | < 500 MB |"]


def report_geometry(result: dict[str, float]) -> list[str]:
  rows = [f"| six geometry layers, 256×256 | {result['six']:.1f} frames/s | ≥ 8 frames/s |"]
  base = 1 / result["metadata"]
  for name in ("occlusion_forward", "amodal_segmentation", "z", "uv", "tracks"):
    note = " (its rays are cast anyway)" if name == "amodal_segmentation" else ""
    rows.append(f"| `{name}` beyond segmentation{note} | {1000 * max(0.0, 1 / result[name] - base):.0f} ms a frame | |")
  return rows


def report_imports(result: dict[str, float]) -> list[str]:
  bare = max(0.0, result["kubric_gen"] / result["numpy_scipy"])
  return [f"| `import kubric_gen` ÷ `import numpy, scipy` | {bare:.2f} | ≤ 1.4 |",
          f"| scene classes loaded ÷ `import numpy, scipy.spatial.transform` | "
          f"{result['kubric_gen_scene'] / result['numpy_scipy_transform']:.2f} | ≤ 1.4 |"]


def report_restart(result: dict[str, float]) -> list[str]:
  return [f"| second scene ÷ first scene in one process | {result['second'] / result['first']:.2f} "
          f"({result['second']:.2f} s, {result['first']:.2f} s) | |"]


def report_memory(result: dict[str, float]) -> list[str]:
  growth = result["after_100"] - result["after_10"]
  return [f"| resident memory after 10, 50, 100 scenes in one process | "
          f"{', '.join(f'{value:.0f}' for value in result.values())} MB (grows {growth:+.0f} MB) | flat |"]


def report_quality(rows: dict[str, list[float]]) -> list[str]:
  reference = rows["64 spp, accurate (Blender's default)"]
  return ["", "| setting | PSNR (dB) | SSIM | s a frame | time ÷ 64 spp accurate |", "| --- | --- | --- | --- | --- |",
          *(f"| {name} | {psnr:.2f} | {ssim:.4f} | {seconds:.2f} | {seconds / reference[2]:.2f} |"
            for name, (psnr, ssim, seconds) in rows.items())]


SECTIONS: dict[str, tuple[Callable[[], Any], Callable[[Any], list[str]]]] = {
    "imports": (measure_imports, report_imports), "restart": (measure_restart, report_restart),
    "clutter": (measure_clutter, report_clutter),
    "geometry": (measure_geometry, report_geometry), "overhead": (measure_overhead, report_overhead),
    "memory": (measure_memory, report_memory), **dataset.SECTIONS, **views.SECTIONS, "quality": (measure_quality, report_quality)}


def _machine() -> str:
  model = platform.processor() or platform.machine()
  with open("/proc/cpuinfo") as file:
    model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), model)
  memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
  return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}"


def main() -> None:
  if sys.argv[1:2] == ["--measure"]:
    result = SECTIONS[sys.argv[2]][0]()
    print(f"RESULT {json.dumps(result)}")
    return
  names = sys.argv[1:] or list(SECTIONS)
  print(f"Machine: {_machine()}\n\n| what | measured | target |\n| --- | --- | --- |", flush=True)
  for name in names:
    run = subprocess.run([sys.executable, __file__, "--measure", name], stdout=subprocess.PIPE, text=True, check=True)
    line = next(line for line in run.stdout.splitlines() if line.startswith("RESULT "))
    print("\n".join(SECTIONS[name][1](json.loads(line[7:]))), flush=True)


if __name__ == "__main__":
  main()
