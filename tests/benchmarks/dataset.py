"""Measures the way from seeds to shards: the rate of workers, what the pipeline costs, and what memory it takes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RATE_TURNS = ((("bare", 0), ("workers", 0), ("workers", 1), ("bare", 1)),
              (("workers", 2), ("bare", 2), ("bare", 3), ("workers", 3)))
"""What the first and the second process do one after another, with which seed."""
CODED = ("depth", "forward_flow", "backward_flow", "normal", "object_coordinates")
PACKED_RECORDS = 24
MEMORY_SCENES = 200


def recipe(**config: Any) -> Any:
  """MOVi-A on one thread."""
  from kubric_gen.shards.recipe import Recipe
  from kubric_gen.render import RenderSettings
  from worlds.movi import MoviConfig
  settings = {name: config.pop(name) for name in ("samples_per_pixel", "quality") if name in config}
  chosen = MoviConfig(**config)
  return Recipe("movi", chosen, (chosen.resolution,), RenderSettings(device="cpu", threads=1, **settings))


def _warm() -> Any:
  return recipe(resolution=(32, 32), num_frames=1, samples_per_pixel=1)


def bare_cycles(report: Callable[[str], None], job: Any, seed: int) -> float:
  """Seconds of rendering a seed's frames with Cycles, and nothing else; called in a worker process."""
  from kubric_gen.physics import simulate
  from kubric_gen.render import CyclesRenderer
  report("prepare")
  scene = job.world.scene(job.config, seed, job.dataset.split_of(seed))
  motion = simulate(scene)
  started = time.perf_counter()
  with CyclesRenderer(scene, motion, job.settings) as renderer:
    for _ in renderer.frames():
      report("render")
  return time.perf_counter() - started


def measure_rate() -> dict[str, float]:
  """Busy seconds of two processes, both always at work: of rendering scenes only, and of making them into a store.

  Both kinds take turns on the same scenes, so that a machine that is now faster, now slower does not decide.
  """
  from kubric_gen.workers import WorkerProcess
  job = recipe()
  total = {"bare": 0.0, "workers": 0.0}
  parts: dict[str, float] = {}

  def work(worker: WorkerProcess, turns: tuple[tuple[str, int], ...]) -> None:
    worker.call("tests.benchmarks.dataset:bare_cycles", _warm(), 0)
    for kind, seed in turns:
      if kind == "bare":
        seconds = worker.call("tests.benchmarks.dataset:bare_cycles", job, seed).value
        total[kind] += seconds
        continue
      started = time.perf_counter()
      summary = worker.call("kubric_gen.shards.tasks:make_stored_scene", job, store, job.key(seed)).value
      seconds = time.perf_counter() - started
      total[kind] += seconds
      for stage, spent in summary.seconds.items():
        parts[stage] = parts.get(stage, 0.0) + spent

  environment = {"PYTHONPATH": str(ROOT)}
  with (tempfile.TemporaryDirectory() as store, WorkerProcess(environment=environment) as a,
        WorkerProcess(environment=environment) as b, ThreadPoolExecutor(2) as threads):
    list(threads.map(work, (a, b), RATE_TURNS))
  scene = sum(parts[stage] for stage in ("build", "simulate", "annotate", "render"))
  return {**total, "around": total["workers"] - scene, **{f"stage {name}": seconds for name, seconds in parts.items()}}


def _record() -> tuple[Any, Any, Any]:
  """Features and record of a scene at 256×256 with 24 frames, all frames as arrays in memory, and the finished scene."""
  import numpy as np

  from kubric_gen.shards import scene as scenes
  from kubric_gen.schema.tf_example import encode
  job = recipe(samples_per_pixel=1)
  kept = {}

  def keep(features: Any, record: Any) -> bytes:
    kept["features"], kept["record"] = features, {
        name: np.stack(list(value)) if name in ("video", "segmentations", "depth", "forward_flow", "backward_flow", "normal",
                                                "object_coordinates") else value for name, value in record.items()}
    return encode(features, record)

  scenes.encode = keep
  finished = scenes.make_scene(job, job.key(3))
  scenes.encode = encode
  return kept["features"], kept["record"], finished


