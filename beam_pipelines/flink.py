"""A Flink cluster on this machine for Beam pipelines: one JobManager, some TaskManagers, workers for Python.

  python -m beam_pipelines.flink run -- python -m beam_pipelines.generate --world=movi ...

starts a cluster, runs what stands after `--` with the pipeline options for it appended, and stops everything. A
TaskManager that dies meanwhile is replaced, and Flink restarts what it was doing. The exit status is the command's.

  python -m beam_pipelines.flink fetch

only fetches Flink (0.3 GB, from the packages that it has on PyPI) and Beam's job server (0.2 GB, by `mvn`)
into --flink_home; nothing needs the network afterwards. Java 11, 17 or 21 must be there.

Flink and the worker pool listen on 127.0.0.1. The Java servers that Beam adds while a job runs listen on every address
and let whoever reaches them run code, so the cluster and the command have a network of their own with nothing but the
loopback in it. A pipeline that writes to a bucket needs --noisolated, on a machine that others cannot reach.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn

from absl import app, flags

from kubric_gen.errors import KubricGenError

FLINK = "1.19.0"
FLINK_MINOR = FLINK.rpartition(".")[0]
PACKAGES = (f"apache-flink=={FLINK}", f"apache-flink-libraries=={FLINK}")
JOB_SERVER = "2.62.0"
"""Of Beam's Flink runner: the portable protocol between it and Beam for Python does not ask for equal versions."""
JOB_SERVER_CLASS = "org.apache.beam.runners.flink.FlinkJobServerDriver"
JAVA = (11, 17, 21)
HOST = "127.0.0.1"
BAD_INPUT, INTERRUPTED = 2, 130

START_SECONDS = 120
STOP_SECONDS = 5
HEARTBEAT_SECONDS = 12
"""After this long a silent TaskManager counts as dead; Flink mostly notices sooner, by the broken connection."""
RESTARTS = 10
"""So often a job starts over: a TaskManager may die this many times, and a bug ends the job after as many tries."""

_OPENED = ("java.lang", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.text", "java.time", "java.util",
           "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch")
_EXPORTED = ("java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5")
JAVA_OPTIONS = (*(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTED),
                *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED))
"""Flink looks into Java's own classes, which Java forbids from version 16 on."""

