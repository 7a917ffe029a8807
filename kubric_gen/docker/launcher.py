"""Runs one container for each seed, a few at a time, and tries again what failed."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubric_gen.docker.engine import Engine, told_in_one_line
from kubric_gen.errors import BAD_INPUT, KubricGenError

LABEL = "kubric-gen.seed"
CACHE = "kubric-gen-cache"
"""The volume that keeps compiled GPU kernels from one container to the next."""
PAUSE = 1.0
"""Seconds before a seed is tried again."""
GRACE = 5
"""Seconds in which a container that is stopped may clear up."""
HOPELESS = 3
"""So many scenes refused for bad input, and none made: the others would be, too."""


@dataclass(frozen=True)
class Job:
  """What to run.

  Attributes:
    image: its name. script: of a world, in the image or (as an absolute path or ./…) on this machine. flags: of the script.
    seeds: one container each. output_dir: where the scene directories and the folder logs/ appear.
    jobs: containers at a time. cpus, memory: that each may use (processors, bytes); 0 for no limit.
    gpus: "" for none, "all", a number, or identifiers, comma-separated. network: that containers are in, "none" for none.
    max_attempts: how often a seed is tried. timeout: seconds after which a container is stopped; 0 for never.
  """

  image: str
  script: str
  flags: tuple[str, ...]
  seeds: tuple[int, ...]
  output_dir: Path
  jobs: int
  cpus: float = 0.0
  memory: int = 0
  gpus: str = ""
  network: str = "none"
  max_attempts: int = 3
  timeout: float = 0.0


@dataclass(frozen=True)
class Result:
  """What became of a seed.

  Attributes:
    made: its scene directory is there. reused: it was there before.
    attempts: how often it was tried. seconds: of the last attempt. status: its exit status. message: why it failed.
  """

  seed: int
  made: bool
  reused: bool = False
  attempts: int = 1
  seconds: float = 0.0
  status: int = 0
  message: str = ""


class Launcher:
  """Runs a job on an engine. `stop` may be called from another thread or a signal handler.

  Args:
    report: called in the calling thread with each result, as it comes.
  """

  def __init__(self, engine: Engine, job: Job, report: Callable[[Result], None] = lambda result: None) -> None:
    self._engine, self._job, self._report = engine, job, report
    self._stopping = threading.Event()
    self._local = threading.local()
    self.logs = job.output_dir / "logs"

  def check(self) -> None:
    """Makes sure that the image is there and the output can be written.

    Raises:
      KubricGenError: it is not, or cannot.
    """
    with told_in_one_line(f"cannot use the image {self._job.image}"):
      self._client().images.get(self._job.image)
    try:
      self.logs.mkdir(parents=True, exist_ok=True)
      probe = self.logs / ".probe"
      probe.touch()
      probe.unlink()
    except OSError as error:
      raise KubricGenError(f"cannot write to {self.logs} ({error.strerror}): choose another --output_dir") from None

  def run(self) -> list[Result]:
    """Runs all containers; their results in the order of the seeds.

    Raises:
      KubricGenError: the engine refuses, or the first scenes were all refused for bad input.
      KeyboardInterrupt: once every container is gone.
    """
    self.check()
    results: dict[int, Result] = {}
    waiting, running = deque(self._job.seeds), set[Future[Result]]()
    threads = ThreadPoolExecutor(self._job.jobs, thread_name_prefix="container")
    try:
      while waiting or running:
        while waiting and len(running) < self._job.jobs:
          running.add(threads.submit(self._make, waiting.popleft()))
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
          result = future.result()
          results[result.seed] = result
          self._report(result)
        if len(results) >= HOPELESS and all(result.status == BAD_INPUT for result in results.values()):
          waiting.clear()
      return [results[seed] for seed in self._job.seeds if seed in results]
    finally:
      self._stopping.set()
      threads.shutdown(wait=True)

  def stop(self) -> None:
    """Ends all containers soon; their scenes are not there then."""
    self._stopping.set()

  def _client(self) -> Any:
    if not hasattr(self._local, "client"):
      self._local.client = self._engine.client()
    return self._local.client

  def _make(self, seed: int) -> Result:
    result = Result(seed, False)
    for attempt in range(1, self._job.max_attempts + 1):
      if attempt > 1 and self._stopping.wait(PAUSE):
        break
      result = self._attempt(seed, attempt)
      if result.made or result.status == BAD_INPUT or self._stopping.is_set():
        break
    return result

  def _attempt(self, seed: int, attempt: int) -> Result:
    log = self.logs / f"{seed}.log"
    started = time.perf_counter()
    with open(log, "wb" if attempt == 1 else "ab") as file, told_in_one_line(f"seed {seed}"):
      file.write(f"--- attempt {attempt} of {self._job.max_attempts}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
      file.flush()
      begin = file.tell()
      container = self._client().containers.create(self._job.image, **self._options(seed))
      try:
        watch = _Watch(self._engine, container.id, self._stopping, self._job.timeout)
        container.start()
        with watch:
          for part in container.logs(stream=True, follow=True):
            file.write(part)
            file.flush()
          container.wait()
        container.reload()
        state = container.attrs["State"]
      finally:
        with contextlib.suppress(Exception):  # what matters has been said by then
          container.remove(v=True, force=True)
    text = log.read_bytes()[begin:].decode(errors="replace")
    seconds, status = time.perf_counter() - started, int(state["ExitCode"])
    if status == 0:
      return Result(seed, True, text.rstrip().endswith("already there"), attempt, seconds)
    message = watch.reason or _last_words(text) or f"the container ended with status {status}"
    if state.get("OOMKilled") and "memory" not in message:
      message = "out of memory: give containers more --memory, or run fewer at a time (--jobs)"
    return Result(seed, False, False, attempt, seconds, status, message)

  def _options(self, seed: int) -> dict[str, Any]:
    """How the container of a seed is made: nothing can be written but the output, and there is no network."""
    job, engine = self._job, self._engine
    from docker.types import Mount
    label = ",z" if engine.selinux else ""
    output = job.output_dir.absolute()
    script, binds = job.script, [f"{output}:/output:rw{label}"]
    if script.startswith(("/", "./", "../")):
      binds.append(f"{Path(script).absolute()}:/scripts/{Path(script).name}:ro{label}")
      script = f"/scripts/{Path(script).name}"
    owner = output.stat()
    user = "0:0" if engine.rootless else f"{owner.st_uid}:{owner.st_gid}" if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"
    options: dict[str, Any] = {
        "command": [script, f"--seed={seed}", "--output_dir=/output", "--resume", *job.flags], "user": user, "volumes": binds,
        "mounts": [Mount("/tmp", None)],  # on disk: what lies in memory would count as the container's
        "network_mode": job.network, "read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"],
        "labels": {LABEL: str(seed)}, "detach": True}
    if engine.rootless:
      options["cap_add"] = ["DAC_OVERRIDE"]  # of the user's own files
    if job.cpus:
      options["nano_cpus"] = int(job.cpus * 1e9)
    if job.memory:
      options |= {"mem_limit": job.memory, "memswap_limit": job.memory}
    if job.gpus:
      options |= _gpus(engine, job.gpus)
      binds.append(f"{CACHE}:/cache")
    return options


def _gpus(engine: Engine, gpus: str) -> dict[str, Any]:
  if engine.podman:
    return {"devices": [f"nvidia.com/gpu={name}" for name in gpus.split(",")]}
  from docker.types import DeviceRequest
  chosen: dict[str, Any] = {"count": -1} if gpus == "all" else (
      {"count": int(gpus)} if gpus.isdigit() else {"device_ids": gpus.split(",")})
  return {"device_requests": [DeviceRequest(capabilities=[["gpu"]], **chosen)]}


def _last_words(text: str) -> str:
  """The line of a log that says why the program ended."""
  lines: Sequence[str] = [line.strip() for line in text.splitlines() if line.strip()]
  errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
  return (errors or lines or [""])[-1][:400]


class _Watch:
  """Stops a container when everything is to stop or its time is over; a context manager around its run."""

  def __init__(self, engine: Engine, identifier: str, stopping: threading.Event, timeout: float) -> None:
    self._engine, self._identifier, self._stopping, self._timeout = engine, identifier, stopping, timeout
    self._over = threading.Event()
    self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
    self.reason = ""

  def _watch(self) -> None:
    started = time.monotonic()
    while not self._over.wait(0.2):
      if self._stopping.is_set():
        self.reason = "stopped"
      elif self._timeout and time.monotonic() - started > self._timeout:
        self.reason = f"not finished after {self._timeout:g} s: stopped (--timeout)"
      if self.reason:
        with contextlib.suppress(Exception):  # it may have ended by itself
          self._engine.client().containers.get(self._identifier).stop(timeout=GRACE)
        return

  def __enter__(self) -> None:
    self._thread.start()

  def __exit__(self, *_: object) -> None:
    self._over.set()
    self._thread.join()