def measure_encoding() -> dict[str, float]:
  """Seconds of encoding a record, and of the codecs alone on the same arrays: quantisation, PNG, zlib; the better of five."""
  import zlib

  from kubric_gen.schema.features import element
  from kubric_gen.schema.number_features import ZLIB_LEVEL
  from kubric_gen.schema.tf_example import encode
  from kubric_gen.codecs.png import encode_png
  features, record, _ = _record()

  def stored(name: str) -> Iterator[Any]:
    feature = element(features[name])
    for frame in record[name]:
      yield frame.astype(feature.dtype) if feature.coding is None else feature.coding.encode(frame, record)

  def coded() -> int:
    return sum(frame.nbytes for name in CODED for frame in stored(name))

  def bare() -> int:
    images = sum(len(encode_png(frame)) for name in ("video", "segmentations", "depth", "normal", "object_coordinates")
                 for frame in stored(name))
    return images + sum(len(zlib.compress(frame.tobytes(), ZLIB_LEVEL)) for name in ("forward_flow", "backward_flow")
                        for frame in stored(name))

  def best(work: Callable[[], Any]) -> float:
    times = []
    for _ in range(5):
      started = time.perf_counter()
      work()
      times.append(time.perf_counter() - started)
    return min(times)

  return {"bare": best(bare), "quantise": best(coded), "encode": best(lambda: encode(features, record)),
          "bytes": len(encode(features, record))}


def measure_packing() -> dict[str, list[float]]:
  """MB/s of packing shards from a full store, and of the bare writers on the same bytes in memory; the best of six."""
  from kubric_gen.shards.scene import EncodedScene
  from kubric_gen.shards.layout import Shard
  from kubric_gen.shards.packing import pack_shard
  from kubric_gen.shards.store import SceneStore
  from kubric_gen.sinks import record_sink
  job = recipe(samples_per_pixel=1)
  _, _, finished = _record()
  rates: dict[str, list[float]] = {}
  with tempfile.TemporaryDirectory() as folder:
    store = SceneStore(folder, job)
    seeds = [seed for seed in range(100) if job.dataset.split_of(seed).name == "train"][:PACKED_RECORDS]
    for seed in seeds:
      store.write(EncodedScene({**finished.info, "seed": seed, "split": "train"}, finished.records, finished.thumbnail))
    (record,) = finished.records["256x256"].values()
    megabytes = len(record) * len(seeds) / 1e6

    copies = [bytes(bytearray(record)) for _ in seeds]

    def bare(place: str, file_format: str) -> None:
      kind = record_sink(file_format)
      writer = kind.open_writer(object.__new__(kind), str(Path(place) / f"bare.{file_format}"))  # the library's, without the sink
      for copy in copies:
        writer.write(copy)
      writer.close()

    def packed(place: str, file_format: str) -> None:
      pack_shard(lambda stage: None, job, folder, {file_format: place}, Shard("train", "256x256", 0, 1, tuple(seeds)))

    for file_format in ("tfrecord", "array_record", "parquet"):
      results: dict[str, list[float]] = {"bare": [], "packed": []}
      for _ in range(6):
        for name, work in (("bare", bare), ("packed", packed)):
          with tempfile.TemporaryDirectory() as place:  # replacing a file would wait for the disk
            started = time.perf_counter()
            work(place, file_format)
            results[name].append(megabytes / (time.perf_counter() - started))
      rates[file_format] = [max(results["bare"]), max(results["packed"])]
  return rates