_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %x - %m%n
"""

_WATCHED = 'exec 3<&0 </dev/null; (read -r -u 3; kill -KILL -$$) & exec bash "$@" 3<&-'
"""Runs a script as the leader of its session until it ends or whoever holds the other end of its input does."""

_HARNESS = ("import sys; from apache_beam.runners.worker.sdk_worker import SdkHarness; "
            "SdkHarness(sys.argv[1], worker_id=sys.argv[2], state_cache_size=0, data_buffer_time_limit_ms=-1).run()")


def _say(line: str) -> None:
  print(f"flink: {line}", file=sys.stderr, flush=True)


# Fetching ------------------------------------------------------------------------------------------------------------


def find_java() -> str:
  """The `java` of JAVA_HOME or else of PATH, if it is one that Flink runs on."""
  wanted = f"Java {', '.join(map(str, JAVA[:-1]))} or {JAVA[-1]}"
  home = os.environ.get("JAVA_HOME")
  java = shutil.which("java", path=os.path.join(home, "bin") if home else None)
  if java is None:
    where = f"JAVA_HOME, {home}" if home else "PATH"
    raise KubricGenError(f"Flink needs {wanted}: no java in {where} (Debian: apt-get install openjdk-17-jre-headless)")
  text = subprocess.run([java, "-version"], stdin=subprocess.DEVNULL, capture_output=True, text=True).stderr
  version = re.search(r'version "(\d+)', text)
  if version is None or int(version[1]) not in JAVA:
    found = version[1] if version else "of an unknown version"
    raise KubricGenError(f"Flink needs {wanted}, and {java} is {found}: set JAVA_HOME to another")
  return java


def _quietly(command: Sequence[str], cwd: Path, what: str) -> None:
  """Runs a command in silence; its first line about an error ends up in ours."""
  try:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace")
  except OSError as error:
    raise KubricGenError(f"could not fetch {what}: {error}") from None
  if done.returncode:
    lines = re.sub(r"\x1b\[[\d;]*m", "", done.stdout).splitlines() or [f"{command[0]} failed"]
    reason = next((line for line in lines if "error" in line.lower()), lines[-1])
    raise KubricGenError(f"could not fetch {what}: {re.sub(r'^.* on project [^:]*: ', '', reason).strip()}")


@contextmanager
def _locked(home: Path) -> Iterator[None]:
  """One fetch at a time."""
  try:
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
      fcntl.flock(lock, fcntl.LOCK_EX)
      yield
  except OSError as error:
    raise KubricGenError(f"flink_home cannot be used: {error}") from None


def _once(target: Path, make: Callable[[Path], None]) -> Path:
  """Makes `target`, a directory, whole or not at all."""
  if not target.is_dir():
    with _locked(target.parent):
      if not target.is_dir():  # nobody made it while this process waited
        partial = target.parent / "partial"  # what a killed fetch left is removed, too
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
          make(partial)
          partial.rename(target)
        finally:
          shutil.rmtree(partial, ignore_errors=True)
  return target


def fetch_flink(home: Path) -> Path:
  """The Flink distribution in `home`, fetched if it is not there yet."""
  def make(partial: Path) -> None:
    if importlib.util.find_spec("pip"):
      installer = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    elif uv := shutil.which("uv"):
      installer = [uv, "pip", "install", "--quiet", "--python", sys.executable]
    else:
      raise KubricGenError("fetching Flink needs pip or uv: install one of them")
    _say(f"fetching {' '.join(PACKAGES)} (0.3 GB)")
    _quietly([*installer, "--no-deps", "--target", os.fspath(partial), *PACKAGES], partial, "Flink")

  return _once(home / f"flink-{FLINK}", make) / "pyflink"


_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kubric-gen</groupId><artifactId>job-server</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.beam</groupId><artifactId>beam-runners-flink-{FLINK_MINOR}</artifactId><version>{JOB_SERVER}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.30</version><scope>runtime</scope>
    </dependency>
  </dependencies>
</project>
"""


def fetch_job_server(home: Path) -> Path:
  """The folder with the jars of Beam's job server in `home`, fetched if it is not there yet."""
  def make(partial: Path) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
      raise KubricGenError("fetching Beam's job server needs mvn, and there is none in PATH (Debian: apt-get install maven)")
    _say(f"fetching Beam's job server for Flink {FLINK_MINOR}, {JOB_SERVER} (0.2 GB)")
    (partial / "pom.xml").write_text(_POM)
    _quietly([mvn, "--quiet", "--batch-mode", "--update-snapshots", "dependency:copy-dependencies", "-DincludeScope=runtime",
              f"-DoutputDirectory={partial}"], partial, "Beam's job server")

  return _once(home / f"job-server-{FLINK_MINOR}-{JOB_SERVER}", make)


# Configuration -------------------------------------------------------------------------------------------------------


def cluster_config(ports: Mapping[str, int], taskmanagers: int, scratch: Path) -> str:
  """Flink's config.yaml. Ports that are not in it are any free ones; all are bound to 127.0.0.1."""
  settings: dict[str, Any] = {
      "jobmanager.rpc.address": HOST,
      "jobmanager.rpc.port": ports["rpc"],
      "jobmanager.bind-host": HOST,
      "rest.address": HOST,
      "rest.bind-address": HOST,
      "rest.port": ports["rest"],
      "taskmanager.host": HOST,
      "taskmanager.bind-host": HOST,
      "taskmanager.numberOfTaskSlots": 1,
      "jobmanager.memory.process.size": "1600m",
      "taskmanager.memory.process.size": "1728m",
      "parallelism.default": taskmanagers,
      # Else a step of a batch job has one task for every 16 MiB of input, and the seeds of all scenes are less than that.
      "execution.batch.adaptive.auto-parallelism.min-parallelism": taskmanagers,
      "execution.batch.adaptive.auto-parallelism.max-parallelism": taskmanagers,
      "restart-strategy.type": "fixed-delay",
      "restart-strategy.fixed-delay.attempts": RESTARTS,
      "restart-strategy.fixed-delay.delay": "1 s",
      "heartbeat.interval": HEARTBEAT_SECONDS * 250,
      "heartbeat.timeout": HEARTBEAT_SECONDS * 1000,
      "io.tmp.dirs": os.fspath(scratch),
      "env.java.opts.all": " ".join(JAVA_OPTIONS),
  }
  return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())


