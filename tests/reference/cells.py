"""One view on the cells, so that each test is written once.

A result is a dict, name -> array: the states, and the gradients of the loss
sum(dstates * states) with respect to every input. The oracles are torch's own cells and layers
under autograd; they share no code with the reference.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from gru_course.reference import gru, gru_fast, lstm, mingru, rnn


class ResetBeforeCell(torch.nn.GRUCell):
    """The GRU of Cho et al. (2014), which torch does not have: reset, then the product."""

    def forward(self, x, h):
        linear = torch.nn.functional.linear
        w_r, w_z, w_n = self.weight_ih.chunk(3)
        u_r, u_z, u_n = self.weight_hh.chunk(3)
        b_r, b_z, b_n = (self.bias_ih + self.bias_hh).chunk(3)
        r = torch.sigmoid(linear(x, w_r, b_r) + linear(h, u_r))
        z = torch.sigmoid(linear(x, w_z, b_z) + linear(h, u_z))
        n = torch.tanh(linear(x, w_n, b_n) + linear(r * h, u_n))
        return n + z * (h - n)


class PeepholeCell(torch.nn.LSTMCell):
    """The LSTM of Gers and Schmidhuber (2000), which torch does not have."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.peephole = torch.nn.Parameter(torch.zeros(3 * hidden_size))

    def forward(self, x, state):
        h, c = state
        linear = torch.nn.functional.linear
        a = linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        a_i, a_f, a_g, a_o = a.chunk(4, dim=1)
        p_i, p_f, p_o = self.peephole.chunk(3)
        c_new = torch.sigmoid(a_f + p_f * c) * c + torch.sigmoid(a_i + p_i * c) * torch.tanh(a_g)
        return torch.sigmoid(a_o + p_o * c_new) * torch.tanh(c_new), c_new


class MinGRUCell(torch.nn.Module):
    """The minGRU of Feng et al. (2024), which torch does not have; their 1 - z is our z."""

    def __init__(self, input_size, hidden_size, positive=False):
        super().__init__()
        bound = hidden_size**-0.5
        self.weight = torch.nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.bias = torch.nn.Parameter(torch.empty(2 * hidden_size))
        for parameter in self.parameters():
            torch.nn.init.uniform_(parameter, -bound, bound)
        self.positive = positive

    def forward(self, x, h):
        a_z, n = torch.nn.functional.linear(x, self.weight, self.bias).chunk(2, dim=1)
        if self.positive:
            n = torch.where(n >= 0, n + 0.5, torch.sigmoid(n))
        return torch.sigmoid(-a_z) * n + torch.sigmoid(a_z) * h


class Cell(NamedTuple):
    module: Any
    options: dict  # keyword arguments of step and forward
    state: tuple[str, ...]  # the state's parts
    torch_cell: Callable
    torch_layer: Callable | None
    peepholes: bool = False

    def init(self, *args, **kwargs):
        extra = {"peepholes": True} if self.peepholes else {}
        return self.module.init(*args, **extra, **kwargs)

    @property
    def params_type(self):
        return self.module.PeepholeParams if self.peepholes else self.module.Params


CELLS = {
    "rnn-tanh": Cell(rnn, {}, ("h",), torch.nn.RNNCell, torch.nn.RNN),
    "rnn-relu": Cell(
        rnn,
        {"nonlinearity": "relu"},
        ("h",),
        lambda i, h: torch.nn.RNNCell(i, h, nonlinearity="relu"),
        lambda i, h, **k: torch.nn.RNN(i, h, nonlinearity="relu", **k),
    ),
    "lstm": Cell(lstm, {}, ("h", "c"), torch.nn.LSTMCell, torch.nn.LSTM),
    "lstm-peepholes": Cell(lstm, {}, ("h", "c"), PeepholeCell, None, peepholes=True),
    "gru": Cell(gru, {}, ("h",), torch.nn.GRUCell, torch.nn.GRU),
    "gru-reset-before": Cell(gru, {"reset_after": False}, ("h",), ResetBeforeCell, None),
    "gru-fast": Cell(gru_fast, {}, ("h",), torch.nn.GRUCell, torch.nn.GRU),
    "gru-fast-reset-before": Cell(gru_fast, {"reset_after": False}, ("h",), ResetBeforeCell, None),
    "mingru": Cell(mingru, {}, ("h",), MinGRUCell, None),
    "mingru-positive": Cell(
        mingru, {"candidate": "positive"}, ("h",), lambda i, h: MinGRUCell(i, h, True), None
    ),
}


class Problem(NamedTuple):
    """Arguments of one forward and backward pass; states as lists of their parts."""

    xs: np.ndarray  # (N, T, I)
    state0: list  # of (N, H)
    params: Any
    dstates: list  # of (N, T, H)
    lengths: np.ndarray | None

    def astype(self, dtype):
        return self._replace(
            xs=self.xs.astype(dtype),
            state0=[s.astype(dtype) for s in self.state0],
            params=type(self.params)(*(p.astype(dtype) for p in self.params)),
            dstates=[d.astype(dtype) for d in self.dstates],
        )

    def last_only(self, parts=slice(None)):
        """The same, with gradients arriving at the last step only, in the given parts."""
        dstates = [d.copy() for d in self.dstates]
        for d in dstates[parts]:
            d[:, :-1] = 0
        return self._replace(dstates=dstates)


def problem(cell, shape=(4, 5, 3, 2), *, seed=0, with_lengths=False):
    """A random problem; shape is (N, T, I, H)."""
    N, T, I, H = shape
    rng = np.random.default_rng(seed)
    params = cell.init(rng, I, H)
    lengths = None
    if with_lengths:
        lengths = rng.integers(1, T + 1, N)
        lengths[rng.integers(N)] = T  # torch cuts the padding that no sequence reaches
    return Problem(
        xs=rng.normal(size=(N, T, I)),
        state0=[rng.normal(size=(N, H)) for _ in cell.state],
        params=params,
        dstates=[rng.normal(size=(N, T, H)) for _ in cell.state],
        lengths=lengths,
    )


