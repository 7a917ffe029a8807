"""Leaves out of an installed Python environment what kubric-gen never runs, and compiles what it imports to byte code.

Run by the environment's own interpreter while the image is built: `python slim.py [STRIP]`, where STRIP is the program
of the binutils. What an earlier run has treated stays as it is, so that a layer holds only what is new.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

UNUSED = (
    # To compile against a package
    "tensorflow/include", "pyarrow/include", "pyarrow/src", "numpy/**/*.a", "numpy/core/include",
    # Tests of other projects
    *(f"{name}/**/tests" for name in ("h5py", "networkx", "numpy", "pandas", "pyarrow", "scipy")),
    *(f"{name}/**/*_test.py" for name in ("apache_beam", "keras", "tensorflow_datasets")), "apache_beam/examples",
    "numpy/core/_simd.*.so",
    # Of TensorFlow, what only its exporters to other formats load; and a parser of C++ that nothing loads
    "tensorflow/compiler/mlir/stablehlo/stablehlo_extension.so", "tensorflow/compiler/tf2xla/ops/_xla_ops.so",
    "clang/native/libclang.so",
    # Parts of Arrow that nothing here calls: its network protocol
    *(f"pyarrow/{name}*" for name in ("libarrow_flight", "libarrow_python_flight", "_flight")),
    # PyBullet's exercises for reinforcement learning, with trained policies and captured motion
    "pybullet_envs", "pybullet_data/data", "pybullet_data/policies",
    # Blender's second copy of USD, for scripts that edit USD files; it reads and writes them by the first
    "bpy/4.5/python/lib/python3.11/site-packages/pxr",
    # Render kernels and denoisers of AMD's and Intel's GPUs, whose drivers no container engine brings into a container
    "bpy/4.5/scripts/addons_core/cycles/lib/kernel_*gfx*", "bpy/lib/libOpenImageDenoise_device_hip*",
    "bpy/lib/libOpenImageDenoise_device_sycl*",
)
BUILD_TOOLS = ("cython",)
"""Which a package requires although only its compilation needs them."""
LARGE = 1_000_000
"""Bytes from which a library is stripped of the symbols that only a debugger reads."""
IMPORTED = ("absl.app", "bpy", "cv2", "embreex.mesh_construction", "imageio_ffmpeg", "numpy", "PIL.Image", "PIL.PngImagePlugin",
            "pybullet", "scipy.ndimage", "scipy.sparse", "scipy.spatial.transform", "tqdm", "trimesh",
            "kubric_gen.example.making", "kubric_gen.cli.script", "worlds.movi", "apache_beam",
            "apache_beam.runners.portability.fn_api_runner",
            "apache_beam.runners.worker.sdk_worker_main", "array_record.python.array_record_module", "etils.epath",
            "pyarrow.parquet", "pytest", "tensorflow", "tensorflow_datasets", "beam_pipelines.generate",
            "kubric_gen.shards.packing", "kubric_gen.shards.finish")
"""Modules which, with all that they import, start faster: 1.3 s less for a world, 3 s for a shard. The byte code of
everything would have 180 MB."""


def remove(root: Path) -> None:
  subprocess.run([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", "--root-user-action=ignore", *BUILD_TOOLS],
                 check=True)
  for pattern in UNUSED:
    for path in list(root.glob(pattern)):
      if path.is_dir():
        shutil.rmtree(path)
      else:
        path.unlink(missing_ok=True)


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


def compile_imported(root: Path) -> None:
  lines = ["import contextlib, sys", *(f"with contextlib.suppress(ImportError): import {name}" for name in IMPORTED),
           "print(*{getattr(module, '__file__', None) for module in list(sys.modules.values())}, sep='\\n')"]
  with tempfile.TemporaryDirectory() as home:  # some packages write to it when they are imported
    clean = {**os.environ, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
    found = subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, env=clean).stdout.split("\n")
  new = [name for name in sorted(set(found)) if name.endswith(".py") and Path(name).is_relative_to(root)
         and not Path(importlib.util.cache_from_source(name)).exists()]
  # The same files give the same bytes: not by time, and with constant sets in one order
  subprocess.run([sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-i", "-"], check=True,
                 text=True, input="\n".join(new), env={**os.environ, "PYTHONHASHSEED": "0"})


def main() -> None:
  root = Path(sysconfig.get_path("platlib"))
  remove(root)
  if len(sys.argv) > 1:
    strip(root, sys.argv[1])
  compile_imported(root)


if __name__ == "__main__":
  main()
