"""PyBullet as a library: how it is loaded, and what it leaves behind unless somebody cleans up."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from kubric_gen.errors import KubricGenError
from kubric_gen.system.console import captured_console
from kubric_gen.system.scratch import Scratch

Array = NDArray[np.float64]


@functools.cache
def load_pybullet() -> ModuleType:
  with captured_console():  # it announces its build time
    try:
      import pybullet
    except ImportError as error:
      raise KubricGenError(f"physics needs PyBullet, which cannot be imported ({error}): "
                           "pip install pybullet==3.2.7") from error
  return pybullet


@contextlib.contextmanager
def returned_references(vertices: list[list[float]], indices: list[int]) -> Iterator[None]:
  """Give back the references that PyBullet 3.2.7 keeps of the vertices it is passed: else every mesh leaks.

  Whatever the call inside leaves as it was is left alone.
  """
  passed: list[object] = [vertices, indices, *vertices]
  before = [sys.getrefcount(item) for item in passed]
  yield
  after = [sys.getrefcount(item) for item in passed]
  for item, surplus in zip(passed, np.subtract(after, before).tolist()):
    for _ in range(surplus):
      ctypes.pythonapi.Py_DecRef(ctypes.py_object(item))


@contextlib.contextmanager
def pieces_file(pieces: Sequence[Array]) -> Iterator[str]:
  """A Wavefront file of convex pieces, the one form in which PyBullet takes several for one body."""
  lines, start = [], 1
  for number, piece in enumerate(pieces):
    lines.append(f"o piece_{number}")
    lines += [f"v {x!r} {y!r} {z!r}" for x, y, z in piece.tolist()]
    lines += [f"f {start} {i} {i + 1}" for i in range(start + 1, start + len(piece) - 1)]  # only their corners count
    start += len(piece)
  with Scratch("pieces") as folder:
    path = folder / "pieces.obj"
    path.write_text("\n".join(lines) + "\n")
    yield str(path)
