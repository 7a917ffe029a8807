"""What is made sure of before a dataset is made: what is there already, and that places and devices can be used."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from beam_pipelines.job import Job
from kubric_gen.errors import KubricGenError, shown
from kubric_gen.limits import MAX_CAUSE
from kubric_gen.schema.description import LAYOUT
from kubric_gen.shards.card_file import CARD, CardError, described_request, request_digest
from kubric_gen.shards.default_config import write_default_config
from kubric_gen.shards.finish import card_of
from kubric_gen.shards.layout import partial_dir
from kubric_gen.shards.store import SceneStore, first_difference
from kubric_gen.shards.verify import UNREADABLE, damaged_files, listed_files, verify_dataset
from kubric_gen.sinks.sink import record_sink
from kubric_gen.system.locks import locked_file
from kubric_gen.system.paths import is_local
from kubric_gen.system.whole import write_whole

MUCH = 10_000_000_000
"""Bytes whose reading takes so long that it is told of."""


def _card_of_job(job: Job, folder: Any, file_format: str) -> dict[str, Any] | None:
  """The card of a dataset that is what the job asks for; None where there is none yet, or one that is to be replaced.

  Raises:
    KubricGenError: another one is in its place, and is not to be overwritten.
  """
  try:
    card = card_of(folder)
  except CardError as error:
    asked = described_request(folder)  # None: nothing of ours
    if asked is not None and (job.overwrite or asked == request_digest(job.request, file_format)):
      print(f"{folder / CARD} is damaged or gone: packing it again", file=sys.stderr)
      return None
    raise error from None
  if card is None:
    return None
  if card.get("layout") != LAYOUT and not job.overwrite:
    raise KubricGenError(f"{folder} holds a dataset of an older layout ({card.get('layout', 1)}, now {LAYOUT}): choose another "
                         "--data_dir, or pass --overwrite to have it made again")
  found, wanted = ({"file_format": source, "layout": layout, **request} for source, layout, request in (
      (card.get("file_format"), card.get("layout"), card.get("request", {})), (file_format, LAYOUT, job.request)))
  if found == wanted:
    return card
  if not job.overwrite:
    raise KubricGenError(f"{folder} holds another dataset: {first_difference(found, wanted)}; choose another --data_dir, or "
                         "pass --overwrite")
  return None


def _is_sound(job: Job, folder: Any, card: Mapping[str, Any]) -> bool:
  """Whether the files of a dataset are those that its card tells of; the first that is not is told of."""
  try:
    size = sum(said.size for said in listed_files(card).values())
    if size > MUCH:
      print(f"reading {size / 1e9:.0f} GB of {folder}, to compare checksums", file=sys.stderr)
    for file, wrong in damaged_files(folder, card):
      if wrong.startswith(UNREADABLE):
        raise KubricGenError(f"{file} {wrong}: mend that, then run again")
      _check_store(job, card, f"{file} is damaged or gone (it {wrong})")
      print(f"{file} is damaged or gone (it {wrong}): packing it again", file=sys.stderr)
      return False
    return True
  except ValueError as error:
    _check_store(job, card, f"{folder / CARD} is damaged ({error})")
    print(f"{folder / CARD} is damaged or gone ({error}): packing it again", file=sys.stderr)
    return False


def _check_store(job: Job, card: Mapping[str, Any], damage: str) -> None:
  """Makes sure that a damaged dataset can be packed again, rather than rendered again, which may take weeks.

  Raises:
    KubricGenError: scenes of it are no longer in the store, and are not to be made again.
  """
  if job.overwrite:
    return
  store, failed = SceneStore(job.store_root, job.recipe), set(map(str, card.get("failed_seeds", ())))
  gone = next((key for part in job.seeds for key in job.keys(part)
               if not failed & {str(key), str(key.seed)} and not store.path(key).exists()), None)
  if gone is not None:
    raise KubricGenError(f"{damage}, and the store has lost {store.path(gone)}: put back what is damaged, or the store, or pass "
                         "--overwrite to have the scenes made again")


def is_complete(job: Job) -> bool:
  """Whether the datasets that are asked for are all there already, and sound: every file of them is read, on all processors.

  Raises:
    KubricGenError: another one is in their place, and is not to be overwritten.
  """
  cards = {folder: _card_of_job(job, folder, file_format) for folder, file_format in job.folders().items()}
  if not all(cards.values()):
    return False
  sound = [_is_sound(job, folder, card) for folder, card in cards.items() if card is not None]  # each is told of
  return all(sound)


def verify(job: Job) -> None:
  """Checks the finished datasets that a job asks for, and tells of their damages, a line each.

  Raises:
    KubricGenError: one is damaged, or is not there.
  """
  damages = 0
  for folder, file_format in job.folders().items():
    lines = verify_dataset(folder)
    if not lines and _card_of_job(job, folder, file_format) is None:
      lines = [f"{folder} holds another dataset"]
    for line in lines:
      print(line)
    damages += len(lines)
    if not lines:
      print(f"{folder} is sound")
  if damages:
    raise KubricGenError(f"{damages} {'damage' if damages == 1 else 'damages'} in {job.data_dir}: run the same command without "
                         "--verify to have the datasets packed again from their store")


def name_default(job: Job) -> None:
  """Names the default config of datasets that are complete, for TFDS, where earlier versions have not. Where that cannot be, it
  is told of: the datasets are complete all the same."""
  for file_format, root in job.roots.items():
    if record_sink(file_format).tfds:
      try:
        write_default_config(root, job.recipe.dataset.name)
      except KubricGenError as error:
        print(f"note: {error}", file=sys.stderr)


@contextlib.contextmanager
def tell_storage_errors(job: Job) -> Iterator[None]:
  """Tells in one line what no file system or object store will do."""
  try:
    yield
  except (KubricGenError, NameError, TypeError, AttributeError, AssertionError):  # all but the first are faults of ours
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
      raise KubricGenError(f"cannot use {path} as the lock of this run ({error.strerror}): choose another --data_dir") from None
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


_PORTABLE = {"portable": "", "flink": "flink_master", "spark": "spark_master_url"}
"""Runners that hand a job to a job server, in Beam's short names, with the option that names their cluster: without one it is
this machine, and Beam starts Python workers itself."""
_THIS_MACHINE = re.compile(r"\[(local|auto)\]|local(\[.+\])?")
_WORKERS = {"DOCKER": ("docker_container_image", "IMAGE, with kubric-gen in it"),
            "PROCESS": ("process_command", "'{\"command\": \"PROGRAM\"}', a program that starts a worker"),
            "EXTERNAL": ("external_service_address", "HOST:PORT, of a pool of workers")}
"""How Python workers may be started on other machines: what --environment_config then is, and the option that says the same."""


def check_environment(runner: str, options: Any) -> None:
  """Makes sure that a job server is told who starts Python workers; else Beam tries an image without kubric-gen in it.

  Args:
    runner: its name. options: Beam's pipeline options.

  Raises:
    KubricGenError: it is not.
  """
  from apache_beam.options.pipeline_options import FlinkRunnerOptions, PortableOptions, SparkRunnerOptions
  name = runner.rpartition(".")[2].lower().removesuffix("runner")
  if name not in _PORTABLE:
    return
  portable = options.view_as(PortableOptions)
  if name == "portable" and not portable.job_endpoint:
    raise KubricGenError("who runs the job? give --job_endpoint=HOST:PORT, or --job_endpoint=embed for one in this process")
  kind = portable.environment_type or ""
  if kind == "LOOPBACK" or kind.startswith("beam:env:"):
    return
  if not kind and name != "portable":
    cluster = options.view_as(FlinkRunnerOptions if name == "flink" else SparkRunnerOptions)
    if _THIS_MACHINE.fullmatch(str(getattr(cluster, _PORTABLE[name], ""))):
      return
  option, config = _WORKERS.get(kind or "DOCKER", ("", ""))
  if not option:
    raise KubricGenError(f"unknown --environment_type {shown(kind)}: choose from LOOPBACK, {', '.join(_WORKERS)}")
  if portable.environment_config or portable.lookup_environment_option(option):
    return
  if kind:
    raise KubricGenError(f"{runner} with --environment_type={kind} needs --environment_config={config}")
  raise KubricGenError(f"who starts Python workers? {runner} needs --environment_type=LOOPBACK, for workers on this machine, or "
                       f"--environment_type=DOCKER with --environment_config={config} (see docs/containers.md)")


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
  return (lines[0] if lines else type(error).__name__)[:MAX_CAUSE]