def _driver_peak(folder: Path, num_scenes: int) -> float:
  """Peak resident memory, MB, of a driver whose scenes are all stored."""
  process = subprocess.Popen(
      [sys.executable, "-m", "beam_pipelines.generate", f"--data_dir={folder / str(num_scenes)}",
       f"--store_dir={folder / 'store'}", f"--num_scenes={num_scenes}",
       "--resolution=16", "--num_frames=1", "--samples_per_pixel=1", "--device=cpu"],
      cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
  peak = 0.0
  while process.poll() is None:
    with open(f"/proc/{process.pid}/status") as file:
      peak = next((int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith("VmHWM")), peak)
    time.sleep(0.02)
  if process.returncode:
    raise RuntimeError(process.stderr.read() if process.stderr else "")
  return peak


def measure_driver() -> dict[str, float]:
  """Peak memory of the driver for 16 and for 1,000 scenes."""
  from kubric_gen.shards.scene import EncodedScene, make_scene
  from kubric_gen.shards.store import SceneStore
  job = recipe(resolution=(16, 16), num_frames=1, samples_per_pixel=1)
  scene = make_scene(job, job.key(0))
  with tempfile.TemporaryDirectory() as folder:
    store = SceneStore(Path(folder) / "store", job)
    store.open()
    for seed in range(1000):  # the driver sees no pixels: one scene under all keys will do
      split = job.dataset.split_of(seed)
      store.write(EncodedScene({**scene.info, "seed": seed, "split": split.name, "config_hash": job.hash(split)},
                                scene.records, scene.thumbnail))
    return {str(number): _driver_peak(Path(folder), number) for number in (16, 1000)}


def measure_worker_memory() -> dict[str, float]:
  """Peak memory of one worker over many scenes at 256×256, and what it holds after the first and the last ones."""
  from kubric_gen.workers import WorkerProcess
  job = recipe(num_frames=2, samples_per_pixel=2)
  marks = {}
  with WorkerProcess() as worker, tempfile.TemporaryDirectory() as store:
    for seed in range(MEMORY_SCENES):
      outcome = worker.call("kubric_gen.shards.tasks:make_stored_scene", job, store, job.key(seed))
      if seed + 1 in (10, MEMORY_SCENES):
        marks[f"after {seed + 1}"] = outcome.resident_mb
    longer = replace(job, config=replace(job.config, num_frames=24))
    full = worker.call("kubric_gen.shards.tasks:make_stored_scene", longer, store, longer.key(MEMORY_SCENES))
    marks["peak"] = full.peak_mb
  return marks


def report_rate(result: dict[str, float]) -> list[str]:
  stages = ", ".join(f"{name[6:]} {seconds / 4:.2f}" for name, seconds in result.items() if name.startswith("stage"))
  return [f"| two workers ÷ two bare Cycles processes, scenes per second, 256×256, 24 frames | "
          f"{result['bare'] / result['workers']:.3f} ({result['workers'] / 4:.1f} core-seconds a scene) | ≥ 0.97 |",
          f"| pipeline around the scenes: hand-over, encoding, statistics, storing | "
          f"{100 * result['around'] / result['workers']:.1f} % (s a scene: {stages}) | ≤ 5 % |"]


def report_encoding(result: dict[str, float]) -> list[str]:
  return [f"| encoding a record ÷ bare codecs on the same arrays | {result['encode'] / result['bare']:.2f} "
          f"({result['encode']:.2f} s with {result['quantise']:.2f} s of quantisation, {result['bytes'] / 1e6:.1f} MB) | ≤ 1.2 |"]


def report_packing(result: dict[str, list[float]]) -> list[str]:
  return [f"| packing `{name}` from a full store ÷ bare writer on the same bytes | {packed / bare:.2f} "
          f"({packed:.0f} and {bare:.0f} MB/s) | ≥ 0.8 |" for name, (bare, packed) in result.items()]


def report_driver(result: dict[str, float]) -> list[str]:
  return [f"| driver's peak memory for 16 and 1,000 scenes | {result['16']:.0f} and {result['1000']:.0f} MB "
          f"({result['1000'] - result['16']:+.0f} MB) | < 50 MB more |"]


def report_worker_memory(result: dict[str, float]) -> list[str]:
  after = ", ".join(f"{value:.0f} MB {name}" for name, value in result.items() if name != "peak")
  return [f"| peak memory of a Blender worker over {MEMORY_SCENES} scenes at 256×256 | {result['peak']:.0f} MB ({after}) | "
          "< 600 MB |"]


SECTIONS: dict[str, tuple[Callable[[], Any], Callable[[Any], list[str]]]] = {
    "rate": (measure_rate, report_rate), "encoding": (measure_encoding, report_encoding),
    "packing": (measure_packing, report_packing), "driver": (measure_driver, report_driver),
    "workers": (measure_worker_memory, report_worker_memory)}
