"""Where a cluster listens: on ports of the loopback, in a network of its own."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from contextlib import ExitStack
from pathlib import Path

from kubric_gen.errors import KubricGenError

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
  """Ports of 127.0.0.1 that nobody listens on just now."""
  with ExitStack() as stack:
    sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
    for each in sockets:
      each.bind((HOST, 0))
    return [each.getsockname()[1] for each in sockets]


def isolate() -> None:
  """Moves this process, and all that it starts from now on, into a network that has only the loopback."""
  libc, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
  new_user, new_network = 0x10000000, 0x40000000
  if libc.unshare(new_network):  # only root may; others first become root of a space of their own
    if libc.unshare(new_user | new_network):
      raise KubricGenError("this machine allows no network of one's own, without which Beam's ports can be reached from outside: "
                           f"{os.strerror(ctypes.get_errno())} (--noisolated does without)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
  set_flags, is_up = 0x8914, 1
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", is_up))
