"""Small networks in milliseconds, for mutation testing: one layer is the cell, four equal torch's.

Larger ones, with other oracles, are in test_recurrent.py and tests/parity.
"""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gru_course.reference import recurrent

from .cells import CELLS, pack, problem, unpack


def test_one_layer_equals_the_cell(cell):
    p = problem(cell)
    states, cell_cache = cell.module.forward(p.xs, pack(cell, p.state0), p.params, **cell.options)
    dlast = [part[:, -1] for part in p.dstates]
    dstates = [np.zeros_like(part) for part in p.dstates]
    dstates[0] += p.dstates[0]
    for part, d in zip(dstates, dlast, strict=True):
        part[:, -1] += d
    dxs, dstate0, grads = cell.module.backward(pack(cell, dstates), cell_cache)

    start = pack(cell, [part[None] for part in p.state0])
    hs, last, cache = recurrent.forward(
        cell.module, p.xs, [(p.params,)], state0=start, **cell.options
    )
    got_dxs, got_dstate0, [(got_grads,)] = recurrent.backward(
        p.dstates[0], pack(cell, [d[None] for d in dlast]), cache
    )
    parts = unpack(cell, states)
    for got, wanted in [
        (hs, parts[0]),
        *zip(unpack(cell, last), [part[None, :, -1] for part in parts], strict=True),
        (got_dxs, dxs),
        *zip(unpack(cell, got_dstate0), [d[None] for d in unpack(cell, dstate0)], strict=True),
        *zip(got_grads, grads, strict=True),
    ]:
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-14, strict=True)


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.torch_layer])
def test_two_layers_both_ways_equal_torch(name):
    cell, rng = CELLS[name], np.random.default_rng(0)
    N, T, I, H, lengths = 3, 4, 2, 2, np.array([2, 4, 1])
    layers = recurrent.init(rng, cell.module, I, H, num_layers=2, bidirectional=True)
    xs = rng.normal(size=(N, T, I))
    state0 = [rng.normal(size=(4, N, H)) for _ in cell.state]
    dhs, dlast = rng.normal(size=(N, T, 2 * H)), [rng.normal(size=(4, N, H)) for _ in cell.state]

    network = cell.torch_layer(I, H, num_layers=2, bidirectional=True).double()
    flat = [array for layer in layers for params in layer for array in params]
    for parameter, array in zip(network.parameters(), flat, strict=True):
        parameter.data = torch.tensor(array)
    inputs = [torch.tensor(array, requires_grad=True) for array in (xs, *state0)]
    packed = pack_padded_sequence(inputs[0], lengths, batch_first=True, enforce_sorted=False)
    hs, last = network(packed, inputs[1] if len(state0) == 1 else tuple(inputs[1:]))
    hs, _ = pad_packed_sequence(hs, batch_first=True)
    outputs = [hs, *([last] if len(state0) == 1 else last)]
    loss = sum((a * torch.tensor(d)).sum() for a, d in zip(outputs, [dhs, *dlast], strict=True))
    gradients = torch.autograd.grad(loss, [*inputs, *network.parameters()])

    hs, last, cache = recurrent.forward(
        cell.module, xs, layers, state0=pack(cell, state0), lengths=lengths, **cell.options
    )
    dxs, dstate0, grads = recurrent.backward(dhs, pack(cell, dlast), cache)
    got = [hs, *unpack(cell, last), dxs, *unpack(cell, dstate0)]
    got += [array for layer in grads for params in layer for array in params]
    for ours, theirs in zip(got, [*outputs, *gradients], strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=0, atol=1e-12)
