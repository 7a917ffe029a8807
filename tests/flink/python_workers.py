"""The pool that starts Python workers for TaskManagers."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import Any

from tests.flink.network import HOST
from tests.flink.processes import STOP_SECONDS, own_environment, signal_group, stop_all

_HARNESS = ("import sys; from apache_beam.runners.worker.sdk_worker import SdkHarness; "
            "SdkHarness(sys.argv[1], worker_id=sys.argv[2], state_cache_size=0, data_buffer_time_limit_ms=-1).run()")


class WorkerPool:
  """Starts a Python worker whenever a TaskManager asks for one, as Beam's worker_pool_main does; unlike that

  - it listens on 127.0.0.1 only;
  - it serves several TaskManagers, which all give their first worker the same name: stopping one leaves the other;
  - what workers print goes to the log instead of a pipe that nobody empties;
  - a worker that ends, or is ended, takes with it what it started.
  """

  def __init__(self) -> None:
    self._workers: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
    self._lock = threading.Lock()

  def start_worker(self, client: str, worker: str, control: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", _HARNESS, control, worker], stdin=subprocess.DEVNULL,
                               env=own_environment(), start_new_session=True)
    with self._lock:
      self._workers[client, worker] = process
    threading.Thread(target=self._sweep, args=(client, worker, process), daemon=True).start()

  def stop_worker(self, client: str, worker: str) -> None:
    with self._lock:
      named = {key: process for key, process in self._workers.items() if key[1] == worker}
    # A client that was silent for long comes back from another port. If two could be meant, neither is stopped: the
    # right one ends by itself, since its TaskManager has hung up.
    process = named.get((client, worker)) or (next(iter(named.values())) if len(named) == 1 else None)
    if process is not None:
      stop_all([process])

  def stop(self) -> None:
    with self._lock:
      processes = list(self._workers.values())
    stop_all(processes, seconds=STOP_SECONDS / 2)  # before the pool itself is made an end of

  def _sweep(self, client: str, worker: str, process: subprocess.Popen[bytes]) -> None:
    process.wait()
    signal_group(process, signal.SIGKILL)
    with self._lock:
      if self._workers.get((client, worker)) is process:
        del self._workers[client, worker]


def serve_workers(port: int) -> None:
  """Runs a worker pool until the standard input ends."""
  from concurrent.futures import ThreadPoolExecutor

  import grpc
  from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
  pool = WorkerPool()

  class Servicer(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):

    def StartWorker(self, request: Any, context: Any) -> Any:
      try:
        pool.start_worker(context.peer(), request.worker_id, request.control_endpoint.url)
      except OSError as error:
        return beam_fn_api_pb2.StartWorkerResponse(error=f"could not start a Python worker: {error}")
      return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, context: Any) -> Any:
      pool.stop_worker(context.peer(), request.worker_id)
      return beam_fn_api_pb2.StopWorkerResponse()

  server = grpc.server(ThreadPoolExecutor(16))
  beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(Servicer(), server)
  server.add_insecure_port(f"{HOST}:{port}")
  server.start()
  try:
    while sys.stdin.buffer.read(1024):
      pass
  finally:
    server.stop(None)
    pool.stop()
