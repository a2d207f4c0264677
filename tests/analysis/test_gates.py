"""Gates against torch's equations, and their statistics against plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.analysis import gate_statistics, gates
from gru_course.reference import gru, lstm, rnn


def torch_gates(kind, params, xs, state):
    """The gates by the equations in torch's documentation, driven by the states of its own cell."""
    n, blocks, names = len(xs), *((4, "ifgo") if kind == "lstm" else (3, "rzn"))
    hidden_size = params.weight_hh.shape[1]
    cell = {"gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}[kind]
    cell = cell(xs.shape[2], hidden_size).double()
    cell.load_state_dict({k: torch.tensor(v) for k, v in params._asdict().items()})
    state = tuple(torch.tensor(s) for s in state) if kind == "lstm" else torch.tensor(state)
    found = {name: [] for name in names}
    for x in torch.tensor(xs).unbind(dim=1):
        h = state[0] if kind == "lstm" else state
        a_i = (x @ cell.weight_ih.T + cell.bias_ih).view(n, blocks, hidden_size).unbind(1)
        a_h = (h @ cell.weight_hh.T + cell.bias_hh).view(n, blocks, hidden_size).unbind(1)
        for k, name in enumerate(names):
            if name == "n":
                value = torch.tanh(a_i[k] + found["r"][-1] * a_h[k])
            else:
                value = (torch.tanh if name == "g" else torch.sigmoid)(a_i[k] + a_h[k])
            found[name].append(value)
        state = cell(x, state)
    return {name: torch.stack(values, dim=1).detach().numpy() for name, values in found.items()}


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("with_state", [False, True])
@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(1, 3),
    steps=st.integers(1, 6),
    input_size=st.integers(1, 3),
    hidden_size=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_gates_equal_torchs_equations(kind, with_state, n, steps, input_size, hidden_size, seed):
    rng = np.random.default_rng(seed)
    cell = {"gru": gru, "lstm": lstm}[kind]
    params = cell.init(rng, input_size, hidden_size)
    xs = rng.normal(size=(n, steps, input_size))
    shape = (n, hidden_size)
    draw = (lambda: rng.normal(size=shape)) if with_state else (lambda: np.zeros(shape))
    state0 = lstm.State(draw(), draw()) if kind == "lstm" else draw()

    found = gates(cell, params, xs, state0=state0 if with_state else None)
    wanted = torch_gates(kind, params, xs, state0)
    assert list(found) == list(wanted)
    for name in wanted:
        assert found[name].shape == (n, steps, hidden_size)
        np.testing.assert_allclose(found[name], wanted[name], rtol=0, atol=1e-10, err_msg=name)


def test_gates_rebuild_the_states_with_the_reset_before_the_product():
    # torch has no such GRU; h_t = (1 - z) n + z h_{t-1} holds of it too, as does r's equation.
    rng = np.random.default_rng(0)
    params = gru.init(rng, 2, 3)
    xs, h0 = rng.normal(size=(4, 6, 2)), rng.normal(size=(4, 3))
    found = gates(gru, params, xs, state0=h0, reset_after=False)
    wanted, _ = gru.forward(xs, h0, params, reset_after=False)
    h = h0
    for t in range(6):
        a_r = xs[:, t] @ params.weight_ih[:3].T + h @ params.weight_hh[:3].T
        r = 1 / (1 + np.exp(-(a_r + params.bias_ih[:3] + params.bias_hh[:3])))
        np.testing.assert_allclose(found["r"][:, t], r, rtol=0, atol=1e-12)
        z = found["z"][:, t]
        h = (1 - z) * found["n"][:, t] + z * h
        np.testing.assert_allclose(h, wanted[:, t], rtol=0, atol=1e-12)


def test_gates_rebuild_the_states_of_an_lstm_with_peepholes():
    rng = np.random.default_rng(0)
    params = lstm.init(rng, 2, 3, peepholes=True)
    xs, state0 = rng.normal(size=(4, 6, 2)), lstm.State(*rng.normal(size=(2, 4, 3)))
    found = gates(lstm, params, xs, state0=state0)
    wanted, _ = lstm.forward(xs, state0, params)
    c = state0.c
    for t in range(6):
        c = found["f"][:, t] * c + found["i"][:, t] * found["g"][:, t]
        np.testing.assert_allclose(c, wanted.c[:, t], rtol=0, atol=1e-12)
        h = found["o"][:, t] * np.tanh(c)
        np.testing.assert_allclose(h, wanted.h[:, t], rtol=0, atol=1e-12)


def test_gates_keep_float32():
    params = gru.init(np.random.default_rng(0), 2, 3, dtype=np.float32)
    found = gates(gru, params, np.ones((1, 4, 2), np.float32))
    assert {gate.dtype for gate in found.values()} == {np.dtype(np.float32)}


def loop_statistics(gate, lengths):
    """Mean, low, high and half-life of one unit at a time, step by step."""
    columns = []
    for unit in range(gate.shape[2]):
        steps = total = low = high = 0
        kept = 1.0  # what is left of a state of 1 that the gate multiplies at every step
        for n, length in enumerate(lengths):
            for t in range(length):
                value = float(gate[n, t, unit])
                steps, total, kept = steps + 1, total + value, kept * value
                low, high = low + (value < 0.1), high + (value > 0.9)
        # kept = 2^(-steps / half_life)
        columns.append((total / steps, low / steps, high / steps, -steps / math.log2(kept)))
    return np.array(columns).T


@pytest.mark.parametrize("with_lengths", [False, True])
@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 4),
    steps=st.integers(1, 8),
    hidden_size=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
