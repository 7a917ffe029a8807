"""Seeds as text and as ranges."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from kubric_gen.errors import KubricGenError
from kubric_gen.limits import MAX_SEED, MAX_SEEDS
from kubric_gen.world.seeds import Seeds, exact_text, parse_seeds, runs, short_text


def test_text_becomes_seeds() -> None:
  assert list(parse_seeds("3")) == [3] and list(parse_seeds("0..4")) == [0, 1, 2, 3, 4]
  assert list(parse_seeds(" 7..8, 1 ,003..3")) == [7, 8, 1, 3]
  assert list(parse_seeds(str(MAX_SEED))) == [MAX_SEED]


@pytest.mark.parametrize("text", ["", " ", "x", "-1", "+1", "5..2", "1,", "1..", "1.5", "1...3", "1_0", "0..1_0", "1 0", "0 ..3",
                                  "0.. 3", "\u0663", "0..\u0669", "\uff11", "²", "1\n2", "0x10", "1e3", "9" * 100_000])
def test_other_text_is_refused(text: str) -> None:
  with pytest.raises(KubricGenError, match="seed must be a number") as caught:
    parse_seeds(text)
  assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["1,1", "0..5,3", "2..4,4..6", "3..5,0..9999999"])
def test_a_seed_named_twice_is_refused(text: str) -> None:
  with pytest.raises(KubricGenError, match="twice"):
    parse_seeds(text)


@pytest.mark.parametrize("text", [str(MAX_SEED + 1), f"0..{MAX_SEED + 1}", "99999999999999999999"])
def test_a_seed_that_is_too_large_is_refused(text: str) -> None:
  with pytest.raises(KubricGenError, match=f"at most {MAX_SEED}"):
    parse_seeds(text)


def test_the_limit_holds_for_all_parts_together() -> None:
  half = MAX_SEEDS // 2
  assert len(parse_seeds(f"0..{half - 1},{half}..{MAX_SEEDS - 1}")) == MAX_SEEDS
  for text in (f"0..{MAX_SEEDS}", f"0..{half - 1},{half}..{MAX_SEEDS}", f"0..{MAX_SEED}"):
    with pytest.raises(KubricGenError, match=f"{MAX_SEEDS} seeds at a time"):
      parse_seeds(text)


def test_their_number_takes_no_memory() -> None:
  tracemalloc.start()
  try:
    seeds = parse_seeds(",".join(f"{n}000000..{n}999998" for n in range(1, 11)))
    assert len(seeds) == 9_999_990 and runs(seeds)[0] == (1_000_000, 1_999_998) and seeds[-1] == 10_999_998
    assert tracemalloc.get_traced_memory()[1] < 100_000
  finally:
    tracemalloc.stop()


def test_ranges_are_a_sequence() -> None:
  seeds = Seeds([(7, 9), (1, 1), (3, 4)])
  plain = [7, 8, 9, 1, 3, 4]
  assert len(seeds) == 6 and list(seeds) == plain and [seeds[i] for i in range(-6, 6)] == plain * 2
  assert list(seeds[1:5:2]) == plain[1:5:2] and 8 in seeds and 2 not in seeds and "8" not in seeds
  with pytest.raises(IndexError):
    seeds[6]
  assert Seeds.of(plain) == seeds != Seeds.of(sorted(plain)) and Seeds.of(seeds) is seeds
  assert Seeds.of([5, 6]) == Seeds([(5, 5), (6, 6)]) and hash(Seeds.of([5, 6])) == hash(Seeds([(5, 5), (6, 6)]))
  assert not Seeds([]) and list(Seeds.of(iter(()))) == []


@pytest.mark.parametrize("kind", [list, Seeds.of])
def test_runs_of_consecutive_seeds(kind: Callable[[list[int]], list[int]]) -> None:
  assert runs(kind([])) == [] and runs(kind([5])) == [(5, 5)] and runs(kind([3, 1, 2, 9, 7, 8, 5])) == [(1, 3), (5, 5), (7, 9)]


def test_the_exact_text_is_read_again() -> None:
  assert exact_text([(0, 9), (12, 12)]) == "0..9, 12..12"  # the cards of finished datasets have it
  assert runs(parse_seeds(exact_text([(0, 9), (12, 12)]))) == [(0, 9), (12, 12)]


def test_seeds_in_short() -> None:
  assert short_text([]) == "" and short_text([5]) == "5" and short_text([3, 1, 2, 9, 7, 8, 5]) == "1..3, 5, 7..9"
  assert short_text(range(0, 4000, 2)).endswith(", 1998, …")
