"""A cluster and its life."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from kubric_gen.errors import KubricGenError
from tests.flink.network import HOST, free_ports
from tests.flink.packages import fetch_flink, fetch_job_server, find_java
from tests.flink.processes import own_environment, say, signal_group, stop_all
from tests.flink.settings import JAVA_OPTIONS, LOGGING, RESTARTS, cluster_config, flink_options

START_SECONDS = 120
JOB_SERVER_CLASS = "org.apache.beam.runners.flink.FlinkJobServerDriver"
_WATCHED = 'exec 3<&0 </dev/null; (read -r -u 3; kill -KILL -$$) & exec bash "$@" 3<&-'
"""Runs a script as the leader of its session until it ends or whoever holds the other end of its input does."""


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
    (self._conf / "log4j-console.properties").write_text(LOGGING)
    try:
      self._others["JobManager"] = self._start_flink("jobmanager", "jobmanager")
      for _ in range(self._count):
        self.start_taskmanager()
      self._others["worker pool"] = self._start("workers", [
          sys.executable, "-m", "tests.flink", "workers", f"--port={self._ports['workers']}"])
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
      stop_all([*self._taskmanagers.values(), *self._others.values()])
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
    signal_group(process, signal.SIGKILL)
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
      signal_group(process, signal.SIGKILL)
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
      process = subprocess.Popen([*command, *options], env=own_environment(), start_new_session=True)
    except OSError as error:
      raise KubricGenError(f"cannot run {command[0]}: {error.strerror}") from None
    try:
      while True:
        try:
          status = process.wait(0.5)
          return status if status >= 0 else 128 - status
        except subprocess.TimeoutExpired:
          for pid in self.replace_dead():
            say(f"TaskManager {pid} has died: {self.taskmanager_pids[-1]} takes its place")
    finally:
      stop_all([process], signal.SIGINT)

  def _start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    with open(self.run_dir / f"{name}.log", "wb") as log:
      return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                              env=own_environment(environment), start_new_session=True)

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
