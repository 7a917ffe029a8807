"""16-bit storage: rounded rather than truncated, without bias, safe for constant fields."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kubric_gen.codecs.quantization import (dequantize_normal, dequantize_range, dequantize_unit, quantize_normal,
                                           quantize_range, quantize_unit)
from kubric_gen.errors import KubricGenError

EVERY = np.arange(65536, dtype=np.uint16)
FLOAT32_ROUNDING = 2.0 ** -24


@pytest.mark.parametrize("quantize, dequantize", [
    (quantize_unit, dequantize_unit), (quantize_normal, dequantize_normal),
    (lambda v: quantize_range(v, -3.7, 12.25), lambda v: dequantize_range(v, -3.7, 12.25))])
def test_every_integer_survives_the_round_trip(quantize, dequantize):
  values = dequantize(EVERY)
  assert values.dtype == np.float32
  np.testing.assert_array_equal(quantize(values), EVERY)


@given(hnp.arrays(np.float32, 20, elements=st.floats(0, 1, width=32)))
def test_unit_round_trip_within_half_a_step(values):
  error = np.abs(dequantize_unit(quantize_unit(values)).astype(np.float64) - values)
  assert error.max() <= 0.5 / 65535 + FLOAT32_ROUNDING


@given(hnp.arrays(np.float32, 20, elements=st.floats(-1, 1, width=32)))
def test_normal_round_trip_within_half_a_step(values):
  error = np.abs(dequantize_normal(quantize_normal(values)).astype(np.float64) - values)
  assert error.max() <= 1 / 65535 + FLOAT32_ROUNDING


@given(hnp.arrays(np.float32, 20, elements=st.floats(-1e6, 1e6, width=32)))
def test_range_round_trip_within_half_a_step(values):
  low, high = values.min(), values.max()
  error = np.abs(dequantize_range(quantize_range(values, low, high), low, high).astype(np.float64) - values)
  assert error.max() <= 0.5 * (float(high) - float(low)) / 65535 + FLOAT32_ROUNDING * np.abs(values).max()


def test_rounding_has_no_bias():
  values = np.random.default_rng(0).uniform(-5, 7, 100_000)
  steps = (dequantize_range(quantize_range(values, -5, 7), -5, 7) - values) / (12 / 65535)
  assert abs(steps.mean()) < 0.01  # truncation gives -0.5
  assert np.abs(steps).max() < 0.51


def test_known_values():
  assert quantize_unit([0.0, 0.5, 1.0, 0.6 / 65535]).tolist() == [0, 32768, 65535, 1]
  assert quantize_normal([-1.0, 0.0, 1.0]).tolist() == [0, 32768, 65535]
  assert quantize_range([-2.0, 0.0, 6.0], -2.0, 6.0).tolist() == [0, 16384, 65535]
  assert dequantize_range(np.uint16([0, 13107, 65535]), -1.0, 4.0).tolist() == [-1.0, 0.0, 4.0]


def test_the_zero_normal_is_near_zero_again():
  assert np.abs(dequantize_normal(quantize_normal(np.zeros((2, 2, 3), np.float32)))).max() < 2e-5


@pytest.mark.parametrize("constant", [0.0, -3.7, 1e-30, 123456.7])
def test_constant_field(constant):
  values = np.full((4, 5, 2), constant, np.float32)
  low, high = values.min(), values.max()
  with np.errstate(all="raise"):
    stored = quantize_range(values, low, high)
    assert stored.dtype == np.uint16 and not stored.any()
    np.testing.assert_array_equal(dequantize_range(stored, low, high), values)


def test_nearly_constant_fields_neither_overflow_nor_divide_by_zero():
  tiny = np.nextafter(np.float64(0), 1)
  with np.errstate(all="raise"):
    assert quantize_range([0.0, tiny, 5.0], 0.0, tiny).tolist() == [0, 65535, 65535]


def test_values_beyond_are_clipped():
  assert quantize_unit([-0.5, 1.5]).tolist() == [0, 65535]
  assert quantize_normal([-1.0001, 1.0001]).tolist() == [0, 65535]
  assert quantize_range([-9.0, 9.0], -1.0, 1.0).tolist() == [0, 65535]


def test_the_input_is_left_alone():
  values = np.linspace(-1, 1, 9)
  before = values.copy()
  quantize_unit(values)
  quantize_normal(values)
  quantize_range(values, -0.5, 0.5)
  np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("quantize", [quantize_unit, quantize_normal, lambda v: quantize_range(v, 0, 1),
                                      lambda v: quantize_range(v, 1, 1)])
def test_values_that_are_not_finite_are_refused(quantize, bad):
  with pytest.raises(KubricGenError, match="NaN or infinite"):
    quantize(np.array([0.5, bad], np.float32))


@pytest.mark.parametrize("low, high", [(1, 0), (np.nan, 1), (0, np.inf), (-1.7e308, 1.7e308)])
def test_bad_ranges_are_refused(low, high):
  with pytest.raises(KubricGenError, match="data range"):
    quantize_range([0.5], low, high)
  with pytest.raises(KubricGenError, match="data range"):
    dequantize_range([5], low, high)
