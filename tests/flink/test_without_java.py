"""What the cluster is told, and everything about it that needs no Java."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kubric_gen.errors import KubricGenError
from tests.flink import network, packages, processes, python_workers, settings

ROOT = Path(__file__).parents[2]


def cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run([sys.executable, "-m", "tests.flink", *arguments], cwd=ROOT, capture_output=True, text=True,
                        env={**os.environ, **environment}, timeout=60)


def executable(path: Path, text: str) -> Path:
  path.write_text(f"#!/bin/sh\n{text}\n")
  path.chmod(path.stat().st_mode | stat.S_IXUSR)
  return path


def fake_java(folder: Path, version: str) -> None:
  (folder / "bin").mkdir()
  executable(folder / "bin" / "java", f"echo 'openjdk version \"{version}\" 2025-01-01' >&2")


def wait_until(what: Callable[[], object]) -> None:
  deadline = time.monotonic() + 10
  while not what():
    assert time.monotonic() < deadline
    time.sleep(0.02)


# Configuration


def test_config_binds_everything_to_the_loopback(tmp_path: Path) -> None:
  text = settings.cluster_config({"rpc": 1111, "rest": 2222}, 3, tmp_path / 'odd "name": #1')
  lines = dict(line.split(": ", 1) for line in text.splitlines())
  read = {name: json.loads(value) for name, value in lines.items()}  # JSON scalars are YAML scalars
  assert {value for name, value in read.items() if name.endswith(("address", "host"))} == {"127.0.0.1"}
  assert read["rest.port"] == 2222 and read["jobmanager.rpc.port"] == 1111
  assert read["parallelism.default"] == 3 and read["taskmanager.numberOfTaskSlots"] == 1
  assert read["restart-strategy.type"] == "fixed-delay"
  assert read["io.tmp.dirs"].endswith('odd "name": #1')
  assert "--add-opens=java.base/java.util=ALL-UNNAMED" in read["env.java.opts.all"].split()


def test_beam_understands_the_options() -> None:
  beam_options = pytest.importorskip("apache_beam.options.pipeline_options")
  given = settings.flink_options(jobs="127.0.0.1:2222", artifacts="127.0.0.1:4444", workers="127.0.0.1:3333", parallelism=2)
  everything = beam_options.PipelineOptions(given).get_all_options()
  assert everything["job_endpoint"] == "127.0.0.1:2222" and everything["artifact_endpoint"] == "127.0.0.1:4444"
  assert everything["environment_type"] == "EXTERNAL" and everything["environment_config"] == "127.0.0.1:3333"
  assert everything["parallelism"] == 2 and everything["runner"] == "PortableRunner"


def test_versions_belong_together() -> None:
  assert all(package.endswith(f"=={packages.FLINK}") for package in packages.PACKAGES)
  artifact = f"<artifactId>beam-runners-flink-{packages.FLINK_MINOR}</artifactId>"
  assert f"{artifact}<version>{packages.JOB_SERVER}</version>" in packages._POM


def test_free_ports() -> None:
  ports = network.free_ports(20)
  assert len(set(ports)) == 20
  with socket.socket() as listener:
    listener.bind((network.HOST, ports[0]))


# Fetching


def test_directory_appears_whole_or_not_at_all(tmp_path: Path) -> None:
  target = tmp_path / "home" / "thing"

  def interrupted(partial: Path) -> None:
    (partial / "half").touch()
    raise KeyboardInterrupt

  def whole(partial: Path) -> None:
    assert list(partial.iterdir()) == []
    (partial / "all").touch()

  with pytest.raises(KeyboardInterrupt):
    packages._once(target, interrupted)
  assert [path.name for path in target.parent.iterdir()] == ["lock"]
  (target.parent / "partial").mkdir()  # as a fetch leaves it that was killed
  (target.parent / "partial" / "half").touch()
  assert packages._once(target, whole) == target
  assert [path.name for path in target.iterdir()] == ["all"]
  assert packages._once(target, interrupted) == target  # nothing to do
  assert sorted(path.name for path in target.parent.iterdir()) == ["lock", "thing"]


def test_failed_fetch_is_one_line(tmp_path: Path) -> None:
  fake_java(tmp_path, "17.0.1")
  executable(tmp_path / "bin" / "mvn", "echo '[INFO] trying'; echo '[ERROR] goal on project x: it is not there'; exit 1")
  (tmp_path / "home" / f"flink-{packages.FLINK}").mkdir(parents=True)
  done = cli("fetch", f"--flink_home={tmp_path / 'home'}", PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin", JAVA_HOME=str(tmp_path))
  assert done.returncode == 2 and done.stdout == ""
  assert done.stderr.splitlines()[-1] == "error: could not fetch Beam's job server: it is not there"
  assert sorted(path.name for path in (tmp_path / "home").iterdir()) == [f"flink-{packages.FLINK}", "lock"]


@pytest.mark.parametrize(("version", "fits"), [("11.0.2", True), ("17.0.15", True), ("21", True), ("1.8.0_392", False),
                                               ("25.0.1", False), ("strange", False)])
def test_java_version(version: str, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  fake_java(tmp_path, version)
  monkeypatch.setenv("JAVA_HOME", str(tmp_path))
  if fits:
    assert packages.find_java() == str(tmp_path / "bin" / "java")
  else:
    with pytest.raises(KubricGenError, match="needs Java 11, 17 or 21"):
      packages.find_java()


# The command line


@pytest.mark.parametrize(("arguments", "word"), [
    ((), "fetch"), (("dance",), "fetch"), (("fetch", "stray"), "stray"), (("run",), "command"),
    (("run", "python", "--seed=3"), "seed"), (("fetch", "--taskmanagers=0"), "taskmanagers"),
    (("fetch", "--flink_home=/dev/null/home"), "Java")])
def test_bad_input_is_one_line_and_status_2(arguments: tuple[str, ...], word: str, tmp_path: Path) -> None:
  done = cli(*arguments, JAVA_HOME=str(tmp_path))
  assert done.returncode == 2 and done.stdout == ""
  assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("error: ") and word in done.stderr, done.stderr


def test_missing_java(tmp_path: Path) -> None:
  environment = {"PATH": str(tmp_path), "JAVA_HOME": ""}
  for arguments in (("fetch",), ("run", "--", "true")):
    done = cli(f"--flink_home={tmp_path / 'home'}", *arguments, **environment)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "no java in PATH" in done.stderr
  assert list(tmp_path.iterdir()) == []


def test_missing_mvn(tmp_path: Path) -> None:
  fake_java(tmp_path, "17.0.1")
  (tmp_path / "home" / f"flink-{packages.FLINK}").mkdir(parents=True)
  done = cli("fetch", f"--flink_home={tmp_path / 'home'}", PATH=str(tmp_path), JAVA_HOME=str(tmp_path))
  assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "mvn" in done.stderr


def test_isolated_process_has_the_loopback_only() -> None:
  code = """
