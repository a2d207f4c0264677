"""The readable cells against two oracles: the NumPy reference and torch's own cells.

Where gates are tied together, the oracle is the full cell with the tied rows written out twice.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.nn import (
    GRUCell,
    LSTMCell,
    MinimalGatedUnit,
    ResetOnlyCell,
    RNNCell,
    UpdateOnlyCell,
)
from gru_course.reference import gru, lstm, rnn

TOLERANCE = {"rtol": 0, "atol": 1e-10}
BLOCKS = {
    "rnn-tanh": 1,
    "rnn-relu": 1,
    "lstm": 4,
    "gru": 3,
    "gru-before": 3,
    "mgu": 2,
}
KINDS = list(BLOCKS)
# The oracle's blocks in terms of the cell's own, as (block, sign): sigmoid(-a) = 1 - sigmoid(a).
TIED = {"mgu": [(0, 1), (0, -1), (1, 1)]}  # r | z | n = f | -f | n
# Torch has neither a GRU with the reset before the product nor, for that reason, the MGU's parent.
TORCH_KINDS = [kind for kind in KINDS if kind not in ("gru-before", "mgu")]
SAME_PARAMETERS = [kind for kind in KINDS if kind not in TIED]


def ours(kind, input_size, hidden_size):
    if kind.startswith("rnn"):
        return RNNCell(input_size, hidden_size, nonlinearity=kind.removeprefix("rnn-"))
    if kind == "gru-before":
        return GRUCell(input_size, hidden_size, reset_after=False)
    cells = {"lstm": LSTMCell, "gru": GRUCell, "mgu": MinimalGatedUnit}
    return cells[kind](input_size, hidden_size)


def torchs(kind, input_size, hidden_size):
    if kind.startswith("rnn"):
        return torch.nn.RNNCell(input_size, hidden_size, nonlinearity=kind.removeprefix("rnn-"))
    cell = torch.nn.LSTMCell if kind == "lstm" else torch.nn.GRUCell
    return cell(input_size, hidden_size)


def untie(kind, params):
    """The cell's parameters as those of its oracle."""
    ties = TIED.get(kind, [(block, 1) for block in range(BLOCKS[kind])])
    blocks = [np.split(p, BLOCKS[kind]) for p in params]
    return [np.concatenate([sign * b[block] for block, sign in ties]) for b in blocks]


def tie(kind, grads):
    """The oracle's gradients as those of the cell's parameters: what is used twice adds up."""
    ties = TIED.get(kind, [(block, 1) for block in range(BLOCKS[kind])])
    tied = []
    for parts in (np.split(g, len(ties)) for g in grads):
        sums = [np.zeros_like(parts[0]) for _ in range(BLOCKS[kind])]
        for part, (block, sign) in zip(parts, ties, strict=True):
            sums[block] += sign * part
        tied.append(np.concatenate(sums))
    return tied


def reference_cell(kind):
    """The module of the reference, and the options of its step."""
    if kind.startswith("rnn"):
        return rnn, {"nonlinearity": kind.removeprefix("rnn-")}
    if kind == "lstm":
        return lstm, {}
    return gru, {"reset_after": kind == "gru"}


def reference_step(kind, x, state, params):
    """The NumPy step, on a list of state arrays (h, or h and c)."""
    cell, options = reference_cell(kind)
    state = lstm.State(*state) if kind == "lstm" else state[0]
    state, cache = cell.step(x, state, cell.Params(*params), **options)
    return list(state) if kind == "lstm" else [state], cache


