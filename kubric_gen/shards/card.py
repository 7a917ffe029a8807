"""The card of a dataset: what it holds, what it was made from and by, and under which licences, for people and programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubric_gen.codecs.png import decode_png, encode_png
from kubric_gen.scene.serialization import to_plain
from kubric_gen.schema.coding import Coding
from kubric_gen.schema.description import LAYOUT
from kubric_gen.schema.features import Sequence as Repeated, element, leaves
from kubric_gen.schema.statistics import Statistics
from kubric_gen.shards.recipe import Recipe, SceneKey, resolution_name
from kubric_gen.sinks.sink import record_sink
from kubric_gen.versions import versions
from kubric_gen.world.seeds import short_text

SHEET_SCENES = 24
SHEET_COLUMNS = 8
MAX_TOLD = 100
"""Failed scenes that the card names where they have no ranges."""


@dataclass(frozen=True)
class SplitCard:
  """A split that was made: how many records and bytes, in which shards."""

  name: str
  description: str
  num_examples: int
  num_bytes: int
  shard_lengths: tuple[int, ...]


@dataclass(frozen=True)
class Contents:
  """What the records of one resolution have come to.

  Attributes:
    splits: those that have records. statistics: of all records. licenses: of the assets in them.
  """

  splits: tuple[SplitCard, ...]
  statistics: Statistics
  licenses: Mapping[str, str]


@dataclass(frozen=True)
class Finished:
  """What there is to say of a whole dataset besides its shards.

  Attributes:
    request: what was asked for; another run with the same request finds the dataset finished.
    failed: scenes that could not be made.
    omitted: splits that no seed fell into.
  """

  request: Mapping[str, Any]
  failed: tuple[SceneKey, ...]
  omitted: tuple[str, ...]


def contact_sheet(thumbnails: Sequence[bytes]) -> bytes:
  """Small PNG images in rows, as one PNG."""
  from kubric_gen.pictures.sheets import TIGHT, draw_grid, wrapped  # Pillow is needed for this alone
  return encode_png(draw_grid(wrapped([decode_png(data)[..., :3] for data in thumbnails], SHEET_COLUMNS), style=TIGHT))


def card_data(recipe: Recipe, resolution: tuple[int, int], file_format: str, contents: Contents,
              finished: Finished) -> dict[str, Any]:
  """The card as JSON knows it."""
  return {
      "layout": LAYOUT, "dataset": recipe.dataset.name, "config": resolution_name(resolution), "file_format": file_format,
      "description": recipe.dataset.description,
      "world": recipe.world_name, "request": dict(finished.request), "versions": versions(),
      "splits": [{"name": split.name, "description": split.description, "num_examples": split.num_examples,
                  "num_bytes": split.num_bytes, "shard_lengths": list(split.shard_lengths)} for split in contents.splits],
      "omitted_splits": list(finished.omitted), "licenses": dict(sorted(contents.licenses.items())),
      "failed_seeds": [str(key) if recipe.dataset.explicit else key.seed for key in finished.failed],
      "statistics": {
          "numbers": {name: {"count": m.count, "mean": m.mean, "deviation": m.deviation, "minimum": m.minimum,
                             "maximum": m.maximum} for name, m in sorted(contents.statistics.numbers.items()) if m.count},
          "labels": {name: dict(sorted(counts.items())) for name, counts in sorted(contents.statistics.labels.items())}}}


def _number(value: float) -> str:
  return f"{value:.4g}" if math.isfinite(value) else "-"


def _coding_text(coding: Coding) -> str:
  return {"unit": "[0, 1]", "signed": "[-1, 1]"}.get(coding.kind, f"`{coding.limits}`")


def _splits_text(recipe: Recipe) -> str:
  dataset = recipe.dataset
  if dataset.of_records:
    return "Every scene has records of all splits."
  if not dataset.explicit:
    return "Splits are decided by the hash of the seed."
  pairs = [f"`{split.name}` with `{split.paired_with}`" for split in dataset.splits if split.paired_with]
  return "Each split has seeds of its own" + (f"; paired, with the same seeds, are {', '.join(pairs)}." if pairs else ".")


def _failed_text(failed: Sequence[Any], explicit: bool) -> str:
  if not explicit:
    return f"seeds {short_text(failed)}"
  return f"scenes {', '.join(failed[:MAX_TOLD])}" + (f" and {len(failed) - MAX_TOLD} more" if len(failed) > MAX_TOLD else "")


def _how_to_read(file_format: str) -> list[str]:
  if not record_sink(file_format).tfds:
    return [f"Records are in files of the sink `{file_format}`; `metadata.json` describes them.", ""]
  lines = ["```python", "import tensorflow_datasets as tfds", "", "builder = tfds.builder_from_directory(\"this folder\")"]
  if file_format == "array_record":
    lines += ["", "from kubric_gen.shards.reader import ArrayRecords  # no TensorFlow", "",
              "records = ArrayRecords(\"this folder\", \"train\", decode=True)  # in metres, pixels, …"]
  return [*lines, "```", ""]


def card_markdown(data: Mapping[str, Any], recipe: Recipe, resolution: tuple[int, int]) -> str:
  """The card for people."""
  lines = [f"# {data['dataset']}/{data['config']}", "", data["description"], "",
           "![Scenes of the dataset](contact_sheet.png)", "", *_how_to_read(data["file_format"]),
           "## Splits", "", "| split | records | shards | MB | what it is |", "| --- | --- | --- | --- | --- |"]
  for split in data["splits"]:
    lines.append(f"| `{split['name']}` | {split['num_examples']} | {len(split['shard_lengths'])} | "
                 f"{split['num_bytes'] / 1e6:.1f} | {split['description']} |")
  if data["omitted_splits"]:
    what = "record" if recipe.dataset.of_records else "seed"
    lines += ["", f"No {what} fell into {', '.join(f'`{name}`' for name in data['omitted_splits'])}: omitted."]
  if data["failed_seeds"]:
    lines += ["", f"Could not be made: {_failed_text(data['failed_seeds'], recipe.dataset.explicit)}."]
  request = data["request"]
  lines += ["", "## Made from", "", f"World `{data['world']}`, seeds {request['seeds']}; "
            + ", ".join(f"{name} {version}" for name, version in data["versions"].items()) + ".", "",
            f"{_splits_text(recipe)} Config:", "", "| setting | value |", "| --- | --- |"]
  first = recipe.dataset.scene_split((data["splits"][0] if data["splits"] else vars(recipe.dataset.splits[0]))["name"])
  common = {name: value for name, value in data["request"]["recipe"][first.name].items()
            if name not in recipe.dataset.overrides(first)}
  common |= {name: to_plain(getattr(recipe.config, name)) for name in recipe.dataset.overrides(first)}
  lines += [f"| `{name}` | {value} |" for name, value in common.items()]
  for split in recipe.dataset.splits:
    changed = [f"`{name}` = {value}" for name, value in recipe.dataset.overrides(split).items()]
    if changed:
      lines.append(f"| in `{split.name}` | {', '.join(changed)} |")
  lines += ["", "## Licences", "", "| asset | licence |", "| --- | --- |",
            *(f"| {name} | {licence} |" for name, licence in data["licenses"].items()),
            "", "## Features", "", "Coded features are stored as 16-bit integers; "
            "`kubric_gen.datasets.in_units` and the readers give their values in the units named here.", "",
            "| feature | shape | stored as | unit | meaning |", "| --- | --- | --- | --- | --- |"]
  for name, feature in leaves(recipe.features(resolution)):
    inner = element(feature)
    shape = feature.dimensions if not isinstance(feature, Repeated) or inner is not feature else ()
    coding = "" if inner.coding is None else f", coded over {_coding_text(inner.coding)}"
    lines.append(f"| `{name}` | {' × '.join(map(str, shape)) or 'one'} | {inner.kind}{coding} | {feature.unit or inner.unit} | "
                 f"{feature.meaning or inner.meaning} |")
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
