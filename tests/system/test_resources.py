"""Quotas of control groups, as containers and batch systems set them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubric_gen.system import resources
from kubric_gen.system.resources import (available_memory, cpu_count, read_available_memory, read_memory_kills, read_memory_room,
                                         read_quotas)


def write(path: Path, text: str) -> None:
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(text + "\n")


def test_no_group_has_a_limit(tmp_path: Path) -> None:
  assert list(read_quotas(tmp_path, "0::/user.slice\n")) == [] == list(read_quotas(tmp_path, ""))


def test_version_2_and_the_groups_above(tmp_path: Path) -> None:
  write(tmp_path / "job" / "cpu.max", "400000 100000")
  write(tmp_path / "job" / "step" / "cpu.max", "max 100000")
  assert list(read_quotas(tmp_path, "0::/job/step\n")) == [4.0]
  write(tmp_path / "job" / "step" / "cpu.max", "150000 100000")
  assert sorted(read_quotas(tmp_path, "0::/job/step\n")) == [1.5, 4.0]


def test_a_container_sees_its_own_group_at_the_root(tmp_path: Path) -> None:
  write(tmp_path / "cpu.max", "50000 100000")
  for groups in ("0::/\n", "0::/docker/0123abcd\n", "0::/../x\n"):
    assert set(read_quotas(tmp_path, groups)) == {0.5}


def test_version_1(tmp_path: Path) -> None:
  for name, quota in (("cpu,cpuacct", "200000"), ("cpuset", "100")):
    write(tmp_path / name / "cpu.cfs_quota_us", quota)
    write(tmp_path / name / "cpu.cfs_period_us", "100000")
  assert set(read_quotas(tmp_path, "3:cpuset:/\n2:cpu,cpuacct:/\n1:name=systemd:/\n")) == {2.0}
  write(tmp_path / "cpu,cpuacct" / "cpu.cfs_quota_us", "-1")
  assert list(read_quotas(tmp_path, "2:cpu,cpuacct:/\n")) == []


@pytest.mark.parametrize("text", ["", "nonsense", "1 0", "max", "a b"])
def test_what_cannot_be_read_is_no_limit(tmp_path: Path, text: str) -> None:
  write(tmp_path / "cpu.max", text)
  assert list(read_quotas(tmp_path, "0::/\n:\nx\n")) == []


def test_kills_for_memory_of_both_versions(tmp_path: Path) -> None:
  assert list(read_memory_kills(tmp_path, "0::/job\n")) == []
  write(tmp_path / "job" / "memory.events", "low 0\noom 3\noom_kill 2")
  assert list(read_memory_kills(tmp_path, "0::/job\n")) == [2]
  write(tmp_path / "memory" / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1")
  assert list(read_memory_kills(tmp_path, "4:memory:/docker/0123\n")) == [1]


def test_the_affinity_mask_counts() -> None:
  allowed = os.sched_getaffinity(0)
  try:
    os.sched_setaffinity(0, {min(allowed)})
    assert cpu_count() == 1
  finally:
    os.sched_setaffinity(0, allowed)
  assert 1 <= cpu_count() <= len(allowed)


def test_memory_that_is_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  text = "MemTotal:       24105 kB\nMemFree:        100 kB\nMemAvailable:       2000 kB\nSwapFree:       50 kB\n"
  assert read_available_memory(text) == 2050 * 1024
  assert read_available_memory("MemTotal: 1 kB\n") is None is read_available_memory("")
  monkeypatch.setattr(resources, "MEMORY", tmp_path / "meminfo")
  assert available_memory() is None
  write(tmp_path / "meminfo", text)
  monkeypatch.setattr(resources, "CGROUPS", tmp_path)
  monkeypatch.setattr(resources, "_own_groups", lambda: "0::/job\n")
  assert available_memory() == 2050 * 1024
  write(tmp_path / "job" / "memory.max", "1000000")
  write(tmp_path / "job" / "memory.stat", "anon 300000\nfile 600000")
  assert available_memory() == 700_000  # what files have in memory can be given back


def test_room_for_memory_of_both_versions(tmp_path: Path) -> None:
  assert list(read_memory_room(tmp_path, "0::/job\n")) == []
  for folder, limit, stat in (("job", "max", "anon 5"), ("job/step", "100", "anon 130\nfile 5")):
    write(tmp_path / folder / "memory.max", limit)
    write(tmp_path / folder / "memory.stat", stat)
  assert list(read_memory_room(tmp_path, "0::/job/step\n")) == [0]
  write(tmp_path / "memory" / "memory.limit_in_bytes", "9223372036854771712")
  write(tmp_path / "memory" / "memory.stat", "cache 7\ntotal_rss 712")
  assert list(read_memory_room(tmp_path, "4:memory:/docker/0123\n")) == [9223372036854771000]
