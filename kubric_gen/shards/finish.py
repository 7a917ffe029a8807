"""Completes a dataset whose shards are written: TFDS's metadata, the card, and its place under its final name."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubric_gen.errors import KubricGenError
from kubric_gen.scene.serialization import to_plain
from kubric_gen.schema.description import DESCRIPTION, features_to_plain
from kubric_gen.schema.features import tfds_features
from kubric_gen.schema.statistics import Statistics
from kubric_gen.shards.card import SHEET_SCENES, Contents, Finished, SplitCard, card_data, card_markdown, contact_sheet
from kubric_gen.shards.card_file import CARD, CardError, read_card, request_digest, sealed
from kubric_gen.shards.default_config import write_default_config
from kubric_gen.system.files import FileSum, file_sum
from kubric_gen.shards.layout import VERSION, dataset_dir, partial_dir
from kubric_gen.shards.packing import PackedShard
from kubric_gen.shards.recipe import Recipe, SceneKey, resolution_name
from kubric_gen.shards.store import SceneStore
from kubric_gen.sinks.sink import record_sink
from kubric_gen.system.paths import file_size
from kubric_gen.system.whole import replace_directory
from kubric_gen.world.splits import Split


def card_of(folder: Any) -> dict[str, Any] | None:
  """The card of a finished dataset; None where there is none.

  Raises:
    CardError: it is damaged, or there is something else.
  """
  try:
    return read_card(folder)
  except FileNotFoundError:
    pass
  if folder.exists() and any(folder.iterdir()) and partial_dir(folder) != folder:
    raise CardError(f"{folder} holds a dataset that kubric-gen has not made", ": choose another --data_dir")
  return None


def _write_tfds_metadata(folder: Any, recipe: Recipe, resolution: tuple[int, int], file_format: str,
                         splits: Sequence[SplitCard], described: Mapping[str, Any]) -> None:
  import tensorflow_datasets as tfds
  from tensorflow_datasets.core import dataset_info as info_lib
  from tensorflow_datasets.core import file_adapters, naming

  name = recipe.dataset.name
  identity = info_lib.DatasetIdentity(
      name=name, version=tfds.core.Version(VERSION), data_dir=os.fspath(folder), module_name="",
      config_name=resolution_name(resolution), config_description=f"{resolution_name(resolution)} pixels")
  info = tfds.core.DatasetInfo(builder=identity, description=recipe.dataset.description,
                               features=tfds_features(recipe.features(resolution)),
                               metadata=tfds.core.MetadataDict(described))
  info.set_file_format(file_adapters.FileFormat.from_value(file_format))
  template = naming.ShardedFileTemplate(data_dir=folder, dataset_name=name, filetype_suffix=file_format)
  info.set_splits(tfds.core.splits.SplitDict([
      tfds.core.SplitInfo(name=split.name, shard_lengths=list(split.shard_lengths), num_bytes=split.num_bytes,
                          filename_template=template) for split in splits]))
  info.write_to_directory(folder)


def _split_cards(shards: Sequence[PackedShard], resolution: str, known: Sequence[Split]) -> list[SplitCard]:
  cards = []
  for split in known:
    packed = sorted((item for item in shards if item.shard.split == split.name and item.shard.resolution == resolution),
                    key=lambda item: item.shard.index)
    if packed:
      lengths = tuple(item.num_records for item in packed)
      cards.append(SplitCard(split.name, split.description, sum(lengths), sum(item.num_bytes for item in packed), lengths))
  return cards


def _contents(packed: Sequence[PackedShard], resolution: str, splits: Sequence[Split]) -> Contents:
  """What the shards of a resolution hold, all together."""
  statistics = Statistics()
  licenses: dict[str, str] = {}
  # In one order always, so that the same scenes give the same sums
  for item in sorted(packed, key=lambda item: (item.shard.split, item.shard.index)):
    statistics.merge(Statistics.from_plain(item.statistics))
    licenses |= item.licenses
  return Contents(tuple(_split_cards(packed, resolution, splits)), statistics, licenses)


def _contact_sheet(store: SceneStore, shards: Sequence[PackedShard]) -> bytes:
  """The first scenes of all splits, by seed."""
  scene_split = store.recipe.dataset.scene_split
  keys = sorted({SceneKey(scene_split(item.shard.split).name, seed) for item in shards for seed in item.shard.seeds},
                key=lambda key: (key.seed, key.split))
  thumbnails = []
  for key in keys[:SHEET_SCENES]:
    try:
      with store.read(key) as scene:
        thumbnails.append(scene.thumbnail)
    except FileNotFoundError:
      raise KubricGenError(f"{store.path(key)} is gone: run again to have it made again") from None
  return contact_sheet(thumbnails)


def _check_files(draft: Any, shards: Mapping[str, FileSum | None]) -> dict[str, FileSum]:
  """Makes sure that all shards are there, and removes what an earlier run that was stopped has left. Returns their checksums,
  which whoever packed them has told, or reading them does."""
  present = {path.name for path in draft.iterdir()}
  if shards.keys() - present:
    raise KubricGenError(f"{draft} lacks {min(shards.keys() - present)}: run again")
  for stray in present - shards.keys():  # files of another plan, and folders of drafts, whoever was killed
    path = draft / stray
    if path.is_dir():
      path.rmtree()
    else:
      path.unlink()
  sums = {name: said or file_sum(draft / name) for name, said in sorted(shards.items())}
  for name, said in sums.items():
    if file_size(draft / name) != said.size:
      raise KubricGenError(f"{draft / name} was changed after it had been packed: run again")
  return sums


def finish_dataset(report: Callable[[str], None], recipe: Recipe, store_root: str, roots: dict[str, str],
                   shards: Sequence[PackedShard], finished: Finished) -> None:
  """Writes metadata and cards beside the shards, then gives each dataset its final name.

  Raises:
    KubricGenError: a shard is missing, or something cannot be written.
  """
  report("finish")
  sheet = _contact_sheet(SceneStore(store_root, recipe), shards)
  moves = []
  try:
    for resolution in recipe.resolutions:
      name = resolution_name(resolution)
      mine = [item for item in shards if item.shard.resolution == name]
      contents = _contents(mine, name, recipe.dataset.splits)
      for file_format, root in roots.items():
        data = to_plain(card_data(recipe, resolution, file_format, contents, finished))
        folder = dataset_dir(root, recipe.dataset.name, name)
        draft = partial_dir(folder)
        if not draft.exists() and (card_of(folder) or {}).get("request") == data["request"]:
          continue  # an earlier attempt has come so far
        sums = _check_files(draft, {item.shard.file_name(recipe.dataset.name, file_format): item.files.get(file_format)
                                    for item in mine})
        described = {**features_to_plain(recipe.features(resolution)),
                     "request": request_digest(data["request"], file_format)}
        (draft / "contact_sheet.png").write_bytes(sheet)
        (draft / "README.md").write_bytes(card_markdown(data, recipe, resolution).encode())
        if record_sink(file_format).tfds:
          _write_tfds_metadata(draft, recipe, resolution, file_format, contents.splits, described)
        else:
          (draft / DESCRIPTION).write_bytes((json.dumps(described) + "\n").encode())
        beside = sorted(path.name for path in draft.iterdir() if path.name not in sums)
        sums |= {name: file_sum(draft / name) for name in beside}
        (draft / CARD).write_bytes(sealed({**data, "files": {name: said.plain() for name, said in sums.items()}}))
        moves.append((draft, folder))
        report("finish")
    for draft, folder in moves:
      if draft != folder:
        replace_directory(draft, folder)
    for file_format, root in roots.items():
      if record_sink(file_format).tfds:
        write_default_config(root, recipe.dataset.name)
  except OSError as error:
    way_out = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "mend that"
    raise KubricGenError(f"cannot write the dataset {recipe.dataset.name} ({error}): {way_out}, then run again") from error
