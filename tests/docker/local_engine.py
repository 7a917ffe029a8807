"""A container engine to try the image on: this machine's, or one of our own.

Where no engine runs and this is root on Debian, Docker is installed and started for the tests alone, with its files in
the user's cache folder. Where no registry answers, two stand-ins take the place of the images that the Dockerfile starts
from: Debian as debootstrap installs it, and the boot program of Beam's SDK containers, built from its Go module.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubric-gen" / "image-test"
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
BEAM = f"apache/beam_python3.11_sdk:{version('apache-beam')}"
STAND_IN, BEAM_STAND_IN = "kubric-gen-test-debian:bookworm", f"kubric-gen-test-beam:{version('apache-beam')}"
PACKAGES = ("docker.io", "debootstrap", "runc")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ROOM = 25_000_000_000
"""Bytes that two builds and their caches take."""
KEPT = "8GB"
"""Of the build cache, for the next time."""


_log = logging.getLogger("image-test")


class UnavailableError(Exception):
  """This machine does not allow it; the message says why."""


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
  return subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]


def must(*command: str | Path, **options: object) -> str:
  result = run(*command, **options)
  if result.returncode:
    raise UnavailableError(f"{' '.join(map(str, command))[:80]}: {(result.stderr or result.stdout).strip()[-300:]}")
  return result.stdout


@dataclass
class LocalEngine:
  """An engine.

  Attributes:
    client: the `docker` program, one that can use BuildKit. host: the engine's address, "" for the default.
    build_flags: that `build` needs here. description: what it is, for people.
  """

  client: str
  host: str
  description: str
  build_flags: list[str] = field(default_factory=list)

  @property
  def environment(self) -> dict[str, str]:
    """To call `docker`, whatever it is, in a process of ours."""
    path = os.pathsep.join([str(CACHE / "bin"), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "DOCKER_BUILDKIT": "1", **({"DOCKER_HOST": self.host} if self.host else {})}

  def docker(self, *arguments: str | Path, timeout: float = 280, **options: object) -> subprocess.CompletedProcess[str]:
    return run(self.client, *arguments, env=self.environment, timeout=timeout, **options)

  def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
    """The same in the background."""
    return subprocess.Popen([self.client, *map(str, arguments)], env=self.environment, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _clients() -> Iterator[str]:
  """Clients that can use BuildKit: old ones bring it along, new ones need a plugin."""
  for path in dict.fromkeys(filter(None, (shutil.which("docker"), "/usr/bin/docker"))):
    if not os.path.exists(path):
      continue
    found = re.search(r"version (\d+)", run(path, "--version").stdout)
    if found and (int(found[1]) < 23 or run(path, "buildx", "version").returncode == 0):
      yield path


def _install() -> None:
  if os.geteuid() or not shutil.which("apt-get"):
    raise UnavailableError("no container engine runs here, and only root on Debian can install one")
  missing = [name for name in PACKAGES if run("dpkg", "--status", name).returncode]
  if missing:
    _log.info(f"installing {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    must("apt-get", "update", "--quiet=2", env=environment, timeout=600)
    must("apt-get", "install", "--quiet=2", "--yes", "--no-install-recommends", *missing, env=environment, timeout=900)


@contextlib.contextmanager
def _own_engine() -> Iterator[str]:
  """Docker's daemon, for the tests alone. It offers no network to containers but the machine's own."""
  folder = Path(tempfile.mkdtemp(prefix="kubric_gen_engine_"))  # the path of a socket has to be short
  data = CACHE / "engine"
  data.mkdir(parents=True, exist_ok=True)
  host = f"unix://{folder}/socket"
  log = folder / "log"
  with log.open("wb") as file:
    daemon = subprocess.Popen(
        ["dockerd", "--storage-driver", "overlay2", "--data-root", data, "--exec-root", folder / "exec",
         "--pidfile", folder / "pid", "--host", host, "--iptables=false", "--ip6tables=false", "--bridge=none",
         "--default-ulimit", "nofile=20000:20000"],
        stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
  try:
    for _ in range(300):
      if daemon.poll() is not None:
        break
      if run("/usr/bin/docker", "--host", host, "info").returncode == 0:
        left = run("/usr/bin/docker", "--host", host, "ps", "--all", "--quiet").stdout.split()
        if left:  # by a run that was killed
          run("/usr/bin/docker", "--host", host, "rm", "--force", "--volumes", *left)
        yield host
        return
      time.sleep(0.1)
    raise UnavailableError(f"Docker does not start here: {log.read_text()[-300:]}")
  finally:
    daemon.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
      daemon.wait(30)
    daemon.kill()
    shutil.rmtree(folder, ignore_errors=True)


def _import(engine: LocalEngine, archive: Path, name: str) -> None:
  """Makes an image of an archive, unless there is one: a new one would have another identity, and make caches useless."""
  if engine.docker("image", "inspect", name).returncode:
    result = engine.docker("import", "--change", 'CMD ["bash"]', archive, name)
    if result.returncode:
      raise UnavailableError(f"the stand-in cannot be imported: {result.stderr.strip()[-200:]}")


def _import_base(engine: LocalEngine) -> None:
  """Debian as debootstrap installs it, without what the published slim image lacks, too."""
  archive = CACHE / "base.tar"
  if not archive.exists():
    _log.info("no registry: making a stand-in for Debian's image with debootstrap")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
      root = Path(folder) / "root"
      must("debootstrap", "--variant=minbase", "bookworm", root, timeout=900)
      for name in ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "var/cache", "var/lib/apt/lists",
                   "var/log"):
        for path in (root / name).iterdir():
          shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
      # This machine's own certificate authorities, if the traffic to the package index is signed by one
      for source in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        target = root / "usr/local/share/ca-certificates" / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
      if CERTIFICATES.exists():
        (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
        shutil.copy(CERTIFICATES, root / "etc/ssl/certs")
        (root / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
      partial = archive.with_suffix(".partial")
      must("tar", "--directory", root, "--create", "--file", partial, ".", timeout=300)
      partial.rename(archive)
  _import(engine, archive, STAND_IN)


def _import_beam(engine: LocalEngine) -> None:
  """An image that holds the boot program of Beam's SDK containers where the published one has it."""
  archive = CACHE / f"beam-{version('apache-beam')}.tar"
  if not archive.exists():
    if not shutil.which("go"):
      raise UnavailableError("no registry, and no Go to build Beam's boot program with")
    _log.info("no registry: building Beam's boot program from its Go module")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
      must("go", "install", f"github.com/apache/beam/sdks/v2/python/container@v{version('apache-beam')}", timeout=1200,
           env={**os.environ, "GOBIN": folder, "GOFLAGS": "-mod=mod"})
      partial = archive.with_suffix(".partial")
      with tarfile.open(partial, "w") as target:
        target.add(Path(folder) / "container", "opt/apache/beam/boot")
      partial.rename(archive)
  _import(engine, archive, BEAM_STAND_IN)


