"""The gated recurrent unit (Cho et al., 2014) in NumPy.

`step` is the formula, line for line, and `step_backward` its derivative. `forward` and `backward`
are the same over a batch of sequences, with the inputs' part and the weights' gradients in one
product for all steps. `gru_fast` has both once more, made for speed.

Shapes: N batch, T time steps, I input size, H hidden size. Gates are stacked r | z | n.
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
    check_switch,
)
from gru_course.reference.activations import sigmoid


class Params(NamedTuple):
    """Weights of one GRU layer, laid out as torch's; gradients are the same tuple."""

    weight_ih: np.ndarray  # (3H, I): W_ir, W_iz, W_in stacked
    weight_hh: np.ndarray  # (3H, H): W_hr, W_hz, W_hn stacked
    bias_ih: np.ndarray  # (3H,)
    bias_hh: np.ndarray  # (3H,)


SHAPES = {
    "weight_ih": ("3H", "I"),
    "weight_hh": ("3H", "H"),
    "bias_ih": ("3H",),
    "bias_hh": ("3H",),
}


class StepCache(NamedTuple):
    """What `step_backward` needs from `step`."""

    x: np.ndarray
    h_prev: np.ndarray
    r: np.ndarray
    z: np.ndarray
    n: np.ndarray
    a_hn: np.ndarray | None  # W_hn h_prev + b_hn, kept where the reset gate comes after it
    params: Params


class Cache(NamedTuple):
    """What `backward` needs from `forward`: the gates of every step, time first."""

    xs: np.ndarray  # (N, T, I)
    h_prevs: np.ndarray  # (T, N, H)
    rs: np.ndarray
    zs: np.ndarray
    ns: np.ndarray
    a_hns: np.ndarray | None
    lengths: np.ndarray | None
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
    (9, 2)
    """
    check_sizes(input_size=input_size, hidden_size=hidden_size)
    check_choice("dtype", np.dtype(dtype).name, ("float64", "float32"))
    bound = 1.0 / np.sqrt(hidden_size)
    sizes = {"H": hidden_size, "3H": 3 * hidden_size, "I": input_size}
    return Params(
        *(
            rng.uniform(-bound, bound, [sizes[letter] for letter in shape]).astype(dtype)
            for shape in SHAPES.values()
        )
    )


def step(
    x: np.ndarray, h_prev: np.ndarray, params: Params, *, reset_after: bool = True
) -> tuple[np.ndarray, StepCache]:
    """One time step.

        r = sigmoid(W_ir x + b_ir + W_hr h_prev + b_hr)
        z = sigmoid(W_iz x + b_iz + W_hz h_prev + b_hz)
        n = tanh(W_in x + b_in + r * (W_hn h_prev + b_hn))       reset_after=True
        n = tanh(W_in x + b_in + W_hn (r * h_prev) + b_hn)       reset_after=False
        h = (1 - z) * n + z * h_prev

    Parameters
    ----------
    x : (N, I) input
    h_prev : (N, H) previous hidden state
    params : Params
    reset_after : True for the form of PyTorch and cuDNN, False for Cho et al. (2014)

    Returns
    -------
    h : (N, H) new hidden state
    cache : StepCache, for `step_backward`

    Raises
    ------
    ValueError : if a shape or dtype does not fit, a number is not finite, or reset_after is not
        True or False

    Notes
    -----
    Cho et al. (2014), arXiv:1406.1078, equations 5 to 8. Here z = 1 keeps the old state, as in
    those equations and in PyTorch; in Chung et al. (2014) z = 1 takes the new one. The chapter
    "The gated recurrent unit" derives it.

    >>> params = init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> h, _ = step(np.ones((1, 2)), np.zeros((1, 3)), params)
    >>> h.shape
    (1, 3)
    """
    reset_after = check_switch("reset_after", reset_after)
    sizes = {}
    check_params(params, SHAPES, sizes)
    check_array("x", x, ("N", "I"), sizes)
    check_array("h_prev", h_prev, ("N", "H"), sizes)

    W_ir, W_iz, W_in = np.split(params.weight_ih, 3)
    W_hr, W_hz, W_hn = np.split(params.weight_hh, 3)
    b_ir, b_iz, b_in = np.split(params.bias_ih, 3)
    b_hr, b_hz, b_hn = np.split(params.bias_hh, 3)

    r = sigmoid(x @ W_ir.T + b_ir + h_prev @ W_hr.T + b_hr)
    z = sigmoid(x @ W_iz.T + b_iz + h_prev @ W_hz.T + b_hz)
    if reset_after:
        a_hn = h_prev @ W_hn.T + b_hn
        n = np.tanh(x @ W_in.T + b_in + r * a_hn)
    else:
        a_hn = None
        n = np.tanh(x @ W_in.T + b_in + (r * h_prev) @ W_hn.T + b_hn)
    h = (1 - z) * n + z * h_prev
    return h, StepCache(x, h_prev, r, z, n, a_hn, params)


def step_backward(dh: np.ndarray, cache: StepCache) -> tuple[np.ndarray, np.ndarray, Params]:
    """Gradients of one step, by the chain rule from the last line of `step` to the first.

        dn = dh * (1 - z)                    da_n = dn * (1 - n^2)
        dz = dh * (h_prev - n)               da_z = dz * z * (1 - z)
        dr = da_n * (W_hn h_prev + b_hn)     da_r = dr * r * (1 - r)      reset_after=True
        dr = (da_n W_hn) * h_prev            da_r = dr * r * (1 - r)      reset_after=False

    and h_prev receives dh * z from the copy and one term from each of r, z and n.

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
    x, h_prev, r, z, n, a_hn, params = cache
    check_array("dh", dh, ("N", "H"), {"N": len(x), "H": h_prev.shape[1], "dtype": h_prev.dtype})
    da, da_hn, dh_prev = _back_to_h_prev(dh, h_prev, r, z, n, a_hn, params.weight_hh)
    grads = _grads(da, da_hn, x, h_prev, h_prev if a_hn is not None else r * h_prev)
    return da @ params.weight_ih, dh_prev, grads


