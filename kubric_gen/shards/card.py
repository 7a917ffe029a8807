"""The card of a dataset: what it holds, what it was made from and by, and under which licences, for people and programs."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kubric_gen.schema.features import Label, Tensor, leaves
from kubric_gen.shards.recipe import Recipe, resolution_name
from kubric_gen.schema.statistics import Statistics
from kubric_gen.world.seeds import short_text
from kubric_gen.codecs.png import decode_png

SHEET_SCENES = 24
SHEET_COLUMNS = 8


@dataclass(frozen=True)
class SplitCard:
  """A split that was made: how many records and bytes, in which shards."""

  name: str
  description: str
  num_examples: int
  num_bytes: int
  shard_lengths: tuple[int, ...]


def contact_sheet(thumbnails: Sequence[bytes]) -> bytes:
  """Small PNG images in rows, as one PNG."""
  from PIL import Image
  images = [decode_png(data)[..., :3] for data in thumbnails]
  height, width = images[0].shape[:2]
  columns = min(SHEET_COLUMNS, len(images))
  sheet = np.full((-(-len(images) // columns) * (height + 2) - 2, columns * (width + 2) - 2, 3), 255, np.uint8)
  for number, image in enumerate(images):
    row, column = divmod(number, columns)
    sheet[row * (height + 2):row * (height + 2) + height, column * (width + 2):column * (width + 2) + width] = image
  buffer = io.BytesIO()
  Image.fromarray(sheet).save(buffer, "PNG")
  return buffer.getvalue()


def card_data(recipe: Recipe, resolution: tuple[int, int], file_format: str, request: Mapping[str, Any],
              versions: Mapping[str, str], splits: Sequence[SplitCard], statistics: Statistics, licenses: Mapping[str, str],
              omitted: Sequence[str], failed: Sequence[int]) -> dict[str, Any]:
  """The card as JSON knows it.

  Args:
    request: what was asked for; another run with the same request finds the dataset finished.
    omitted: splits that no seed fell into. failed: seeds whose scenes could not be made.
  """
  return {
      "dataset": recipe.dataset.name, "config": resolution_name(resolution), "file_format": file_format,
      "description": recipe.dataset.description,
      "world": recipe.world, "request": dict(request), "versions": dict(versions),
      "splits": [{"name": split.name, "description": split.description, "num_examples": split.num_examples,
                  "num_bytes": split.num_bytes, "shard_lengths": list(split.shard_lengths)} for split in splits],
      "omitted_splits": list(omitted), "failed_seeds": list(failed), "licenses": dict(sorted(licenses.items())),
      "statistics": {
          "numbers": {name: {"count": m.count, "mean": m.mean, "deviation": m.deviation, "minimum": m.minimum,
                             "maximum": m.maximum} for name, m in sorted(statistics.numbers.items()) if m.count},
          "labels": {name: dict(sorted(counts.items())) for name, counts in sorted(statistics.labels.items())}}}


def _number(value: float) -> str:
  return f"{value:.4g}" if math.isfinite(value) else "-"


def card_markdown(data: Mapping[str, Any], recipe: Recipe, resolution: tuple[int, int]) -> str:
  """The card for people."""
  lines = [f"# {data['dataset']}/{data['config']}", "", data["description"], "",
           "![Scenes of the dataset](contact_sheet.png)", "", "```python", "import tensorflow_datasets as tfds", "",
           "builder = tfds.builder_from_directory(\"this folder\")", "```", "",
           "## Splits", "", "| split | records | shards | MB | what it is |", "| --- | --- | --- | --- | --- |"]
  for split in data["splits"]:
    lines.append(f"| `{split['name']}` | {split['num_examples']} | {len(split['shard_lengths'])} | "
                 f"{split['num_bytes'] / 1e6:.1f} | {split['description']} |")
  if data["omitted_splits"]:
    lines += ["", f"No seed fell into {', '.join(f'`{name}`' for name in data['omitted_splits'])}: omitted."]
  if data["failed_seeds"]:
    lines += ["", f"Could not be made: seeds {short_text(data['failed_seeds'])}."]
  request = data["request"]
  lines += ["", "## Made from", "", f"World `{data['world']}`, seeds {request['seeds']}; "
            + ", ".join(f"{name} {version}" for name, version in data["versions"].items()) + ".", "",
            "Splits are decided by the hash of the seed. Config:", "", "| setting | value |", "| --- | --- |"]
  common = data["request"]["recipe"][data["splits"][0]["name"] if data["splits"] else recipe.dataset.splits[0].name]
  lines += [f"| `{name}` | {value} |" for name, value in common.items()]
  for split in recipe.dataset.splits:
    if split.overrides:
      lines.append(f"| in `{split.name}` | {', '.join(f'`{name}` = {value}' for name, value in split.overrides.items())} |")
  lines += ["", "## Licences", "", "| asset | licence |", "| --- | --- |",
            *(f"| {name} | {licence} |" for name, licence in data["licenses"].items()),
            "", "## Features", "", "| feature | shape | type |", "| --- | --- | --- |"]
  for name, feature in leaves(recipe.features(resolution)):
    inner: Any = feature
    shape: tuple[Any, ...] = ()
    while hasattr(inner, "feature"):
      shape, inner = (*shape, inner.length or "any"), inner.feature
    shape += getattr(inner, "shape", ())
    kind = inner.dtype if isinstance(inner, Tensor) else type(inner).__name__.lower()
    if isinstance(inner, Label):
      kind = f"one of {', '.join(inner.names)}"
    elif hasattr(inner, "dtype") and not isinstance(inner, Tensor):
      kind = f"{kind}, {inner.dtype}"
    lines.append(f"| `{name}` | {' × '.join(map(str, shape)) or 'one'} | {kind} |")
  lines += ["", "## Statistics", "", "Before quantisation, in metres, pixels, seconds and radians.", "",
            "| feature | values | mean | deviation | least | greatest |", "| --- | --- | --- | --- | --- | --- |"]
  for name, item in data["statistics"]["numbers"].items():
    lines.append(f"| `{name}` | {item['count']} | {_number(item['mean'])} | {_number(item['deviation'])} | "
                 f"{_number(item['minimum'])} | {_number(item['maximum'])} |")
  if data["statistics"]["labels"]:
    lines += ["", "| label | how often |", "| --- | --- |"]
    for name, counts in data["statistics"]["labels"].items():
      lines.append(f"| `{name}` | {', '.join(f'{value} {times}' for value, times in counts.items())} |")
  return "\n".join(lines) + "\n"
