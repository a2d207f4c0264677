"""Gradient norms, Jacobians and their singular values against torch's autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.analysis import (
    direct_norms,
    gradient_norms,
    singular_values,
    state_gradients,
    state_jacobian,
    state_jacobians,
)
from gru_course.reference import gru, lstm, rnn

# Cell, options of its step, and torch's own cell.
CASES = {
    "rnn": (rnn, {}, torch.nn.RNNCell),
    "rnn-relu": (
        rnn,
        {"nonlinearity": "relu"},
        lambda i, h: torch.nn.RNNCell(i, h, nonlinearity="relu"),
    ),
    "lstm": (lstm, {}, torch.nn.LSTMCell),
    "gru": (gru, {}, torch.nn.GRUCell),
}


def make(kind, rng, input_size, hidden_size):
    """The reference's cell and torch's with the same weights."""
    cell, options, torch_cell = CASES[kind]
    params = cell.init(rng, input_size, hidden_size)
    torch_cell = torch_cell(input_size, hidden_size).double()
    with torch.no_grad():
        for parameter, value in zip(torch_cell.parameters(), params, strict=True):
            parameter.copy_(torch.tensor(value))
    return cell, options, params, torch_cell


def torch_step(kind, torch_cell, x, state):
    """One step of torch's cell on a packed state: h, or h and c side by side."""
    if kind != "lstm":
        return torch_cell(x, state)
    return torch.cat(torch_cell(x, tuple(state.chunk(2, dim=1))), dim=1)


def packed(rng, kind, n, hidden_size):
    state = rng.normal(size=(n, 2 * hidden_size if kind == "lstm" else hidden_size))
    return state, lstm.State(*np.split(state, 2, axis=1)) if kind == "lstm" else state


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("with_state", [False, True])
@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(1, 3),
    steps=st.integers(1, 6),
    input_size=st.integers(1, 3),
    hidden_size=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_gradients_equal_autograd(kind, with_state, n, steps, input_size, hidden_size, seed):
    rng = np.random.default_rng(seed)
    cell, options, params, torch_cell = make(kind, rng, input_size, hidden_size)
    xs = rng.normal(size=(n, steps, input_size))
    start, state0 = packed(rng, kind, n, hidden_size)
    if not with_state:
        start, state0 = np.zeros_like(start), None

    found = state_gradients(cell, params, xs, np.random.default_rng(seed), state0=state0, **options)
    norms = gradient_norms(cell, params, xs, np.random.default_rng(seed), state0=state0, **options)

    states = [torch.tensor(start, requires_grad=True)]
    for x in torch.tensor(xs).unbind(dim=1):
        states.append(torch_step(kind, torch_cell, x, states[-1]))
    v = torch.tensor(found[:, 0, :hidden_size])  # the direction that was drawn
    wanted = torch.autograd.grad((v * states[-1][:, :hidden_size]).sum(), states)
    wanted = torch.stack(wanted[::-1], dim=1).numpy()

    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)
    np.testing.assert_allclose(norms, np.sqrt((wanted**2).sum(axis=2)), rtol=0, atol=1e-10)
    np.testing.assert_allclose(norms[:, 0], 1, rtol=0, atol=1e-12)