def flink_options(*, jobs: str, artifacts: str, workers: str, parallelism: int) -> list[str]:
  """What a Beam pipeline must be told to run on a cluster: where jobs and files are sent, and who starts Python workers."""
  return ["--runner=PortableRunner", f"--job_endpoint={jobs}", f"--artifact_endpoint={artifacts}",
          "--environment_type=EXTERNAL", f"--environment_config={workers}", f"--parallelism={parallelism}"]


def free_ports(count: int) -> list[int]:
  """Ports of 127.0.0.1 that nobody listens on just now."""
  with ExitStack() as stack:
    sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
    for each in sockets:
      each.bind((HOST, 0))
    return [each.getsockname()[1] for each in sockets]


def isolate() -> None:
  """Moves this process, and all that it starts from now on, into a network that has only the loopback."""
  libc, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
  new_user, new_network = 0x10000000, 0x40000000
  if libc.unshare(new_network):  # only root may; others first become root of a space of their own
    if libc.unshare(new_user | new_network):
      raise KubricGenError("this machine allows no network of one's own, without which Beam's ports can be reached from outside: "
                           f"{os.strerror(ctypes.get_errno())} (--noisolated does without)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
  set_flags, is_up = 0x8914, 1
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", is_up))


# Processes -----------------------------------------------------------------------------------------------------------


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
  """Signals a process that leads a session and all it started, whether or not it is still there itself."""
  try:
    os.killpg(process.pid, number)
  except (ProcessLookupError, PermissionError):
    pass


def _stop(processes: Sequence[subprocess.Popen[bytes]], number: signal.Signals = signal.SIGTERM,
          seconds: float = STOP_SECONDS) -> None:
  """Ends processes and what they started: politely at first, and for sure."""
  try:
    for process in processes:
      _signal_group(process, number)
    deadline = time.monotonic() + seconds
    for process in processes:
      try:
        process.wait(max(0.0, deadline - time.monotonic()))
      except subprocess.TimeoutExpired:
        pass
  finally:
    for process in processes:
      _signal_group(process, signal.SIGKILL)
    for process in processes:
      process.wait()


def _environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
  """This process's, with `python` being the one that runs it."""
  path = os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)))
  return {**os.environ, "PATH": path, **(extra or {})}


