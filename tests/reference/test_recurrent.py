"""Layers and directions: against loops by hand, against central differences, and what they promise.

Torch, Keras and ONNX as oracles are in tests/parity.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from gru_course.reference import gru, lstm, recurrent, rnn
from gru_course.reference.gradcheck import gradcheck

from .cells import CELLS, pack, unpack

SHAPE = (3, 3, 2, 2)  # (N, T, I, H)
LENGTHS = np.array([2, 3, 1])


class Network(NamedTuple):
    """Arguments of one forward and backward pass; states as lists of their parts."""

    xs: np.ndarray  # (N, T, I)
    state0: list  # of (L * D, N, H)
    layers: list
    lengths: np.ndarray | None
    dhs: np.ndarray  # (N, T, D * H)
    dlast: list  # of (L * D, N, H)

    def astype(self, dtype):
        return self._replace(
            xs=self.xs.astype(dtype),
            state0=[part.astype(dtype) for part in self.state0],
            layers=[
                tuple(type(p)(*(w.astype(dtype) for w in p)) for p in layer)
                for layer in self.layers
            ],
            dhs=self.dhs.astype(dtype),
            dlast=[part.astype(dtype) for part in self.dlast],
        )


def draw(cell, shape=SHAPE, *, num_layers=2, directions=2, lengths=LENGTHS):
    rng = np.random.default_rng(4)  # with which none of the ReLUs is dead
    N, T, I, H = shape
    states = (num_layers * directions, N, H)
    return Network(
        xs=rng.normal(size=(N, T, I)),
        state0=[rng.normal(size=states) for _ in cell.state],
        layers=[
            tuple(cell.init(rng, directions * H if k else I, H) for _ in range(directions))
            for k in range(num_layers)
        ],
        lengths=lengths,
        dhs=rng.normal(size=(N, T, directions * H)),
        dlast=[rng.normal(size=states) for _ in cell.state],
    )


def forward(cell, net, **changes):
    arguments: dict[str, Any] = {
        "xs": net.xs,
        "layers": net.layers,
        "state0": pack(cell, net.state0),
        "lengths": net.lengths,
    }
    return recurrent.forward(cell.module, **(arguments | changes), **cell.options)


def run(cell, net, *, reverse=False):
    """Everything that the two passes return, by name."""
    hs, last, cache = forward(cell, net, reverse=reverse)
    dxs, dstate0, grads = recurrent.backward(net.dhs, pack(cell, net.dlast), cache)
    results = {"hs": hs, "dxs": dxs} | named_weights(grads)
    results |= named_states("last ", cell, unpack(cell, last))
    return results | named_states("d0 ", cell, unpack(cell, dstate0))


def named_states(prefix, cell, parts):
    return {prefix + part: array for part, array in zip(cell.state, parts, strict=True)}


def named_weights(layers):
    return {
        f"{field}[{k}][{d}]": array
        for k, layer in enumerate(layers)
        for d, params in enumerate(layer)
        for field, array in params._asdict().items()
    }


def assert_equal(got, wanted, atol):
    assert got.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_allclose(got[name], array, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("arrives", ["at every step and state", "at the states only"])
def test_gradients_equal_central_differences(cell, arrives):
    net = draw(cell)
    if arrives == "at the states only":
        net = net._replace(dhs=np.zeros_like(net.dhs))
    parts = len(cell.state)

    arguments = {"xs": net.xs} | named_states("d0 ", cell, net.state0) | named_weights(net.layers)

    def loss(**given):
        xs, *arrays = (given[name] for name in arguments)
        weights = iter(arrays[parts:])
        layers = [
            tuple(type(p)(*(next(weights) for _ in p)) for p in layer) for layer in net.layers
        ]
        changed = net._replace(xs=xs, state0=arrays[:parts], layers=layers)
        hs, last, _ = forward(cell, changed)
        return (hs * net.dhs).sum() + sum(
            (part * dpart).sum() for part, dpart in zip(unpack(cell, last), net.dlast, strict=True)
        )

    results = run(cell, net)
    results["xs"] = results["dxs"]
    gradcheck(loss, arguments, {name: results[name] for name in arguments})


def by_hand(cell, net, reverse):
    """The outputs from `cell.forward` alone: each sequence cut to its length and flipped."""
    N, T, _ = net.xs.shape
    D, H = len(net.layers[0]), net.state0[0].shape[2]
    hs = np.zeros((N, T, D * H))
    last = [np.empty_like(part) for part in net.state0]
    for n in range(N):
        length = T if net.lengths is None else net.lengths[n]
        sequence = net.xs[n : n + 1, :length]
        for k, layer in enumerate(net.layers):
            sides = []
            for d, params in enumerate(layer):
                row = k * D + d
                way = -1 if reverse or d == 1 else 1
                start = pack(cell, [part[row, n : n + 1] for part in net.state0])
                states, _ = cell.module.forward(sequence[:, ::way], start, params, **cell.options)
                parts = unpack(cell, states)
                for whole, part in zip(last, parts, strict=True):
                    whole[row, n] = part[0, -1]
                sides.append(parts[0][:, ::way])
            sequence = np.concatenate(sides, axis=2)
        hs[n, :length] = sequence[0]
    return {"hs": hs} | named_states("last ", cell, last)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize(("directions", "reverse"), [(1, False), (1, True), (2, False)])
def test_outputs_equal_sequences_cut_and_flipped_by_hand(cell, directions, reverse, lengths):
    net = draw(cell, num_layers=3, directions=directions, lengths=lengths)
    got = run(cell, net, reverse=reverse)
    wanted = by_hand(cell, net, reverse)
    assert_equal({name: got[name] for name in wanted}, wanted, 1e-14)


def test_reverse_equals_a_forward_pass_over_flipped_inputs(cell):
    net = draw(cell, directions=1, lengths=None)
    flipped = net._replace(xs=net.xs[:, ::-1], dhs=net.dhs[:, ::-1])
    wanted = run(cell, flipped)
    wanted["hs"], wanted["dxs"] = wanted["hs"][:, ::-1], wanted["dxs"][:, ::-1]
    assert_equal(run(cell, net, reverse=True), wanted, 1e-14)


def padding_of(net):
    return np.arange(net.xs.shape[1]) >= net.lengths[:, None]  # (N, T), True at padding


@pytest.mark.parametrize(("directions", "reverse"), [(1, False), (1, True), (2, False)])
@pytest.mark.parametrize("garbage", [-1e3, np.finfo(np.float64).max])
def test_padding_changes_nothing(cell, garbage, directions, reverse):
    net = draw(cell, directions=directions)
    wanted = run(cell, net, reverse=reverse)
    # Opposite signs: inf - inf, if it is read.
    net.xs[padding_of(net)] = garbage * np.array([1, -1])
    net.dhs[padding_of(net)] = garbage * np.resize([1, -1], net.dhs.shape[2])
    with np.errstate(all="raise", under="ignore"):
        got = run(cell, net, reverse=reverse)
    for name, array in wanted.items():
        assert np.array_equal(array, got[name]), name


@pytest.mark.parametrize(("directions", "reverse"), [(1, False), (1, True), (2, False)])
def test_padding_is_zero_and_gets_no_gradient(cell, directions, reverse):
    net = draw(cell, directions=directions)
    result = run(cell, net, reverse=reverse)
    padding = padding_of(net)
    for name in ("hs", "dxs"):
        assert (result[name][padding] == 0).all()
        assert (result[name][~padding] != 0).any()


@pytest.mark.parametrize("more", [1, 5])
def test_more_padding_changes_nothing(cell, more):
    net = draw(cell)
    N, T, _ = net.xs.shape
    longer = net._replace(
        xs=np.concatenate([net.xs, np.ones((N, more, net.xs.shape[2]))], axis=1),
        dhs=np.concatenate([net.dhs, np.ones((N, more, net.dhs.shape[2]))], axis=1),
    )
    got = run(cell, longer)
    got["hs"], got["dxs"] = got["hs"][:, :T], got["dxs"][:, :T]
    assert_equal(got, run(cell, net), 1e-14)


def test_lengths_of_all_steps_change_nothing(cell):
    net = draw(cell, lengths=None)
    assert_equal(run(cell, net._replace(lengths=[3, 3, 3])), run(cell, net), 1e-14)


def test_no_state_is_a_state_of_zeros(cell):
    net = draw(cell)
    zeros = [np.zeros_like(part) for part in net.state0]
    wanted, wanted_last, _ = forward(cell, net._replace(state0=zeros))
    got, last, cache = forward(cell, net, state0=None)
    assert np.array_equal(got, wanted)
    for ours, theirs in zip(unpack(cell, last), unpack(cell, wanted_last), strict=True):
        assert np.array_equal(ours, theirs)
    _, _, wanted = recurrent.backward(net.dhs, pack(cell, zeros), cache)
    _, _, got = recurrent.backward(net.dhs, None, cache)
    assert_equal(named_weights(got), named_weights(wanted), 0)


def test_arguments_are_left_alone(cell):
    net, fresh = draw(cell), draw(cell)
    run(cell, net)
    for ours, theirs in zip(
        [
            net.xs,
            net.lengths,
            net.dhs,
            *net.state0,
            *net.dlast,
            *named_weights(net.layers).values(),
        ],
        [
            fresh.xs,
            LENGTHS,
            fresh.dhs,
            *fresh.state0,
            *fresh.dlast,
            *named_weights(fresh.layers).values(),
        ],
        strict=True,
    ):
        assert np.array_equal(ours, theirs)


def test_results_do_not_share_memory_with_the_cache(cell):
    """A caller who edits the states must not change what backward sees."""
    net = draw(cell, num_layers=1)
    wanted = run(cell, net)
    hs, last, cache = forward(cell, net)
    for array in [hs, *unpack(cell, last)]:
        array[...] = 0
    _, _, grads = recurrent.backward(net.dhs, pack(cell, net.dlast), cache)
    for name, array in named_weights(grads).items():
        assert np.array_equal(array, wanted[name]), name


def test_float32_stays_float32_and_agrees_with_float64(cell):
    net = draw(cell, (4, 10, 3, 5), lengths=np.array([10, 3, 7, 1]))
    wanted = run(cell, net)
    for name, array in run(cell, net.astype(np.float32)).items():
        assert array.dtype == np.float32, name
        atol = 1e-5 * np.abs(wanted[name]).max()
        np.testing.assert_allclose(array, wanted[name], rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("module", [rnn, lstm, gru])
def test_init_draws_what_forward_takes(module):
    layers = recurrent.init(
        np.random.default_rng(0),
        module,
        3,
        25,
        num_layers=3,
        bidirectional=True,
        dtype=np.float32,
    )
    assert [len(layer) for layer in layers] == [2, 2, 2]
    assert [layer[1].weight_ih.shape[1] for layer in layers] == [3, 50, 50]
    weights = np.concatenate([w.ravel() for w in named_weights(layers).values()])
    assert weights.dtype == np.float32
    assert -0.2 <= weights.min() < -0.19 < 0.19 < weights.max() <= 0.2  # 1 / sqrt(25)
    assert len(np.unique(weights)) > 0.99 * len(weights)  # each drawn by itself, not copied
    hs, _, _ = recurrent.forward(module, np.ones((2, 4, 3), np.float32), layers)
    assert hs.shape == (2, 4, 50)
    assert [len(layer) for layer in recurrent.init(np.random.default_rng(0), module, 3, 2)] == [1]


def test_large_inputs_over_many_steps_do_not_overflow():
    cell, T = CELLS["gru"], 10_000
    net = draw(cell, (2, T, 2, 3), num_layers=1, lengths=np.array([T, T // 2]))
    net = net._replace(xs=1e4 * np.sign(net.xs)).astype(np.float32)
    with np.errstate(all="raise", under="ignore"):
        result = run(cell, net)
    for name, array in result.items():
        assert array.dtype == np.float32
        assert np.isfinite(array).all(), name
