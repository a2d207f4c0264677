"""What the passes keep for their derivatives."""

import numpy as np

from .cells import pack, problem


def test_cache_of_float32_holds_float32(cell):
    """Float64 there would cost twice the memory and not show in any result's dtype."""
    p = problem(cell).astype(np.float32)
    state0 = pack(cell, p.state0)
    _, cache = cell.module.forward(p.xs, state0, p.params, **cell.options)
    _, step_cache = cell.module.step(p.xs[:, 0], state0, p.params, **cell.options)
    for kept in (cache, step_cache):
        for name, array in kept._asdict().items():
            if isinstance(array, np.ndarray):
                assert array.dtype == np.float32, name
