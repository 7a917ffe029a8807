"""Files from disk, http(s), Google Cloud Storage and S3, whole or with the reason in one line.

`gs://` and `s3://` are read over the stores' public addresses; where these refuse, with credentials if `gcsfs` or `s3fs`
is installed. `STORAGE_EMULATOR_HOST` and `AWS_ENDPOINT_URL` (or `AWS_ENDPOINT_URL_S3`) name other servers.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import posixpath
import random
import shutil
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib import error, parse, request

from kubric_gen.assets.urdf import relative_file
from kubric_gen.errors import AssetError
from kubric_gen.paths import is_local

ATTEMPTS = 5
WAIT = 0.5
"""Seconds before the second attempt; each further wait is twice as long."""
MAX_WAIT = 30.0
TIMEOUT = 30.0
"""Seconds in which a server must answer, or send the next bytes."""
PATIENCE, SLOWEST = 60.0, 1024.0
"""After so many seconds, fewer bytes per second are as good as none."""
CHUNK = 1 << 20
MAX_BYTES = 4 << 30
SCHEMES = ("http", "https", "gs", "s3")
CLIENTS = {"gs": "gcsfs", "s3": "s3fs"}
CLOSED = "gs://kubric-public/"

Result = TypeVar("Result")


class _Transient(Exception):
  """A failure that may not come again."""

  def __init__(self, reason: str, wait: float = 0.0) -> None:
    super().__init__(reason)
    self.wait = wait


class _Refused(Exception):
  """The server wants to know who asks."""


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


def _address(url: str) -> str:
  """Where a file of an object store can be read over http(s)."""
  scheme, _, rest = url.partition("://")
  if scheme in ("http", "https"):
    return url
  bucket, _, key = rest.partition("/")
  if not bucket or not key:
    raise AssetError(f"{url} names no file: give {scheme}://BUCKET/FILE")
  if scheme == "gs":
    host = os.environ.get("STORAGE_EMULATOR_HOST") or "https://storage.googleapis.com"
    host = host if "://" in host else f"http://{host}"
    return f"{host.rstrip('/')}/storage/v1/b/{parse.quote(bucket, safe='')}/o/{parse.quote(key, safe='')}?alt=media"
  endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
  if endpoint or "." in bucket:  # the certificates of bucket.s3.amazonaws.com end at one label
    return f"{(endpoint or 'https://s3.amazonaws.com').rstrip('/')}/{bucket}/{parse.quote(key)}"
  return f"https://{bucket}.s3.amazonaws.com/{parse.quote(key)}"


class _Redirects(request.HTTPRedirectHandler):

  def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
    if parse.urlsplit(newurl).scheme not in ("http", "https"):
      raise error.URLError(f"it redirects to {newurl[:100]!r}, which is not http")
    return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> request.OpenerDirector:
  """One that knows http(s) and nothing else: neither files nor ftp."""
  opener = request.OpenerDirector()
  for handler in (request.ProxyHandler(), request.HTTPHandler(), request.HTTPSHandler(), request.HTTPDefaultErrorHandler(),
                  request.HTTPErrorProcessor(), _Redirects()):
    opener.add_handler(handler)
  return opener


def _failed(url: str, status: int) -> Exception:
  """What an HTTP status means."""
  if status in (401, 403):
    return _Refused(f"access is refused, HTTP {status}")
  if status in (404, 410):
    return AssetError(f"{url} cannot be fetched (there is no such file, HTTP {status}): check the address")
  if 300 <= status < 400:
    return AssetError(f"{url} cannot be fetched (it redirects in a circle, or to no http address): check the address")
  return AssetError(f"{url} cannot be fetched (HTTP {status} {http.client.responses.get(status, '')}): check the address")


def _http(url: str) -> Iterator[bytes]:
  from kubric_gen import __version__
  headers = {"User-Agent": f"kubric-gen/{__version__}", "Accept-Encoding": "identity"}
  try:
    query = request.Request(_address(url), headers=headers)
    with _opener().open(query, timeout=TIMEOUT) as response:
      yield from _body(response, response.headers.get("Content-Length"))
  except error.HTTPError as problem:
    if problem.code in (408, 425, 429) or problem.code >= 500:
      after = problem.headers.get("Retry-After", "") if problem.headers else ""
      raise _Transient(f"HTTP {problem.code}", float(after) if after.isdigit() else 0.0) from None
    raise _failed(url, problem.code) from None
  except error.URLError as problem:
    if isinstance(problem.reason, str):  # ours, or no protocol at all
      raise AssetError(f"{url} cannot be fetched ({problem.reason}): check the address") from None
    raise _Transient(f"no connection: {problem.reason}") from None
  except ValueError as problem:
    raise AssetError(f"{url} is no address ({problem}): check it") from None
  except (OSError, http.client.HTTPException) as problem:
    raise _Transient(f"the connection broke: {problem or type(problem).__name__}") from None


def _body(stream: IO[bytes], length: str | None) -> Iterator[bytes]:
  """What a server sends, with a check that it sends all of it and gets on with it."""
  started, received = time.monotonic(), 0
  while block := stream.read(CHUNK):
    received += len(block)
    yield block
    spent = time.monotonic() - started
    if spent > PATIENCE and received < SLOWEST * spent:
      raise _Transient(f"only {received} bytes came in {spent:.0f} s")
  if length is not None and length.isdigit() and received != int(length):
    raise _Transient(f"only {received} of {length} bytes came")


def _signed(url: str, client: str) -> Iterator[bytes]:
  """The same with the user's credentials, through `gcsfs` or `s3fs`."""
  import fsspec
  try:
    with fsspec.open(url, "rb") as file:
      while block := file.read(CHUNK):
        yield block
  except FileNotFoundError:
    raise AssetError(f"{url} cannot be fetched (there is no such file): check the address") from None
  except Exception as problem:  # each library has errors of its own
    reason = " ".join(str(problem).split())[:200] or type(problem).__name__
    raise _Refused(f"access is refused, also with the credentials that {client} finds: {reason}") from None


