"""NumPy's archives of arrays, with the same bytes from every version of Python; reading treats them as hostile.

`numpy.savez_compressed` streams into the archive, and what `zipfile` then puts into its headers has changed between
releases of Python 3.11. `numpy.load` allocates whatever an array's header claims.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kubric_gen.errors import KubricGenError

MAX_BYTES = 1 << 31
"""The arrays of one archive take no more."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAX_DEFLATE_RATIO = 1040  # the format's own limit is 1032
_HEADERS: dict[tuple[int, int], Any] = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def encode_npz(arrays: Mapping[str, ArrayLike]) -> bytes:
  """A compressed archive that `numpy.load` reads."""
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w") as archive:
    for name, array in arrays.items():
      content = io.BytesIO()
      np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=False)
      archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), content.getvalue(), zipfile.ZIP_DEFLATED)
  return buffer.getvalue()


class _RefusedError(Exception):
  """Why an archive is not taken."""


def _array(content: bytes) -> NDArray:
  """The array of an .npy file, whose header has to fit what follows it."""
  stream = io.BytesIO(content)
  shape, in_columns, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
  if dtype.hasobject:
    raise _RefusedError("it holds Python objects")
  if not dtype.itemsize:  # of which any number takes no bytes
    raise _RefusedError("it holds values without a size")
  if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
    raise _RefusedError("an array has another size than it claims")
  # a copy: arrays over `content` could not be written to
  return np.ndarray(shape, dtype, content, stream.tell(), order="F" if in_columns else "C").copy(order="K")


def decode_npz(data: bytes, name: str = "the archive", max_bytes: int = MAX_BYTES) -> dict[str, NDArray]:
  """The arrays of an archive by name, as NumPy writes them with or without compression.

  Args:
    data: the file. name: what an error calls it.
    max_bytes: that all its arrays together may take; a larger archive is refused before it is unpacked.

  Raises:
    KubricGenError: the bytes are no such archive, damaged, cut short or too large, or hold Python objects.
  """
  try:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
      members = archive.infolist()
      for member in members:
        if not member.filename.endswith(".npy") or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
          raise _RefusedError("it holds something else than arrays")
        if member.file_size > _MAX_DEFLATE_RATIO * min(member.compress_size, len(data)):
          raise _RefusedError("it holds less than it claims")
      if sum(member.file_size for member in members) > max_bytes:
        raise _RefusedError(f"its arrays take more than the limit of {max_bytes} bytes")
      return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
  except _RefusedError as reason:
    raise KubricGenError(f"{name} cannot be read ({reason}): write it again") from None
  except Exception:  # zipfile, zlib and NumPy raise almost anything at bytes that were changed by design
    raise KubricGenError(f"{name} cannot be read (it is no archive of arrays, damaged or cut short): write it again") from None
