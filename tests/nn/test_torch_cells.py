"""The readable cells against two oracles: the NumPy reference and torch's own cells."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.nn import GRUCell, LSTMCell, RNNCell
from gru_course.reference import gru, lstm, rnn

TOLERANCE = {"rtol": 0, "atol": 1e-10}
KINDS = ["rnn-tanh", "rnn-relu", "lstm", "gru"]
BLOCKS = {"rnn-tanh": 1, "rnn-relu": 1, "lstm": 4, "gru": 3}


def ours(kind, input_size, hidden_size):
    if kind.startswith("rnn"):
        return RNNCell(input_size, hidden_size, kind.removeprefix("rnn-"))
    return {"lstm": LSTMCell, "gru": GRUCell}[kind](input_size, hidden_size)


def torchs(kind, input_size, hidden_size):
    if kind.startswith("rnn"):
        return torch.nn.RNNCell(input_size, hidden_size, nonlinearity=kind.removeprefix("rnn-"))
    return {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}[kind](input_size, hidden_size)


def reference_step(kind, x, state, params):
    """The NumPy step, on a list of state arrays (h, or h and c)."""
    if kind == "lstm":
        state, cache = lstm.step(x, lstm.State(*state), lstm.Params(*params))
        return list(state), cache
    module, options = (gru, {}) if kind == "gru" else (rnn, {"nonlinearity": kind[4:]})
    h, cache = module.step(x, state[0], module.Params(*params), **options)
    return [h], cache


def reference_backward(kind, dstate, cache):
    if kind == "lstm":
        dx, dstate_prev, grads = lstm.step_backward(lstm.State(*dstate), cache)
        return [dx, *dstate_prev, *grads]
    dx, dh_prev, grads = (gru if kind == "gru" else rnn).step_backward(dstate[0], cache)
    return [dx, dh_prev, *grads]


def random_inputs(rng, kind, n, input_size, hidden_size, scale=1.0):
    x = rng.normal(size=(n, input_size)) * scale
    state = [rng.normal(size=(n, hidden_size)) * scale for _ in range(1 + (kind == "lstm"))]
    cotangents = [rng.normal(size=(n, hidden_size)) for _ in state]
    return x, state, cotangents


def run(cell, x, state, cotangents):
    """Outputs, and the gradients of x, the state and every parameter, as a flat list."""
    x, *state = (torch.tensor(a, requires_grad=True) for a in (x, *state))
    out = cell(x, tuple(state) if len(state) == 2 else state[0])
    out = out if isinstance(out, tuple) else (out,)
    loss = sum((o * torch.tensor(c)).sum() for o, c in zip(out, cotangents, strict=True))
    grads = torch.autograd.grad(loss, [x, *state, *cell.parameters()])
    return [t.detach().numpy() for t in out], [g.numpy() for g in grads]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 4),
    input_size=st.integers(1, 5),
    hidden_size=st.integers(1, 6),
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([0.1, 1.0, 30.0]),  # 30 saturates the gates
)
def test_outputs_and_gradients_equal_reference_and_torch(
    kind, n, input_size, hidden_size, seed, scale
):
    rng = np.random.default_rng(seed)
    cell = ours(kind, input_size, hidden_size).double()
    torch_cell = torchs(kind, input_size, hidden_size).double()
    torch_cell.load_state_dict(cell.state_dict())
    x, state, cotangents = random_inputs(rng, kind, n, input_size, hidden_size, scale)

    out, grads = run(cell, x, state, cotangents)
    torch_out, torch_grads = run(torch_cell, x, state, cotangents)
    params = [p.detach().numpy() for p in cell.parameters()]
    numpy_out, cache = reference_step(kind, x, state, params)
    numpy_grads = reference_backward(kind, cotangents, cache)

    for wanted in (torch_out + torch_grads, numpy_out + numpy_grads):
        assert len(out + grads) == len(wanted)
        for i, (a, b) in enumerate(zip(out + grads, wanted, strict=True)):
            np.testing.assert_allclose(a, b, **TOLERANCE, err_msg=f"array {i}")


@pytest.mark.parametrize("kind", KINDS)
def test_state_dict_goes_both_ways(kind):
    cell, torch_cell = ours(kind, 3, 5), torchs(kind, 3, 5)
    assert [name for name, _ in cell.named_parameters()] == list(torch_cell.state_dict())
    before = {name: tensor.clone() for name, tensor in torch_cell.state_dict().items()}
    cell.load_state_dict(torch_cell.state_dict())
    torchs(kind, 3, 5).load_state_dict(cell.state_dict())
    for name, tensor in cell.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_draws_torchs_weights(kind):
    torch.manual_seed(7)
    cell = ours(kind, 3, 5)
    torch.manual_seed(7)
    for name, tensor in torchs(kind, 3, 5).state_dict().items():
        assert torch.equal(cell.state_dict()[name], tensor), name


@pytest.mark.parametrize("kind", KINDS)
def test_no_state_is_a_state_of_zeros(kind):
    cell, x = ours(kind, 3, 5), torch.ones(2, 3)
    zero = torch.zeros(2, 5)
    with_zeros, without = cell(x, (zero, zero) if kind == "lstm" else zero), cell(x)
    for a, b in zip(with_zeros, without, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_agrees_with_float64(kind):
    torch.manual_seed(0)
    cell = ours(kind, 3, 5)
    x = torch.randn(2, 3)
    single = cell(x)
    double = cell.double()(x.double())
    single, double = (s if isinstance(s, tuple) else (s,) for s in (single, double))
    for a, b in zip(single, double, strict=True):
        assert a.dtype == torch.float32
        torch.testing.assert_close(a.double(), b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_runs_without_data(kind):
    # On the meta device tensors have shapes and no values: reading one would raise.
    with torch.device("meta"):
        cell = ours(kind, 3, 5)
        state = cell(torch.empty(2, 3), cell(torch.empty(2, 3)))
    for tensor in state if isinstance(state, tuple) else (state,):
        assert tensor.device.type == "meta"
        assert tensor.shape == (2, 5)


X, H = torch.zeros(2, 3), torch.zeros(2, 5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("x", "h", "message"),
    [
        (np.zeros((2, 3)), H, r"x: expected a tensor \(N, I\), got ndarray"),
        (torch.zeros(2, 4), H, r"x: expected shape \(N, I\) with I = 3, got \(2, 4\)"),
        (torch.zeros(3), H, r"x: expected shape \(N, I\) with I = 3, got \(3,\)"),
        (torch.zeros(0, 3), H, r"x: expected at least one sequence, got shape \(0, 3\)"),
        (X.double(), H, "x: expected torch.float32 on cpu like the weights, got torch.float64"),
        (X.to("meta"), H, "x: expected torch.float32 on cpu .* got torch.float32 on meta"),
        (X, torch.zeros(2, 4), r"state.*: expected shape \(N, H\) with H = 5, got \(2, 4\)"),
        # Torch would broadcast this one without a word.
        (X, torch.zeros(1, 5), r"state.*: expected N = 2 rows like x, got shape \(1, 5\)"),
        (X, H.half(), "state.*: expected torch.float32 on cpu like the weights"),
    ],
)
def test_bad_input_is_named(kind, x, h, message):
    with pytest.raises(ValueError, match=message):
        ours(kind, 3, 5)(x, (h, h) if kind == "lstm" else h)


def test_a_pair_is_asked_for_where_it_is_needed():
    with pytest.raises(ValueError, match=r"state: expected a pair \(h, c\), got Tensor"):
        LSTMCell(3, 5)(X, H)
    with pytest.raises(ValueError, match=r"state: expected a tensor \(N, H\), got tuple"):
        GRUCell(3, 5)(X, (H, H))
    with pytest.raises(ValueError, match="state c: expected shape"):
        LSTMCell(3, 5)(X, (H, torch.zeros(2, 4)))


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3"])
def test_bad_sizes_are_named(size):
    for kind in KINDS:
        with pytest.raises(ValueError, match="input_size: expected a whole number"):
            ours(kind, size, 5)
        with pytest.raises(ValueError, match="hidden_size: expected a whole number"):
            ours(kind, 3, size)


def test_an_unknown_nonlinearity_is_named():
    with pytest.raises(ValueError, match="nonlinearity: expected one of 'tanh', 'relu'"):
        RNNCell(3, 5, "sigmoid")
