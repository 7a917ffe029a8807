"""TFDS's builders of this package over damaged and hostile folders."""

from __future__ import annotations

import json
import shutil
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubric_gen.errors import KubricGenError
from tests.schema.handmade import small_recipe
from tests.shards.small_dataset import SEEDS, packed

CASES = Path(__file__).parents[3] / "shared" / "cases" / "hostile"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """A data_dir with a dataset at a resolution that the builder declares."""
  folder = tmp_path_factory.mktemp("builders")
  packed(folder, ("tfrecord",), small_recipe(resolutions=((128, 128),)), {"test": SEEDS["test"][:1]}).finish(failed=())
  return folder / "data"


@pytest.fixture
def data_dir(sound: Path, tmp_path: Path) -> Path:
  shutil.copytree(sound, tmp_path / "data")
  return tmp_path / "data"


def place(data_dir: Path) -> Path:
  return data_dir / "movi_a" / "128x128" / "1.0.0"


def refused(data_dir: Path, match: str) -> None:
  """The builder, and what gives values in their units, refuse the dataset in one line, at once."""
  import kubric_gen.datasets
  for action in (lambda: kubric_gen.datasets.MoviA(config="128x128", data_dir=str(data_dir)),
                 lambda: kubric_gen.datasets.in_units("movi_a/128x128", data_dir)):
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(KubricGenError, match=match) as caught:
      action()
    assert time.process_time() - started < 5 and tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def _first_shape(value: Any) -> Any:
  """The sides of the first feature that has several."""
  if isinstance(value, dict):
    if isinstance(value.get("dimensions"), list) and len(value["dimensions"]) > 1:
      return value["dimensions"]
    value = list(value.values())
  for item in value if isinstance(value, list) else ():
    found = _first_shape(item)
    if found:
      return found
  return None


def _classes(value: Any, count: Any) -> None:
  if isinstance(value, dict):
    for name, item in value.items():
      if name == "numClasses":
        value[name] = count
      _classes(item, count)


def _shape(value: Any, side: Any) -> None:
  _first_shape(value)[0] = side


HOSTILE: dict[str, Callable[[Any], object]] = {
    "an endless side": lambda value: _shape(value, float("inf")), "a huge side": lambda value: _shape(value, "9" * 30),
    "a side beyond 64 bits": lambda value: _shape(value, 10**30), "a side of letters": lambda value: _shape(value, "many"),
    "many classes": lambda value: _classes(value, str(10**12)), "endless classes": lambda value: _classes(value, 10**12),
    "an unknown class": lambda value: value.update(pythonClassName="os.system"), "nothing": lambda value: value.clear()}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_description_of_tfds_is_refused_where_there_is_no_other(data_dir: Path, kind: str) -> None:
  """As in the published datasets, which lack our own description."""
  file = place(data_dir) / "features.json"
  (place(data_dir) / "metadata.json").unlink()
  value = json.loads(file.read_text())
  HOSTILE[kind](value)
  file.write_text(json.dumps(value))
  refused(data_dir, r"features.json cannot be read")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000, "\udcff"])
def test_a_description_of_tfds_that_is_no_json(data_dir: Path, text: str) -> None:
  (place(data_dir) / "metadata.json").unlink()
  (place(data_dir) / "features.json").write_bytes(text.encode(errors="surrogateescape"))
  refused(data_dir, r"features.json cannot be read")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"layout": 2, "features": {"x": {"kind": "tensor", "dtype": "uint8", '
                                  '"shape": [1000000000000]}}}'])
def test_our_own_description_is_checked_before_it_is_believed(data_dir: Path, text: str) -> None:
  (place(data_dir) / "metadata.json").write_text(text)
  import kubric_gen.datasets
  with pytest.raises(KubricGenError, match=r"metadata.json") as caught:
    kubric_gen.datasets.in_units("movi_a/128x128", data_dir)
  assert "\n" not in str(caught.value)


@pytest.mark.skipif(not CASES.is_dir(), reason="the collected cases are not here")
@pytest.mark.parametrize("name", ["features_02.json", "features_05.json"])
def test_collected_descriptions(data_dir: Path, name: str) -> None:
  (place(data_dir) / "metadata.json").unlink()
  shutil.copy(CASES / name, place(data_dir) / "features.json")
  refused(data_dir, r"features.json cannot be read")


def test_a_sound_dataset_without_our_description_is_loaded(data_dir: Path) -> None:
  import tensorflow_datasets as tfds

  import kubric_gen.datasets  # noqa: F401
  (place(data_dir) / "metadata.json").unlink()
  (record,) = tfds.as_numpy(tfds.load("movi_a/128x128", data_dir=str(data_dir), split="test"))
  assert record["video"].shape == (2, 128, 128, 3)