import socket
from kubric_gen.errors import KubricGenError
from tests.flink import isolate
try:
  isolate()
except KubricGenError as error:
  print(error)
else:
  with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname(), 5).close()
  print([name for _, name in socket.if_nameindex()])
"""
  done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
  assert done.returncode == 0, done.stderr
  assert done.stdout.strip() == "['lo']" or "--noisolated" in done.stdout


# Processes


def alive(pid: int) -> bool:
  try:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
  except OSError:
    return False


def test_stopping_a_process_ends_what_it_started(tmp_path: Path) -> None:
  script = f"trap '' TERM; sleep 300 & echo $! > {tmp_path}/pid; mv {tmp_path}/pid {tmp_path}/child; wait; wait"
  process = subprocess.Popen(["sh", "-c", script], start_new_session=True)
  wait_until((tmp_path / "child").exists)
  child = int((tmp_path / "child").read_text())
  processes.stop_all([process], seconds=0.2)
  wait_until(lambda: not alive(child))
  assert process.returncode is not None


HARNESS = """
import pathlib, subprocess, sys, time
child = subprocess.Popen(["sleep", "300"])
path = pathlib.Path(sys.argv[1])
path.with_suffix(".part").write_text(str(child.pid))
path.with_suffix(".part").rename(path)
time.sleep(300)
"""


def test_workers_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.setattr(python_workers, "_HARNESS", HARNESS)
  pool = python_workers.WorkerPool()
  first, second = tmp_path / "first", tmp_path / "second"
  try:
    pool.start_worker("127.0.0.1:1", "1-1", str(first))
    pool.start_worker("127.0.0.1:2", "1-1", str(second))
    wait_until(lambda: first.exists() and second.exists())
    children = [int(path.read_text()) for path in (first, second)]
    pool.stop_worker("127.0.0.1:3", "1-1")  # which of the two, nobody can tell
    assert all(map(alive, children))
    pool.stop_worker("127.0.0.1:1", "1-1")
    wait_until(lambda: not alive(children[0]))
    assert alive(children[1])
    wait_until(lambda: len(pool._workers) == 1)
    pool.stop_worker("127.0.0.1:3", "1-1")  # the only one
    wait_until(lambda: not alive(children[1]))
  finally:
    pool.stop()
