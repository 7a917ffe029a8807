"""Seeds as text and as runs of consecutive numbers."""

from __future__ import annotations

from collections.abc import Iterable

from kubric_gen.errors import KubricGenError

MAX_SEEDS = 10_000_000
MAX_LISTED = 1000
"""Runs that `short_text` shows."""


def parse_seeds(text: str) -> list[int]:
  """Seeds of '3', '0..99' (both ends included), or a comma-separated list of these.

  Raises:
    KubricGenError: anything else, a negative seed, or one that is named twice.
  """
  seeds: list[int] = []
  try:
    for part in text.split(","):
      first, dots, last = part.strip().partition("..")
      low, high = int(first), int(last if dots else first)
      if low < 0 or not 0 <= high - low < MAX_SEEDS:
        raise ValueError
      seeds.extend(range(low, high + 1))
  except ValueError:
    raise KubricGenError(f"seed must be a number, a range such as 0..99, or a list of these, got {text!r}") from None
  if len(set(seeds)) != len(seeds):
    raise KubricGenError(f"seed names a scene twice: {text}")
  return seeds


def runs(seeds: Iterable[int]) -> list[tuple[int, int]]:
  """Runs of consecutive seeds as (first, last), in order."""
  result: list[tuple[int, int]] = []
  for seed in sorted(seeds):
    if result and seed == result[-1][1] + 1:
      result[-1] = (result[-1][0], seed)
    else:
      result.append((seed, seed))
  return result


def exact_text(ranges: Iterable[tuple[int, int]]) -> str:
  """Ranges (first, last) for comparison: `0..9, 12..12`."""
  return ", ".join(f"{first}..{last}" for first, last in ranges)


def short_text(seeds: Iterable[int]) -> str:
  """Seeds for people: `0..9, 12`; ends with … where there is too much to tell."""
  found = runs(seeds)
  shown = [str(first) if first == last else f"{first}..{last}" for first, last in found[:MAX_LISTED]]
  return ", ".join(shown + (["…"] if len(found) > MAX_LISTED else []))
