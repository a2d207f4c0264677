"""How far back a gradient reaches, measured with the backward passes of the NumPy reference.

`cell` is a module of the reference: `rnn`, `lstm` or `gru`. Options that its `step` takes, such as
nonlinearity="relu" or reset_after=False, are passed on. The state of the LSTM is the pair (h, c);
here it is one vector of S = 2H numbers, h first. For the others it is h, S = H.
"""

from types import ModuleType

import numpy as np

from gru_course.analysis._states import join, run, size, split
from gru_course.reference import lstm
from gru_course.reference.recurrent import Params, State


def state_gradients(
    cell: ModuleType,
    params: Params,
    xs: np.ndarray,
    rng: np.random.Generator,
    *,
    state0: State | None = None,
    **options: bool | str,
) -> np.ndarray:
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
    caches = run(cell, params, xs, state0, options)
    N, H = len(xs), params.weight_hh.shape[1]
    v = _directions(rng, N, H)
    gradient = np.zeros((N, size(cell, H)), xs.dtype)
    gradient[:, :H] = v  # nothing reads c_T but h_T
    gradients = [gradient]
    for cache in reversed(caches):
        _, dstate, _ = cell.step_backward(split(cell, gradient), cache)
        gradient = join(dstate)
        gradients.append(gradient)
    return np.stack(gradients, axis=1)


def gradient_norms(
    cell: ModuleType,
    params: Params,
    xs: np.ndarray,
    rng: np.random.Generator,
    *,
    state0: State | None = None,
    **options: bool | str,
) -> np.ndarray:
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


def direct_norms(
    params: lstm.Params, xs: np.ndarray, rng: np.random.Generator, *, state0: State | None = None
) -> np.ndarray:
    """The same length for the cell of an LSTM, where h is held fixed in all gates and candidates.

        column k: |v * o_T * (1 - tanh(c_T)^2) * f_T * f_{T-1} * ... * f_{T-k+1}|,   k = 0 ... T

    Parameters
    ----------
    params, xs, rng, state0 : as in `state_gradients`; equal generators draw equal v

    Returns
    -------
    (N, T + 1) array, one row a sequence

    Raises
    ------
    ValueError : if a shape or dtype does not fit, or a number is not finite

    Notes
    -----
    The error carousel of Hochreiter and Schmidhuber (1997); the chapter "The LSTM" compares it
    with the whole gradient.

    >>> params = lstm.init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> direct_norms(params, np.ones((1, 4, 2)), np.random.default_rng(0)).shape
    (1, 5)
    """
    caches = run(lstm, params, xs, state0, {})
    last = caches[-1]
    gradient = _directions(rng, *last.c.shape) * last.o * (1 - last.tanh_c**2)
    gradients = [gradient]
    for cache in reversed(caches):
        gradient = gradient * cache.f
        gradients.append(gradient)
    return np.linalg.norm(np.stack(gradients, axis=1), axis=2)


def _directions(rng, N, H):
    """N vectors of length one in H dimensions, uniform on the sphere."""
    v = rng.normal(size=(N, H))
    return v / np.linalg.norm(v, axis=1, keepdims=True)
