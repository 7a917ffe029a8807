"""How many processors this process may use; the machine often has more."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cpu_count() -> int:
  """Processors that the affinity mask and the quota of the control group (a container's `--cpus`) allow, at least 1."""
  count = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
  return max(1, math.ceil(min([count, *quotas(CGROUPS, _own_groups())])))


def _own_groups() -> str:
  with contextlib.suppress(OSError):
    return Path("/proc/self/cgroup").read_text()
  return ""


def quotas(root: Path, groups: str) -> Iterator[float]:
  """Limits of processor time, in processors, of control groups and those above them.

  Args:
    root: where the control groups are mounted. groups: `/proc/self/cgroup`, a line `id:controllers:path` each. In a
      container, whose own group is mounted at the root, the path may not be found: then the root has the limit.
  """
  for line in groups.splitlines():
    _, _, rest = line.partition(":")
    controllers, _, path = rest.partition(":")
    if controllers and "cpu" not in controllers.split(","):
      continue
    for mount in (root / controllers, root / "cpu") if controllers else (root,):
      parts = [part for part in path.split("/") if part and part != ".."]
      for depth in range(len(parts), -1, -1):
        yield from _quota(mount.joinpath(*parts[:depth]))


def _quota(folder: Path) -> Iterator[float]:
  """The limit of one control group, of version 2 or 1."""
  with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
    quota, period = (folder / "cpu.max").read_text().split()
    yield int(quota) / int(period)  # "max" is no number
  with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
    quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    if int(quota) > 0:
      yield int(quota) / int(period)
