"""The minGRU (Feng et al., 2024) in NumPy: a GRU whose gates do not look at the state.

`step` is the formula, line for line, and `step_backward` its derivative. `forward` and `backward`
are the same mathematics made fast: since no gate waits for a state, one matrix product serves the
gates of all time steps, and the loop keeps one multiplication and one addition a step.
`forward_log` is the paper's form without a loop. Tests hold all of them equal.

Shapes: N batch, T time steps, I input size, H hidden size. Gates are stacked z | n.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from gru_course._checks import (
    check_array,
    check_choice,
    check_params,
    check_sequences,
    check_sizes,
)
from gru_course.reference.activations import sigmoid

CANDIDATES = ("linear", "positive")


class Params(NamedTuple):
    """Weights of one minGRU layer; gradients are the same tuple."""

    weight: np.ndarray  # (2H, I): W_z, W_n stacked
    bias: np.ndarray  # (2H,)


SHAPES = {"weight": ("2H", "I"), "bias": ("2H",)}


class StepCache(NamedTuple):
    """What `step_backward` needs from `step`."""

    x: np.ndarray
    h_prev: np.ndarray
    z: np.ndarray
    n: np.ndarray
    candidate: str
    params: Params


class Cache(NamedTuple):
    """What `backward` needs from `forward`: the gates of every step, time first."""

    xs: np.ndarray  # (N, T, I)
    h_prevs: np.ndarray  # (T, N, H)
    zs: np.ndarray  # 1 where a sequence has ended
    ns: np.ndarray
    candidate: str
    params: Params


def init(
    rng: np.random.Generator, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64
) -> Params:
    """Draw weights and biases from U(-1/sqrt(H), 1/sqrt(H)), as for the other cells.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int, at least 1
    dtype : np.float64 or np.float32

    Returns
    -------
    Params

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, or for another dtype

    >>> init(np.random.default_rng(0), input_size=2, hidden_size=3).weight.shape
    (6, 2)
    """
    check_sizes(input_size=input_size, hidden_size=hidden_size)
    check_choice("dtype", np.dtype(dtype).name, ("float64", "float32"))
    bound = 1.0 / np.sqrt(hidden_size)
    shapes = [(2 * hidden_size, input_size), 2 * hidden_size]
    return Params(*(rng.uniform(-bound, bound, shape).astype(dtype) for shape in shapes))


def step(
    x: np.ndarray, h_prev: np.ndarray, params: Params, *, candidate: str = "linear"
) -> tuple[np.ndarray, StepCache]:
    """One time step.

        z = sigmoid(W_z x + b_z)
        n = W_n x + b_n                                candidate="linear"
        n = g(W_n x + b_n)                             candidate="positive"
        h = (1 - z) * n + z * h_prev

    with g(a) = a + 1/2 for a >= 0 and sigmoid(a) below, which is positive everywhere.

    Parameters
    ----------
    x : (N, I) input
    h_prev : (N, H) previous hidden state
    params : Params
    candidate : "linear", or "positive" as the log-space form needs it

    Returns
    -------
    h : (N, H) new hidden state
    cache : StepCache, for `step_backward`

    Raises
    ------
    ValueError : if a shape, dtype or name does not fit, or a number is not finite

    Notes
    -----
    Feng et al. (2024), arXiv:2410.01201, section 3.1; g is that of their appendix B. Here z = 1
    keeps the old state, as in our GRU; their z is our 1 - z. The chapter "The minGRU and the
    parallel scan" derives it.

    >>> params = init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> h, _ = step(np.ones((1, 2)), np.zeros((1, 3)), params)
    >>> h.shape
    (1, 3)
    """
    check_choice("candidate", candidate, CANDIDATES)
    sizes = {}
    check_params(params, SHAPES, sizes)
    check_array("x", x, ("N", "I"), sizes)
    check_array("h_prev", h_prev, ("N", "H"), sizes)

    W_z, W_n = np.split(params.weight, 2)
    b_z, b_n = np.split(params.bias, 2)
    z = sigmoid(x @ W_z.T + b_z)
    n = _activate(x @ W_n.T + b_n, candidate)
    h = (1 - z) * n + z * h_prev
    return h, StepCache(x, h_prev, z, n, candidate, params)


def step_backward(dh: np.ndarray, cache: StepCache) -> tuple[np.ndarray, np.ndarray, Params]:
    """Gradients of one step.

        dn = dh * (1 - z)              da_n = dn                      candidate="linear"
                                       da_n = dn * g'(a_n)            candidate="positive"
        dz = dh * (h_prev - n)         da_z = dz * z * (1 - z)
        dh_prev = dh * z

    with g' = 1 where n >= 1/2 and n * (1 - n) below. No gate has read h_prev, so nothing but the
    copy leads back to it.

    Parameters
    ----------
    dh : (N, H) gradient of the loss with respect to h
    cache : StepCache from `step`

    Returns
    -------
    dx : (N, I)
    dh_prev : (N, H)
    grads : Params of gradients, summed over the batch

    Raises
    ------
    ValueError : if dh does not have the shape and dtype of h
    """
    x, h_prev, z, n, candidate, params = cache
    check_array("dh", dh, ("N", "H"), {"N": len(x), "H": h_prev.shape[1], "dtype": h_prev.dtype})
    da_z = dh * (h_prev - n) * z * (1 - z)
    da_n = dh * (1 - z) * _slope(n, candidate)
    da = np.concatenate([da_z, da_n], axis=1)  # (N, 2H)
    return da @ params.weight, dh * z, Params(da.T @ x, da.sum(0))


def forward(
    xs: np.ndarray,
    h0: np.ndarray,
    params: Params,
    *,
    lengths: ArrayLike | None = None,
    candidate: str = "linear",
) -> tuple[np.ndarray, Cache]:
    """Run `step` over a batch of sequences.

    Parameters
    ----------
    xs : (N, T, I) inputs, batch first
    h0 : (N, H) initial hidden states
    params : Params
    lengths : (N,) whole numbers from 1 to T, or None for all T. Past its length a sequence's
        state is frozen, so hs[:, -1] is every sequence's own last state and padding is never read.
    candidate : as in `step`

    Returns
    -------
    hs : (N, T, H) hidden states
    cache : Cache, for `backward`

    Raises
    ------
    ValueError : if a shape, dtype, length or name does not fit, or a number is not finite

    >>> params = init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> hs, _ = forward(np.ones((4, 5, 2)), np.zeros((4, 3)), params)
    >>> hs.shape
    (4, 5, 3)
    """
    check_choice("candidate", candidate, CANDIDATES)
    sizes = {}
    xs, lengths = check_sequences(xs, lengths, params, SHAPES, sizes)
    check_array("h0", h0, ("N", "H"), sizes)
    N, T, H = sizes["N"], sizes["T"], sizes["H"]

    # One product for the gates of all steps.
    x = xs.transpose(1, 0, 2).reshape(T * N, -1)
    a = (x @ params.weight.T + params.bias).reshape(T, N, 2 * H)
    zs, ns = sigmoid(a[:, :, :H]), _activate(a[:, :, H:], candidate)
    if lengths is not None:
        zs[np.arange(T)[:, None] >= lengths] = 1  # an ended sequence copies its state
    new = (1 - zs) * ns

    hs = np.empty((T + 1, N, H), xs.dtype)  # h_0 to h_T
    hs[0] = h0
    for h, h_next, z, new_t in zip(hs, hs[1:], zs, new, strict=False):
        np.multiply(z, h, h_next)
        np.add(h_next, new_t, h_next)
    return hs[1:].transpose(1, 0, 2).copy(), Cache(xs, hs[:-1], zs, ns, candidate, params)


def backward(dhs: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, Params]:
    """Back-propagation through time: the gradient of a loss that reads every hidden state.

    What reaches h_t follows the same kind of recurrence as the states, from the end:

        dh_t = dhs_t + z_{t+1} * dh_{t+1}

    Parameters
    ----------
    dhs : (N, T, H) gradient of the loss with respect to hs, as it arrives from above at each step;
        zero except at the last step if the loss reads the last state only. Where a sequence has
        ended its state is a copy, so what arrives there flows on to its own last state.
    cache : Cache from `forward`

    Returns
    -------
    dxs : (N, T, I), zero at padding
    dh0 : (N, H)
    grads : Params of gradients, summed over batch and time

    Raises
    ------
    ValueError : if dhs does not have the shape and dtype of hs
    """
    xs, h_prevs, zs, ns, candidate, params = cache
    T, N, H = h_prevs.shape
    check_array("dhs", dhs, ("N", "T", "H"), {"N": N, "T": T, "H": H, "dtype": xs.dtype})

    dh_alls = np.empty((T, N, H), xs.dtype)  # all that reaches h_t, from above and from the future
    dh = np.zeros((N, H), xs.dtype)
    for t in reversed(range(T)):
        np.add(dh, dhs[:, t], dh_alls[t])
        np.multiply(zs[t], dh_alls[t], dh)

    das = np.empty((T, N, 2 * H), xs.dtype)
    dnews = dh_alls * (1 - zs)  # zero where a sequence has ended
    np.multiply(dnews * zs, h_prevs - ns, das[:, :, :H])
    np.multiply(dnews, _slope(ns, candidate), das[:, :, H:])

    # The sums over batch and time are single products of flattened arrays.
    da = das.reshape(T * N, 2 * H)
    x = xs.transpose(1, 0, 2).reshape(T * N, -1)
    dxs = (da @ params.weight).reshape(T, N, -1).transpose(1, 0, 2)
    return dxs, dh, Params(da.T @ x, da.sum(0))


def forward_log(xs: np.ndarray, h0: np.ndarray, params: Params) -> np.ndarray:
    """The states of `forward` with candidate="positive", computed in log space without a loop.

        log h_t = A_t + log( exp(log h_0) + sum_{k <= t} exp(log((1 - z_k) n_k) - A_k) ),
        A_t = sum_{k <= t} log z_k

    Two cumulative operations along time, a sum and a log-sum-exp, which are scans. The differences
    of the growing A cost digits: the error of a state grows with t.

    Parameters
    ----------
    xs : (N, T, I) inputs, batch first
    h0 : (N, H) initial hidden states, none negative: the logarithm of a state must exist
    params : Params

    Returns
    -------
    hs : (N, T, H) hidden states

    Raises
    ------
    ValueError : if a shape or dtype does not fit, a number is not finite, or h0 holds one below 0

    Notes
    -----
    Feng et al. (2024), arXiv:2410.01201, appendix B.

    >>> params = init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> forward_log(np.ones((4, 5, 2)), np.zeros((4, 3)), params).shape
    (4, 5, 3)
    """
    sizes = {}
    check_params(params, SHAPES, sizes)
    check_array("xs", xs, ("N", "T", "I"), sizes)
    check_array("h0", h0, ("N", "H"), sizes)
    if (h0 < 0).any():
        where = tuple(int(i) for i in np.argwhere(h0 < 0)[0])
        raise ValueError(f"h0: expected no number below 0, got {h0[where]} at index {where}")

    a = xs @ params.weight.T + params.bias  # (N, T, 2H)
    a_z, a_n = np.split(a, 2, axis=2)
    log_keep, log_new = -np.logaddexp(0, -a_z), -np.logaddexp(0, a_z)  # log z, log (1 - z)
    log_n = np.where(a_n >= 0, np.log(np.maximum(a_n, 0) + 0.5), -np.logaddexp(0, -a_n))
    with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, and exp leads back to 0
        log_h0 = np.log(h0)[:, None]
    A = np.cumsum(log_keep, axis=1)
    terms = np.concatenate([log_h0, log_new + log_n - A], axis=1)
    return np.exp(A + np.logaddexp.accumulate(terms, axis=1)[:, 1:])


def _activate(a, candidate):
    return a if candidate == "linear" else np.where(a >= 0, a + 0.5, sigmoid(a))


def _slope(n, candidate):
    """The derivative of `_activate`, from its value."""
    return np.ones_like(n) if candidate == "linear" else np.where(n >= 0.5, 1, n * (1 - n))
