"""A network of one layer and one direction is the cell."""

import numpy as np

from gru_course.reference import recurrent

from .cells import pack, problem, unpack


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
