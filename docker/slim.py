"""Leaves out of an installed Python environment what running it does not need, and compiles it to byte code.

Run by the environment's own interpreter while the image is built: `python slim.py [STRIP]`, where STRIP is the program
of the binutils. Goes: C++ headers, symbol tables that only a debugger reads, and the tests of other projects. What is
there already from an earlier run stays as it is.
"""

from __future__ import annotations

import compileall
import importlib.util
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HEADERS = ("tensorflow/include", "pyarrow/include")
TESTED = ("h5py", "networkx", "numpy", "pandas", "pyarrow", "scipy", "tensorflow")
UNUSED = ("clang/native/libclang.so",)
"""TensorFlow requires this parser of C++ and never loads it."""
LARGE = 1_000_000
"""Bytes from which a library is stripped."""


def remove(root: Path) -> None:
  for name in HEADERS:
    shutil.rmtree(root / name, ignore_errors=True)
  for name in UNUSED:
    (root / name).unlink(missing_ok=True)
  for name in TESTED:
    for folder in [path for path in (root / name).rglob("tests") if path.is_dir()]:
      shutil.rmtree(folder, ignore_errors=True)


def strip(root: Path, program: str) -> None:
  for path in sorted(root.rglob("*")):
    # The `.libs` folders hold libraries that auditwheel has rewritten in a way that strip may break.
    if path.is_symlink() or not path.is_file() or path.stat().st_size < LARGE or any(
        part.endswith(".libs") for part in path.parts):
      continue
    with path.open("rb") as file:
      if file.read(4) != b"\x7fELF":
        continue
    slimmer = path.with_name(path.name + ".slim")
    subprocess.run([program, "--strip-unneeded", "-o", str(slimmer), str(path)], check=True)
    if slimmer.stat().st_size < path.stat().st_size:
      slimmer.replace(path)
    else:
      slimmer.unlink()


def compile_new(root: Path) -> None:
  for path in sorted(root.rglob("*.py")):
    if not Path(importlib.util.cache_from_source(str(path))).exists():
      # Not by time: the same files give the same bytes
      compileall.compile_file(path, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def main() -> None:
  root = Path(sysconfig.get_path("platlib"))
  remove(root)
  if len(sys.argv) > 1:
    strip(root, sys.argv[1])
  compile_new(root)


if __name__ == "__main__":
  main()
