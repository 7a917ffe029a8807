"""A random stream for each factor of variation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.errors import KubricGenError
from kubric_gen.world import stream

reproducible = settings(derandomize=True, deadline=None, max_examples=50)
seeds = st.integers(0, 2 ** 64)
names = st.text(max_size=8)


def _numbers(rng: np.random.Generator) -> list[int]:
  return rng.integers(2 ** 32, size=4).tolist()


@reproducible
@given(seeds, names, st.integers(0, 20))
def test_it_does_not_matter_what_was_drawn_before(seed: int, name: str, drawn: int) -> None:
  rng = np.random.default_rng(seed)
  rng.random(drawn)
  assert _numbers(stream(rng, name)) == _numbers(stream(np.random.default_rng(seed), name))


@reproducible
@given(seeds, names)
def test_the_generator_stays_as_it_is(seed: int, name: str) -> None:
  rng = np.random.default_rng(seed)
  _numbers(stream(rng, name))
  assert _numbers(rng) == _numbers(np.random.default_rng(seed))


@reproducible
@given(seeds, names, names)
def test_names_and_seeds_tell_streams_apart(seed: int, first: str, second: str) -> None:
  rng = np.random.default_rng(seed)
  assert (_numbers(stream(rng, first)) == _numbers(stream(rng, second))) == (first == second)
  assert _numbers(stream(np.random.default_rng(seed + 1), first)) != _numbers(stream(rng, first)) != _numbers(rng)


def test_streams_of_streams_and_of_spawned_generators_are_others() -> None:
  rng = np.random.default_rng(7)
  child = np.random.default_rng(np.random.SeedSequence(7).spawn(1)[0])
  found = [rng, child, stream(rng, "a"), stream(child, "a"), stream(stream(rng, "a"), "b"), stream(stream(rng, "b"), "a")]
  assert len({tuple(_numbers(each)) for each in found}) == len(found)


def test_it_is_the_same_on_every_machine() -> None:
  rng = np.random.default_rng(np.random.SeedSequence([1, 2]))
  assert int(stream(rng, "color").integers(2 ** 63)) == 7960422616000850338
  assert stream(rng, "light é").random() == 0.618881714815599


def test_a_generator_without_a_seed_sequence_is_refused() -> None:
  class Constant(np.random.bit_generator.ISeedSequence):
    def generate_state(self, n_words, dtype=np.uint32):  # type: ignore[no-untyped-def]
      return np.ones(n_words, dtype)

  with pytest.raises(KubricGenError, match="color.*default_rng"):
    stream(np.random.Generator(np.random.PCG64(Constant())), "color")
