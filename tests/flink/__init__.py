"""A Flink cluster on this machine for Beam pipelines: one JobManager, some TaskManagers, workers for Python.

  python -m tests.flink run -- python -m beam_pipelines.generate --world=movi ...

starts a cluster, runs what stands after `--` with the pipeline options for it appended, and stops everything. A
TaskManager that dies meanwhile is replaced, and Flink restarts what it was doing. The exit status is the command's.

  python -m tests.flink fetch

only fetches Flink (0.3 GB, from the packages that it has on PyPI) and Beam's job server (0.2 GB, by `mvn`)
into --flink_home; nothing needs the network afterwards. Java 11, 17 or 21 must be there.

Flink and the worker pool listen on 127.0.0.1. The Java servers that Beam adds while a job runs listen on every address
and let whoever reaches them run code, so the cluster and the command have a network of their own with nothing but the
loopback in it. A pipeline that writes to a bucket needs --noisolated, on a machine that others cannot reach.
"""

from tests.flink.cluster import FlinkCluster
from tests.flink.network import isolate
from tests.flink.packages import fetch_flink, fetch_job_server

__all__ = ["FlinkCluster", "fetch_flink", "fetch_job_server", "isolate"]
