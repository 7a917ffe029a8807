"""Seeds as text and as runs."""

from __future__ import annotations

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.world.seeds import exact_text, parse_seeds, runs, short_text


def test_text_becomes_seeds() -> None:
  assert parse_seeds("3") == [3] and parse_seeds("0..4") == [0, 1, 2, 3, 4] and parse_seeds(" 7..8, 1 ,3..3") == [7, 8, 1, 3]


@pytest.mark.parametrize("text", ["", "x", "-1", "5..2", "1,", "1..", "1.5", "1...3", "0..10000000", "0..99999999999999999999"])
def test_other_text_is_refused(text: str) -> None:
  with pytest.raises(KubricGenError, match="seed must be a number"):
    parse_seeds(text)


@pytest.mark.parametrize("text", ["1,1", "0..5,3", "2..4,4..6"])
def test_a_seed_named_twice_is_refused(text: str) -> None:
  with pytest.raises(KubricGenError, match="twice"):
    parse_seeds(text)


def test_runs_of_consecutive_seeds() -> None:
  assert runs([]) == [] and runs([5]) == [(5, 5)] and runs([3, 1, 2, 9, 7, 8, 5]) == [(1, 3), (5, 5), (7, 9)]


def test_the_exact_text_is_read_again() -> None:
  assert exact_text([(0, 9), (12, 12)]) == "0..9, 12..12"  # the cards of finished datasets have it
  assert runs(parse_seeds(exact_text([(0, 9), (12, 12)]))) == [(0, 9), (12, 12)]


def test_seeds_in_short() -> None:
  assert short_text([]) == "" and short_text([5]) == "5" and short_text([3, 1, 2, 9, 7, 8, 5]) == "1..3, 5, 7..9"
  assert short_text(range(0, 4000, 2)).endswith(", 1998, …")
