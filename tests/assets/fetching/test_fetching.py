"""Files from servers, good and bad: real ones on this machine."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from kubric_gen.assets.fetching import files as fetching
from kubric_gen.assets.fetching import remote
from kubric_gen.assets.fetching.files import download, join, parent, read
from kubric_gen.errors import AssetError

BODY = bytes(range(256)) * 20


class Server:
  """Answers by path; `calls` counts the requests."""

  def __init__(self) -> None:
    self.calls: Counter[str] = Counter()
    self.headers: dict[str, str] = {}
    outer = self

    class Handler(http.server.BaseHTTPRequestHandler):

      def log_message(self, *_: object) -> None:
        pass

      def do_GET(self) -> None:
        outer.calls[self.path] += 1
        outer.headers = dict(self.headers)
        name = self.path.rsplit("/", 1)[-1].partition("?")[0]
        if name.isdigit():
          self.send_error(int(name))
        elif name.startswith("flaky") and outer.calls[self.path] < 3:
          self.send_response(503)
          self.send_header("Retry-After", "0")
          self.end_headers()
        elif name == "truncated" or (name == "once_truncated" and outer.calls[self.path] == 1):
          self.answer(BODY[:-1], len(BODY))
        elif name == "reset":
          self.connection.shutdown(socket.SHUT_RDWR)
        elif name == "garbage":
          self.wfile.write(b"what?\r\n\r\n")
        elif name == "moved":
          self.redirect("/file")
        elif name == "to_file":
          self.redirect("file:///etc/passwd")
        elif name == "to_ftp":
          self.redirect("ftp://127.0.0.1/file")
        elif name == "loop":
          self.redirect("/loop")
        elif name == "chunked":
          self.send_response(200)
          self.end_headers()
          self.wfile.write(BODY)
        else:
          self.answer(BODY, len(BODY))

      def redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.end_headers()

      def answer(self, body: bytes, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    self.url = f"http://127.0.0.1:{self.server.server_port}"
    threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
  monkeypatch.setattr(fetching, "WAIT", 0.01)
  for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
    monkeypatch.delenv(name, raising=False)
  started = Server()
  yield started
  started.server.shutdown()
  started.server.server_close()


@pytest.mark.parametrize("name", ["file", "chunked", "moved", "flaky", "once_truncated"])
def test_what_comes_in_the_end_is_whole(server, tmp_path, name):
  assert read(f"{server.url}/{name}") == BODY
  assert server.headers["User-Agent"].startswith("kubric-gen/")
  assert download(f"{server.url}/again/{name}", tmp_path / "x") == hashlib.sha256(BODY).hexdigest()
  assert (tmp_path / "x").read_bytes() == BODY
  assert server.calls[f"/{name}"] == {"flaky": 3, "once_truncated": 2}.get(name, 1)


@pytest.mark.parametrize(("name", "calls", "reason"), [
    ("401", 1, "refused, HTTP 401.*download it"), ("403", 1, "refused, HTTP 403"), ("404", 1, "no such file"),
    ("410", 1, "no such file"), ("400", 1, "HTTP 400"), ("500", 5, "HTTP 500; tried 5 times"), ("429", 5, "HTTP 429"),
    ("truncated", 5, "only 5119 of 5120 bytes"), ("reset", 5, "connection"), ("garbage", 5, "connection broke"),
    ("to_file", 1, "redirects"), ("to_ftp", 1, "redirects"), ("loop", 5, "circle")])
def test_failures_are_one_line_and_retried_where_that_helps(server, name, calls, reason):
  with pytest.raises(AssetError, match=reason) as error:
    read(f"{server.url}/{name}")
  assert "\n" not in str(error.value) and f"{server.url}/{name}" in str(error.value)
  assert server.calls[f"/{name}"] == calls


def test_sizes_are_limited_while_reading(server, tmp_path):
  for name in ("file", "chunked"):
    with pytest.raises(AssetError, match="larger than"):
      read(f"{server.url}/{name}", limit=len(BODY) - 1)
    with pytest.raises(AssetError, match="larger than"):
      download(f"{server.url}/{name}", tmp_path / "x", limit=100)
  assert read(f"{server.url}/file", limit=len(BODY)) == BODY
  (tmp_path / "local").write_bytes(BODY)
  with pytest.raises(AssetError, match="larger than"):
    read(str(tmp_path / "local"), limit=100)


def test_a_server_that_dribbles_is_given_up(server, monkeypatch):
  monkeypatch.setattr(remote, "PATIENCE", 0.0)
  monkeypatch.setattr(remote, "SLOWEST", 1e12)
  with pytest.raises(AssetError, match="bytes came in"):
    read(f"{server.url}/file")


def test_a_silent_server_is_given_up(monkeypatch):
  monkeypatch.setattr(fetching, "WAIT", 0.01)
  monkeypatch.setattr(remote, "TIMEOUT", 0.05)
  with socket.create_server(("127.0.0.1", 0)) as silent:
    with pytest.raises(AssetError, match="tried 5 times"):
      read(f"http://127.0.0.1:{silent.getsockname()[1]}/file")


def test_nobody_there(monkeypatch):
  monkeypatch.setattr(fetching, "WAIT", 0.01)
  with socket.create_server(("127.0.0.1", 0)) as closed:
    port = closed.getsockname()[1]
  with pytest.raises(AssetError, match="no connection.*tried 5 times.*check the network"):
    read(f"http://127.0.0.1:{port}/file")


def test_object_stores(server, monkeypatch):
  monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
  monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
  assert read("gs://bucket/a folder/file") == BODY
  assert server.calls == {"/storage/v1/b/bucket/o/a%20folder%2Ffile?alt=media": 1}
  assert read("s3://bucket/a folder/file") == BODY
  assert server.calls["/bucket/a%20folder/file"] == 1
  monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url.removeprefix("http://"))
  assert read("gs://bucket/file") == BODY
  for url in ("gs://bucket", "s3:///x"):
    with pytest.raises(AssetError, match="names no file"):
      read(url)


def test_public_addresses_of_object_stores(monkeypatch):
  for name in ("STORAGE_EMULATOR_HOST", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
    monkeypatch.delenv(name, raising=False)
  assert remote._address("gs://b/k/x") == "https://storage.googleapis.com/storage/v1/b/b/o/k%2Fx?alt=media"
  assert remote._address("s3://b/k/x") == "https://b.s3.amazonaws.com/k/x"
  assert remote._address("s3://b.c/k/x") == "https://s3.amazonaws.com/b.c/k/x"


def test_a_closed_bucket_names_the_way_out(server, monkeypatch):
  monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
  monkeypatch.setattr(remote, "_address", lambda url: f"{server.url}/403")
  with pytest.raises(AssetError, match="closed to the public since February 2026: use a built-in collection"):
    read("gs://kubric-public/assets/KuBasic/KuBasic.json")
  for module in (fetching, remote):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
  with pytest.raises(AssetError, match="pip install s3fs and sign in"):
    read("s3://private/x")


def test_credentials_are_used_where_the_public_is_refused(server, monkeypatch):
  import fsspec
  from fsspec.implementations.memory import MemoryFileSystem
  monkeypatch.setattr(remote, "_address", lambda url: f"{server.url}/403")
  for module in (fetching, remote):
    monkeypatch.setattr(module, "find_spec", lambda name: object())
  fsspec.register_implementation("gs", MemoryFileSystem, clobber=True)
  with fsspec.open("memory://bucket/secret", "wb") as file:
    file.write(BODY)
  monkeypatch.setattr(fsspec, "open", lambda url, mode: MemoryFileSystem().open(url.replace("gs://", "memory://"), mode))
  assert read("gs://bucket/secret") == BODY
  with pytest.raises(AssetError, match="no such file"):
    read("gs://bucket/none")

  def refuse(url: str, mode: str) -> None:
    raise RuntimeError("403\nno")

  monkeypatch.setattr(fsspec, "open", refuse)
  with pytest.raises(AssetError, match="also with the credentials that gcsfs finds: 403 no.*sign in"):
    read("gs://bucket/secret")


@pytest.mark.parametrize("url", ["ftp://host/x", "file:///etc/passwd", "http://", "http://[", "http://host:port/x", "nope://x"])
def test_other_addresses_are_refused(url, monkeypatch):
  monkeypatch.setattr(fetching, "WAIT", 0.0)
  with pytest.raises(AssetError) as error:
    read(url)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a b", "a\nb", "a\x00b", "é"])
def test_addresses_with_spaces_are_refused_at_once(server, name, monkeypatch):
  monkeypatch.setattr("time.sleep", lambda _: pytest.fail("tried again"))
  with pytest.raises(AssetError, match="is no address") as error:
    read(f"{server.url}/{name}")
  assert str(error.value).isprintable() and not server.calls


def test_a_full_disk_is_one_line(server):
  from pathlib import Path
  with pytest.raises(AssetError, match="cannot be stored"):
    download(f"{server.url}/file", Path("/dev/full"))


def test_folders(tmp_path):
  assert join("gs://b/k/", "a b/c.tar.gz") == "gs://b/k/a b/c.tar.gz"
  assert join("http://h/k", "a b.tar.gz") == "http://h/k/a%20b.tar.gz"
  assert join("/data", "a/b") == "/data/a/b"
  for name in ("../x", "/x", "a/../../b", "http://x"):
    with pytest.raises(ValueError):
      join("/data", name)
  assert parent("gs://b/k/x.json") == "gs://b/k" and parent("http://h/x.json?y=1") == "http://h/"
  assert parent(str(tmp_path / "x.json")) == str(tmp_path)
