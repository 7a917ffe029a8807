"""Runs one container for each seed, a few at a time, and tries again what failed."""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kubric_gen.docker.engine import Engine, told_in_one_line
from kubric_gen.errors import BAD_INPUT, KubricGenError

LABEL = "kubric-gen.seed"
CACHE = "kubric-gen-cache"
"""The volume that keeps compiled GPU kernels from one container to the next."""
PAUSE = 1.0
"""Seconds before a seed is tried again."""
GRACE = 5
"""Seconds in which a container that is stopped may clear up."""
ALREADY_THERE = "already there"
"""The last words of a world's script about a scene that it leaves as it is."""


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
  seeds: Sequence[int]
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


def gpu_count(text: str) -> int | None:
  """How many GPUs a text asks for; None where it names them."""
  return int(text[:9]) if text.isascii() and text.isdigit() else None


class Launcher:
  """Runs a job on an engine. `stop` may be called from another thread or a signal handler.

  Args:
    report: called in the calling thread with each result, as it comes.
  """

  def __init__(self, engine: Engine, job: Job, report: Callable[[Result], None] = lambda result: None) -> None:
    self._engine, self._job, self._report = engine, job, report
    self._stopping = threading.Event()
    self._local = threading.local()
    self._clients: list[Any] = []
    self.logs = job.output_dir / "logs"

  def check(self) -> None:
    """Makes sure that the image is there, the output can be written, and the script takes its flags.

    Raises:
      KubricGenError: one of them does not hold.
    """
    job = self._job
    with told_in_one_line(f"cannot use the image {job.image}"):
      self._client().images.get(job.image)
    try:
      self.logs.mkdir(parents=True, exist_ok=True)
      probe = self.logs / ".probe"
      probe.touch()
      probe.unlink()
    except OSError as error:
      raise KubricGenError(f"cannot write to {self.logs} ({error.strerror}): choose another --output_dir") from None
    with told_in_one_line(f"cannot run {job.script}"):
      status, text, _ = self._contain(["--dry_run", "--resume", *job.flags], None)
    if status and not self._stopping.is_set():
      raise KubricGenError(_last_words(text) or f"{job.script} ends with status {status} when it is to check its flags")

  def run(self) -> list[Result]:
    """Runs all containers; their results in the order of the seeds.

    Raises:
      KubricGenError: `check` failed.
      KeyboardInterrupt: once every container is gone.
    """
    results: dict[int, Result] = {}
    waiting, running = iter(self._job.seeds), set[Future[Result]]()
    threads = ThreadPoolExecutor(self._job.jobs, thread_name_prefix="container")
    try:
      self.check()
      while True:
        running |= {threads.submit(self._make, seed) for seed in itertools.islice(waiting, self._job.jobs - len(running))}
        if not running:
          break
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
          result = future.result()
          results[result.seed] = result
          self._report(result)
      return [results[seed] for seed in self._job.seeds]
    finally:
      self._stopping.set()
      threads.shutdown(wait=True)
      for client in self._clients:
        client.close()

  def stop(self) -> None:
    """Ends all containers soon; their scenes are not there then."""
    self._stopping.set()

  def _client(self) -> Any:
    if not hasattr(self._local, "client"):
      self._local.client = self._engine.client()
      self._clients.append(self._local.client)
    return self._local.client

  def _make(self, seed: int) -> Result:
    """Tries a seed until its scene is there or another attempt is of no use; the last attempt's result."""
    from tenacity import RetryCallState, Retrying, retry_if_result

    def give_up(state: RetryCallState) -> bool:
      """The pause is made here: after one in `sleep`, tenacity would try once more even if all is to stop."""
      return state.attempt_number >= self._job.max_attempts or self._stopping.wait(PAUSE)

    attempts = Retrying(retry=retry_if_result(lambda result: not result.made and result.status != BAD_INPUT), stop=give_up,
                        retry_error_callback=lambda state: state.outcome and state.outcome.result())
    numbers = itertools.count(1)
    return attempts(lambda: self._attempt(seed, next(numbers)))

  def _attempt(self, seed: int, attempt: int) -> Result:
    job, log = self._job, self.logs / f"{seed}.log"
    started = time.perf_counter()
    status, text, reason = -1, "", ""
    try:
      with open(log, "wb" if attempt == 1 else "ab") as file, told_in_one_line("not run"):
        file.write(f"--- attempt {attempt} of {job.max_attempts}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
        status, text, reason = self._contain([f"--seed={seed}", "--output_dir=/output", "--resume", *job.flags], file, str(seed))
    except KubricGenError as error:  # of the engine: it may be better the next time
      reason = str(error)
    except OSError as error:
      reason = f"cannot write {log} ({error.strerror}): choose another --output_dir"
    seconds = time.perf_counter() - started
    made = job.output_dir / _scene_key(text, seed)
    if status == 0 and not (made / "metadata.json").exists():
      status, reason = -1, f"the container ended well, but {made} is not here: is the engine on another machine?"
    if status == 0:
      return Result(seed, True, text.rstrip().endswith(ALREADY_THERE), attempt, seconds)
    return Result(seed, False, False, attempt, seconds, status,
                  reason or _last_words(text) or f"the container ended with status {status}")

  def _contain(self, arguments: Sequence[str], log: IO[bytes] | None, label: str = "") -> tuple[int, str, str]:
    """Runs the script in a container of its own. Returns its exit status, what it printed, and why it was stopped."""
    if self._stopping.is_set():
      return -1, "", "stopped"
    container = self._client().containers.create(self._job.image, **self._options(arguments, label))
    said = bytearray()
    try:
      with _Watch(self._engine, container.id, self._stopping, self._job.timeout) as watch:
        container.start()
        for part in container.logs(stream=True, follow=True):
          said += part
          if log is not None:
            log.write(part)
            log.flush()
        container.wait()
      container.reload()
      state = container.attrs["State"]
    finally:
      with contextlib.suppress(Exception):  # what matters has been said by then
        container.remove(v=True, force=True)
    text, reason = said.decode(errors="replace"), watch.reason
    if state.get("OOMKilled") and "out of memory" not in text:
      reason = "out of memory: give containers more --memory, or run fewer at a time (--jobs)"
    return int(state["ExitCode"]), text, reason

  def _options(self, arguments: Sequence[str], label: str) -> dict[str, Any]:
    """How a container is made: it can write nothing but the output, and has no network."""
    from docker.types import LogConfig, Mount
    job, engine = self._job, self._engine
    output = job.output_dir.absolute()
    mounts = [Mount("/output", str(output), type="bind"),
              Mount("/tmp", None)]  # on disk: what lies in memory would count as the container's
    script = job.script
    if script.startswith(("/", "./", "../")):
      mounts.append(Mount(f"/scripts/{Path(script).name}", str(Path(script).absolute()), type="bind", read_only=True))
      script = f"/scripts/{Path(script).name}"
    options: dict[str, Any] = {
        "command": [script, *arguments], "network_mode": job.network, "read_only": True, "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", "label=disable"], "hostname": platform.node(), "labels": {LABEL: label},
        "log_config": LogConfig(type=LogConfig.types.JSON), "detach": True}
    if engine.rootless:  # root there is who runs the engine; it may do with its own files what it likes
      options |= {"user": "0:0", "cap_add": ["DAC_OVERRIDE"]}
    elif os.getuid() == 0:
      owner = output.stat()
      options["user"] = f"{owner.st_uid}:{owner.st_gid}"
    else:
      options |= {"user": f"{os.getuid()}:{os.getgid()}", "group_add": [str(group) for group in os.getgroups()]}
    if engine.remapped:
      options["userns_mode"] = "host"
    if job.cpus:
      options["nano_cpus"] = int(job.cpus * 1e9)
    if job.memory:
      options |= {"mem_limit": job.memory, "memswap_limit": job.memory}
    if job.gpus:
      from docker.types import DeviceRequest
      count = -1 if job.gpus == "all" else gpu_count(job.gpus)
      chosen: dict[str, Any] = {"device_ids": job.gpus.split(",")} if count is None else {"count": count}
      options["device_requests"] = [DeviceRequest(capabilities=[["gpu"]], **chosen)]
      mounts.append(Mount("/cache", CACHE))
    return {**options, "mounts": mounts}


def _scene_key(text: str, seed: int) -> str:
  """Where below the output a script says that it has put a seed's scene: `<seed>`, or `<split>/<seed>`."""
  found = re.findall(rf"^/output/((?:\w+/)?{seed}): ", text, re.MULTILINE)
  return found[-1] if found else str(seed)


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
        with contextlib.suppress(Exception), contextlib.closing(self._engine.client()) as client:  # once more, then
          client.containers.get(self._identifier).stop(timeout=GRACE)

  def __enter__(self) -> _Watch:
    self._thread.start()
    return self

  def __exit__(self, *_: object) -> None:
    self._over.set()
    self._thread.join()