def reference_backward(kind, dstate, cache):
    cell, _ = reference_cell(kind)
    dstate = lstm.State(*dstate) if kind == "lstm" else dstate[0]
    dx, dstate_prev, grads = cell.step_backward(dstate, cache)
    return [dx, *(dstate_prev if kind == "lstm" else [dstate_prev]), *grads]


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
    x, state, cotangents = random_inputs(rng, kind, n, input_size, hidden_size, scale)
    out, grads = run(cell, x, state, cotangents)
    params = untie(kind, [p.detach().numpy() for p in cell.parameters()])

    numpy_out, cache = reference_step(kind, x, state, params)
    oracles = [(numpy_out, reference_backward(kind, cotangents, cache))]
    if kind in TORCH_KINDS:
        torch_cell = torchs(kind, input_size, hidden_size).double()
        names = torch_cell.state_dict()
        torch_cell.load_state_dict(dict(zip(names, map(torch.tensor, params), strict=True)))
        oracles.append(run(torch_cell, x, state, cotangents))

    inputs = 1 + len(state)  # x and the state come first, the four parameters after them
    for wanted_out, wanted_grads in oracles:
        wanted_grads = wanted_grads[:inputs] + tie(kind, wanted_grads[inputs:])
        assert len(out + grads) == len(wanted_out + wanted_grads)
        for i, (a, b) in enumerate(zip(out + grads, wanted_out + wanted_grads, strict=True)):
            np.testing.assert_allclose(a, b, **TOLERANCE, err_msg=f"array {i}")


def test_the_minimal_gated_unit_is_the_papers():
    # Zhou et al. (2016), with their letters: each W multiplies [h_{t-1}, x_t].
    rng = np.random.default_rng(0)
    W_f, W_h = rng.normal(size=(2, 5, 5 + 3))
    b_f, b_h = rng.normal(size=(2, 5))
    x, h = rng.normal(size=3), rng.normal(size=5)
    f = 1 / (1 + np.exp(-(W_f @ np.concatenate([h, x]) + b_f)))
    h_tilde = np.tanh(W_h @ np.concatenate([f * h, x]) + b_h)
    wanted = (1 - f) * h + f * h_tilde

    cell = MinimalGatedUnit(3, 5).double()
    stacked, bias = np.concatenate([W_f, W_h]), np.concatenate([b_f, b_h])
    cell.load_state_dict(
        {
            "weight_ih": torch.tensor(stacked[:, 5:]),
            "weight_hh": torch.tensor(stacked[:, :5]),
            "bias_ih": torch.tensor(0.25 * bias),  # only the sum of the two matters
            "bias_hh": torch.tensor(0.75 * bias),
        }
    )
    found = cell(torch.tensor(x[None]), torch.tensor(h[None]))
    np.testing.assert_allclose(found[0].detach().numpy(), wanted, **TOLERANCE)


@pytest.mark.parametrize(
    ("kind", "missing", "bias"), [(UpdateOnlyCell, "r", 60.0), (ResetOnlyCell, "z", -60.0)]
)
def test_without_a_gate_it_is_a_gru_whose_gate_stands_still(kind, missing, bias):
    torch.manual_seed(0)
    cell, whole = kind(3, 5).double(), GRUCell(3, 5).double()
    rows = {"r": slice(0, 5), "z": slice(5, 10), "n": slice(10, 15)}
    kept = [name for name in "rzn" if name != missing]  # in the order in which both stack them
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            for gate, block in zip(kept, parameter.chunk(2), strict=True):
                getattr(whole, name)[rows[gate]] = block
            getattr(whole, name)[rows[missing]] = 0
        whole.bias_ih[rows[missing]] = bias
    x, h = torch.randn(4, 3).double(), torch.randn(4, 5).double()
    assert torch.allclose(cell(x, h), whole(x, h), rtol=0, atol=1e-12)
    assert torch.allclose(cell(x), whole(x), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="x: expected"):
        cell(torch.zeros(4, 2).double())


@pytest.mark.parametrize("gate", [-60.0, 60.0])
def test_what_a_tied_gate_of_zero_or_one_does(gate):
    torch.manual_seed(0)
    x, h = torch.randn(2, 3), torch.randn(2, 5)
    unit = MinimalGatedUnit(3, 5)
    with torch.no_grad():
        unit.bias_ih[:5] = gate  # the rows of f, whose 0 keeps h
    assert torch.equal(unit(x, h), h) == (gate < 0)


