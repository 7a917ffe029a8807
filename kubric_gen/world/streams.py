"""Random streams, one for each factor of variation.

A world that draws colours, poses and lights from one generator changes all of them when one takes a draw more. Where each factor
has a stream of its own, a paired split changes one and leaves the others exactly as drawn:

    color = random_hue(stream(rng, "color"))
    position = uniform_vector(stream(rng, "position"), low, high)
"""

from __future__ import annotations

import hashlib

import numpy as np

from kubric_gen.errors import KubricGenError, shown


def stream(rng: np.random.Generator, name: str) -> np.random.Generator:
  """The generator of one factor: decided by the seed of `rng` and the name alone.

  It does not matter how much was drawn from `rng`, and drawing from the stream leaves `rng` as it is. Each call starts the stream
  anew. A stream has streams of its own: `stream(stream(rng, "camera"), "left")`.

  Args:
    rng: the scene's generator, from `World.generator` or `numpy.random.default_rng(seed)`; not an unpickled or deep copy, as
      NumPy 1 loses the seed of these.
    name: of the factor, such as "color".

  Raises:
    KubricGenError: the generator's seed is unknown.
  """
  seed = rng.bit_generator.seed_seq
  if not isinstance(seed, np.random.SeedSequence):
    raise KubricGenError(f"the generator of the random stream {shown(name)} has no seed sequence: make it with "
                         "numpy.random.default_rng(seed)")
  # Eight words of 32 bits: SeedSequence.spawn uses single words, so the two never meet.
  words = np.frombuffer(hashlib.sha256(name.encode()).digest(), "<u4").tolist()
  child = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *words), pool_size=seed.pool_size)
  return np.random.Generator(np.random.PCG64(child))
