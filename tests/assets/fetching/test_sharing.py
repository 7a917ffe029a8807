"""Files and folders that several processes want at the same time."""

from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kubric_gen.assets.fetching.archives import pack
from kubric_gen.assets.fetching.sharing import shared_file, shared_folder
from kubric_gen.errors import AssetError, KubricGenError


def _fill(path: str, barrier: object, locks: bool) -> int:
  calls = 0

  def fill(folder: Path) -> None:
    nonlocal calls
    calls += 1
    if not locks:
      barrier.wait(20)  # all are at it before one has finished
    time.sleep(0.2)
    (folder / "content").write_text("whole")

  def unsupported(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")

  if not locks:
    fcntl.flock = unsupported
  barrier.wait(20)
  assert (shared_folder(Path(path), fill) / "content").read_text() == "whole"
  return calls


@pytest.mark.parametrize("locks", [True, False])
def test_processes_share_a_folder(tmp_path, locks):
  context = multiprocessing.get_context("spawn")
  with context.Manager() as manager, context.Pool(3) as pool:
    barrier = manager.Barrier(3)
    calls = pool.starmap(_fill, [(str(tmp_path / "shared"), barrier, locks)] * 3)
  assert sorted(calls) == ([0, 0, 1] if locks else [1, 1, 1])
  assert {path.name for path in tmp_path.iterdir()} - {".shared.lock"} == {"shared"}
  assert locks is False or not (tmp_path / ".shared.lock").exists()


def test_threads_take_turns_until_one_succeeds(tmp_path):
  tries, failures = [], []

  def fill(folder: Path) -> None:
    tries.append(len(tries))
    time.sleep(0.02)
    if tries[-1] < 2:
      raise AssetError("not yet")
    (folder / "x").touch()

  def work() -> None:
    try:
      shared_folder(tmp_path / "shared", fill)
    except AssetError as error:
      failures.append(error)

  threads = [threading.Thread(target=work) for _ in range(8)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert len(tries) == 3 and len(failures) == 2 and [path.name for path in tmp_path.iterdir()] == ["shared"]


def test_what_fails_or_was_killed_leaves_nothing(tmp_path):
  def fail(folder: Path) -> None:
    (folder / "half").touch()
    raise AssetError("no")

  with pytest.raises(AssetError, match="no"):
    shared_folder(tmp_path / "x", fail)
  assert not list(tmp_path.iterdir())
  script = (f"import os, pathlib\nfrom kubric_gen.assets.fetching.sharing import shared_folder\n"
            f"shared_folder(pathlib.Path({str(tmp_path / 'x')!r}), lambda folder: os._exit(9))")
  assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
  assert len(list(tmp_path.iterdir())) == 2  # what was half made, and the file of the lock
  assert shared_folder(tmp_path / "x", lambda folder: (folder / "y").touch()).is_dir()
  assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("share", [shared_folder, shared_file])
def test_something_in_the_way(tmp_path, share):
  if share is shared_folder:
    (tmp_path / "x").touch()
  else:
    (tmp_path / "x").mkdir()
  with pytest.raises(KubricGenError, match="in the way"):
    share(tmp_path / "x", lambda place: place.touch() if share is shared_file else None)


@pytest.mark.parametrize("share", [shared_folder, shared_file])
def test_a_cache_that_is_deleted_meanwhile_is_made_again(tmp_path, share):
  tries = []

  def fill(place: Path) -> None:
    if share is shared_folder:
      place = place / "y"
    place.write_text("x")
    tries.append(place)
    if len(tries) < 3:
      shutil.rmtree(tmp_path / "cache")

  made = share(tmp_path / "cache" / "deep" / "x", fill)
  assert made.exists() and len(tries) == 3 and {path.name for path in made.parent.iterdir()} - {"x.sha256"} == {"x"}

  def spoil(place: Path) -> None:
    shutil.rmtree(tmp_path / "cache")
    raise AssetError("broken by that")

  with pytest.raises(AssetError, match="deleted again and again"):
    share(tmp_path / "cache" / "z", spoil)


def _create(manifest: str, cache: str, barrier: object) -> float:
  os.environ["KUBRIC_GEN_CACHE"] = cache
  from kubric_gen.assets.collections import ManifestEnvironments
  source = ManifestEnvironments(manifest)
  barrier.wait(60)
  return [Path(source.create(name).hdri).stat().st_size for name in ("packed", "single")]


def test_workers_fetch_an_archive_once(tmp_path):
  hdr = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 2\n" + bytes([128, 128, 128, 129] * 2)
  manifest = {"assets": {"packed": {"asset_type": "Texture", "kwargs": {"filename": "a.hdr"}},
                         "single": {"asset_type": "Texture", "path": None, "kwargs": {"filename": "b.hdr"}}}}
  files = {"/m.json": json.dumps(manifest).encode(), "/packed.tar.gz": pack({"a.hdr": hdr}), "/b.hdr": hdr}
  calls: Counter[str] = Counter()

  class Handler(BaseHTTPRequestHandler):

    def log_message(self, *_: object) -> None:
      pass

    def do_GET(self) -> None:
      calls[self.path] += 1
      if self.path != "/m.json":
        time.sleep(0.5)  # so that all would ask
      self.send_response(200)
      self.send_header("Content-Length", str(len(files[self.path])))
      self.end_headers()
      self.wfile.write(files[self.path])

  server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
  threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
  context = multiprocessing.get_context("spawn")
  with context.Manager() as manager, context.Pool(4) as pool:
    url = f"http://127.0.0.1:{server.server_port}/m.json"
    sizes = pool.starmap(_create, [(url, str(tmp_path / "cache"), manager.Barrier(4))] * 4)
  server.shutdown()
  server.server_close()
  assert sizes == [[len(hdr)] * 2] * 4 and calls == {"/m.json": 4, "/packed.tar.gz": 1, "/b.hdr": 1}
  assert not list((tmp_path / "cache").rglob(".*"))