def _remote(url: str) -> Iterator[bytes]:
  scheme = url.partition("://")[0]
  if scheme not in SCHEMES:
    raise AssetError(f"{url} cannot be fetched: give a path or an address that starts with one of "
                     f"{', '.join(f'{name}://' for name in SCHEMES)}")
  try:
    yield from _http(url)
  except _Refused:
    client = CLIENTS.get(scheme)
    if client is None or find_spec(client) is None:
      raise
    yield from _signed(url, client)  # nothing has been received yet: a server refuses before it sends


def _way_out(url: str) -> str:
  if url.startswith(CLOSED):
    return ("Kubric's bucket has been closed to the public since February 2026: use a built-in collection "
            "(kubric_gen.assets.collections), or get the collection elsewhere and give the path of its manifest")
  client = CLIENTS.get(url.partition("://")[0])
  if client is None:
    return "download it in another way and give its path"
  if find_spec(client) is None:
    return f"pip install {client} and sign in, or download it and give its path"
  return "sign in with an account that may read it, or download it and give its path"


def _retried(url: str, action: Callable[[], Result]) -> Result:
  """The result of an action that may fail for a moment."""
  wait = WAIT
  for attempt in range(ATTEMPTS):
    try:
      return action()
    except _Refused as problem:
      raise AssetError(f"{url} cannot be fetched ({problem}): {_way_out(url)}") from None
    except _Transient as problem:
      if attempt == ATTEMPTS - 1:
        raise AssetError(f"{url} cannot be fetched ({' '.join(str(problem).split())}; tried {ATTEMPTS} times): check the "
                         "network, or download it and give its path") from None
      # Many processes that failed together should not come back together
      time.sleep(min(max(wait, problem.wait), MAX_WAIT) * random.SystemRandom().uniform(0.75, 1.0))
      wait *= 2
  raise AssertionError("the last attempt returns or raises")


def _copy(url: str, target: IO[bytes], limit: int) -> str:
  """Writes the whole file, at most `limit` bytes, and returns its SHA-256 in hexadecimal."""
  digest, size = hashlib.sha256(), 0
  target.seek(0)
  target.truncate()
  for block in _remote(url):
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
    return _retried(url, attempt)
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
      return _retried(url, lambda: _copy(url, file, limit))
  except OSError as problem:
    free = shutil.disk_usage(path.parent).free >> 20
    raise AssetError(f"{url} cannot be stored in {path.parent} ({problem.strerror}; {free} MiB are free): free some space or "
                     "point KUBRIC_GEN_CACHE elsewhere") from None
