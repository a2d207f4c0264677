"""Holding a gate against networks whose weights hold it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_course.analysis import run_with_gates
from gru_course.reference import gru, rnn

CLOSE = {"rtol": 0, "atol": 1e-12}


def network(seed, N=3, T=5, I=2, H=4):
    rng = np.random.default_rng(seed)
    return gru.init(rng, I, H), rng.normal(size=(N, T, I)), rng.uniform(-1, 1, size=(N, H)), rng


@given(seed=st.integers(0, 2**31), data=st.data())
def test_a_held_gate_is_one_without_weights_and_with_a_bias(seed, data):
    params, xs, state0, rng = network(seed)
    held = {g: np.array(data.draw(st.lists(st.booleans(), min_size=4, max_size=4))) for g in "rz"}
    value = {g: rng.uniform(0.01, 0.99, size=4) for g in "rz"}
    still = gru.Params(*(a.copy() for a in params))
    for block, gate in enumerate("rz"):
        rows = 4 * block + np.flatnonzero(held[gate])
        for array in still:
            array[rows] = 0
        still.bias_ih[rows] = np.log(value[gate] / (1 - value[gate]))[held[gate]]
    found = run_with_gates(
        params, xs, state0=state0, **{g: np.where(held[g], value[g], np.nan) for g in "rz"}
    )
    np.testing.assert_allclose(found, gru.forward(xs, state0, still)[0], **CLOSE)


def test_nothing_held_is_the_network_itself():
    params, xs, state0, _ = network(0)
    np.testing.assert_allclose(
        run_with_gates(params, xs), gru.forward(xs, np.zeros((3, 4)), params)[0], **CLOSE
    )
    np.testing.assert_allclose(
        run_with_gates(params, xs, r=None, z=np.full(4, np.nan), state0=state0),
        gru.forward(xs, state0, params)[0],
        **CLOSE,
    )


def test_the_corner_of_the_plain_rnn():
    params, xs, state0, _ = network(1)
    plain = rnn.Params(*(np.split(a, 3)[2] for a in params))
    np.testing.assert_allclose(
        run_with_gates(params, xs, r=1.0, z=0.0, state0=state0),
        rnn.forward(xs, state0, plain)[0],
        **CLOSE,
    )


def test_a_unit_that_is_cut_out_stays_where_it_is():
    params, xs, state0, _ = network(2)
    found = run_with_gates(params, xs, z=np.array([np.nan, 1, np.nan, np.nan]), state0=state0)
    np.testing.assert_array_equal(found[:, :, 1], np.repeat(state0[:, 1:2], 5, axis=1))
    assert not np.allclose(found[:, :, 0], gru.forward(xs, state0, params)[0][:, :, 0])


def test_float32_stays_float32():
    params, xs, _, _ = network(3)
    single = gru.Params(*(a.astype(np.float32) for a in params))
    found = run_with_gates(single, xs.astype(np.float32), z=0.5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, run_with_gates(params, xs, z=0.5), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"z": 1.5}, "z: expected values from 0 to 1, or NaN, got 1.5"),
        ({"r": np.array([0.5, -0.1, 0, 0])}, "r: expected values from 0 to 1, or NaN, got -0.1"),
        ({"z": np.zeros(3)}, r"z: expected a number or shape \(4,\), got shape \(3,\)"),
        ({"r": np.zeros((3, 4))}, r"r: expected a number or shape \(4,\)"),
        ({"state0": np.zeros((2, 4))}, r"state0: expected shape \(N, H\)"),
        ({"xs": np.zeros((3, 5, 9))}, r"xs: expected shape \(N, T, I\)"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    params, xs, _, _ = network(0)
    with pytest.raises(ValueError, match=f"^{message}"):
        run_with_gates(params, arguments.pop("xs", xs), **arguments)
