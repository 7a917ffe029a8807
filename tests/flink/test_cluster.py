"""The cluster for real: processes, their deaths, and Beam pipelines on it.

Flink is fetched into KUBRIC_GEN_FLINK_HOME, or else .flink.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.beam_pipelines.runs import SCENES, assert_same_records, command, generate, stored
from tests.flink import FlinkCluster, fetch_flink

pytestmark = [pytest.mark.flink, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
HOME = Path(os.environ.get("KUBRIC_GEN_FLINK_HOME", ROOT / ".flink")).absolute()
JOB = Path(__file__).with_name("job.py")
COUNT = 40


class Run:
  """`python -m tests.flink run` and what it says."""

  def __init__(self, *command: str | os.PathLike[str]) -> None:
    self.lines: list[str] = []
    self.process = subprocess.Popen(
        [sys.executable, "-m", "tests.flink", f"--flink_home={HOME}", "run", "--", *map(os.fspath, command)],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    self._reader = threading.Thread(target=self._read, daemon=True)
    self._reader.start()

  def _read(self) -> None:
    assert self.process.stdout is not None
    self.lines.extend(line.rstrip("\n") for line in self.process.stdout)

  @property
  def text(self) -> str:
    return "\n".join(self.lines)

  def wait_for(self, what: Callable[[], object], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not what():
      assert self.process.poll() is None and time.monotonic() < deadline, self.text
      time.sleep(0.1)

  def taskmanagers(self) -> list[int]:
    match = re.search(r"TaskManagers ([\d ]+)", self.text)
    return [int(pid) for pid in match[1].split()] if match else []

  def wait(self, seconds: float = 300) -> int:
    status = self.process.wait(seconds)
    self._reader.join(10)
    return status


@pytest.fixture
def run() -> Iterator[Callable[..., Run]]:
  runs: list[Run] = []

  def start(*args: str | os.PathLike[str]) -> Run:
    runs.append(Run(*args))
    return runs[-1]

  yield start
  for each in runs:
    if each.process.poll() is None:
      each.process.terminate()
      each.process.wait(60)


def left_over() -> list[str]:
  """Processes of a cluster in HOME, or workers of one."""
  found = []
  for path in Path("/proc").glob("[0-9]*/cmdline"):
    try:
      command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
      continue
    if any(part in command for part in (f"{HOME}/flink-", "tests.flink workers", "SdkHarness")):
      found.append(command[:200])
  return found


def result(directory: Path) -> tuple[list[list[int]], set[int]]:
  """What the pipeline computed, and the processes that did."""
  rows = json.loads((directory / "result").read_text())
  return [row[:2] for row in rows], {row[2] for row in rows}


def test_taskmanagers_come_and_go(tmp_path: Path) -> None:
  fetch_flink(HOME)
  with FlinkCluster(HOME, 2, run_dir=tmp_path / "run") as cluster:
    assert cluster.slots() == {"taskmanager_1": 1, "taskmanager_2": 1}
    cluster.kill_taskmanager(0)
    cluster.start_taskmanager()
    cluster.wait_until_ready(90)
    assert cluster.slots() == {"taskmanager_2": 1, "taskmanager_3": 1}
    os.kill(cluster.taskmanager_pids[0], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not cluster.replace_dead():
      assert time.monotonic() < deadline
    cluster.wait_until_ready(90)
    assert cluster.slots() == {"taskmanager_3": 1, "taskmanager_4": 1}
    assert left_over()
  assert left_over() == []


def test_command_gets_the_options_and_only_the_loopback(run: Callable[..., Run]) -> None:
  code = "import socket, sys; print([name for _, name in socket.if_nameindex()]); print(*sys.argv); sys.exit(7)"
  flink = run("python", "-c", code)
  assert flink.wait() == 7, flink.text
  assert "['lo']" in flink.lines
  assert "--runner=PortableRunner --job_endpoint=127.0.0.1:" in flink.text and "--parallelism=2" in flink.text
  assert left_over() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_nothing(number: signal.Signals, run: Callable[..., Run]) -> None:
  flink = run("sh", "-c", "echo started; sleep 1000; :")
  flink.wait_for(lambda: "started" in flink.lines)
  killed = flink.taskmanagers()[1]
  os.kill(killed, signal.SIGKILL)
  flink.wait_for(lambda: f"TaskManager {killed} has died" in flink.text, 10)
  flink.process.send_signal(number)
  assert flink.wait(30) == 130, flink.text
  assert "interrupted" in flink.lines[-1]
  assert left_over() == []


def test_cluster_does_not_outlive_the_script(run: Callable[..., Run]) -> None:
  flink = run("sh", "-c", "echo started; sleep 10")
  flink.wait_for(lambda: "started" in flink.lines)
  flink.process.kill()
  deadline = time.monotonic() + 10
  while left_over():
    assert time.monotonic() < deadline, left_over()
    time.sleep(0.1)


def test_pipeline_runs_on_both(run: Callable[..., Run], tmp_path: Path) -> None:
  flink = run("python", JOB, tmp_path)
  assert flink.wait() == 0, flink.text
  values, workers = result(tmp_path)
  assert values == [[number, number ** 2] for number in range(COUNT)]
  assert len(workers) == 2
  assert left_over() == []


def test_pipeline_survives_a_dead_taskmanager(run: Callable[..., Run], tmp_path: Path) -> None:
  flink = run("python", JOB, tmp_path)
  flink.wait_for(lambda: len(list(tmp_path.glob("done/*"))) >= 4)
  killed = flink.taskmanagers()[0]
  os.kill(killed, signal.SIGKILL)
  assert flink.wait() == 0, flink.text
  assert f"TaskManager {killed} has died" in flink.text
  values, _ = result(tmp_path)
  assert values == [[number, number ** 2] for number in range(COUNT)]
  assert left_over() == []


def test_a_dataset_is_the_same_though_a_taskmanager_was_killed(run: Callable[..., Run], tmp_path: Path) -> None:
  data_dir, undisturbed = tmp_path / "data", tmp_path / "undisturbed"
  alone = generate(undisturbed)
  assert alone.returncode == 0, alone.stderr
  flink = run(*command(data_dir))
  flink.wait_for(lambda: len(stored(data_dir)) >= 3)
  killed = flink.taskmanagers()[0]
  os.kill(killed, signal.SIGKILL)
  assert flink.wait() == 0, flink.text
  assert f"TaskManager {killed} has died" in flink.text and f"{SCENES} scenes asked" in flink.text and "0 failed" in flink.text
  assert_same_records(data_dir, undisturbed)
  assert left_over() == []
