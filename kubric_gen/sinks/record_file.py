"""What sinks that make one file of records have in common: the file is written beside its place and put there when finished."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

from kubric_gen.errors import KubricGenError, OutputError
from kubric_gen.schema.schema import Record
from kubric_gen.system.files import FileSum, GrowingSum, file_sum, utf8_path
from kubric_gen.sinks.sink import RecordSink
from kubric_gen.system.whole import whole_file


class Writer(Protocol):
  """Writes one file, record by record."""

  def write(self, record: bytes) -> Any: ...
  def close(self) -> Any: ...


class RecordFile(RecordSink):
  """A file of serialised records, in the order in which they are added.

  Attributes:
    sum: of the finished file; taken before it is uploaded where its place is in an object store.
    appends: whether its writer never goes back in the file, so that the sum can be taken while it is written.
  """

  appends: ClassVar[bool] = False

  def __init__(self, target: Any) -> None:
    super().__init__(target)
    self.sum: FileSum | None = None
    with self._tell_failure(), contextlib.ExitStack() as stack:
      self._draft = stack.enter_context(whole_file(target))
      self._writer: Writer | None = self.open_writer(utf8_path(self._draft))
      self._growing = GrowingSum(self._draft) if self.appends else None
      self._stack = stack.pop_all()

  @contextlib.contextmanager
  def _tell_failure(self) -> Iterator[None]:
    """Tells in one line what the libraries of formats raise each in their own classes."""
    try:
      yield
    except KubricGenError:
      raise
    except ImportError as error:
      raise OutputError(f"files of {self.name} need a library that is missing ({error}): pip install 'kubric-gen[beam]'"
                        ) from error
    except Exception as error:
      reason = " ".join(str(error).split())[:300] or type(error).__name__
      raise OutputError(f"cannot write {self.target} ({reason}): free some space, or choose another place") from error

  @abstractmethod
  def open_writer(self, path: str) -> Writer:
    """A writer of a local file."""

  def add(self, key: str, item: Record) -> None:
    assert self._writer is not None, "it is finished"
    with self._tell_failure():
      self._writer.write(item.data)

  def finish(self) -> None:
    assert self._writer is not None, "it is finished"
    writer, self._writer = self._writer, None
    with self._tell_failure():
      try:
        writer.close()
        self.sum = file_sum(self._draft) if self._growing is None else self._growing.finish()
      except BaseException as error:
        self._stop_sum()
        self._stack.__exit__(type(error), error, error.__traceback__)
        raise
      self._stack.close()

  def _stop_sum(self) -> None:
    if self._growing is not None:
      self._growing.stop()

  def discard(self) -> None:
    if self._writer is not None:
      writer, self._writer = self._writer, None
      with contextlib.suppress(Exception):  # whatever it is, the file goes
        writer.close()
      self._stop_sum()
      error = InterruptedError("discarded")
      self._stack.__exit__(type(error), error, None)
