"""What the control group of this process (its container, or its job in a batch system) may use; the machine often has more."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMORY = Path("/proc/meminfo")


def cpu_count() -> int:
  """Processors that the affinity mask and the quota of the control group (a container's `--cpus`) allow, at least 1."""
  count = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
  return max(1, math.ceil(min([count, *read_quotas(CGROUPS, _own_groups())])))


def kills_for_memory() -> int:
  """How many processes of the control group the kernel has ended so far because it had run out of memory."""
  return max(read_memory_kills(CGROUPS, _own_groups()), default=0)


def available_memory() -> int | None:
  """Bytes of memory that this process could have at most, others staying as they are; None where that cannot be known."""
  with contextlib.suppress(OSError):
    free = read_available_memory(MEMORY.read_text())
    if free is not None:
      return min([free, *read_memory_room(CGROUPS, _own_groups())])
  return None


def _own_groups() -> str:
  with contextlib.suppress(OSError):
    return Path("/proc/self/cgroup").read_text()
  return ""


def _folders(root: Path, groups: str, controller: str) -> Iterator[Path]:
  """Folders of the control groups that have a controller, and of those above them.

  Args:
    root: where the control groups are mounted. groups: `/proc/self/cgroup`, a line `id:controllers:path` each. In a
      container, whose own group is mounted at the root, the path may not be found: then the root has the limit.
  """
  for line in groups.splitlines():
    _, _, rest = line.partition(":")
    controllers, _, path = rest.partition(":")
    if controllers and controller not in controllers.split(","):
      continue
    for mount in dict.fromkeys((root / controllers, root / controller)) if controllers else (root,):
      parts = [part for part in path.split("/") if part and part != ".."]
      yield from (mount.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1))


def read_quotas(root: Path, groups: str) -> Iterator[float]:
  """Limits of processor time, in processors; see `_folders`. Of control groups of version 2 and 1."""
  for folder in _folders(root, groups, "cpu"):
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
      quota, period = (folder / "cpu.max").read_text().split()
      yield int(quota) / int(period)  # "max" is no number
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
      quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
      if int(quota) > 0:
        yield int(quota) / int(period)


def read_available_memory(text: str) -> int | None:
  """Bytes that `/proc/meminfo` tells are to be had, swap space among them."""
  sizes = dict(re.findall(r"^(\w+): +([0-9]+) kB$", text, re.MULTILINE))
  if "MemAvailable" not in sizes:
    return None
  return (int(sizes["MemAvailable"]) + int(sizes.get("SwapFree", 0))) * 1024


def read_memory_room(root: Path, groups: str) -> Iterator[int]:
  """Bytes between a limit of memory and what is in use and cannot be given back; see `_folders`. Of both versions."""
  for folder in _folders(root, groups, "memory"):
    for limit, kind in (("memory.max", "anon"), ("memory.limit_in_bytes", "total_rss")):
      with contextlib.suppress(OSError, ValueError):
        most = int((folder / limit).read_text())  # "max" is no number
        used = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        yield max(0, most - int(used.get(kind, 0)))


def read_memory_kills(root: Path, groups: str) -> Iterator[int]:
  """Processes ended for lack of memory; see `_folders`. Of control groups of version 2 and 1."""
  for folder in _folders(root, groups, "memory"):
    for name in ("memory.events", "memory.oom_control"):
      with contextlib.suppress(OSError, ValueError):
        counts = dict(line.split() for line in (folder / name).read_text().splitlines())
        yield int(counts.get("oom_kill", 0))
