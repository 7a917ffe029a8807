"""Processes that own an engine for their whole life and do one piece of work after another."""

from kubric_gen.workers.pool import WorkerPool
from kubric_gen.workers.process import Outcome, WorkerError, WorkerProcess

__all__ = ["Outcome", "WorkerError", "WorkerPool", "WorkerProcess"]