def _prepare(engine: LocalEngine) -> str:
  """Makes sure that the images the Dockerfile starts from are there; the name of the first."""
  (CACHE / "bin").mkdir(parents=True, exist_ok=True)
  (CACHE / "bin" / "docker").unlink(missing_ok=True)
  (CACHE / "bin" / "docker").symlink_to(engine.client)
  base = re.search(r"(?m)^ARG BASE=(\S+)", DOCKERFILE)
  assert base is not None and f"ARG BEAM_SDK={BEAM}\n" in DOCKERFILE
  name = base[1]
  if engine.docker("pull", "--quiet", name, timeout=600).returncode:
    _import_base(engine)
    name = STAND_IN
    engine.build_flags += ["--build-arg", f"BASE={STAND_IN}"]
    engine.description += ", on a stand-in for Debian's image (no registry)"
  if engine.docker("pull", "--quiet", BEAM, timeout=900).returncode:
    _import_beam(engine)
    engine.build_flags += ["--build-arg", f"BEAM_SDK={BEAM_STAND_IN}"]
    engine.description += " and one for Beam's"
  return name


@contextlib.contextmanager
def local_engine() -> Iterator[LocalEngine]:
  """An engine with the images that the Dockerfile starts from.

  Raises:
    UnavailableError: this machine does not allow one.
  """
  CACHE.mkdir(parents=True, exist_ok=True)
  if shutil.disk_usage(CACHE).free < ROOM:
    raise UnavailableError(f"{CACHE} has less than {ROOM / 1e9:.0f} GB left")
  client = next(_clients(), None)
  if client and run(client, "info").returncode == 0:
    engine = LocalEngine(client, "", "this machine's engine")
    _prepare(engine)
    yield engine
    return
  _install()
  client = next(_clients(), None)
  if client is None:
    raise UnavailableError("no Docker client here can use BuildKit")
  with _own_engine() as host:
    engine = LocalEngine(client, host, "Docker started for the tests", ["--network", "host"])
    base = _prepare(engine)
    probe = engine.docker("run", "--rm", base, "true")
    if probe.returncode:
      raise UnavailableError(f"containers do not run here: {probe.stderr.strip()[-300:]}")
    try:
      yield engine
    finally:
      engine.docker("image", "prune", "--force")
      engine.docker("builder", "prune", "--force", f"--keep-storage={KEPT}")
