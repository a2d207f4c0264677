"""What the analyses share: a state as one vector, and a run that keeps every step's cache.

The state of the LSTM is the pair (h, c); here it is one vector of S = 2H numbers, h first. For the
others it is h, S = H.
"""

from types import ModuleType
from typing import Any

import numpy as np

from gru_course._checks import check_array, check_params
from gru_course.reference.recurrent import Params, State


def check_run(cell: ModuleType, params: Params, xs: np.ndarray) -> dict[str, Any]:
    """Check the weights and the inputs of a run; return the sizes as a dict."""
    sizes = {}
    check_params(params, cell.SHAPES, sizes)
    check_array("xs", xs, ("N", "T", "I"), sizes)
    return sizes


def start(cell: ModuleType, xs: np.ndarray, H: int, state0: State | None) -> State:
    """The state before the first step: state0, or zeros if it is None."""
    return split(cell, np.zeros((len(xs), size(cell, H)), xs.dtype)) if state0 is None else state0


def run(
    cell: ModuleType,
    params: Params,
    xs: np.ndarray,
    state0: State | None,
    options: dict[str, bool | str],
) -> list:
    """Step through xs (N, T, I), from zeros if state0 is None; return the T caches."""
    sizes = check_run(cell, params, xs)
    state, caches = start(cell, xs, sizes["H"], state0), []
    for x in xs.transpose(1, 0, 2):
        state, cache = cell.step(x, state, params, **options)
        caches.append(cache)
    return caches


def size(cell: ModuleType, H: int) -> int:
    return 2 * H if hasattr(cell, "State") else H


def split(cell: ModuleType, state: np.ndarray) -> State:
    return cell.State(*np.split(state, 2, axis=1)) if hasattr(cell, "State") else state


def join(state: State) -> np.ndarray:
    return np.concatenate(state, axis=1) if isinstance(state, tuple) else state
