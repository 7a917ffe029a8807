"""A folder for what can be made again but takes long: shared by all processes of a user, safe to delete at any time. What is in
it has seals, and what is damaged is made anew."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from kubric_gen.assets.fetching.seals import is_sound_file, read_sound, seal_file
from kubric_gen.errors import AssetError
from kubric_gen.system.scratch import outer_tempdir
from kubric_gen.system.whole import whole_file

ATTEMPTS = 5
"""Of making what is needed, where somebody deletes the cache meanwhile."""

Result = TypeVar("Result")


def _make_private(place: Path) -> None:
  """Makes a folder for the user alone, where it is not there yet.

  Raises:
    OSError: it cannot be made or written to, or is somebody else's, who could put anything into it.
  """
  place.mkdir(mode=0o700, parents=True, exist_ok=True)
  if os.stat(place).st_uid not in (os.getuid(), 0):
    raise PermissionError(errno.EPERM, "it belongs to another user", str(place))
  if not os.access(place, os.W_OK | os.X_OK):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))


def _root() -> Path:
  """The user's cache.

  Raises:
    AssetError: `KUBRIC_GEN_CACHE` names a folder that cannot be used.
    OSError: nothing was named, and there is no other place.
  """
  home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
  return _choose_root(os.environ.get("KUBRIC_GEN_CACHE", ""), home)


@functools.lru_cache(maxsize=1)
def _choose_root(named: str, home: str) -> Path:
  if named:
    place = Path(os.path.abspath(os.path.expanduser(named)))
    try:
      _make_private(place)
    except (OSError, ValueError) as error:
      raise AssetError(f"KUBRIC_GEN_CACHE={named} cannot be used ({getattr(error, 'strerror', None) or error}): name a folder "
                       "of yours, or one that can be made") from None
    return place
  if os.path.isabs(home):
    with contextlib.suppress(OSError):
      _make_private(Path(home, "kubric-gen"))
      return Path(home, "kubric-gen")
  with contextlib.suppress(OSError):
    place = Path(outer_tempdir(), f"kubric_gen_cache_{os.getuid()}")
    _make_private(place)
    return place
  return Path(tempfile.mkdtemp(prefix="kubric_gen_cache_"))


def _folder(*parts: str) -> Path:
  """A folder below the cache, made with the cache itself where it is not there, or no longer."""
  place = _root()
  _make_private(place)
  for part in Path(*parts).parts:
    place = place / part
    _make_private(place)
  return place


def raise_unwritable(place: Path | str, error: OSError) -> NoReturn:
  """Tells why the cache cannot be written to.

  Raises:
    AssetError: always.
  """
  raise AssetError(f"cannot write to the cache {place} ({error.strerror or error}): free some space, remove what is in its way, "
                   "or point KUBRIC_GEN_CACHE elsewhere") from None


def retry_when_deleted(action: Callable[[], Result]) -> Result:
  """The result of an action in the cache, tried again at once where somebody deletes the cache while it runs.

  Raises:
    OSError: the action raised it.
  """
  tries = Retrying(retry=retry_if_exception_type(FileNotFoundError), stop=stop_after_attempt(ATTEMPTS), reraise=True)
  return tries(action)


def cache_folder(*parts: str) -> Path:
  """A folder below the user's cache: `KUBRIC_GEN_CACHE`, else `kubric-gen` in `XDG_CACHE_HOME` or `~/.cache`, else one in
  the folder for temporary files.

  Raises:
    AssetError: it cannot be made.
  """
  try:
    return retry_when_deleted(lambda: _folder(*parts))
  except OSError as error:
    raise_unwritable(error.filename or "folder", error)


def _write(name: str, data: bytes) -> Path:
  """Puts a file into the cache, whole or not at all, and seals it."""
  parent, _, last = name.rpartition("/")
  path = _folder(parent) / last
  with whole_file(path) as draft:
    draft.write_bytes(data)
  seal_file(path, hashlib.sha256(data).hexdigest())
  return path


def cached_file(name: str, make: Callable[[], bytes]) -> Path:
  """A file of the cache that is needed, made where it is not there or damaged.

  Args:
    name: below the cache; it follows from the content. make: gives the content.

  Raises:
    AssetError: it cannot be written.
  """
  path = cache_folder() / name
  if is_sound_file(path):
    return path
  data = make()
  try:
    return retry_when_deleted(lambda: _write(name, data))
  except OSError as error:
    raise_unwritable(path, error)


def read_cached(name: str) -> bytes | None:
  """A file of the cache, if it is there as it was written.

  Raises:
    AssetError: `KUBRIC_GEN_CACHE` names a folder that cannot be used.
  """
  with contextlib.suppress(OSError):
    return read_sound(_root() / name)
  return None


def write_cached(name: str, data: bytes) -> None:
  """Puts a file into the cache, whole or not at all; where that fails it is no error, for it is only a cache.

  Raises:
    AssetError: `KUBRIC_GEN_CACHE` names a folder that cannot be used.
  """
  with contextlib.suppress(OSError):
    retry_when_deleted(lambda: _write(name, data))
