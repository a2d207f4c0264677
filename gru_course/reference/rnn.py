"""The plain recurrent network (Elman, 1990) in NumPy.

`step` is the formula and `step_backward` its derivative; `forward` and `backward` are the same
mathematics made fast. A test holds the two pairs equal.

Shapes: N batch, T time steps, I input size, H hidden size.
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


class Params(NamedTuple):
    """Weights of one layer, laid out as torch's; gradients are the same tuple."""

    weight_ih: np.ndarray  # (H, I)
    weight_hh: np.ndarray  # (H, H)
    bias_ih: np.ndarray  # (H,)
    bias_hh: np.ndarray  # (H,)


SHAPES = {"weight_ih": ("H", "I"), "weight_hh": ("H", "H"), "bias_ih": ("H",), "bias_hh": ("H",)}


class StepCache(NamedTuple):
    """What `step_backward` needs from `step`."""

    x: np.ndarray
    h_prev: np.ndarray
    h: np.ndarray
    nonlinearity: str
    params: Params


class Cache(NamedTuple):
    """What `backward` needs from `forward`, time first."""

    xs: np.ndarray  # (N, T, I)
    hs: np.ndarray  # (T + 1, N, H): h0, h1, ... hT
    lengths: np.ndarray | None
    nonlinearity: str
    params: Params


def init(
    rng: np.random.Generator, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64
) -> Params:
    """Draw weights and biases from U(-1/sqrt(H), 1/sqrt(H)), as torch does.

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

    >>> init(np.random.default_rng(0), input_size=2, hidden_size=3).weight_ih.shape
    (3, 2)
    """
    check_sizes(input_size=input_size, hidden_size=hidden_size)
    check_choice("dtype", np.dtype(dtype).name, ("float64", "float32"))
    bound = 1.0 / np.sqrt(hidden_size)
    sizes = {"H": hidden_size, "I": input_size}
    return Params(
        *(
            rng.uniform(-bound, bound, [sizes[letter] for letter in shape]).astype(dtype)
            for shape in SHAPES.values()
        )
    )


def _activate(a, nonlinearity):
    return np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)


def _slope(h, nonlinearity):
    """The activation's derivative, from its output: 1 - h^2 for tanh, 0 or 1 for ReLU."""
    return 1 - h * h if nonlinearity == "tanh" else (h > 0).astype(h.dtype)


def step(
    x: np.ndarray, h_prev: np.ndarray, params: Params, *, nonlinearity: str = "tanh"
) -> tuple[np.ndarray, StepCache]:
    """One time step.

        h = tanh(W_ih x + b_ih + W_hh h_prev + b_hh)

    Parameters
    ----------
    x : (N, I) input
    h_prev : (N, H) previous hidden state
    params : Params
    nonlinearity : "tanh" or "relu"

    Returns
    -------
    h : (N, H) new hidden state
    cache : StepCache, for `step_backward`

    Raises
    ------
    ValueError : if a shape, dtype or name does not fit, or a number is not finite

    Notes
    -----
    Elman (1990), Cognitive Science 14. The chapter "The plain recurrent network" derives it.

    >>> params = init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> h, _ = step(np.ones((1, 2)), np.zeros((1, 3)), params)
    >>> h.shape
    (1, 3)
    """
    check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
    sizes = {}
    check_params(params, SHAPES, sizes)
    check_array("x", x, ("N", "I"), sizes)
    check_array("h_prev", h_prev, ("N", "H"), sizes)
    W_ih, W_hh, b_ih, b_hh = params
    h = _activate(x @ W_ih.T + b_ih + h_prev @ W_hh.T + b_hh, nonlinearity)
    return h, StepCache(x, h_prev, h, nonlinearity, params)


def step_backward(dh: np.ndarray, cache: StepCache) -> tuple[np.ndarray, np.ndarray, Params]:
    """Gradients of one step.

        da = dh * (1 - h^2)          for tanh, with a the pre-activation
        dx = da W_ih,   dh_prev = da W_hh
        dW_ih = da^T x, dW_hh = da^T h_prev, both biases: da

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

    Notes
    -----
    The chapter "Back-propagation through time" derives it.
    """
    x, h_prev, h, nonlinearity, params = cache
    check_array("dh", dh, ("N", "H"), {"N": len(h), "H": h.shape[1], "dtype": h.dtype})
    da = dh * _slope(h, nonlinearity)
    grads = Params(da.T @ x, da.T @ h_prev, da.sum(0), da.sum(0))
    return da @ params.weight_ih, da @ params.weight_hh, grads


def forward(
    xs: np.ndarray,
    h0: np.ndarray,
    params: Params,
    *,
    lengths: ArrayLike | None = None,
    nonlinearity: str = "tanh",
) -> tuple[np.ndarray, Cache]:
    """Run `step` over a batch of sequences.

    Parameters
    ----------
    xs : (N, T, I) inputs, batch first
    h0 : (N, H) initial hidden states
    params : Params
    lengths : (N,) whole numbers from 1 to T, or None for all T. Past its length a sequence's
        state is frozen, so hs[:, -1] is every sequence's own last state and padding is never read.
    nonlinearity : "tanh" or "relu"

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
    check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
    sizes = {}
    xs, lengths = check_sequences(xs, lengths, params, SHAPES, sizes)
    check_array("h0", h0, ("N", "H"), sizes)
    N, T, H = sizes["N"], sizes["T"], sizes["H"]

    # One product for the inputs of all steps; the loop below only adds the recurrent part.
    a_i = (xs @ params.weight_ih.T + params.bias_ih + params.bias_hh).transpose(1, 0, 2)
    W_hh_T = params.weight_hh.T
    hs = np.empty((T + 1, N, H), xs.dtype)
    hs[0] = h0
    for t in range(T):
        h = _activate(a_i[t] + hs[t] @ W_hh_T, nonlinearity)
        hs[t + 1] = h if lengths is None else np.where((t < lengths)[:, None], h, hs[t])
    return hs[1:].transpose(1, 0, 2).copy(), Cache(xs, hs, lengths, nonlinearity, params)


def backward(dhs: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, Params]:
    """Back-propagation through time: the gradient of a loss that reads every hidden state.

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

    Notes
    -----
    Werbos (1990), Proceedings of the IEEE 78. The chapter "Back-propagation through time" derives
    it.
    """
    xs, hs, lengths, nonlinearity, params = cache
    T, N, H = len(hs) - 1, hs.shape[1], hs.shape[2]
    check_array("dhs", dhs, ("N", "T", "H"), {"N": N, "T": T, "H": H, "dtype": hs.dtype})

    das = np.empty((T, N, H), hs.dtype)  # gradients of the pre-activations
    dh = np.zeros((N, H), hs.dtype)
    for t in reversed(range(T)):
        dh = dh + dhs[:, t]
        alive = 1 if lengths is None else (t < lengths)[:, None].astype(hs.dtype)
        das[t] = alive * dh * _slope(hs[t + 1], nonlinearity)
        dh = das[t] @ params.weight_hh + (1 - alive) * dh  # an ended sequence copies its state

    # The sums over batch and time are single products of flattened arrays.
    da = das.reshape(T * N, H)
    x = xs.transpose(1, 0, 2).reshape(T * N, -1)
    h_prev = hs[:-1].reshape(T * N, H)
    grads = Params(da.T @ x, da.T @ h_prev, da.sum(0), da.sum(0))
    return (das @ params.weight_ih).transpose(1, 0, 2), dh, grads