class FlinkCluster:
  """A running cluster with one slot in each TaskManager; everything is stopped on leaving the `with` block.

    with FlinkCluster(taskmanagers=2) as cluster:
      subprocess.run(["python", "-m", "beam_pipelines.generate", ..., *cluster.pipeline_options()], check=True)

  Call `isolate` before, in a process of its own, if this machine can be reached from outside: see above.

  Args:
    home: where Flink and Beam's job server are fetched to.
    taskmanagers: how many there are, each with one slot and so one Python worker.
    run_dir: where configuration, logs and temporary files go; a new directory in `home` if it is not given.
  """

  def __init__(self, home: str | os.PathLike[str] = ".flink", taskmanagers: int = 2, *,
               run_dir: str | os.PathLike[str] | None = None) -> None:
    if taskmanagers < 1:
      raise KubricGenError(f"taskmanagers must be at least 1, got {taskmanagers}")
    self._home = Path(home).absolute()
    self._count = taskmanagers
    self.run_dir = Path(run_dir or self._home / "runs" / f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}").absolute()
    self._ports = dict(zip(("rest", "rpc", "workers", "jobs", "artifacts", "expansion"), free_ports(6)))
    self._number = 0
    self._others: dict[str, subprocess.Popen[bytes]] = {}
    self._taskmanagers: dict[str, subprocess.Popen[bytes]] = {}

  @property
  def rest_address(self) -> str:
    """Where the JobManager's REST API and its web page are, as HOST:PORT."""
    return f"{HOST}:{self._ports['rest']}"

  @property
  def taskmanager_pids(self) -> list[int]:
    """The process of each TaskManager; the index is what `kill_taskmanager` takes."""
    return [process.pid for process in self._taskmanagers.values()]

  def pipeline_options(self) -> list[str]:
    """What a Beam pipeline must be told to run here."""
    return flink_options(jobs=f"{HOST}:{self._ports['jobs']}", artifacts=f"{HOST}:{self._ports['artifacts']}",
                         workers=f"{HOST}:{self._ports['workers']}", parallelism=self._count)

  def __enter__(self) -> FlinkCluster:
    self._java = find_java()
    self._flink = fetch_flink(self._home)
    self._conf, scratch = self.run_dir / "conf", self.run_dir / "tmp"
    for directory in (self._conf, scratch):
      directory.mkdir(parents=True)
    (self._conf / "config.yaml").write_text(cluster_config(self._ports, self._count, scratch))
    (self._conf / "java.options").write_text("\n".join(JAVA_OPTIONS) + "\n")
    (self._conf / "log4j-console.properties").write_text(_LOGGING)
    try:
      self._others["JobManager"] = self._start_flink("jobmanager", "jobmanager")
      for _ in range(self._count):
        self.start_taskmanager()
      self._others["worker pool"] = self._start("workers", [
          sys.executable, "-m", "beam_pipelines.flink", "workers", f"--port={self._ports['workers']}"])
      self._others["job server"] = self._start_job_server(fetch_job_server(self._home))
      self.wait_until_ready()
    except BaseException:
      self.stop()
      raise
    return self

  def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    self.stop()

  def stop(self) -> None:
    """Ends every process of the cluster; what they logged stays in `run_dir`."""
    try:
      _stop([*self._taskmanagers.values(), *self._others.values()])
    finally:
      self._taskmanagers, self._others = {}, {}
      shutil.rmtree(self.run_dir / "tmp", ignore_errors=True)

  def start_taskmanager(self) -> None:
    """Adds a TaskManager; `wait_until_ready` waits until its slot can be used."""
    self._number += 1
    name = f"taskmanager_{self._number}"
    self._taskmanagers[name] = self._start_flink("taskmanager", name, "-D", f"taskmanager.resource-id={name}")

  def kill_taskmanager(self, index: int) -> None:
    """Kills a TaskManager (SIGKILL); nothing takes its place by itself."""
    process = self._taskmanagers.pop(list(self._taskmanagers)[index])
    _signal_group(process, signal.SIGKILL)
    process.wait()

  def replace_dead(self) -> list[int]:
    """Starts as many TaskManagers as have died; the processes that were lost.

    Raises:
      KubricGenError: something has died without which nothing goes on, or too many have.
    """
    for name, process in self._others.items():
      if process.poll() is not None:
        raise KubricGenError(f"the {name} has died; its log is in {self.run_dir}")
    dead = {name: process for name, process in self._taskmanagers.items() if process.poll() is not None}
    for name, process in dead.items():
      _signal_group(process, signal.SIGKILL)
      del self._taskmanagers[name]
      if self._number - self._count >= RESTARTS:
        raise KubricGenError(f"TaskManagers keep dying; their logs are in {self.run_dir}")
      self.start_taskmanager()
    return [process.pid for process in dead.values()]

  def slots(self) -> dict[str, int]:
    """The slots of each TaskManager that the JobManager knows, which includes a dead one until it is missed."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{self.rest_address}/taskmanagers", timeout=5) as answer:
      return {each["id"]: each["slotsNumber"] for each in json.load(answer)["taskmanagers"]}

  def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
    """Waits until the JobManager has the slots of all TaskManagers, and only of these, and the worker pool answers."""
    deadline = time.monotonic() + seconds
    while True:
      for process in (*self._others.values(), *self._taskmanagers.values()):
        if process.poll() is not None:
          raise KubricGenError(f"Flink did not start; its logs are in {self.run_dir}")
      try:
        if self.slots() == dict.fromkeys(self._taskmanagers, 1):
          for name in ("workers", "jobs"):
            socket.create_connection((HOST, self._ports[name]), timeout=5).close()
          return
      except (OSError, ValueError, KeyError):
        pass
      if time.monotonic() > deadline:
        raise KubricGenError(f"Flink was not ready within {seconds:.0f} s; its logs are in {self.run_dir}")
      time.sleep(0.2)

  def run(self, command: Sequence[str]) -> int:
    """Runs a command with the pipeline's options appended, replaces TaskManagers meanwhile; the exit status."""
    options = self.pipeline_options()
    try:
      process = subprocess.Popen([*command, *options], env=_environment(), start_new_session=True)
    except OSError as error:
      raise KubricGenError(f"cannot run {command[0]}: {error.strerror}") from None
    try:
      while True:
        try:
          status = process.wait(0.5)
          return status if status >= 0 else 128 - status
        except subprocess.TimeoutExpired:
          for pid in self.replace_dead():
            _say(f"TaskManager {pid} has died: {self.taskmanager_pids[-1]} takes its place")
    finally:
      _stop([process], signal.SIGINT)

  def _start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    with open(self.run_dir / f"{name}.log", "wb") as log:
      return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                              env=_environment(environment), start_new_session=True)

  def _start_job_server(self, jars: Path) -> subprocess.Popen[bytes]:
    command = [self._java, f"@{self._conf / 'java.options'}", "-cp", os.fspath(jars / "*"),
               JOB_SERVER_CLASS, f"--job-host={HOST}", f"--job-port={self._ports['jobs']}",
               f"--artifact-port={self._ports['artifacts']}", f"--expansion-port={self._ports['expansion']}",
               f"--artifacts-dir={self.run_dir / 'tmp' / 'artifacts'}", f"--flink-master={self.rest_address}",
               f"--flink-conf-dir={self._conf}"]
    return self._start("job server", ["bash", "-c", _WATCHED, "bash", "-c", 'exec "$@"', "bash", *command])

  def _start_flink(self, script: str, name: str, *settings: str) -> subprocess.Popen[bytes]:
    return self._start(name, ["bash", "-c", _WATCHED, "bash", os.fspath(self._flink / "bin" / f"{script}.sh"), "start-foreground",
                              *settings], {
        "JAVA_HOME": os.path.dirname(os.path.dirname(os.path.realpath(self._java))), "FLINK_HOME": os.fspath(self._flink),
        "FLINK_CONF_DIR": os.fspath(self._conf), "FLINK_LOG_DIR": os.fspath(self.run_dir),
        "FLINK_PID_DIR": os.fspath(self.run_dir / "tmp"), "FLINK_IDENT_STRING": "kubric_gen"})