def forward(
    xs: np.ndarray,
    h0: np.ndarray,
    params: Params,
    *,
    lengths: ArrayLike | None = None,
    reset_after: bool = True,
) -> tuple[np.ndarray, Cache]:
    """Run `step` over a batch of sequences.

    Parameters
    ----------
    xs : (N, T, I) inputs, batch first
    h0 : (N, H) initial hidden states
    params : Params
    lengths : (N,) whole numbers from 1 to T, or None for all T. Past its length a sequence's
        state is frozen, so hs[:, -1] is every sequence's own last state and padding is never read.
    reset_after : as in `step`

    Returns
    -------
    hs : (N, T, H) hidden states
    cache : Cache, for `backward`

    Raises
    ------
    ValueError : if a shape, dtype or length does not fit, a number is not finite, or reset_after
        is not True or False

    >>> params = init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> hs, _ = forward(np.ones((4, 5, 2)), np.zeros((4, 3)), params)
    >>> hs.shape
    (4, 5, 3)
    """
    reset_after = check_switch("reset_after", reset_after)
    sizes = {}
    xs, lengths = check_sequences(xs, lengths, params, SHAPES, sizes)
    check_array("h0", h0, ("N", "H"), sizes)
    N, T, H = sizes["N"], sizes["T"], sizes["H"]

    # One product for the inputs of all steps; the loop below only adds the recurrent part.
    a_x = (xs @ params.weight_ih.T + params.bias_ih).transpose(1, 0, 2)  # (T, N, 3H)
    W_rz_T, W_hn_T = params.weight_hh[: 2 * H].T, params.weight_hh[2 * H :].T
    b_rz, b_hn = params.bias_hh[: 2 * H], params.bias_hh[2 * H :]
    hs = np.empty((T + 1, N, H), xs.dtype)
    rs, zs, ns, a_hns = (np.empty((T, N, H), xs.dtype) for _ in range(4))
    hs[0] = h0
    for t in range(T):
        rz = sigmoid(a_x[t, :, : 2 * H] + hs[t] @ W_rz_T + b_rz)
        r, z = rs[t], zs[t] = rz[:, :H], rz[:, H:]
        if reset_after:
            a_hns[t] = hs[t] @ W_hn_T + b_hn
            past = r * a_hns[t]
        else:
            past = (r * hs[t]) @ W_hn_T + b_hn
        n = ns[t] = np.tanh(a_x[t, :, 2 * H :] + past)
        h = (1 - z) * n + z * hs[t]
        hs[t + 1] = h if lengths is None else np.where((t < lengths)[:, None], h, hs[t])
    cache = Cache(xs, hs[:-1], rs, zs, ns, a_hns if reset_after else None, lengths, params)
    return hs[1:].transpose(1, 0, 2).copy(), cache


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
    """
    xs, h_prevs, rs, zs, ns, a_hns, lengths, params = cache
    T, N, H = h_prevs.shape
    check_array("dhs", dhs, ("N", "T", "H"), {"N": N, "T": T, "H": H, "dtype": xs.dtype})

    das = np.empty((T, N, 3 * H), xs.dtype)  # gradients of the pre-activations
    da_hns = np.empty((T, N, H), xs.dtype)  # and of what W_hn computes
    dh = np.zeros((N, H), xs.dtype)
    for t in reversed(range(T)):
        dh = dh + dhs[:, t]
        alive = 1 if lengths is None else (t < lengths)[:, None].astype(xs.dtype)
        a_hn = None if a_hns is None else a_hns[t]
        das[t], da_hns[t], dh_prev = _back_to_h_prev(
            alive * dh, h_prevs[t], rs[t], zs[t], ns[t], a_hn, params.weight_hh
        )
        dh = dh_prev + (1 - alive) * dh  # an ended sequence copies its state

    # The sums over batch and time are single products of flattened arrays.
    x = xs.transpose(1, 0, 2).reshape(T * N, -1)
    da, da_hn, h_prev, r = (rows.reshape(T * N, -1) for rows in (das, da_hns, h_prevs, rs))
    grads = _grads(da, da_hn, x, h_prev, h_prev if a_hns is not None else r * h_prev)
    return (das @ params.weight_ih).transpose(1, 0, 2), dh, grads


def _back_to_h_prev(dh, h_prev, r, z, n, a_hn, weight_hh):
    """The lines of `step_backward`: da (N, 3H), the gradient of what W_hn computes, dh_prev."""
    H = h_prev.shape[1]
    W_rz, W_hn = weight_hh[: 2 * H], weight_hh[2 * H :]
    da_n = dh * (1 - z) * (1 - n * n)
    da_z = dh * (h_prev - n) * z * (1 - z)
    if a_hn is not None:  # reset after the product
        da_hn = da_n * r
        da_r = da_n * a_hn * r * (1 - r)
        from_n = da_hn @ W_hn
    else:
        da_hn = da_n
        dreset_h = da_n @ W_hn  # gradient of r * h_prev
        da_r = dreset_h * h_prev * r * (1 - r)
        from_n = dreset_h * r
    da_rz = np.concatenate([da_r, da_z], axis=1)
    dh_prev = dh * z + from_n + da_rz @ W_rz
    return np.concatenate([da_rz, da_n], axis=1), da_hn, dh_prev


def _grads(da, da_hn, x, h_prev, into_hn):
    """The weights' gradients; `into_hn` is what W_hn multiplies, h_prev or r * h_prev."""
    da_rz = da[:, : 2 * h_prev.shape[1]]
    return Params(
        weight_ih=da.T @ x,
        weight_hh=np.concatenate([da_rz.T @ h_prev, da_hn.T @ into_hn]),
        bias_ih=da.sum(0),
        bias_hh=np.concatenate([da_rz.sum(0), da_hn.sum(0)]),
    )
