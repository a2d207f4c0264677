"""How far back a gradient reaches, measured with the backward passes of the NumPy reference.

`cell` is a module of the reference: `rnn`, `lstm` or `gru`. Options that its `step` takes, such as
nonlinearity="relu" or reset_after=False, are passed on. The state of the LSTM is the pair (h, c);
here it is one vector of S = 2H numbers, h first. For the others it is h, S = H.
"""

import numpy as np

from gru_course.reference._checks import check_array, check_params


def state_gradients(cell, params, xs, rng, *, state0=None, **options):
    """The gradient of a random direction of h_T with respect to every earlier state.

        L = v . h_T  with |v| = 1,       column k: dL / ds_{T-k},   k = 0 ... T

    Parameters
    ----------
    cell : `gru_course.reference.rnn`, `lstm` or `gru`
    params : the cell's Params
    xs : (N, T, I) inputs
    rng : numpy.random.Generator, draws one v a sequence, uniform on the unit sphere
    state0 : the state before the first step, (N, H) or lstm.State; None for zeros
    options : passed to `cell.step`

    Returns
    -------
    (N, T + 1, S) array; for the LSTM [..., :H] is the gradient of h and [..., H:] that of c

    Raises
    ------
    ValueError : if a shape or dtype does not fit, or a number is not finite

    Notes
    -----
    Bengio et al. (1994) and Pascanu et al. (2013) bound these; the chapter "Vanishing
    and exploding gradients" measures them.
    """
    sizes = {}
    check_params(params, cell.SHAPES, sizes)
    check_array("xs", xs, ("N", "T", "I"), sizes)
    N, H = sizes["N"], sizes["H"]

    state = _split(cell, np.zeros((N, _size(cell, H)), xs.dtype)) if state0 is None else state0
    caches = []
    for x in xs.transpose(1, 0, 2):
        state, cache = cell.step(x, state, params, **options)
        caches.append(cache)

    v = rng.normal(size=(N, H))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    gradient = np.zeros((N, _size(cell, H)), xs.dtype)
    gradient[:, :H] = v  # nothing reads c_T but h_T
    gradients = [gradient]
    for cache in reversed(caches):
        _, dstate, _ = cell.step_backward(_split(cell, gradient), cache)
        gradient = _join(dstate)
        gradients.append(gradient)
    return np.stack(gradients, axis=1)


def gradient_norms(cell, params, xs, rng, *, state0=None, **options):
    """The length of the gradient that reaches the state k steps before the end.

        L = v . h_T  with |v| = 1,       column k: |dL / ds_{T-k}|,   k = 0 ... T

    Parameters
    ----------
    cell, params, xs, rng, state0, options : as in `state_gradients`

    Returns
    -------
    (N, T + 1) array, one row a sequence; column 0 is 1. For the LSTM s is the pair (h, c).

    Raises
    ------
    ValueError : if a shape or dtype does not fit, or a number is not finite

    >>> from gru_course.reference import rnn
    >>> params = rnn.Params(np.ones((1, 1)), np.array([[0.5]]), np.zeros(1), np.zeros(1))
    >>> xs = np.zeros((1, 3, 1))  # h stays at 0, where tanh has slope 1
    >>> gradient_norms(rnn, params, xs, np.random.default_rng(0))
    array([[1.   , 0.5  , 0.25 , 0.125]])
    """
    gradients = state_gradients(cell, params, xs, rng, state0=state0, **options)
    return np.linalg.norm(gradients, axis=2)


def state_jacobian(cell, x, h_prev, params, **options):
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
    if hasattr(cell, "State") != isinstance(h_prev, tuple):
        wanted = "lstm.State(h, c)" if hasattr(cell, "State") else "an array of shape (1, H)"
        raise ValueError(f"h_prev: expected {wanted}, got {type(h_prev).__name__}")
    for part in h_prev if isinstance(h_prev, tuple) else (h_prev,):
        check_array("h_prev", part, ("N", "H"), sizes)
    # One copy of the example for each output, and one unit vector for each copy: a batch of S
    # gradients, which are the rows of the Jacobian.
    S = _size(cell, sizes["H"])
    copies = _split(cell, np.repeat(_join(h_prev), S, axis=0))
    _, cache = cell.step(np.repeat(x, S, axis=0), copies, params, **options)
    _, rows, _ = cell.step_backward(_split(cell, np.eye(S, dtype=x.dtype)), cache)
    return _join(rows)


def _size(cell, H):
    return 2 * H if hasattr(cell, "State") else H


def _split(cell, state):
    return cell.State(*np.split(state, 2, axis=1)) if hasattr(cell, "State") else state


def _join(state):
    return np.concatenate(state, axis=1) if isinstance(state, tuple) else state