def test_directions_differ_between_sequences_and_point_everywhere():
    rng = np.random.default_rng(0)
    params = gru.init(rng, 1, 3)
    v = state_gradients(gru, params, np.zeros((20000, 1, 1)), rng)[:, 0]
    # Uniform on the sphere: mean zero, covariance a third of the identity.
    np.testing.assert_allclose(v.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(v.T @ v / len(v), np.eye(3) / 3, atol=0.02)


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=10, deadline=None)
@given(input_size=st.integers(1, 3), hidden_size=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_jacobian_equals_autograd(kind, input_size, hidden_size, seed):
    rng = np.random.default_rng(seed)
    cell, options, params, torch_cell = make(kind, rng, input_size, hidden_size)
    x = rng.normal(size=(1, input_size))
    start, state = packed(rng, kind, 1, hidden_size)
    found = state_jacobian(cell, x, state, params, **options)
    wanted = torch.autograd.functional.jacobian(
        lambda s: torch_step(kind, torch_cell, torch.tensor(x), s[None])[0],
        torch.tensor(start[0]),
    )
    np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("with_state", [False, True])
@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(1, 3),
    steps=st.integers(1, 4),
    input_size=st.integers(1, 3),
    hidden_size=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
def test_jacobians_equal_autograd(kind, with_state, n, steps, input_size, hidden_size, seed):
    rng = np.random.default_rng(seed)
    cell, options, params, torch_cell = make(kind, rng, input_size, hidden_size)
    xs = rng.normal(size=(n, steps, input_size))
    start, state0 = packed(rng, kind, n, hidden_size)
    if not with_state:
        start, state0 = np.zeros_like(start), None
    found = state_jacobians(cell, params, xs, state0=state0, **options)

    size = start.shape[1]
    assert found.shape == (n, steps, size, size)
    for i in range(n):
        state = torch.tensor(start[i])
        for t, x in enumerate(torch.tensor(xs[i])):

            def step(s, x=x):
                return torch_step(kind, torch_cell, x[None], s[None])[0]

            wanted = torch.autograd.functional.jacobian(step, state)
            np.testing.assert_allclose(found[i, t], wanted.numpy(), rtol=0, atol=1e-10)
            state = step(state).detach()


def test_singular_values_are_roots_of_eigenvalues():
    jacobians = np.random.default_rng(0).normal(size=(2, 5, 4, 4))
    found = singular_values(jacobians)
    gram = np.swapaxes(jacobians, 2, 3) @ jacobians  # eigenvalues sigma^2, ascending
    wanted = np.sqrt(np.linalg.eigvalsh(gram))[..., ::-1]
    assert found.shape == (2, 5, 4)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)


def test_singular_values_of_one_matrix_by_hand():
    # [[3, 0], [4, 5]]: J^T J = [[25, 20], [20, 25]] has the eigenvalues 45 and 5.
    found = singular_values(np.array([[3.0, 0.0], [4.0, 5.0]]))
    np.testing.assert_allclose(found, [45**0.5, 5**0.5], rtol=1e-14)


def test_options_reach_the_cell():
    # torch has no GRU with the reset before the product: central differences are the oracle.
    rng = np.random.default_rng(0)
    params = gru.init(rng, 2, 4)
    x, h = rng.normal(size=(1, 2)), rng.normal(size=(1, 4))
    found = state_jacobian(gru, x, h, params, reset_after=False)
    wanted = np.empty((4, 4))
    for j in range(4):
        e = 1e-6 * np.eye(4)[j]
        up, _ = gru.step(x, h + e, params, reset_after=False)
        down, _ = gru.step(x, h - e, params, reset_after=False)
        wanted[:, j] = (up - down)[0] / 2e-6
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-8)
    along = state_jacobians(gru, params, x[:, None], state0=h, reset_after=False)
    np.testing.assert_allclose(along[0, 0], wanted, rtol=0, atol=1e-8)
    assert np.abs(found - state_jacobian(gru, x, h, params)).max() > 1e-3


