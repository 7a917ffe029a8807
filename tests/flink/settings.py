"""What a cluster, and a pipeline that runs on it, must be told."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.flink.network import HOST

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

LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %x - %m%n
"""


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
