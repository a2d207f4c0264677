"""Random networks of the reference; results as a dict, name -> array, for every peer alike."""

from typing import Any, NamedTuple

import numpy as np

from gru_course.reference import gru, lstm, recurrent, rnn


class Kind(NamedTuple):
    """A cell, and what its arrays do not tell: the options that `convert` returns and asks for."""

    cell: Any
    options: dict
    peepholes: bool = False


KINDS = {
    "rnn-tanh": Kind(rnn, {"nonlinearity": "tanh"}),
    "rnn-relu": Kind(rnn, {"nonlinearity": "relu"}),
    "lstm": Kind(lstm, {}),
    "lstm-peepholes": Kind(lstm, {}, peepholes=True),
    "gru": Kind(gru, {"reset_after": True}),
    "gru-reset-before": Kind(gru, {"reset_after": False}),
}


class Network(NamedTuple):
    """Arguments of one forward and backward pass; states as lists of their parts, h or h and c."""

    kind: Kind
    layers: list
    direction: str  # "forward", "reverse" or "bidirectional"
    xs: np.ndarray  # (N, T, I)
    state0: list  # of (L * D, N, H)
    lengths: np.ndarray | None
    dhs: np.ndarray  # (N, T, D * H)
    dlast: list  # of (L * D, N, H)

    @property
    def parts(self):
        return ["h", "c"][: len(self.state0)]

    @property
    def directions(self):
        return len(self.layers[0])

    @property
    def alive(self):
        """(N, T), False at padding."""
        N, T = self.xs.shape[:2]
        return np.arange(T) < (np.full(N, T) if self.lengths is None else self.lengths)[:, None]


def draw(
    kind, shape, *, num_layers=1, direction="forward", with_lengths=False, seed=0, dtype=np.float64
):
    """A network with inputs, states and incoming gradients; shape is (N, T, I, H)."""
    rng = np.random.default_rng(seed)
    N, T, I, H = shape
    D = 2 if direction == "bidirectional" else 1
    extra = {"peepholes": True} if kind.peepholes else {}
    layers = [
        tuple(kind.cell.init(rng, D * H if k else I, H, dtype, **extra) for _ in range(D))
        for k in range(num_layers)
    ]
    parts = 2 if kind.cell is lstm else 1

    def normal(*size):
        return rng.normal(size=size).astype(dtype)

    return Network(
        kind,
        layers,
        direction,
        xs=normal(N, T, I),
        state0=[normal(num_layers * D, N, H) for _ in range(parts)],
        lengths=rng.integers(1, T + 1, N) if with_lengths else None,
        dhs=normal(N, T, D * H),
        dlast=[normal(num_layers * D, N, H) for _ in range(parts)],
    )


def run(net, layers=None):
    """The reference, with the network's own weights or others: outputs and all gradients."""
    cell = net.kind.cell
    pack = (lambda parts: lstm.State(*parts)) if cell is lstm else (lambda parts: parts[0])
    hs, last, cache = recurrent.forward(
        cell,
        net.xs,
        net.layers if layers is None else layers,
        state0=pack(net.state0),
        lengths=net.lengths,
        reverse=net.direction == "reverse",
        **net.kind.options,
    )
    dxs, dstate0, grads = recurrent.backward(net.dhs, pack(net.dlast), cache)
    unpack = list if cell is lstm else (lambda state: [state])
    return outputs(net, hs, unpack(last)), gradients(net, dxs, unpack(dstate0), grads)


def outputs(net, hs, last):
    return {"hs": hs} | {f"last {part}": array for part, array in zip(net.parts, last, strict=True)}


def gradients(net, dxs, dstate0, grads):
    result = {"dxs": dxs}
    result |= {f"d{part}0": array for part, array in zip(net.parts, dstate0, strict=True)}
    for k, layer in enumerate(grads):
        for d, params in enumerate(layer):
            for name, array in params._asdict().items():
                result[f"d{name}[{k}][{d}]"] = array
    return result


def assert_close(got, wanted, tolerance, *, relative=False):
    """Entry by entry; a relative tolerance refers to the largest entry of the wanted array."""
    assert got.keys() == wanted.keys()
    for name, array in wanted.items():
        atol = tolerance * np.abs(array).max() if relative else tolerance
        assert got[name].dtype == array.dtype, name
        np.testing.assert_allclose(got[name], array, rtol=0, atol=atol, err_msg=name)
