"""What the analyses share: a state as one vector, and a run that keeps every step's cache.

The state of the LSTM is the pair (h, c); here it is one vector of S = 2H numbers, h first. For the
others it is h, S = H.
"""

import numpy as np

from gru_course._checks import check_array, check_params


def check_run(cell, params, xs):
    """Check the weights and the inputs of a run; return the sizes as a dict."""
    sizes = {}
    check_params(params, cell.SHAPES, sizes)
    check_array("xs", xs, ("N", "T", "I"), sizes)
    return sizes


def start(cell, xs, H, state0):
    """The state before the first step: state0, or zeros if it is None."""
    return split(cell, np.zeros((len(xs), size(cell, H)), xs.dtype)) if state0 is None else state0


def run(cell, params, xs, state0, options):
    """Step through xs (N, T, I), from zeros if state0 is None; return the T caches."""
    sizes = check_run(cell, params, xs)
    state, caches = start(cell, xs, sizes["H"], state0), []
    for x in xs.transpose(1, 0, 2):
        state, cache = cell.step(x, state, params, **options)
        caches.append(cache)
    return caches


def size(cell, H):
    return 2 * H if hasattr(cell, "State") else H


def split(cell, state):
    return cell.State(*np.split(state, 2, axis=1)) if hasattr(cell, "State") else state


def join(state):
    return np.concatenate(state, axis=1) if isinstance(state, tuple) else state
