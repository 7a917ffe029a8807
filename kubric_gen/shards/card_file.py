"""The card of a dataset as a file, which tells by itself whether a byte of it was changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.schema.description import DESCRIPTION, LAYOUT
from kubric_gen.system.files import MAX_CARD, in_one_line, read_json, read_limited

CARD = "card.json"
_SEAL = "sha256"
_START = f'{{\n "{_SEAL}": "'.encode()
_EMPTY = "0" * 64


class CardError(KubricGenError):
  """A dataset whose card is damaged or gone.

  Attributes:
    damage: what is wrong, without the way out.
  """

  def __init__(self, damage: str, way_out: str) -> None:
    super().__init__(f"{damage}{way_out}")
    self.damage = damage


def sealed(data: Mapping[str, Any]) -> bytes:
  """The content of a card's file. Its first value is the SHA-256 of the file with zeros in this one's place."""
  text = (json.dumps({_SEAL: _EMPTY, **data}, indent=1) + "\n").encode()
  return text.replace(_EMPTY.encode(), _digest(text), 1)


def _digest(text: bytes) -> bytes:
  """Of a sealed card."""
  rest = memoryview(text)[len(_START) + len(_EMPTY):]
  digest = hashlib.sha256(_START + _EMPTY.encode())
  digest.update(rest)
  return digest.hexdigest().encode()


def read_card(folder: Any) -> dict[str, Any]:
  """The card of a dataset. Those of earlier versions have no seal, and list sizes alone.

  Raises:
    FileNotFoundError: there is none.
    CardError: it is damaged.
  """
  file = folder / CARD
  try:
    text = read_limited(file, MAX_CARD)
    card = json.loads(text)
    if not isinstance(card, dict):
      raise ValueError("it is no object")
    has_seal = _SEAL in card or any(isinstance(said, dict) for said in dict(card.get("files") or {}).values())
    if has_seal and not (text.startswith(_START) and text[len(_START):len(_START) + len(_EMPTY)] == _digest(text)):
      raise ValueError("its SHA-256 is not the one that it says: its content was changed")
    return card
  except NotADirectoryError:
    raise FileNotFoundError(str(file)) from None
  except FileNotFoundError:
    raise
  except OSError as error:
    raise KubricGenError(f"{file} cannot be read ({in_one_line(error)}): mend that, then run again") from None
  except (ValueError, TypeError, RecursionError, MemoryError) as error:
    raise CardError(f"{file} is damaged ({in_one_line(error)})", ", so that nothing tells what the dataset is of: pass "
                    "--overwrite to have it packed again, or choose another --data_dir") from None


def request_digest(request: Mapping[str, Any], file_format: str) -> str:
  """What was asked for, in short: it also stands in the description of the features, in case that the card is lost."""
  text = json.dumps({"file_format": file_format, "layout": LAYOUT, **request}, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()


def described_request(folder: Any) -> str | None:
  """The digest of what a dataset was asked for; "" where its version did not write it, None where the dataset is none of ours."""
  try:
    described = read_json(folder / DESCRIPTION)
  except Exception:  # whatever is wrong with it, it does not tell
    return None
  return str(described.get("request", "")) if isinstance(described, dict) and "layout" in described else None
