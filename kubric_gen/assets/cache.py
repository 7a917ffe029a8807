"""A folder for what can be made again but takes long: shared by all processes of a user, safe to delete at any time."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from pathlib import Path


@functools.cache
def _root() -> Path:
  user = os.getuid() if hasattr(os, "getuid") else 0
  home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
  for place in (os.environ.get("KUBRIC_GEN_CACHE"), os.path.join(home, "kubric-gen"),
                os.path.join(tempfile.gettempdir(), f"kubric_gen_cache_{user}")):
    if place and os.path.isabs(place):
      with contextlib.suppress(OSError):
        os.makedirs(place, mode=0o700, exist_ok=True)
        if os.stat(place).st_uid in (user, 0) and os.access(place, os.W_OK | os.X_OK):  # nobody else's to fill
          return Path(place)
  return Path(tempfile.mkdtemp(prefix="kubric_gen_cache_"))


def cache_folder(*parts: str) -> Path:
  """A folder below the user's cache: `KUBRIC_GEN_CACHE`, else `kubric-gen` in `XDG_CACHE_HOME` or `~/.cache`, else one in
  the folder for temporary files."""
  folder = _root().joinpath(*parts)
  folder.mkdir(mode=0o700, parents=True, exist_ok=True)
  return folder


def write_cached(path: Path, data: bytes) -> None:
  """Puts a file into the cache, whole or not at all; a full disk is no error, for it is only a cache."""
  with contextlib.suppress(OSError):
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
      name = file.name
      try:
        file.write(data)
      except OSError:
        os.unlink(name)
        raise
    os.replace(name, path)