def test_peepholes_reach_the_jacobians():
    # torch has no peepholes: central differences are the oracle.
    rng = np.random.default_rng(0)
    params = lstm.init(rng, 2, 3, peepholes=True)
    x, state = rng.normal(size=(1, 2)), rng.normal(size=(1, 6))

    def step(s):
        return np.concatenate(lstm.step(x, lstm.State(*np.split(s, 2, axis=1)), params)[0], axis=1)

    wanted = np.stack([(step(state + e) - step(state - e))[0] for e in 1e-6 * np.eye(6)], axis=1)
    found = state_jacobians(
        lstm, params, x[:, None], state0=lstm.State(*np.split(state, 2, axis=1))
    )
    np.testing.assert_allclose(found[0, 0], wanted / 2e-6, rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", CASES)
def test_gradients_are_products_of_jacobians(kind):
    rng = np.random.default_rng(1)
    cell, options, params, _ = make(kind, rng, 2, 3)
    xs = rng.normal(size=(4, 5, 2))
    _, state0 = packed(rng, kind, 4, 3)
    gradients = state_gradients(cell, params, xs, rng, state0=state0, **options)
    jacobians = state_jacobians(cell, params, xs, state0=state0, **options)
    for n in range(4):
        gradient = gradients[n, 0]
        for k in range(5):
            gradient = gradient @ jacobians[n, -1 - k]
            np.testing.assert_allclose(gradients[n, k + 1], gradient, rtol=0, atol=1e-13)


def test_float32_stays_float32():
    rng = np.random.default_rng(0)
    params = gru.init(rng, 2, 3, dtype=np.float32)
    xs = np.ones((2, 4, 2), np.float32)
    assert gradient_norms(gru, params, xs, rng).dtype == np.float32
    jacobian = state_jacobian(gru, xs[:1, 0], np.zeros((1, 3), np.float32), params)
    assert jacobian.dtype == np.float32
    jacobians = state_jacobians(gru, params, xs)
    assert jacobians.dtype == np.float32
    assert singular_values(jacobians).dtype == np.float32


def test_bad_arguments_are_named():
    rng = np.random.default_rng(0)
    params, lstm_params = gru.init(rng, 2, 3), lstm.init(rng, 2, 3)
    xs, x, h = np.zeros((2, 4, 2)), np.zeros((1, 2)), np.zeros((1, 3))
    with pytest.raises(ValueError, match=r"xs: expected shape \(N, T, I\)"):
        gradient_norms(gru, params, xs[0], rng)
    with pytest.raises(ValueError, match="params: expected a Params tuple"):
        gradient_norms(gru, "params", xs, rng)
    with pytest.raises(ValueError, match="h_prev: expected shape"):
        gradient_norms(gru, params, xs, rng, state0=np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"state_prev: expected lstm.State\(h, c\), got ndarray"):
        gradient_norms(lstm, lstm_params, xs, rng, state0=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"x: expected shape .* with N = 1, got"):
        state_jacobian(gru, np.zeros((2, 2)), h, params)
    with pytest.raises(ValueError, match=r"h_prev: expected shape .* with N = 1, got"):
        state_jacobian(gru, x, np.zeros((2, 3)), params)
    with pytest.raises(ValueError, match="h_prev: expected finite numbers, got nan"):
        state_jacobian(gru, x, h * np.nan, params)
    with pytest.raises(ValueError, match="h_prev: expected a NumPy array"):
        state_jacobian(gru, x, None, params)
    with pytest.raises(ValueError, match=r"h_prev: expected lstm.State\(h, c\), got ndarray"):
        state_jacobian(lstm, x, h, lstm_params)
    with pytest.raises(ValueError, match=r"h_prev: expected an array .* got State"):
        state_jacobian(gru, x, lstm.State(h, h), params)
    with pytest.raises(ValueError, match=r"xs: expected shape \(N, T, I\)"):
        state_jacobians(gru, params, xs[0])
    with pytest.raises(ValueError, match=r"state0: expected shape .* with N = 2, got \(1, 3\)"):
        state_jacobians(gru, params, xs, state0=h)
    with pytest.raises(ValueError, match=r"state0: expected lstm.State\(h, c\), got ndarray"):
        state_jacobians(lstm, lstm_params, xs, state0=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"jacobians: expected shape \(..., S, S\), got \(3,\)"):
        singular_values(np.ones(3))
    with pytest.raises(ValueError, match=r"jacobians: expected shape .* got \(3, 2\)"):
        singular_values(np.ones((3, 2)))
    with pytest.raises(ValueError, match="jacobians: expected finite numbers, got inf"):
        singular_values(np.full((2, 2), np.inf))


@pytest.mark.parametrize("with_state", [False, True])
def test_the_direct_path_is_what_autograd_finds_with_h_detached(with_state):
    rng = np.random.default_rng(0)
    _, _, params, torch_cell = make("lstm", rng, 3, 4)
    xs = rng.normal(size=(2, 5, 3))
    start, state0 = packed(rng, "lstm", 2, 4)
    if not with_state:
        start, state0 = np.zeros_like(start), None
    found = direct_norms(params, xs, np.random.default_rng(7), state0=state0)
    v = state_gradients(lstm, params, xs, np.random.default_rng(7), state0=state0)[:, 0, :4]

    h, c = torch.tensor(start).chunk(2, dim=1)
    cells = [c.detach().requires_grad_()]
    for x in torch.tensor(xs).unbind(dim=1):
        h, c = torch_cell(x, (h.detach(), cells[-1]))
        cells.append(c)
    wanted = torch.autograd.grad((torch.tensor(v) * h).sum(), cells)
    wanted = torch.stack([g.norm(dim=1) for g in wanted[::-1]], dim=1)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
