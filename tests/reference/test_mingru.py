"""What the minGRU has beyond the other cells: the log-space form, and a name to choose."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.reference import mingru


def draw(shape, seed=0, dtype=np.float64):
    """Inputs, a start that is not negative, and weights; shape is (N, T, I, H)."""
    N, T, I, H = shape
    rng = np.random.default_rng(seed)
    params = mingru.init(rng, I, H, dtype)
    xs, h0 = rng.normal(size=(N, T, I)), np.abs(rng.normal(size=(N, H)))
    return xs.astype(dtype), h0.astype(dtype), params


sizes = st.integers(1, 5)


@settings(max_examples=25, deadline=None, database=None)
@given(
    shape=st.tuples(sizes, st.integers(1, 30), sizes, sizes),
    scale=st.sampled_from([0.1, 1.0, 10.0]),
    zeros=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_log_space_computes_the_same_states(shape, scale, zeros, seed):
    xs, h0, params = draw(shape, seed)
    xs, h0 = scale * xs, 0 * h0 if zeros else h0
    wanted, _ = mingru.forward(xs, h0, params, candidate="positive")
    got = mingru.forward_log(xs, h0, params)
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)


def test_log_space_loses_digits_over_time_and_the_loop_does_not():
    """The differences of a growing sum cost what the sum has grown to, times the last digit."""
    xs, h0, params = draw((4, 1024, 8, 16), dtype=np.float32)
    wanted, _ = mingru.forward(
        xs.astype(float),
        h0.astype(float),
        mingru.Params(*(p.astype(float) for p in params)),
        candidate="positive",
    )
    loop, _ = mingru.forward(xs, h0, params, candidate="positive")
    log = mingru.forward_log(xs, h0, params)
    assert loop.dtype == log.dtype == np.float32
    loop_error, log_error = (np.abs(hs / wanted - 1).max(axis=(0, 2)) for hs in (loop, log))
    assert loop_error.max() < 2e-6
    assert 2e-5 < log_error[-100:].max() < 1e-3
    assert log_error[:10].max() < 5e-6


def test_states_are_linear_in_the_start():
    """Gates that do not look at the state: superposition holds, as in no other cell."""
    xs, h0, params = draw((3, 20, 2, 4))
    hs, hs_from_zero, hs_from_double = (
        mingru.forward(xs, start, params)[0] for start in (h0, 0 * h0, 2 * h0)
    )
    np.testing.assert_allclose(hs - hs_from_zero, hs_from_double - hs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("bias", [-1e4, 1e4])
def test_log_space_of_shut_and_open_gates_is_finite(bias):
    xs, h0, params = draw((2, 50, 3, 4))
    h0[0, 1] = 0  # whose logarithm is -inf
    shut = params._replace(bias=np.where(np.arange(8) < 4, bias, params.bias))
    with np.errstate(all="raise", under="ignore"):
        got = mingru.forward_log(xs, h0, shut)
    wanted, _ = mingru.forward(xs, h0, shut, candidate="positive")
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_the_kink_has_the_slope_of_its_right_side():
    """g(a) = a + 1/2 at 0, too; no difference quotient tells which side is meant."""
    params = mingru.Params(np.zeros((2, 1)), np.zeros(2))
    _, cache = mingru.step(np.ones((1, 1)), np.zeros((1, 1)), params, candidate="positive")
    _, _, grads = mingru.step_backward(np.ones((1, 1)), cache)
    assert grads.bias[1] == 0.5  # dh (1 - z) g'(0)


def test_bad_input():
    xs, h0, params = draw((2, 5, 3, 4))
    wanted = "candidate: expected one of 'linear', 'positive', got 'tanh'"
    for call in (
        lambda: mingru.step(xs[:, 0], h0, params, candidate="tanh"),
        lambda: mingru.forward(xs, h0, params, candidate="tanh"),
    ):
        with pytest.raises(ValueError, match=wanted):
            call()
    below = h0.copy()
    below[0, 1], below[1, 2] = 0, -0.5
    for arguments, message in [
        ((xs, below, params), "h0: expected no number below 0, got -0.5 at index (1, 2)"),
        ((xs[..., :2], h0, params), "xs: expected shape (N, T, I) with I = 3, got (2, 5, 2)"),
        ((xs, h0[:1], params), "h0: expected shape (N, H) with N = 2, got (1, 4)"),
        ((xs, h0, params[:1]), "params: expected a Params tuple with weight, bias, got tuple"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            mingru.forward_log(*arguments)