def pack(cell, parts):
    """State parts -> the module's state."""
    return parts[0] if len(cell.state) == 1 else cell.module.State(*parts)


def unpack(cell, state):
    return [state] if len(cell.state) == 1 else list(state)


def collect(cell, states, dxs, dstate0, grads):
    """A result dict from a pass's outputs."""
    return (
        {f"{part}s": value for part, value in zip(cell.state, states, strict=True)}
        | {"dxs": dxs}
        | {f"d{part}0": value for part, value in zip(cell.state, dstate0, strict=True)}
        | dict(zip(cell.params_type._fields, grads, strict=True))
    )


def run(cell, p):
    """The reference: forward and backward."""
    states, cache = cell.module.forward(
        p.xs, pack(cell, p.state0), p.params, lengths=p.lengths, **cell.options
    )
    dxs, dstate0, grads = cell.module.backward(pack(cell, p.dstates), cache)
    return collect(cell, unpack(cell, states), dxs, unpack(cell, dstate0), grads)


def run_steps(cell, p):
    """The reference: a loop of step and step_backward."""
    N, T, _ = p.xs.shape
    lengths = np.full(N, T) if p.lengths is None else p.lengths
    state, steps = p.state0, []
    for t in range(T):
        alive = (t < lengths)[:, None]
        new, cache = cell.module.step(p.xs[:, t], pack(cell, state), p.params, **cell.options)
        state = [np.where(alive, a, b) for a, b in zip(unpack(cell, new), state, strict=True)]
        steps.append((state, cache, alive))

    dstate = [np.zeros_like(s) for s in p.state0]
    dxs, grads = np.empty_like(p.xs), [np.zeros_like(w) for w in p.params]
    for t in reversed(range(T)):
        _, cache, alive = steps[t]
        dstate = [d + dstates[:, t] for d, dstates in zip(dstate, p.dstates, strict=True)]
        into_step = pack(cell, [alive * d for d in dstate])
        dxs[:, t], dprev, dparams = cell.module.step_backward(into_step, cache)
        dstate = [a + ~alive * d for a, d in zip(unpack(cell, dprev), dstate, strict=True)]
        grads = [g + d for g, d in zip(grads, dparams, strict=True)]
    states = [np.stack(parts, axis=1) for parts in zip(*(s for s, _, _ in steps), strict=True)]
    return collect(cell, states, dxs, dstate, grads)


def run_torch_cell(cell, p):
    """The oracle: a loop of torch's cell under autograd; ended sequences keep their state."""
    torch_cell = cell.torch_cell(p.xs.shape[2], p.state0[0].shape[1])
    return _run_torch(cell, p, torch_cell, "", _loop)


def run_torch_layer(cell, p):
    """The oracle: torch's layer, on a packed batch where there are lengths.

    Torch returns c for the last step only, so `p.dstates` must be zero in c elsewhere, and the
    result's "cs" holds the last step alone.
    """
    torch_layer = cell.torch_layer(p.xs.shape[2], p.state0[0].shape[1], batch_first=True)
    return _run_torch(cell, p, torch_layer, "_l0", _layer)


def _run_torch(cell, p, network, suffix, unroll):
    network = network.double()
    network.load_state_dict(
        {name + suffix: torch.tensor(w) for name, w in p.params._asdict().items()}
    )
    xs = torch.tensor(p.xs, requires_grad=True)
    state0 = [torch.tensor(s, requires_grad=True) for s in p.state0]
    states = unroll(network, xs, state0, p.lengths)
    loss = sum(
        (torch.tensor(d[:, -s.shape[1] :]) * s).sum()
        for d, s in zip(p.dstates, states, strict=True)
    )
    weights = [getattr(network, name + suffix) for name in p.params._fields]
    dxs, *rest = torch.autograd.grad(loss, [xs, *state0, *weights])
    parts = len(state0)
    return {
        name: tensor.detach().numpy()
        for name, tensor in collect(cell, states, dxs, rest[:parts], rest[parts:]).items()
    }


def _loop(network, xs, state0, lengths):
    state, history = state0, []
    for t in range(xs.shape[1]):
        new = network(xs[:, t], state[0] if len(state) == 1 else tuple(state))
        new = [new] if len(state) == 1 else list(new)
        if lengths is not None:
            alive = torch.tensor(lengths > t)[:, None]
            new = [torch.where(alive, a, b) for a, b in zip(new, state, strict=True)]
        state = new
        history.append(state)
    return [torch.stack(parts, dim=1) for parts in zip(*history, strict=True)]


def _layer(network, xs, state0, lengths):
    start = [s[None] for s in state0]
    start = start[0] if len(start) == 1 else tuple(start)
    if lengths is None:
        hs, last = network(xs, start)
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            xs, torch.tensor(lengths), batch_first=True, enforce_sorted=False
        )
        hs, last = network(packed, start)
        hs, _ = torch.nn.utils.rnn.pad_packed_sequence(hs, batch_first=True)
        h_last = last if len(state0) == 1 else last[0]
        alive = torch.tensor(np.arange(xs.shape[1]) < lengths[:, None])[..., None]
        hs = torch.where(alive, hs, h_last.transpose(0, 1))
    return [hs] if len(state0) == 1 else [hs, last[1].transpose(0, 1)]


def assert_close(got, wanted, atol):
    """Hold two results against each other, entry by entry."""
    assert got.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=0, atol=atol, err_msg=name)
