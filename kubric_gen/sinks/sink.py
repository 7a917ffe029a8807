"""The contract of a sink: where examples or records go.

A sink is opened for a target, takes items under their keys, and is finished. What it writes appears whole or not at all: after
`finish` everything is in its place; left without it, by an error say, nothing half-written stays behind. The same items give the
same bytes, but for the files that the sink names. `tests/sinks/test_conformance.py` holds all sinks to it.

A new sink is one class with `@add_sink` in any module that is loaded; those in this folder are found by themselves.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.schema.schema import Record

if TYPE_CHECKING:
  from kubric_gen.example.example import Example, View
  from kubric_gen.scene.scene import Scene

Item = TypeVar("Item")


class Sink(ABC, Generic[Item]):
  """Takes items until it is finished. Use as a context manager.

  Attributes:
    name: by which command lines choose it.
    takes: `examples` or `records`.
    varying: names of files whose bytes may differ between two runs with the same items.
  """

  name: ClassVar[str]
  takes: ClassVar[str]
  varying: ClassVar[tuple[str, ...]] = ()

  @abstractmethod
  def add(self, key: str, item: Item) -> None:
    """Takes an item.

    Args:
      key: unique in the sink: of a scene `<seed>` or `<split>/<seed>`, of a record what its schema says.

    Raises:
      KubricGenError: the item lacks what this sink needs, or cannot be written.
    """

  def finish(self) -> None:
    """Puts everything into its place.

    Raises:
      KubricGenError: it cannot be written.
    """

  def discard(self) -> None:
    """Removes what is not finished. Called at the end of the `with` block, whatever happened."""

  def __enter__(self) -> Any:
    return self

  def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    self.discard()


class ExampleSink(Sink["Example"]):
  """A sink for examples.

  Args:
    target: folder in which it writes.
    overwrite: replace what is there under the same keys.
    preview: also make pictures for people, where it has a place for them.

  Attributes:
    folder: of an exporter, which writes what other programs read: the subfolder of a script's output folder that is its target.
      Without one, the target is the output folder itself.
    shared: whether all items go into the target together, rather than each into a folder of its own.
    layers: that an item must have.
  """

  takes = "examples"
  folder: ClassVar[str] = ""
  shared: ClassVar[bool] = False
  layers: ClassVar[tuple[str, ...]] = ()

  def __init__(self, target: Path, *, overwrite: bool = False, preview: bool = True) -> None:
    self.target, self.overwrite, self.preview = Path(target), overwrite, preview

  def check(self, key: str) -> None:
    """Makes sure that an item of this key could be added, before it is made.

    Raises:
      KubricGenError: something is in its place.
    """

  def check_scene(self, key: str, scene: Scene) -> None:
    """Makes sure that a scene is one that this sink has a way to write, before it is rendered.

    Raises:
      KubricGenError: it is none.
    """

  def check_item(self, key: str, item: Example) -> None:
    """Makes sure that an item has what this sink needs, as far as that is told without loading its frames.

    Raises:
      KubricGenError: it lacks something, or the sink has no way to say something about it.
    """
    for view in item.views:
      need_layers(self.name, view, self.layers)

  @contextlib.contextmanager
  def reserve(self, key: str) -> Iterator[None]:
    """Holds the place of an item while it is made. An item that is added meanwhile appears when the block ends well.

    Raises:
      KubricGenError: something is in its place, or cannot be written.
    """
    yield

  def made(self, key: str) -> Mapping[str, Any] | None:
    """The metadata of the item of this key that is there already, whole, with the names of its `files`; None where there is
    none, and from a sink whose items appear in the end, so that a later run cannot go on."""
    return None

  def is_made_from(self, key: str, config_hash: str) -> bool:
    """Whether what is there under this key, be it whole or damaged, says that it was made from the flags of this hash."""
    return False

  def damage(self, key: str) -> Iterator[str]:
    """What is wrong with the item of this key that is there, one line each that names no way out; nothing where nobody can
    tell."""
    yield from ()

  def make_again(self, key: str) -> None:
    """Lets the next item of this key replace the one that is there, which is damaged.

    Raises:
      KubricGenError: something else would be lost with it.
    """


class RecordSink(Sink[Record]):
  """A sink for records that makes one file.

  Args:
    target: path of the file to write, which may be in an object store.
  """

  takes = "records"
  tfds: ClassVar[bool] = False
  """Whether TFDS reads such files, under the same name of their format."""

  def __init__(self, target: Any) -> None:
    self.target = target


def need_layers(sink: str, view: View, names: Iterable[str]) -> None:
  """Makes sure that a view has the layers that a sink writes.

  Raises:
    KubricGenError: one is missing.
  """
  for name in names:
    if name not in view.layers and name not in view.arrays:
      raise KubricGenError(f"{sink} needs the layer {name}, which the view {view.name} lacks: make the scene anew with it "
                           f"(--layers=…,{name})")


_SINKS: dict[str, type[ExampleSink] | type[RecordSink]] = {}
SinkClass = TypeVar("SinkClass", bound="type[ExampleSink] | type[RecordSink]")


def add_sink(sink: SinkClass) -> SinkClass:
  """Makes a sink known; a decorator.

  Raises:
    KubricGenError: another sink has its name.
  """
  known = _SINKS.get(sink.name)
  if known is not None and (known.__qualname__, known.__module__) != (sink.__qualname__, sink.__module__):
    raise KubricGenError(f"there is a sink {shown(sink.name)} already ({known.__module__}): choose another name")
  _SINKS[sink.name] = sink
  return sink


def sinks(takes: str | None = None) -> dict[str, type[ExampleSink] | type[RecordSink]]:
  """All sinks that are known, or those that take `examples` or `records`, by name."""
  import kubric_gen.sinks as package
  for module in pkgutil.iter_modules(package.__path__):
    importlib.import_module(f"{package.__name__}.{module.name}")
  return {name: sink for name, sink in sorted(_SINKS.items()) if takes in (None, sink.takes)}


def example_sink(name: str) -> type[ExampleSink]:
  """The sink for examples of this name.

  Raises:
    KubricGenError: there is none.
  """
  found = _find(name, "examples")
  assert issubclass(found, ExampleSink)
  return found


def record_sink(name: str) -> type[RecordSink]:
  """The sink for records of this name.

  Raises:
    KubricGenError: there is none.
  """
  found = _find(name, "records")
  assert issubclass(found, RecordSink)
  return found


def _find(name: str, takes: str) -> type[ExampleSink] | type[RecordSink]:
  known = sinks(takes)
  if name not in known:
    raise KubricGenError(f"unknown sink for {takes} {shown(name)}: choose from {', '.join(known)}")
  return known[name]
