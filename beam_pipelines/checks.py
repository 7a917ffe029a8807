"""What is made sure of before a dataset is made: what is there already, and that places and devices can be used."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from beam_pipelines.job import Job
from kubric_gen.errors import KubricGenError
from kubric_gen.schema.description import LAYOUT
from kubric_gen.shards.finish import card_of, missing_file
from kubric_gen.shards.layout import partial_dir
from kubric_gen.shards.store import SceneStore, first_difference
from kubric_gen.system.locks import locked_file
from kubric_gen.system.paths import is_local
from kubric_gen.system.whole import write_whole

MAX_REASON = 400


def is_complete(job: Job) -> bool:
  """Whether the datasets that are asked for are all there already.

  Raises:
    KubricGenError: another one is in their place, and is not to be overwritten.
  """
  complete = True
  for folder, file_format in job.folders().items():
    card = card_of(folder)
    if card is None:
      complete = False
      continue
    if card.get("layout") != LAYOUT and not job.overwrite:
      raise KubricGenError(f"{folder} holds a dataset of an older layout ({card.get('layout', 1)}, now {LAYOUT}): choose another "
                           "--data_dir, or pass --overwrite to have it made again")
    found, wanted = ({"file_format": source, "layout": layout, **request} for source, layout, request in (
        (card.get("file_format"), card.get("layout"), card.get("request", {})), (file_format, LAYOUT, job.request)))
    if found != wanted:
      if not job.overwrite:
        raise KubricGenError(f"{folder} holds another dataset: {first_difference(found, wanted)}; choose another --data_dir, or "
                             "pass --overwrite")
      complete = False
    elif (lost := missing_file(folder, card)) is not None:
      print(f"{folder / lost} is damaged or gone: packing it again", file=sys.stderr)
      complete = False
  return complete


@contextlib.contextmanager
def tell_storage_errors(job: Job) -> Iterator[None]:
  """Tells in one line what no file system or object store will do."""
  try:
    yield
  except KubricGenError:
    raise
  except Exception as error:  # each object store has errors of its own
    raise KubricGenError(f"cannot use {job.data_dir} and {job.store_root} ({type(error).__name__}: {reason(error)}): choose "
                         "another --data_dir or --store_dir") from None


@contextlib.contextmanager
def hold_lock(job: Job) -> Iterator[None]:
  """Makes sure that no other run on this machine writes the same dataset.

  Raises:
    KubricGenError: one does.
  """
  if not is_local(job.data_dir):
    yield
    return
  folder = os.path.join(job.data_dir, job.recipe.dataset.name)
  path = os.path.join(folder, ".lock")
  with contextlib.ExitStack() as held:
    try:
      os.makedirs(folder, exist_ok=True)
      held.enter_context(locked_file(path))
    except BlockingIOError:
      raise KubricGenError(f"another run is writing {folder}: wait for it, or choose another --data_dir") from None
    except OSError as error:
      raise KubricGenError(f"cannot use {path} as the lock of this run ({error.strerror}): remove it, or choose another "
                           "--data_dir") from None
    yield


def check_writable(job: Job) -> None:
  """Makes sure that every folder can be written, and that the store is of this recipe.

  Raises:
    KubricGenError: one is not.
  """
  for folder in job.folders():
    probe = partial_dir(folder) / ".probe"
    try:
      write_whole(probe, b"")
      probe.unlink()
      for empty in probe.parents[:4]:  # as it was before
        empty.rmdir()
    except KubricGenError as error:
      raise KubricGenError(f"{error} (--data_dir)") from None
    except (OSError, ValueError):
      pass  # not empty
  SceneStore(job.store_root, job.recipe).open()


def check_device(job: Job) -> None:
  """Makes sure that a GPU that was asked for is there, on a machine that renders itself.

  Raises:
    KubricGenError: it is not.
  """
  from kubric_gen.workers import WorkerError, WorkerProcess
  with WorkerProcess(job.stall_seconds) as worker:
    try:
      worker.call("kubric_gen.shards.tasks:check_device", job.recipe.settings.device)
    except WorkerError as error:
      raise KubricGenError(error.message) from None


def reason(error: BaseException) -> str:
  """The one line of a failed pipeline that says most."""
  lines = [line.strip() for line in str(error).splitlines() if line.strip()]
  return (lines[0] if lines else type(error).__name__)[:MAX_REASON]
