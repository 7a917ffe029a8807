"""Seeds as text and as ranges of consecutive numbers, however many there are."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.limits import MAX_LISTED, MAX_SEED, MAX_SEEDS

_PART = re.compile(r"([0-9]{1,30})(?:\.\.([0-9]{1,30}))?")
"""A number or a range; what has more digits is no seed, and would take long to be told so."""


class Seeds(Sequence[int]):
  """Seeds in order, kept as ranges: their number takes no memory.

  Args:
    ranges: first and last seed of each, both included.
  """

  def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
    self.ranges = tuple(ranges)
    self._ends = list(itertools.accumulate(last - first + 1 for first, last in self.ranges))

  @classmethod
  def of(cls, seeds: Iterable[int]) -> Seeds:
    """The same seeds in the same order."""
    return seeds if isinstance(seeds, Seeds) else cls(_consecutive((seed, seed) for seed in seeds))

  def __len__(self) -> int:
    return self._ends[-1] if self._ends else 0

  def __iter__(self) -> Iterator[int]:
    return itertools.chain.from_iterable(range(first, last + 1) for first, last in self.ranges)

  def __contains__(self, seed: object) -> bool:
    return isinstance(seed, int) and any(first <= seed <= last for first, last in self.ranges)

  @overload
  def __getitem__(self, index: int) -> int: ...
  @overload
  def __getitem__(self, index: slice) -> Sequence[int]: ...

  def __getitem__(self, index: int | slice) -> int | Sequence[int]:
    if isinstance(index, slice):
      return [self[i] for i in range(len(self))[index]]
    place = range(len(self))[index]
    number = bisect.bisect_right(self._ends, place)
    return self.ranges[number][1] + 1 - (self._ends[number] - place)

  def __eq__(self, other: object) -> bool:
    return isinstance(other, Seeds) and self._joined() == other._joined()

  def __hash__(self) -> int:
    return hash(self._joined())

  def _joined(self) -> tuple[tuple[int, int], ...]:
    return tuple(_consecutive(self.ranges))

  def __repr__(self) -> str:
    return f"Seeds({shown(self.ranges)})"


def parse_seeds(text: str) -> Seeds:
  """Seeds of '3', '0..99' (both ends included), or a comma-separated list of these.

  Raises:
    KubricGenError: anything else, a seed that is too large or named twice, or too many of them.
  """
  ranges = []
  for part in text.split(","):
    found = _PART.fullmatch(part.strip(" "))
    if found is None or int(found[1]) > int(found[2] or found[1]):
      raise KubricGenError(f"seed must be a number, a range such as 0..99, or a list of these, got {shown(text)}")
    ranges.append((int(found[1]), int(found[2] or found[1])))
  largest = max(last for _, last in ranges)
  if largest > MAX_SEED:
    raise KubricGenError(f"seeds must be at most {MAX_SEED}, got {largest}")
  in_order = sorted(ranges)
  for (_, last), (first, _) in itertools.pairwise(in_order):
    if first <= last:
      raise KubricGenError(f"seed {first} is named twice: name each once")
  seeds = sum(last - first + 1 for first, last in ranges)
  if seeds > MAX_SEEDS:
    raise KubricGenError(f"there may be {MAX_SEEDS} seeds at a time, got {seeds}: give them to several runs")
  return Seeds(ranges)


def _consecutive(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
  """The same seeds in the same order, in as few ranges as can be."""
  pending: tuple[int, int] | None = None
  for first, last in ranges:
    if pending is not None and first == pending[1] + 1:
      pending = (pending[0], last)
      continue
    if pending is not None:
      yield pending
    pending = (first, last)
  if pending is not None:
    yield pending


def runs(seeds: Iterable[int]) -> list[tuple[int, int]]:
  """Runs of consecutive seeds as (first, last), in order."""
  return list(_consecutive(sorted(seeds.ranges if isinstance(seeds, Seeds) else ((seed, seed) for seed in seeds))))


def exact_text(ranges: Iterable[tuple[int, int]]) -> str:
  """Ranges (first, last) for comparison: `0..9, 12..12`."""
  return ", ".join(f"{first}..{last}" for first, last in ranges)


def short_text(seeds: Iterable[int]) -> str:
  """Seeds for people: `0..9, 12`; ends with … where there is too much to tell."""
  found = runs(seeds)
  shown_runs = [str(first) if first == last else f"{first}..{last}" for first, last in found[:MAX_LISTED]]
  return ", ".join(shown_runs + (["…"] if len(found) > MAX_LISTED else []))
