"""What a manifest says of one asset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubric_gen.errors import AssetError, shown

OBJECT, ENVIRONMENT = "FileBasedObject", "Texture"


@dataclass(frozen=True)
class Entry:
  """What a manifest says of an asset.

  Attributes:
    id: of the asset. kind: its `asset_type`. path: its archive, relative to `data_dir`; None for files without one.
    license: of the asset. kwargs, metadata: as they are in the manifest. sha256: of the archive, "" where not given.
  """

  id: str
  kind: str
  path: str | None
  license: str
  kwargs: Mapping[str, Any]
  metadata: Mapping[str, Any]
  sha256: str


def get_typed(record: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
  """The printable text or the object under a key; the default where it is missing or null.

  Raises:
    ValueError: it is something else.
  """
  value = record.get(key)
  if value is None:
    return default
  if not isinstance(value, kind):
    raise ValueError(f"{key} must be {'text' if kind is str else 'an object'}, not {shown(value)}")
  if isinstance(value, str) and not value.isprintable():
    raise ValueError(f"{key} must be printable text, not {shown(value)}")
  return value


def read_entry(asset_id: str, record: Any) -> Entry:
  """The entry of an asset.

  Raises:
    ValueError: it is broken.
  """
  if not asset_id or len(asset_id) > 512 or not asset_id.isprintable():
    raise ValueError("the id must be printable text")
  if not isinstance(record, dict):
    raise ValueError("the entry must be an object")
  if record.get("id", asset_id) != asset_id:
    raise ValueError(f"the entry says that its id is {shown(record['id'])}")
  sha256 = get_typed(record, "sha256", str, "").lower()
  if sha256 and not re.fullmatch("[0-9a-f]{64}", sha256):
    raise ValueError("sha256 must be 64 hexadecimal digits")
  path = None if record.get("path", "") is None else get_typed(record, "path", str, "") or f"{asset_id}.tar.gz"
  return Entry(asset_id, get_typed(record, "asset_type", str, OBJECT), path, get_typed(record, "license", str, "") or "unknown",
               get_typed(record, "kwargs", dict, {}), get_typed(record, "metadata", dict, {}), sha256)


def _refuse_constant(name: str) -> float:
  raise ValueError(f"{name} is no JSON")


def load_json(data: bytes, url: str) -> Any:
  """JSON as it is defined: no NaN.

  Raises:
    AssetError: it is none.
  """
  try:
    return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
  except (ValueError, RecursionError) as error:
    raise AssetError(f"{url} is no JSON ({' '.join(str(error).split())[:200]}): fetch it again") from None
