"""The config that TFDS loads where none is named: `<data_dir>/<dataset>/.config/metadata.json`, a file of TFDS's own.

With it `tfds.load("movi_a", data_dir=DIR)` works where nobody has imported a builder.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.system.files import in_one_line, read_json
from kubric_gen.shards.layout import VERSION
from kubric_gen.system.whole import write_whole

PREFERRED = "256x256"
_RESOLUTION = re.compile(r"[1-9][0-9]{0,8}x[1-9][0-9]{0,8}")


def _place(root: str | os.PathLike[str], dataset: str) -> Any:
  from etils import epath
  return epath.Path(root) / dataset


def _file(folder: Any) -> Any:
  return folder / ".config" / "metadata.json"


def _is_there(folder: Any, config: str) -> bool:
  """Whether TFDS finds a config."""
  return bool((folder / config / VERSION / "features.json").exists())


def default_config(root: str | os.PathLike[str], dataset: str) -> str | None:
  """The resolution that stands for a dataset, of those that are there, whoever made them: 256x256, or else the largest; None
  where there are none."""
  folder = _place(root, dataset)
  if not folder.exists():
    return None
  names = [name for name in (path.name for path in folder.iterdir()) if _RESOLUTION.fullmatch(name) and _is_there(folder, name)]

  def rank(name: str) -> tuple[bool, int, int]:
    height, width = map(int, name.split("x"))
    return name == PREFERRED, height * width, height

  return max(names, key=rank, default=None)


def _said(folder: Any) -> Any:
  """What the file names now; None where there is none.

  Raises:
    KubricGenError: it is damaged.
  """
  file = _file(folder)
  try:
    value = read_json(file)
  except FileNotFoundError:
    return None
  if not isinstance(value, dict) or not isinstance(value.get("default_config_name"), str):
    raise KubricGenError(f"{file} names no default config")
  return value["default_config_name"]


def write_default_config(root: str | os.PathLike[str], dataset: str) -> None:
  """Names the resolution that stands for a dataset, where that is not yet so.

  Raises:
    KubricGenError: the file cannot be written.
  """
  name, folder = default_config(root, dataset), _place(root, dataset)
  if name is None:
    return
  try:
    if _said(folder) == name:
      return
  except KubricGenError:
    pass  # it is written again
  write_whole(_file(folder), json.dumps({"default_config_name": name}).encode())


def damaged_default(folder: Any) -> str | None:
  """What is wrong with the default config of a dataset; None where nothing is, or where none is named.

  Args:
    folder: of all its configs, `<data_dir>/<dataset>`.
  """
  try:
    name = _said(folder)
    if name is None or ("/" not in name and name not in ("", ".", "..") and (folder / name).exists()):
      return None
    return f"{_file(folder)} names the config {shown(name)}, which is not there"
  except KubricGenError as error:
    return str(error)
  except Exception as error:
    return f"{_file(folder)} cannot be read ({in_one_line(error)})"