@pytest.mark.parametrize("kind", SAME_PARAMETERS)
def test_state_dict_goes_both_ways(kind):
    cell, torch_cell = ours(kind, 3, 5), torchs(kind, 3, 5)
    assert [name for name, _ in cell.named_parameters()] == list(torch_cell.state_dict())
    before = {name: tensor.clone() for name, tensor in torch_cell.state_dict().items()}
    cell.load_state_dict(torch_cell.state_dict())
    torchs(kind, 3, 5).load_state_dict(cell.state_dict())
    for name, tensor in cell.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("kind", SAME_PARAMETERS)
def test_same_seed_draws_torchs_weights(kind):
    torch.manual_seed(7)
    cell = ours(kind, 3, 5)
    torch.manual_seed(7)
    for name, tensor in torchs(kind, 3, 5).state_dict().items():
        assert torch.equal(cell.state_dict()[name], tensor), name


@pytest.mark.parametrize("kind", TIED)
def test_tied_cells_name_and_draw_their_parameters_alike(kind):
    torch.manual_seed(7)
    cell, wanted = ours(kind, 3, 5), torchs(kind, 3, 5)
    assert list(cell.state_dict()) == list(wanted.state_dict())
    shapes = {name: tuple(tensor.shape) for name, tensor in cell.state_dict().items()}
    rows = BLOCKS[kind] * 5
    assert list(shapes.values()) == [(rows, 3), (rows, 5), (rows,), (rows,)]
    torch.manual_seed(7)
    for name, shape in shapes.items():
        assert torch.equal(
            cell.state_dict()[name], torch.empty(shape).uniform_(-(5**-0.5), 5**-0.5)
        )


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
        (X.double(), H, "x: expected torch.float32 on cpu like the weights, got torch.float64"),
        (X.to("meta"), H, "x: expected torch.float32 on cpu .* got torch.float32 on meta"),
        (X, torch.zeros(2, 4), r"state.*: expected shape \(N, H\) with H = 5, got \(2, 4\)"),
        # Torch would broadcast this one without a word.
        (X, torch.zeros(1, 5), r"state.*: expected N = 2 rows like x, got shape \(1, 5\)"),
        (X, H.half(), "state.*: expected torch.float32 on cpu like the weights"),
    ],
)
def test_bad_input_is_named(kind, x, h, message):
    for error in (ValueError, RuntimeError):  # torch's cells raise either
        with pytest.raises(error, match=message):
            ours(kind, 3, 5)(x, (h, h) if kind == "lstm" else h)


def test_a_pair_is_asked_for_where_it_is_needed():
    with pytest.raises(ValueError, match=r"state: expected a pair \(h, c\), got Tensor"):
        LSTMCell(3, 5)(X, H)
    with pytest.raises(ValueError, match="state c: expected shape"):
        LSTMCell(3, 5)(X, (H, torch.zeros(2, 4)))
    for cell in (GRUCell(3, 5), MinimalGatedUnit(3, 5)):
        with pytest.raises(ValueError, match=r"state: expected a tensor \(N, H\), got tuple"):
            cell(X, (H, H))


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3"])
def test_bad_sizes_are_named(size):
    for kind in KINDS:
        with pytest.raises(ValueError, match="input_size: expected a whole number"):
            ours(kind, size, 5)
        with pytest.raises(ValueError, match="hidden_size: expected a whole number"):
            ours(kind, 3, size)


def test_an_unknown_nonlinearity_is_named():
    with pytest.raises(ValueError, match="nonlinearity: expected one of 'tanh', 'relu'"):
        RNNCell(3, 5, nonlinearity="sigmoid")


@pytest.mark.parametrize("cell", [RNNCell, GRUCell])
def test_a_third_argument_is_torchs_bias_and_not_taken_for_another_switch(cell):
    with pytest.raises(TypeError, match="positional arguments"):
        cell(2, 3, False)


@pytest.mark.parametrize("value", ["before", None, 2])
def test_an_unknown_place_of_the_reset_is_named(value):
    with pytest.raises(ValueError, match="reset_after: expected one of True, False, got"):
        GRUCell(3, 5, reset_after=value)


def test_what_is_printed_tells_the_two_grus_apart():
    assert repr(GRUCell(3, 5)) == "GRUCell(3, 5)"
    assert repr(GRUCell(3, 5, reset_after=False)) == "GRUCell(3, 5, reset_after=False)"