def test_statistics_equal_a_loop(with_lengths, n, steps, hidden_size, seed):
    rng = np.random.default_rng(seed)
    gate = 1 / (1 + np.exp(-4 * rng.normal(size=(n, steps, hidden_size))))
    lengths = rng.integers(1, steps + 1, size=n) if with_lengths else np.full(n, steps)
    found = gate_statistics(gate, lengths if with_lengths else None)
    for name, value, wanted in zip(
        found._fields, found, loop_statistics(gate, lengths), strict=True
    ):
        assert value.shape == (hidden_size,)
        np.testing.assert_allclose(value, wanted, rtol=1e-9, err_msg=name)


def test_statistics_by_hand():
    # Unit 0: 1/2 and 1/8 multiply to 2^-4 in two steps. Unit 1 is zero once. Unit 2 never leaks.
    gate = np.array([[[0.5, 0.0, 1.0], [0.125, 1.0, 1.0]]])
    found = gate_statistics(gate)
    np.testing.assert_array_equal(found.mean, [0.3125, 0.5, 1.0])
    np.testing.assert_array_equal(found.low, [0.0, 0.5, 0.0])
    np.testing.assert_array_equal(found.high, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(found.half_life, [0.5, 0.0, np.inf], rtol=1e-14)


def test_the_thresholds_themselves_are_not_saturated():
    found = gate_statistics(np.array([0.1, 0.9, 0.0999, 0.9001]).reshape(4, 1, 1))
    assert (found.low, found.high) == (0.25, 0.25)


@pytest.mark.parametrize("pad", [0.0, 1.0, -7.0, 1e30])
def test_padding_does_not_count(pad):
    rng = np.random.default_rng(0)
    gate, lengths = rng.uniform(size=(3, 5, 2)), np.array([5, 1, 3])
    padded = np.where((np.arange(5) < lengths[:, None])[:, :, None], gate, pad)
    wanted = gate_statistics(
        np.concatenate([g[:k] for g, k in zip(gate, lengths, strict=True)])[None]
    )
    for a, b in zip(gate_statistics(padded, lengths), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_statistics_of_float32_are_taken_in_float64():
    # Summed in float32 the mean would be wrong from the seventh digit on.
    gate = np.full((1, 1000, 1), 0.999, np.float32)
    found = gate_statistics(gate)
    assert {value.dtype for value in found} == {np.dtype(np.float64)}
    assert found.mean[0] == pytest.approx(float(np.float32(0.999)), rel=1e-13)


GATE = np.full((2, 4, 3), 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: gates(rnn, rnn.init(np.random.default_rng(0), 2, 3), np.zeros((2, 4, 2))),
            "cell: expected gru or lstm, which have gates, got rnn$",
        ),
        (
            lambda: gates(gru, gru.init(np.random.default_rng(0), 2, 3), np.zeros((2, 2))),
            r"xs: expected shape \(N, T, I\)",
        ),
        (lambda: gate_statistics(GATE[0]), r"gate: expected shape \(N, T, H\)"),
        (lambda: gate_statistics([[[0.5]]]), "gate: expected a NumPy array"),
        (lambda: gate_statistics(GATE + 0.75), "gate: expected values from 0 to 1, got 1.25"),
        (lambda: gate_statistics(GATE - 0.75), "gate: expected values from 0 to 1, got -0.25"),
        (lambda: gate_statistics(GATE * np.nan), "gate: expected finite numbers, got nan"),
        (lambda: gate_statistics(GATE, [4]), "lengths: expected 2 whole numbers"),
        (lambda: gate_statistics(GATE, [4, 5]), "lengths: expected values from 1 to T = 4, got 5"),
        (lambda: gate_statistics(GATE, [0, 4]), "lengths: expected values from 1 to T = 4, got 0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
