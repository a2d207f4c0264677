"""The loop over time against torch's fused layers and the NumPy reference."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.nn import (
    GRUCell,
    LSTMCell,
    MinimalGatedUnit,
    Readout,
    Recurrent,
    ResetOnlyCell,
    RNNCell,
    UpdateOnlyCell,
    parameter_count,
)
from gru_course.reference import gru

LAYERS = {
    "rnn": (RNNCell, torch.nn.RNN),
    "lstm": (LSTMCell, torch.nn.LSTM),
    "gru": (GRUCell, torch.nn.GRU),
}

CELLS = {
    **{kind: cell for kind, (cell, _) in LAYERS.items()},
    "gru-before": lambda i, h: GRUCell(i, h, reset_after=False),
    "mgu": MinimalGatedUnit,
    "update-only": UpdateOnlyCell,
    "reset-only": ResetOnlyCell,
}


def pair_of_layers(kind, input_size, hidden_size):
    """Our layer and torch's with the same weights, in float64."""
    cell, layer = LAYERS[kind]
    ours = Recurrent(cell(input_size, hidden_size)).double()
    torchs = layer(input_size, hidden_size, batch_first=True).double()
    torchs.load_state_dict({f"{k}_l0": v for k, v in ours.cell.state_dict().items()})
    return ours, torchs


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("with_state", [False, True])
@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(1, 3),
    steps=st.integers(1, 7),
    input_size=st.integers(1, 4),
    hidden_size=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_equals_torchs_layer(kind, with_state, n, steps, input_size, hidden_size, seed):
    generator = torch.Generator().manual_seed(seed)
    ours, torchs = pair_of_layers(kind, input_size, hidden_size)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)

    xs = draw(n, steps, input_size)
    count = 2 if kind == "lstm" else 1
    state0 = [draw(n, hidden_size) for _ in range(count if with_state else 0)]
    layer_state0 = tuple(s[None] for s in state0)
    if kind != "lstm":
        hs, state = ours(xs, *state0)
        wanted_hs, wanted_state = torchs(xs, *layer_state0)
    else:
        hs, state = ours(xs, tuple(state0) or None)
        wanted_hs, wanted_state = torchs(xs, layer_state0 or None)

    weight_hs = draw(n, steps, hidden_size).detach()
    weights = [draw(n, hidden_size).detach() for _ in range(count)]
    found, wanted = [hs, *as_tuple(state)], [wanted_hs, *(s[0] for s in as_tuple(wanted_state))]
    for outputs, module in ((found, ours), (wanted, torchs)):
        loss = sum((o * w).sum() for o, w in zip(list(outputs), [weight_hs, *weights], strict=True))
        outputs.extend(torch.autograd.grad(loss, [xs, *state0, *module.parameters()]))
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("reset_after", [True, False])
def test_equals_the_reference(reset_after):
    rng = np.random.default_rng(0)
    params = gru.init(rng, 3, 4)
    cell = GRUCell(3, 4, reset_after=reset_after).double()
    with torch.no_grad():
        for parameter, value in zip(cell.parameters(), params, strict=True):
            parameter.copy_(torch.tensor(value))
    xs, h0 = rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 4))
    wanted, _ = gru.forward(xs, h0, params, reset_after=reset_after)
    hs, h_last = Recurrent(cell)(torch.tensor(xs), torch.tensor(h0))
    np.testing.assert_allclose(hs.detach(), wanted, rtol=0, atol=1e-10)
    np.testing.assert_allclose(h_last.detach(), wanted[:, -1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", CELLS)
def test_two_halves_make_a_whole(kind):
    layer = Recurrent(CELLS[kind](2, 3)).double()
    xs = torch.randn(4, 7, 2, dtype=torch.float64)
    hs, state = layer(xs)
    first, between = layer(xs[:, :3])
    second, end = layer(xs[:, 3:], between)
    assert torch.equal(torch.cat([first, second], dim=1), hs)
    for a, b in zip(as_tuple(end), as_tuple(state), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("kind", CELLS)
def test_runs_without_data(kind):
    with torch.device("meta"):
        model = Readout(Recurrent(CELLS[kind](2, 3)), 1)
        assert model(torch.empty(4, 5, 2)).shape == (4, 1)


def test_bad_sequences_are_named():
    layer = Recurrent(GRUCell(2, 3))
    for xs, message in [
        (torch.zeros(4, 2), r"xs: expected shape \(N, T, I\) with T at least 1, got \(4, 2\)"),
        (torch.zeros(4, 0, 2), r"xs: .* got \(4, 0, 2\)"),
        (np.zeros((4, 5, 2)), r"xs: expected a tensor \(N, T, I\), got ndarray"),
        (torch.zeros(4, 5, 3), r"x: expected shape \(N, I\) with I = 2, got \(4, 3\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            layer(xs)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("ours", [True, False])
def test_readout_is_a_linear_map_of_the_states(kind, ours):
    recurrent = pair_of_layers(kind, 2, 3)[0 if ours else 1]
    xs = torch.randn(4, 5, 2, dtype=torch.float64)
    hs, _ = recurrent(xs)
    every = Readout(recurrent, output_size=6, last=False).double()
    last = Readout(recurrent, output_size=6).double()
    last.load_state_dict(every.state_dict())
    wanted = torch.einsum("nth,oh->nto", hs, every.linear.weight) + every.linear.bias
    torch.testing.assert_close(every(xs), wanted, rtol=0, atol=1e-12)
    torch.testing.assert_close(last(xs), wanted[:, -1], rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="output_size: expected a whole number"):
        Readout(recurrent, 0)


@pytest.mark.parametrize(
    ("kind", "blocks"),
    [("rnn", 1), ("lstm", 4), ("gru", 3), ("gru-before", 3), ("mgu", 2)],
)
def test_parameter_count(kind, blocks):
    ours = Recurrent(CELLS[kind](7, 11))
    assert parameter_count(ours) == blocks * (11 * 7 + 11 * 11 + 2 * 11)
    if kind in LAYERS:
        assert parameter_count(ours) == parameter_count(LAYERS[kind][1](7, 11))
    ours.cell.bias_hh.requires_grad_(False)
    assert parameter_count(ours) == blocks * (11 * 7 + 11 * 11 + 11)
