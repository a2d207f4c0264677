"""How far back a gradient reaches, measured with the reference's backward steps."""

import numpy as np

from gru_course.reference import lstm


def gradient_norms(cell, params, xs, rng, *, state0=None, **options):
    """The norm of a gradient on its way back through time.

        |dL/dh_{T-k}|,   L = v . h_T,   v a random unit vector,   k = 0 ... T

    Parameters
    ----------
    cell : the module `reference.rnn`, `reference.lstm` or `reference.gru`
    params : its Params
    xs : (N, T, I) inputs
    rng : numpy.random.Generator, for v: one direction a sequence
    state0 : the state before the first step, as `cell.step` takes it; None for zeros
    options : passed to `cell.step`, for example ``nonlinearity="relu"``

    Returns
    -------
    (N, T + 1) array: column k is the norm after k steps back, so column 0 is 1. The state of an
    LSTM is the pair (h, c), and the norm is the pair's.

    Raises
    ------
    ValueError : as `cell.step` raises it

    Notes
    -----
    The chapter "Vanishing and exploding gradients" derives what to expect of it.
    """
    is_lstm = cell is lstm
    N, H = len(xs), params.weight_hh.shape[1]
    if state0 is None:
        zero = np.zeros((N, H), xs.dtype)
        state0 = lstm.State(zero, zero) if is_lstm else zero

    state, caches = state0, []
    for x in xs.transpose(1, 0, 2):
        state, cache = cell.step(x, state, params, **options)
        caches.append(cache)

    v = rng.normal(size=(N, H)).astype(xs.dtype)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    dstate = lstm.State(v, np.zeros_like(v)) if is_lstm else v
    norms = [np.ones(N)]
    for cache in reversed(caches):
        _, dstate, _ = cell.step_backward(dstate, cache)
        whole = np.concatenate(dstate, axis=1) if is_lstm else dstate
        norms.append(np.linalg.norm(whole, axis=1))
    return np.stack(norms, axis=1)


def state_jacobian(cell, x, h_prev, params, **options):
    """The Jacobian of one step of a plain RNN or a GRU.

        J[i, j] = d h_t[i] / d h_{t-1}[j]

    Parameters
    ----------
    cell : the module `reference.rnn` or `reference.gru`
    x : (I,) input
    h_prev : (H,) state before the step
    params : the cell's Params
    options : passed to `cell.step`

    Returns
    -------
    (H, H) array

    Raises
    ------
    ValueError : if x or h_prev has not one axis, or as `cell.step` raises it
    """
    for name, value in (("x", x), ("h_prev", h_prev)):
        if np.ndim(value) != 1:
            raise ValueError(f"{name}: expected one axis, got shape {np.shape(value)}")
    H = len(h_prev)
    # One row of the identity for each row of the Jacobian: a batch of H equal steps.
    _, cache = cell.step(np.tile(x, (H, 1)), np.tile(h_prev, (H, 1)), params, **options)
    _, jacobian, _ = cell.step_backward(np.eye(H, dtype=h_prev.dtype), cache)
    return jacobian


def half_life(z):
    """Steps after which half of a state is left that a constant gate z multiplies at each step.

        k = ln(1/2) / ln(z)

    Parameters
    ----------
    z : number or array, from 0 to 1

    Returns
    -------
    number or array of z's shape, in steps; 0 at z = 0, infinite at z = 1

    Raises
    ------
    ValueError : if z is not between 0 and 1

    >>> half_life(np.array([0.5, 1.0]))
    array([ 1., inf])
    """
    z = np.asarray(z, dtype=float)
    if not ((z >= 0) & (z <= 1)).all():
        raise ValueError(f"z: expected values from 0 to 1, got {z}")
    with np.errstate(divide="ignore"):
        return np.abs(np.log(0.5) / np.log(z))
