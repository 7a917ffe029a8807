"""Flink and Beam's job server: found, or fetched from published packages, each whole or not at all."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kubric_gen.errors import KubricGenError
from tests.flink.processes import say

FLINK = "1.19.0"
FLINK_MINOR = FLINK.rpartition(".")[0]
PACKAGES = (f"apache-flink=={FLINK}", f"apache-flink-libraries=={FLINK}")
JOB_SERVER = "2.62.0"
"""Of Beam's Flink runner: the portable protocol between it and Beam for Python does not ask for equal versions."""
JAVA = (11, 17, 21)


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
    say(f"fetching {' '.join(PACKAGES)} (0.3 GB)")
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
    say(f"fetching Beam's job server for Flink {FLINK_MINOR}, {JOB_SERVER} (0.2 GB)")
    (partial / "pom.xml").write_text(_POM)
    _quietly([mvn, "--quiet", "--batch-mode", "--update-snapshots", "dependency:copy-dependencies", "-DincludeScope=runtime",
              f"-DoutputDirectory={partial}"], partial, "Beam's job server")

  return _once(home / f"job-server-{FLINK_MINOR}-{JOB_SERVER}", make)
