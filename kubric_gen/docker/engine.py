"""The container engine on this machine: where it listens, what kind it is, and what it lets containers have."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubric_gen.errors import KubricGenError

READ_TIMEOUT = 120
"""Seconds that the engine may take to answer."""


def sockets() -> Iterator[str]:
  """Addresses at which an engine may listen, in the order in which they are tried."""
  if os.environ.get("DOCKER_HOST"):
    yield os.environ["DOCKER_HOST"]
    return
  runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
  for path in ("/var/run/docker.sock", f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock", "/run/podman/podman.sock"):
    try:
      if stat.S_ISSOCK(os.stat(path).st_mode) and os.access(path, os.W_OK):
        yield f"unix://{path}"
    except OSError:
      pass


@contextlib.contextmanager
def told_in_one_line(action: str) -> Iterator[None]:
  """Turns what the client library raises into one line.

  Raises:
    KubricGenError: the engine refused or did not answer.
  """
  import docker.errors
  try:
    yield
  except KubricGenError:
    raise
  except docker.errors.ImageNotFound as error:
    raise KubricGenError(f"{action}: {error.explanation}: build it with `make image`, or give another --image") from None
  except docker.errors.APIError as error:
    reason = error.explanation or str(error)
    hint = ": install the NVIDIA Container Toolkit on this machine, or leave out --gpus" if "device driver" in reason else ""
    raise KubricGenError(f"{action}: the engine refuses: {reason}{hint}") from None
  except Exception as error:  # a connection that breaks shows as an error of any of the libraries below
    raise KubricGenError(f"{action}: the engine does not answer ({type(error).__name__}: {error})") from None


@dataclass(frozen=True)
class Engine:
  """A container engine.

  Attributes:
    address: where it listens.
    podman: whether it is podman. rootless: whether root in a container is the user who runs the engine.
    remapped: whether users in a container are others on its machine, unless it is told not to (Docker's userns-remap).
    cpus: processors of its machine. memory: bytes of memory of its machine.
    limits: whether it can limit processors and memory.
  """

  address: str
  podman: bool
  rootless: bool
  remapped: bool
  cpus: int
  memory: int
  limits: bool

  def client(self) -> Any:
    """A connection; each thread takes one of its own."""
    return _client(self.address)


def _client(address: str) -> Any:
  import docker
  from docker.utils import kwargs_from_env
  certificates = kwargs_from_env() if address == os.environ.get("DOCKER_HOST") else {}
  return docker.DockerClient(**{**certificates, "base_url": address}, timeout=READ_TIMEOUT, version="auto")


def _user_behind(address: str) -> int:
  """Who serves a local socket; 0 (root) where that cannot be known. Podman 4 does not say that it is rootless."""
  path = address.partition("://")[2] if address.startswith("unix://") else ""
  with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
    connection.connect(path)
    return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[1])
  return 0


def find_engine(address: str = "") -> Engine:
  """The engine at an address, or the first one that answers.

  Raises:
    KubricGenError: none does.
  """
  try:
    import docker.client  # noqa: F401  (a mere folder of this name would do for `docker`)
  except ImportError:
    raise KubricGenError("the Python package docker is missing: pip install 'kubric-gen[docker]'") from None
  tried = []
  for candidate in [address] if address else sockets():
    try:
      client = _client(candidate)
      info, version = client.info(), client.version()
    except Exception as error:  # the library lets errors of several others through
      tried.append(f"{candidate} ({' '.join(str(error).split())[:160]})")
      continue
    security = " ".join(info.get("SecurityOptions") or ())
    components = [str(item.get("Name", "")) for item in version.get("Components") or ()]
    return Engine(candidate, podman=any("podman" in name.lower() for name in components),
                  rootless=bool(info.get("Rootless")) or "rootless" in security or _user_behind(candidate) != 0,
                  remapped="name=userns" in security, cpus=int(info.get("NCPU") or os.cpu_count() or 1),
                  memory=int(info.get("MemTotal") or 0), limits=bool(info.get("CpuCfsQuota") and info.get("MemoryLimit")))
  found = f"none answers at {', '.join(tried)}" if tried else "none was found"
  raise KubricGenError(f"no container engine: {found}; start Docker, or podman's socket (systemctl --user start podman.socket), "
                       "or give --engine=unix:///PATH")
