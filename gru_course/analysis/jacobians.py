"""What one step does to small changes of the state, from the backward passes of the reference.

`cell` is a module of the reference: `rnn`, `lstm` or `gru`. Options that its `step` takes, such as
nonlinearity="relu" or reset_after=False, are passed on. The state of the LSTM is the pair (h, c);
here it is one vector of S = 2H numbers, h first. For the others it is h, S = H.
"""

from types import ModuleType

import numpy as np

from gru_course._checks import check_array, check_floats, check_params
from gru_course.analysis._states import check_run, join, size, split, start
from gru_course.reference.recurrent import Params, State


def state_jacobian(
    cell: ModuleType, x: np.ndarray, h_prev: State, params: Params, **options: bool | str
) -> np.ndarray:
    """The Jacobian of one step for one example.

        J_ij = d s_i / d s_prev_j,   s = h, or h and c

    Parameters
    ----------
    cell : `gru_course.reference.rnn`, `lstm` or `gru`
    x : (1, I) input
    h_prev : previous state, (1, H), or lstm.State of two such arrays
    params : the cell's Params
    options : passed to `cell.step`

    Returns
    -------
    (S, S) array; for the LSTM the four (H, H) blocks are dh/dh, dh/dc above dc/dh, dc/dc

    Raises
    ------
    ValueError : if a shape or dtype does not fit, there is more than one example, or a number is
        not finite

    >>> from gru_course.reference import rnn
    >>> params = rnn.Params(np.ones((1, 1)), np.array([[0.5]]), np.zeros(1), np.zeros(1))
    >>> state_jacobian(rnn, np.zeros((1, 1)), np.zeros((1, 1)), params)
    array([[0.5]])
    """
    sizes = {"N": 1}
    check_params(params, cell.SHAPES, sizes)
    check_array("x", x, ("N", "I"), sizes)
    _check_state("h_prev", cell, h_prev, sizes)
    jacobians, _ = _step_jacobians(cell, x, h_prev, params, options)
    return jacobians[0]


def state_jacobians(
    cell: ModuleType,
    params: Params,
    xs: np.ndarray,
    *,
    state0: State | None = None,
    **options: bool | str,
) -> np.ndarray:
    """The Jacobian of every step along the trajectory that a network takes over its inputs.

        J_t = d s_t / d s_{t-1},     d s_T / d s_{T-k} = J_T J_{T-1} ... J_{T-k+1}

    Parameters
    ----------
    cell : `gru_course.reference.rnn`, `lstm` or `gru`
    params : the cell's Params
    xs : (N, T, I) inputs
    state0 : the state before the first step, (N, H) or lstm.State; None for zeros
    options : passed to `cell.step`

    Returns
    -------
    (N, T, S, S) array; entry [n, t - 1] is J_t of sequence n. For the LSTM the four (H, H) blocks
    are dh/dh, dh/dc above dc/dh, dc/dc.

    Raises
    ------
    ValueError : if a shape or dtype does not fit, or a number is not finite

    Notes
    -----
    Pascanu et al. (2013) bound the product; the chapter "Vanishing and exploding gradients"
    measures it. A step takes the time and memory of N * S ordinary ones.

    >>> from gru_course.reference import rnn
    >>> params = rnn.Params(np.ones((1, 1)), np.array([[0.5]]), np.zeros(1), np.zeros(1))
    >>> state_jacobians(rnn, params, np.zeros((1, 2, 1)))  # h stays at 0, where tanh has slope 1
    array([[[[0.5]],
    <BLANKLINE>
            [[0.5]]]])
    """
    sizes = check_run(cell, params, xs)
    state = start(cell, xs, sizes["H"], state0)
    _check_state("state0", cell, state, sizes)
    jacobians = []
    for x in xs.transpose(1, 0, 2):
        jacobian, state = _step_jacobians(cell, x, state, params, options)
        jacobians.append(jacobian)
    return np.stack(jacobians, axis=1)


def singular_values(jacobians: np.ndarray) -> np.ndarray:
    """How much each Jacobian stretches: its singular values, the largest first.

        J = U diag(sigma_1, ..., sigma_S) V^T,     sigma_1 = max |J v| over |v| = 1

    Parameters
    ----------
    jacobians : (..., S, S) float array, such as that of `state_jacobians`

    Returns
    -------
    (..., S) array, descending and not negative

    Raises
    ------
    ValueError : if jacobians is not a finite float array whose last two axes are equal

    Notes
    -----
    A gradient shrinks for certain where every sigma_1 is below 1 and may still shrink where it is
    above: the singular vectors of successive steps need not line up.

    >>> singular_values(np.array([[0.0, -3.0], [2.0, 0.0]]))
    array([3., 2.])
    """
    check_floats("jacobians", jacobians, {})
    if jacobians.ndim < 2 or jacobians.shape[-1] != jacobians.shape[-2]:
        raise ValueError(f"jacobians: expected shape (..., S, S), got {jacobians.shape}")
    return np.linalg.svd(jacobians, compute_uv=False)


def _check_state(name, cell, state, sizes):
    if hasattr(cell, "State") != isinstance(state, tuple):
        wanted = "lstm.State(h, c)" if hasattr(cell, "State") else "an array of shape (N, H)"
        raise ValueError(f"{name}: expected {wanted}, got {type(state).__name__}")
    for part in state if isinstance(state, tuple) else (state,):
        check_array(name, part, ("N", "H"), sizes)


def _step_jacobians(cell, x, state_prev, params, options):
    """The Jacobian of one step for every example, (N, S, S), and the state after the step."""
    # S copies of each example, one for each output, and one unit vector for each copy: a batch of
    # N * S gradients, which are the rows of the Jacobians.
    N, S = len(x), size(cell, params.weight_hh.shape[1])
    copies = split(cell, np.repeat(join(state_prev), S, axis=0))
    state, cache = cell.step(np.repeat(x, S, axis=0), copies, params, **options)
    units = np.tile(np.eye(S, dtype=x.dtype), (N, 1))
    _, rows, _ = cell.step_backward(split(cell, units), cache)
    return join(rows).reshape(N, S, S), split(cell, join(state)[::S])