# Python workers ------------------------------------------------------------------------------------------------------


class WorkerPool:
  """Starts a Python worker whenever a TaskManager asks for one, as Beam's worker_pool_main does; unlike that

  - it listens on 127.0.0.1 only;
  - it serves several TaskManagers, which all give their first worker the same name: stopping one leaves the other;
  - what workers print goes to the log instead of a pipe that nobody empties;
  - a worker that ends, or is ended, takes with it what it started.
  """

  def __init__(self) -> None:
    self._workers: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
    self._lock = threading.Lock()

  def start_worker(self, client: str, worker: str, control: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", _HARNESS, control, worker], stdin=subprocess.DEVNULL,
                               env=_environment(), start_new_session=True)
    with self._lock:
      self._workers[client, worker] = process
    threading.Thread(target=self._sweep, args=(client, worker, process), daemon=True).start()

  def stop_worker(self, client: str, worker: str) -> None:
    with self._lock:
      named = {key: process for key, process in self._workers.items() if key[1] == worker}
    # A client that was silent for long comes back from another port. If two could be meant, neither is stopped: the
    # right one ends by itself, since its TaskManager has hung up.
    process = named.get((client, worker)) or (next(iter(named.values())) if len(named) == 1 else None)
    if process is not None:
      _stop([process])

  def stop(self) -> None:
    with self._lock:
      processes = list(self._workers.values())
    _stop(processes, seconds=STOP_SECONDS / 2)  # before the pool itself is made an end of

  def _sweep(self, client: str, worker: str, process: subprocess.Popen[bytes]) -> None:
    process.wait()
    _signal_group(process, signal.SIGKILL)
    with self._lock:
      if self._workers.get((client, worker)) is process:
        del self._workers[client, worker]


