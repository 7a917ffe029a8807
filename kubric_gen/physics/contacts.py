"""From contact points in single steps to events: one collision per touch, instead of thousands of records."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kubric_gen.scene import Collision, Contact

GAP = 0.08
"""Seconds without contact after which another one is an event of its own: about a frame of the published datasets."""


@dataclass
class _Event:
  """An event that may still go on."""

  first: int
  last: int
  impulse: float = 0.0
  force: float = 0.0
  position: tuple[float, ...] = (0.0, 0.0, 0.0)
  normal: tuple[float, ...] = (0.0, 0.0, 1.0)


class ContactMerger:
  """Merges contacts as they come, step by step, so that memory grows with the events alone.

  Args:
    step_rate: steps per second. frame_rate: frames per second.
    gap: seconds without contact after which the next one begins a new event.
  """

  def __init__(self, step_rate: float, frame_rate: float, gap: float = GAP) -> None:
    self._step_rate, self._frame_rate = step_rate, frame_rate
    self._gap_steps = gap * step_rate * (1 + 1e-9)  # a pause of exactly `gap` splits nothing, whatever the rounding
    self._open: dict[tuple[int, int], _Event] = {}
    self._closed: list[Collision] = []

  def add(self, contacts: Iterable[Contact]) -> None:
    """Take all contacts of one step; steps come in order."""
    pairs: dict[tuple[int, int], list[Contact]] = {}
    for contact in contacts:
      pairs.setdefault((min(contact.objects), max(contact.objects)), []).append(contact)
    for pair, points in pairs.items():
      self._touch(pair, points)

  def _touch(self, pair: tuple[int, int], points: list[Contact]) -> None:
    step = points[0].step
    event = self._open.get(pair)
    if event is None or step - event.last > self._gap_steps:
      if event is not None:
        self._close(pair, event)
      event = self._open[pair] = _Event(step, step)
    forces = np.array([point.force for point in points])
    total = float(forces.sum())
    event.last = step
    event.impulse += total / self._step_rate
    if total > event.force:
      normals = np.array([point.normal if point.objects == pair else [-v for v in point.normal] for point in points])
      mean = (forces[:, None] * normals).sum(axis=0)  # no BLAS, whose last digits differ between processors
      length = math.hypot(*mean)
      # Clamped between two sides the normals may cancel out: the strongest then stands for all.
      normal = mean / length if length > 1e-6 * total else normals[int(forces.argmax())]
      event.force = total
      event.position = tuple(((forces[:, None] * [point.position for point in points]).sum(axis=0) / total).tolist())
      event.normal = tuple(normal.tolist())

  def _close(self, pair: tuple[int, int], event: _Event) -> None:
    time = event.first / self._step_rate
    x, y, z = event.position
    nx, ny, nz = event.normal
    self._closed.append(Collision(pair, time, event.first * self._frame_rate / self._step_rate, (x, y, z), (nx, ny, nz),
                                  event.force, event.impulse, (event.last - event.first) / self._step_rate))

  def close(self) -> tuple[Collision, ...]:
    """Ends all events; all of them by time, those at the same time by the objects' indices."""
    for pair, event in self._open.items():
      self._close(pair, event)
    self._open.clear()
    return tuple(sorted(self._closed, key=lambda event: (event.time, event.objects)))


def merge_contacts(contacts: Iterable[Contact], step_rate: float, frame_rate: float,
                   gap: float = GAP) -> tuple[Collision, ...]:
  """Contact events of contact points.

  An event of two objects lasts from the first contact until they have been apart for more than `gap` seconds. Its force
  is the largest over the steps of the force summed over the contact points; position and normal are those of that step,
  weighted by force. The impulse is the force integrated over the event. The lower index comes first, and the normal
  points at it.

  Args:
    contacts: in any order.
    step_rate: physics steps per second. frame_rate: frames per second.
    gap: seconds.

  Returns:
    The events by time, those at the same time by the objects' indices.
  """
  merger = ContactMerger(step_rate, frame_rate, gap)
  by_step = operator.attrgetter("step")
  for _, group in itertools.groupby(sorted(contacts, key=by_step), by_step):
    merger.add(group)
  return merger.close()
