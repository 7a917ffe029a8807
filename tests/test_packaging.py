"""What an installation contains, what the lock pins, and what `import kubric_gen` costs."""

from __future__ import annotations

import configparser
import email
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import kubric_gen

ROOT = Path(kubric_gen.__file__).resolve().parents[1]
if not (ROOT / "docker").is_dir():
  pytest.skip("installed without its source", allow_module_level=True)
PACKAGES = ("kubric_gen", "worlds", "beam_pipelines")
LOCKS = {name: (ROOT / "docker" / f"{name}.lock").read_text() for name in ("requirements", "full", "render")}
ENGINES = {"bpy", "pybullet", "tensorflow", "apache_beam", "jax", "trimesh", "cv2"}


def locked(name: str = "requirements") -> dict[str, tuple[str, list[str]]]:
  """The lock as {name: (version, hashes)}; a line that is not such a pin is an error."""
  pins = {}
  entries = re.sub(r"\\\n", " ", re.sub(r"(?m)^ *#.*\n?", "", LOCKS[name]))
  for entry in entries.splitlines():
    match = re.fullmatch(r"([\w.-]+)==([\w.!+]+)((?: +--hash=sha256:[0-9a-f]{64})*) *", entry)
    assert match, f"not a plain pin: {entry!r}"
    pins[canonicalize_name(match[1])] = (match[2], re.findall(r"sha256:\w+", match[3]))
  return pins


def declared() -> list[Requirement]:
  """What setup.cfg asks for: the core, and the extras that contributors need."""
  config = configparser.ConfigParser()
  config.read(ROOT / "setup.cfg")
  extras = config["options.extras_require"]
  lines = "\n".join([config["options"]["install_requires"], *(extras[name] for name in ("test", "dev", "beam", "docker"))])
  return [Requirement(line) for line in lines.split("\n") if line]


def test_import_needs_no_engine() -> None:
  code = "import sys, kubric_gen; print(*{name.partition('.')[0] for name in sys.modules})"
  run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
  loaded = set(run.stdout.split())
  assert "kubric_gen" in loaded
  assert not loaded & ENGINES


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name: str) -> None:
  assert [package for package, (_, hashes) in locked(name).items() if not hashes] == []


@pytest.mark.parametrize(("smaller", "larger"), [("render", "full"), ("full", "requirements")])
def test_the_locks_agree(smaller: str, larger: str) -> None:
  assert locked(smaller).items() <= locked(larger).items() and len(locked(smaller)) < len(locked(larger))


def test_render_is_locked_without_beam_and_tensorflow() -> None:
  assert not {"apache-beam", "tensorflow-cpu", "tensorflow-datasets", "pytest"} & locked("render").keys()
  assert {"apache-beam", "tensorflow-cpu", "tensorflow-datasets", "pytest"} <= locked("full").keys()


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_what_is_declared_is_pinned(requirement: Requirement) -> None:
  version, _ = locked()[canonicalize_name(requirement.name)]
  assert requirement.specifier.contains(version)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_host_or_path(name: str) -> None:
  assert "://" not in LOCKS[name]
  assert not re.search(r"(?:^|[\s=])/\w", LOCKS[name])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
  """A wheel built from a copy of the tree in which docker/ and tests/ look like packages."""
  tree = tmp_path_factory.mktemp("tree")
  for name in ("setup.cfg", "pyproject.toml", "LICENSE"):
    shutil.copy(ROOT / name, tree)
  for name in PACKAGES:
    if (ROOT / name).is_dir():
      shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
  for name in ("docker", "tests"):
    (tree / name).mkdir()
    (tree / name / "__init__.py").touch()
  code = "from setuptools.build_meta import build_wheel; print(build_wheel('.'))"
  run = subprocess.run([sys.executable, "-c", code], cwd=tree, check=True, capture_output=True, text=True)
  return zipfile.ZipFile(tree / run.stdout.split()[-1])


def test_wheel_holds_every_file_of_the_packages_and_no_other(wheel: zipfile.ZipFile) -> None:
  packaged = {name for name in wheel.namelist() if ".dist-info/" not in name}
  files = {
    path.relative_to(ROOT).as_posix()
    for name in PACKAGES
    for path in (ROOT / name).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
  }
  assert packaged == files


def test_wheel_metadata(wheel: zipfile.ZipFile) -> None:
  info = f"kubric_gen-{kubric_gen.__version__}.dist-info"
  metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
  assert metadata["Name"] == "kubric-gen"
  assert metadata["Version"] == kubric_gen.__version__
  assert metadata["License"] == "Apache-2.0"
  assert metadata["Requires-Python"] == "==3.11.*"
  assert any(name.endswith("LICENSE") for name in wheel.namelist())
