"""Which record goes into which file, and what the files are called."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.errors import KubricGenError
from kubric_gen.shards.layout import (Shard, check_formats, dataset_dir, format_roots, partial_dir, plan_shards,
                                      shuffled)

FORMATS = ("tfrecord", "array_record", "parquet")
reproducible = settings(derandomize=True, deadline=None, max_examples=150)
Sizes = dict[str, dict[int, dict[str, int]]]
RESOLUTIONS = ("32x32", "16x16")

splits = st.dictionaries(st.sampled_from(["train", "test", "dev"]), st.dictionaries(
    st.integers(0, 10**9), st.fixed_dictionaries({name: st.integers(1, 300) for name in RESOLUTIONS}), max_size=40), max_size=3)


@given(splits, st.integers(1, 2000))
@reproducible
def test_every_record_is_in_one_shard_of_bounded_size(sizes: Sizes, max_bytes: int) -> None:
  shards = plan_shards(sizes, RESOLUTIONS, max_bytes)
  for split, seeds in sizes.items():
    for resolution in RESOLUTIONS:
      mine = [shard for shard in shards if (shard.split, shard.resolution) == (split, resolution)]
      assert [shard.index for shard in mine] == list(range(len(mine))) and {shard.total for shard in mine} <= {len(mine)}
      assert Counter(seed for shard in mine for seed in shard.seeds) == Counter(list(seeds))
      assert all(shard.seeds for shard in mine)
      assert all(len(shard.seeds) == 1 or sum(seeds[seed][resolution] for seed in shard.seeds) <= max_bytes for shard in mine)
  assert {(shard.split, shard.resolution) for shard in shards} == {
      (split, resolution) for split, seeds in sizes.items() for resolution in RESOLUTIONS if seeds}


@given(splits, st.integers(1, 2000), st.randoms(use_true_random=False))
@reproducible
def test_the_plan_does_not_depend_on_the_order_of_arrival(sizes: Sizes, max_bytes: int, random: object) -> None:
  mixed: Sizes = {}
  for split in sorted(sizes, key=lambda name: random.random()):  # type: ignore[attr-defined]
    mixed[split] = {seed: sizes[split][seed] for seed in sorted(sizes[split], key=lambda seed: random.random())}  # type: ignore[attr-defined]
  assert set(plan_shards(mixed, RESOLUTIONS, max_bytes)) == set(plan_shards(sizes, RESOLUTIONS, max_bytes))


def test_records_are_shuffled_and_always_alike() -> None:
  order = shuffled(range(1000))
  assert sorted(order) == list(range(1000)) and order == shuffled(reversed(range(1000)))
  assert order[:5] == [308, 382, 623, 849, 419]
  assert abs(np.corrcoef(order, range(1000))[0, 1]) < 0.1
  assert [seed for seed in order if seed < 100] == shuffled(range(100))  # more seeds leave the order of the others


def test_shards_are_as_few_and_as_even_as_their_sizes_allow() -> None:
  sizes = {"train": {seed: {"32x32": 10, "16x16": 1} for seed in range(1003)}}
  shards = plan_shards(sizes, RESOLUTIONS, 1000)
  large, small = ([shard for shard in shards if shard.resolution == name] for name in RESOLUTIONS)
  assert len(large) == 11 and {len(shard.seeds) for shard in large} == {91, 92}
  assert len(small) == 2 and {len(shard.seeds) for shard in small} == {501, 502}
  assert [seed for shard in large for seed in shard.seeds] == [seed for shard in small for seed in shard.seeds]
  assert len(plan_shards(sizes, RESOLUTIONS)) == 2


def test_one_large_record_does_not_scatter_the_others() -> None:
  sizes = {"train": {seed: {"32x32": 10_000 if seed == 7 else 10} for seed in range(20_000)}}
  started = time.perf_counter()
  shards = plan_shards(sizes, ["32x32"], 1000)
  assert time.perf_counter() - started < 5 and len(shards) < 250


def test_nothing_makes_no_shards() -> None:
  assert plan_shards({}, RESOLUTIONS) == [] and plan_shards({"train": {}}, RESOLUTIONS) == []


@pytest.mark.parametrize("file_format", FORMATS)
def test_files_are_named_as_tfds_names_them(file_format: str) -> None:
  from tensorflow_datasets.core import naming
  template = naming.ShardedFileTemplate(data_dir="anywhere", dataset_name="movi_a", split="test_more_objects",
                                        filetype_suffix=file_format)
  for index, total in ((0, 1), (3, 12), (99_998, 99_999)):
    name = Shard("test_more_objects", "32x32", index, total, (1,)).file_name("movi_a", file_format)
    assert name == Path(template.sharded_filepath(shard_index=index, num_shards=total)).name
    assert re.fullmatch(r"movi_a-test_more_objects\.\w+-\d{5,}-of-\d{5,}", name)


def test_folders_of_formats_and_of_unfinished_datasets() -> None:
  assert format_roots("/data", ("tfrecord", "parquet")) == {"tfrecord": "/data", "parquet": "/data_parquet"}
  assert format_roots("/data/", ("parquet",)) == {"parquet": "/data"} and format_roots("/", ("tfrecord",)) == {"tfrecord": "/"}
  folder = dataset_dir("/data", "movi_a", "32x32")
  assert str(folder) == "/data/movi_a/32x32/1.0.0" and str(partial_dir(folder)) == "/data/movi_a/32x32/1.0.0.partial"


def test_formats_are_checked() -> None:
  assert check_formats(["parquet", "tfrecord", "parquet"]) == ("parquet", "tfrecord")
  with pytest.raises(KubricGenError, match="unknown file format 'csv': choose from array_record, parquet, .*tfrecord"):
    check_formats(["tfrecord", "csv"])
  with pytest.raises(KubricGenError, match="choose from"):
    check_formats([])
