"""Streams of bytes from http(s), Google Cloud Storage and S3.

`gs://` and `s3://` are read over the stores' public addresses, which takes no package; where these refuse, with the user's
credentials through `fsspec`, if its `gcsfs` (extra `gcp`) or `s3fs` (extra `aws`) is installed. Not through these from the
start: they ask for a file twice before they send it, wait and try again by rules of their own, print tracebacks on the way,
and end neither slow answers nor long ones. `STORAGE_EMULATOR_HOST` and `AWS_ENDPOINT_URL` (or `AWS_ENDPOINT_URL_S3`) name
other servers.
"""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import IO, Any
from urllib import error, parse, request

from kubric_gen.errors import AssetError, shown

TIMEOUT = 30.0
"""Seconds in which a server must answer, or send the next bytes."""
PATIENCE, SLOWEST = 60.0, 1024.0
"""After so many seconds, fewer bytes per second are as good as none."""
CHUNK = 1 << 20
SCHEMES = ("http", "https", "gs", "s3")
CLIENTS = {"gs": "gcsfs", "s3": "s3fs"}


class Transient(Exception):
  """A failure that may not come again."""

  def __init__(self, reason: str, wait: float = 0.0) -> None:
    super().__init__(reason)
    self.wait = wait


class Refused(Exception):
  """The server wants to know who asks."""


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
      raise error.URLError(f"it redirects to {shown(newurl)}, which is not http")
    return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> request.OpenerDirector:
  """One that knows http(s) and nothing else: neither files nor ftp."""
  opener = request.OpenerDirector()
  for handler in (request.ProxyHandler(), request.HTTPHandler(), request.HTTPSHandler(), request.HTTPDefaultErrorHandler(),
                  request.HTTPErrorProcessor(), _Redirects()):
    opener.add_handler(handler)
  return opener


def _error_of_status(url: str, status: int) -> Exception:
  """What an HTTP status means."""
  if status in (401, 403):
    return Refused(f"access is refused, HTTP {status}")
  if status in (404, 410):
    return AssetError(f"{url} cannot be fetched (there is no such file, HTTP {status}): check the address")
  if 300 <= status < 400:
    return AssetError(f"{url} cannot be fetched (it redirects in a circle, or to no http address): check the address")
  return AssetError(f"{url} cannot be fetched (HTTP {status} {http.client.responses.get(status, '')}): check the address")


def _stream_public(url: str) -> Iterator[bytes]:
  from kubric_gen import __version__
  headers = {"User-Agent": f"kubric-gen/{__version__}", "Accept-Encoding": "identity"}
  try:
    query = request.Request(_address(url), headers=headers)
    with _opener().open(query, timeout=TIMEOUT) as response:
      yield from _checked_blocks(response, response.headers.get("Content-Length"))
  except error.HTTPError as problem:
    if problem.code in (408, 425, 429) or problem.code >= 500:
      after = problem.headers.get("Retry-After", "") if problem.headers else ""
      raise Transient(f"HTTP {problem.code}", float(after) if after.isdigit() else 0.0) from None
    raise _error_of_status(url, problem.code) from None
  except error.URLError as problem:
    if isinstance(problem.reason, str):  # ours, or no protocol at all
      raise AssetError(f"{url} cannot be fetched ({problem.reason}): check the address") from None
    raise Transient(f"no connection: {problem.reason}") from None
  except (ValueError, http.client.InvalidURL) as problem:
    raise AssetError(f"{shown(url)} is no address ({problem}): check it, and write %20 for spaces") from None
  except (OSError, http.client.HTTPException) as problem:
    raise Transient(f"the connection broke: {problem or type(problem).__name__}") from None


def _checked_blocks(stream: IO[bytes], length: str | None) -> Iterator[bytes]:
  """What a server sends, with a check that it sends all of it and gets on with it."""
  started, received = time.monotonic(), 0
  while block := stream.read(CHUNK):
    received += len(block)
    yield block
    spent = time.monotonic() - started
    if spent > PATIENCE and received < SLOWEST * spent:
      raise Transient(f"only {received} bytes came in {spent:.0f} s")
  if length is not None and length.isdigit() and received != int(length):
    raise Transient(f"only {received} of {length} bytes came")


def _stream_with_credentials(url: str, client: str) -> Iterator[bytes]:
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
    raise Refused(f"access is refused, also with the credentials that {client} finds: {reason}") from None


def stream(url: str) -> Iterator[bytes]:
  """The bytes of a file, once.

  Raises:
    Transient: they did not all come, but may the next time.
    Refused: the server wants to know who asks, and the user has no credentials for it.
    AssetError: there is no such file, or it is no address.
  """
  scheme = url.partition("://")[0]
  if scheme not in SCHEMES:
    raise AssetError(f"{url} cannot be fetched: give a path or an address that starts with one of "
                     f"{', '.join(f'{name}://' for name in SCHEMES)}")
  try:
    yield from _stream_public(url)
  except Refused:
    client = CLIENTS.get(scheme)
    if client is None or find_spec(client) is None:
      raise
    yield from _stream_with_credentials(url, client)  # nothing has been received yet: a server refuses before it sends
