"""NumPy's archives of arrays, with the same bytes from every version of Python.

`numpy.savez_compressed` streams into the archive, and what `zipfile` then puts into its headers has changed between
releases of Python 3.11.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

_EPOCH = (1980, 1, 1, 0, 0, 0)


def encode_npz(arrays: Mapping[str, ArrayLike]) -> bytes:
  """A compressed archive that `numpy.load` reads."""
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w") as archive:
    for name, array in arrays.items():
      content = io.BytesIO()
      np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=False)
      archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), content.getvalue(), zipfile.ZIP_DEFLATED)
  return buffer.getvalue()