def serve_workers(port: int) -> None:
  """Runs a worker pool until the standard input ends."""
  from concurrent.futures import ThreadPoolExecutor

  import grpc
  from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
  pool = WorkerPool()

  class Servicer(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):

    def StartWorker(self, request: Any, context: Any) -> Any:
      try:
        pool.start_worker(context.peer(), request.worker_id, request.control_endpoint.url)
      except OSError as error:
        return beam_fn_api_pb2.StartWorkerResponse(error=f"could not start a Python worker: {error}")
      return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, context: Any) -> Any:
      pool.stop_worker(context.peer(), request.worker_id)
      return beam_fn_api_pb2.StopWorkerResponse()

  server = grpc.server(ThreadPoolExecutor(16))
  beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(Servicer(), server)
  server.add_insecure_port(f"{HOST}:{port}")
  server.start()
  try:
    while sys.stdin.buffer.read(1024):
      pass
  finally:
    server.stop(None)
    pool.stop()


# The command line ----------------------------------------------------------------------------------------------------


def _define_flags() -> None:
  module = sys.argv[0]
  flags.DEFINE_string("flink_home", ".flink", "where Flink and Beam's job server are kept", module_name=module)
  flags.DEFINE_integer("taskmanagers", 2, "how many there are, each with one slot and one Python worker",
                       lower_bound=1, module_name=module)
  flags.DEFINE_boolean("isolated", True, "give the cluster and the command a network that has only the loopback",
                       module_name=module)
  flags.DEFINE_integer("port", 0, "where `workers`, which `run` starts by itself, listens", module_name=module)


def _fetch() -> None:
  home = Path(flags.FLAGS.flink_home).absolute()
  find_java()
  fetch_flink(home)
  fetch_job_server(home)


def _run(command: Sequence[str]) -> int:
  if not command:
    raise KubricGenError("run needs a command after --: run -- python -m beam_pipelines.generate ...")
  values = flags.FLAGS
  _fetch()  # before there is no network any more
  if values.isolated:
    isolate()
  cluster = FlinkCluster(values.flink_home, values.taskmanagers)
  status = 0
  try:
    with cluster:
      _say(f"JobManager at {cluster.rest_address}, TaskManagers {' '.join(map(str, cluster.taskmanager_pids))}")
      status = cluster.run(command)
  except KubricGenError:
    status = BAD_INPUT
    raise
  finally:
    if status == 0:  # or interrupted
      shutil.rmtree(cluster.run_dir, ignore_errors=True)
  if status:
    _say(f"the command ended with status {status}; Flink's logs are in {cluster.run_dir}")
  return status


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
  for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN)  # what follows is short, and leaves nothing behind
  raise KeyboardInterrupt


def _main(argv: Sequence[str]) -> int:
  for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, _interrupt)
  command, *rest = argv[1:] or [""]
  try:
    if rest and command != "run":
      raise KubricGenError(f"unexpected argument {rest[0]!r}")
    if command == "run":
      return _run(rest)
    if command == "fetch":
      _fetch()
    elif command == "workers":
      serve_workers(flags.FLAGS.port)
    else:
      raise KubricGenError("the command is one of fetch, run (see --help)")
  except KubricGenError as error:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    return BAD_INPUT
  except KeyboardInterrupt:
    if command != "workers":
      _say("interrupted: everything is stopped")
    return INTERRUPTED
  return 0


def _parse_flags(argv: Sequence[str]) -> list[str]:
  try:
    return flags.FLAGS(argv)
  except flags.Error as error:
    print(f"error: {' '.join(str(error).split())} (see --help; a command and its flags stand after --)", file=sys.stderr)
    sys.exit(BAD_INPUT)


if __name__ == "__main__":
  _define_flags()
  app.run(_main, flags_parser=_parse_flags)
