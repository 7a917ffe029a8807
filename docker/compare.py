"""Compares the files of two images: `python docker/compare.py kubric-gen kubric-gen:again`; exit status 1 where they differ,
2 where one cannot be read.

Two builds of a commit should hold the same files; only times may differ. Needs the package `docker`.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

import docker
import docker.errors

MADE_BY_THE_ENGINE = {".dockerenv", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf", "run/.containerenv"}
SHOWN = 20


class _Stream(io.RawIOBase):
  """A file of the parts that an iterator brings."""

  def __init__(self, parts: Iterator[bytes]) -> None:
    self._parts, self._rest = parts, b""

  def readable(self) -> bool:
    return True

  def readinto(self, buffer: Any) -> int:
    if not self._rest:
      self._rest = next(self._parts, b"")
    size = min(len(buffer), len(self._rest))
    buffer[:size], self._rest = self._rest[:size], self._rest[size:]
    return size


def files(client: Any, image: str) -> dict[str, tuple[Any, ...]]:
  """What an image holds: per path its type, mode, owner, link target, and the SHA-256 of its content."""
  container = client.containers.create(image)
  found: dict[str, tuple[Any, ...]] = {}
  try:
    stream = io.BufferedReader(_Stream(container.export()), 1 << 20)
    with tarfile.open(fileobj=stream, mode="r|") as archive:
      for member in archive:
        if member.name.split("/")[0] in ("dev", "proc", "sys") or member.name in MADE_BY_THE_ENGINE:
          continue
        content = archive.extractfile(member) if member.isreg() else None
        digest = hashlib.file_digest(content, "sha256").hexdigest() if content is not None else ""
        found[member.name] = (member.type, oct(member.mode), member.uid, member.gid, member.linkname, digest)
  finally:
    container.remove(v=True)
  return found


def differences(first: dict[str, tuple[Any, ...]], second: dict[str, tuple[Any, ...]]) -> list[str]:
  """A line for each path that only one image holds, or that differs."""
  lines = []
  for name in sorted(first.keys() | second.keys()):
    if name not in first or name not in second:
      lines.append(f"only in the {'first' if name in first else 'second'}: {name}")
    elif first[name] != second[name]:
      lines.append(f"differs: {name}")
  return lines


def main() -> int:
  if len(sys.argv) != 3:
    print(__doc__, file=sys.stderr)
    return 2
  try:
    client = docker.from_env(timeout=600)
    first, second = (files(client, image) for image in sys.argv[1:])
  except docker.errors.DockerException as error:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    return 2
  found = differences(first, second)
  for line in found[:SHOWN]:
    print(line)
  print(f"{len(first)} files, {len(found)} of them differ" if found else f"{len(first)} files, all the same")
  return 1 if found else 0


if __name__ == "__main__":
  sys.exit(main())
