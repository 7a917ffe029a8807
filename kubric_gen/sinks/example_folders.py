"""What sinks that make a folder for each example have in common: it appears whole or not at all."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from kubric_gen.example.example import Example
from kubric_gen.sinks.sink import ExampleSink
from kubric_gen.system.whole import check_target, whole_directory


class _NothingAdded(Exception):
  """A place was reserved and nothing was put there."""


class ExampleFolders(ExampleSink):
  """A folder `<target>/<key>/` per example, each of which appears when it is added. The target itself has the key "".

  Attributes:
    mark: the file by which a folder of this kind is known, so that nothing else is replaced.
    what: a folder of this kind is called.
    place: what a user changes to have it elsewhere.
  """

  mark: ClassVar[str]
  what: ClassVar[str]
  place: ClassVar[str] = "output folder"

  def __init__(self, target: Path, *, overwrite: bool = False, preview: bool = True) -> None:
    super().__init__(target, overwrite=overwrite, preview=preview)
    self._reserved: dict[str, Path] = {}
    self._damaged: set[str] = set()

  @abstractmethod
  def write(self, item: Example, folder: Path) -> None:
    """Writes an example's files into an existing folder.

    Raises:
      KubricGenError: the example cannot be written.
    """

  def check(self, key: str) -> None:
    check_target(self.target / key, self._overwrites(key), self.mark, self.what, self.place)

  def make_again(self, key: str) -> None:
    self._damaged.add(key)

  def _overwrites(self, key: str) -> bool:
    return self.overwrite or key in self._damaged

  @contextlib.contextmanager
  def reserve(self, key: str) -> Iterator[None]:
    try:
      with whole_directory(self.target / key, self._overwrites(key), self.mark, self.what, self.place) as staging:
        self._reserved[key] = staging
        yield
        if key in self._reserved:
          raise _NothingAdded
    except _NothingAdded:
      pass
    finally:
      self._reserved.pop(key, None)

  def add(self, key: str, item: Example) -> None:
    self.check_item(key, item)
    staging = self._reserved.get(key)
    if staging is not None:
      self.write(item, staging)
      del self._reserved[key]
    else:
      with whole_directory(self.target / key, self._overwrites(key), self.mark, self.what, self.place) as folder:
        self.write(item, folder)
