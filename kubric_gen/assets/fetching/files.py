"""Files from disk, http(s), Google Cloud Storage and S3, whole or with the reason in one line."""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import random
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TypeVar
from urllib import parse

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from kubric_gen.assets.fetching.remote import CLIENTS, Refused, Transient, stream
from kubric_gen.errors import AssetError
from kubric_gen.system.paths import is_local, relative_file

ATTEMPTS = 5
WAIT = 0.5
"""Seconds before the second attempt; each further wait is twice as long."""
MAX_WAIT = 30.0
MAX_BYTES = 4 << 30
"""Of a file that is fetched, and of all that an archive holds."""
CLOSED_BUCKET = "gs://kubric-public/"

Result = TypeVar("Result")


def join(folder: str, name: str) -> str:
  """The address of a file in a folder on disk or in a store.

  Raises:
    ValueError: the name does not stay below the folder.
  """
  name = relative_file(name)
  if is_local(folder):
    return os.path.join(folder, name)
  return f"{folder.rstrip('/')}/{parse.quote(name) if folder.startswith('http') else name}"


def parent(url: str) -> str:
  """The folder in which a file lies."""
  if is_local(url):
    return os.path.dirname(os.path.abspath(os.path.expanduser(url)))
  parts = parse.urlsplit(url)
  return parse.urlunsplit((parts.scheme, parts.netloc, posixpath.dirname(parts.path), "", ""))


def _way_out(url: str) -> str:
  if url.startswith(CLOSED_BUCKET):
    return ("Kubric's bucket has been closed to the public since February 2026: use a built-in collection "
            "(kubric_gen.assets.collections), or get the collection elsewhere and give the path of its manifest")
  client = CLIENTS.get(url.partition("://")[0])
  if client is None:
    return "download it in another way and give its path"
  if find_spec(client) is None:
    return f"pip install {client} and sign in, or download it and give its path"
  return "sign in with an account that may read it, or download it and give its path"


def _wait_time(state: RetryCallState) -> float:
  """Seconds before the next attempt: twice as long each time, and no shorter than the server asks for."""
  problem = state.outcome.exception() if state.outcome else None
  asked = problem.wait if isinstance(problem, Transient) else 0.0
  wait = min(max(WAIT * 2 ** (state.attempt_number - 1), asked), MAX_WAIT)
  return wait * random.SystemRandom().uniform(0.75, 1.0)  # many processes that failed together should not come back together


def _retry_transient(url: str, action: Callable[[], Result]) -> Result:
  """The result of an action that may fail for a moment.

  Raises:
    AssetError: it fails for good.
  """
  try:
    return Retrying(retry=retry_if_exception_type(Transient), stop=stop_after_attempt(ATTEMPTS), wait=_wait_time,
                    reraise=True)(action)
  except Refused as problem:
    raise AssetError(f"{url} cannot be fetched ({problem}): {_way_out(url)}") from None
  except Transient as problem:
    way_out = _way_out(url) if url.startswith(CLOSED_BUCKET) else "check the network, or download it and give its path"
    raise AssetError(f"{url} cannot be fetched ({' '.join(str(problem).split())}; tried {ATTEMPTS} times): {way_out}") from None


def _copy(url: str, target: IO[bytes], limit: int) -> str:
  """Writes the whole file, at most `limit` bytes, and returns its SHA-256 in hexadecimal."""
  digest, size = hashlib.sha256(), 0
  target.seek(0)
  target.truncate()
  for block in stream(url):
    size += len(block)
    if size > limit:
      raise AssetError(f"{url} is larger than {limit / (1 << 20):.0f} MiB and is not fetched")
    digest.update(block)
    target.write(block)
  return digest.hexdigest()


def read(url: str, limit: int = 1 << 28) -> bytes:
  """A whole file in memory.

  Args:
    url: a path, or an address with http, https, gs or s3. limit: bytes that it may have.

  Raises:
    AssetError: it cannot be read or fetched, or is larger.
  """
  if not is_local(url):
    def attempt() -> bytes:
      buffer = io.BytesIO()
      _copy(url, buffer, limit)
      return buffer.getvalue()
    return _retry_transient(url, attempt)
  try:
    with open(os.path.expanduser(url), "rb") as file:
      data = file.read(limit + 1)
  except (OSError, ValueError) as problem:
    raise AssetError(f"{url} cannot be read ({getattr(problem, 'strerror', None) or problem}): "
                     "give the path of an existing file") from None
  if len(data) > limit:
    raise AssetError(f"{url} is larger than {limit / (1 << 20):.0f} MiB and is not read")
  return data


def download(url: str, path: Path, limit: int = MAX_BYTES) -> str:
  """Writes a remote file to disk.

  Args:
    url: an address with http, https, gs or s3. path: of the file to write. limit: bytes that it may have.

  Returns:
    Its SHA-256 in hexadecimal.

  Raises:
    AssetError: it cannot be fetched, is larger, or the disk is full.
  """
  try:
    with open(path, "wb") as file:
      return _retry_transient(url, lambda: _copy(url, file, limit))
  except OSError as problem:
    free = shutil.disk_usage(path.parent).free >> 20
    raise AssetError(f"{url} cannot be stored in {path.parent} ({problem.strerror}; {free} MiB are free): free some space or "
                     "point KUBRIC_GEN_CACHE elsewhere") from None
