"""The GRU's `forward` and `backward` made fast, with the names and caches of `gru`.

`gru` is the explanation, and what this file is held equal to. Here everything that need not wait
for a state, the inputs' part and the weights' gradients, is in products over many steps that stay
in the processor's cache, and the loops write into memory that is already there. How much each of
these is worth is measured in the chapter "How fast can a GRU go?".

Shapes: N batch, T time steps, I input size, H hidden size. Gates are stacked r | z | n.
"""

import numpy as np
from numpy.typing import ArrayLike

from gru_course._checks import check_array, check_sequences, check_switch
from gru_course.reference.gru import SHAPES, Cache, Params, init, step, step_backward

__all__ = ["Cache", "Params", "backward", "forward", "init", "step", "step_backward"]

ROWS = 512  # of the products over many steps: enough to be fast, few enough to stay in the cache


def forward(
    xs: np.ndarray,
    h0: np.ndarray,
    params: Params,
    *,
    lengths: ArrayLike | None = None,
    reset_after: bool = True,
) -> tuple[np.ndarray, Cache]:
    """As `gru.forward`."""
    reset_after = check_switch("reset_after", reset_after)
    sizes = {}
    xs, lengths = check_sequences(xs, lengths, params, SHAPES, sizes)
    check_array("h0", h0, ("N", "H"), sizes)
    xs = np.ascontiguousarray(xs.transpose(1, 0, 2))
    hs, cache = run(xs, h0, params, lengths, reset_after)
    return hs.transpose(1, 0, 2).copy(), cache


def backward(dhs: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray, Params]:
    """As `gru.backward`."""
    (T, N, H), dtype = cache.h_prevs.shape, cache.xs.dtype
    check_array("dhs", dhs, ("N", "T", "H"), {"N": N, "T": T, "H": H, "dtype": dtype})
    dxs, dh0, grads = run_back(dhs.transpose(1, 0, 2), np.zeros((N, H), dtype), cache)
    return dxs.transpose(1, 0, 2), dh0, grads


def run(
    xs: np.ndarray,
    h0: np.ndarray,
    params: Params,
    lengths: np.ndarray | None = None,
    reset_after: bool = True,
) -> tuple[np.ndarray, Cache]:
    """`forward` without its checks, time first, for callers that have made their own.

    Parameters
    ----------
    xs : (T, N, I) inputs
    h0, params, reset_after : as in `gru.forward`
    lengths : (N,) whole numbers, or None

    Returns
    -------
    hs : (T, N, H) states, in memory that the cache reads
    cache : as of `gru.forward`
    """
    (T, N, I), H = xs.shape, h0.shape[1]

    # sigmoid(a) = 1 / (1 + exp(-a)): the minus goes into the weights once, not into every step.
    sign = np.repeat(np.array([-1, -1, 1], xs.dtype), H)
    W_ih_T, W_hh_T = (np.multiply(W.T, sign, order="C") for W in params[:2])
    W_rz_T, W_hn_T = W_hh_T[:, : 2 * H], W_hh_T[:, 2 * H :]
    b_hn = np.tile(params.bias_hh[2 * H :], (N, 1))  # (N, H): adding a row to all costs more
    bias = params.bias_ih * sign
    bias[: 2 * H] -= params.bias_hh[: 2 * H]

    # One array for all that stays after the loop, since the system clears each page of memory that
    # it hands out, and takes several large arrays back sooner than one.
    room = np.empty((5 * T + 1, N, H), xs.dtype)
    gates, a_hns, hs = room[: 3 * T].reshape(T, 3, N, H), room[3 * T : 4 * T], room[4 * T :]

    # One product for the inputs of many steps; the loop turns what it finds into r, z and n.
    block = max(1, ROWS // N)
    for start in range(0, T, block):
        steps = slice(start, start + block)
        a_i = np.dot(xs[steps].reshape(-1, I), W_ih_T).reshape(-1, N, 3, H)
        np.add(a_i.swapaxes(1, 2), bias.reshape(3, 1, H), gates[steps])

    # Each call writes into its last argument, so that the loop makes no array.
    a_h = np.empty((N, 3 * H), xs.dtype)
    a_h_rz, a_h_n = a_h[:, : 2 * H].reshape(N, 2, H).swapaxes(0, 1), a_h[:, 2 * H :]
    reset_h = np.empty((N, H), xs.dtype)  # what reaches n through the reset gate
    one = np.array(1, xs.dtype)  # NumPy adds it faster than Python's 1
    ended = None if lengths is None else np.arange(T)[:, None] >= lengths  # (T, N)
    hs[0] = h0
    views = zip(hs, hs[1:], gates[:, :2], *gates.swapaxes(0, 1), a_hns, strict=False)
    with np.errstate(over="ignore"):  # exp may give infinity; then the gate is 0, as it should be
        for t, (h, h_new, rz, r, z, n, a_hn) in enumerate(views):
            if reset_after:
                np.dot(h, W_hh_T, a_h)
                np.add(a_h_n, b_hn, a_hn)
            else:
                a_h[:, : 2 * H] = np.dot(h, W_rz_T)
            np.add(rz, a_h_rz, rz)
            np.exp(rz, rz)
            np.add(rz, one, rz)
            np.reciprocal(rz, rz)
            if reset_after:
                np.multiply(r, a_hn, reset_h)
            else:
                np.add(np.dot(r * h, W_hn_T), b_hn, reset_h)
            np.add(n, reset_h, n)
            np.tanh(n, n)
            np.subtract(h, n, h_new)  # (1 - z) n + z h = n + z (h - n)
            np.multiply(z, h_new, h_new)
            np.add(n, h_new, h_new)
            if ended is not None:
                np.copyto(h_new, h, where=ended[t, :, None])
    rs, zs, ns = gates.swapaxes(0, 1)
    a_hns = a_hns if reset_after else None
    return hs[1:], Cache(xs.transpose(1, 0, 2), hs[:-1], rs, zs, ns, a_hns, lengths, params)


def run_back(
    dhs: np.ndarray, dh_last: np.ndarray, cache: Cache
) -> tuple[np.ndarray, np.ndarray, Params]:
    """`backward` without its check, time first.

    Parameters
    ----------
    dhs : (T, N, H) dL/dh_t by what reads h_t, for all steps
    dh_last : (N, H) what reaches the last state besides
    cache : as of `run`

    Returns
    -------
    dxs : (T, N, I)
    dh0 : (N, H)
    grads : Params
    """
    xs, h_prevs, rs, zs, ns, a_hns, lengths, params = cache
    T, N, H = h_prevs.shape
    W_rz, W_hn = params.weight_hh[: 2 * H], params.weight_hh[2 * H :]

    dxs = np.empty((T, N, xs.shape[2]), xs.dtype)
    dh, copied = dh_last.copy(), np.empty((N, H), xs.dtype)
    grads = Params(*map(np.zeros_like, params))
    dW_ih, dW_hh, db_ih, db_hh = grads
    block = max(1, ROWS // N)
    for start in reversed(range(0, T, block)):
        steps = slice(start, start + block)
        r, z, n, h_prev = rs[steps], zs[steps], ns[steps], h_prevs[steps]
        # What each pre-activation's gradient is a multiple of does not wait for the loop below,
        # which turns these factors into the gradients of r | z | what W_hn computes.
        factor_n = (1 - z) * (1 - n * n)
        factors = np.empty((len(n), N, 3, H), xs.dtype)
        factors[:, :, 0] = r * (1 - r) * (h_prev if a_hns is None else factor_n * a_hns[steps])
        factors[:, :, 1] = z * (1 - z) * (h_prev - n)
        factors[:, :, 2] = factor_n if a_hns is None else factor_n * r
        if lengths is not None:  # an ended sequence copies its state, as if z were 1
            alive = (np.arange(T)[steps, None] < lengths)[:, :, None]
            factor_n *= alive
            factors *= alive[..., None]
            z = np.where(alive, z, 1)
        dh_alls = np.empty_like(h_prev)  # all that reaches h_t, from above and from the future
        views = zip(factors, dh_alls, dhs[steps], z, r, strict=True)
        for factor, dh_all, dh_above, z_t, r_t in reversed(list(views)):
            np.add(dh, dh_above, dh_all)
            np.multiply(z_t, dh_all, copied)
            if a_hns is not None:
                np.multiply(factor, dh_all[:, None], factor)
                np.dot(factor.reshape(N, 3 * H), params.weight_hh, dh)
            else:
                np.multiply(factor[:, 1:], dh_all[:, None], factor[:, 1:])
                dreset_h = np.dot(factor[:, 2], W_hn)  # gradient of r * h_prev
                np.multiply(factor[:, 0], dreset_h, factor[:, 0])
                np.add(np.dot(factor[:, :2].reshape(N, 2 * H), W_rz), dreset_h * r_t, dh)
            np.add(dh, copied, dh)

        # The sums over the block's sequences and steps are single products of flattened arrays.
        da, h, x = factors.reshape(-1, 3 * H), h_prev.reshape(-1, H), xs.transpose(1, 0, 2)[steps]
        db_hh += da.sum(0)
        if a_hns is not None:
            dW_hh += da.T @ h
            np.multiply(factor_n, dh_alls, factors[:, :, 2])  # from W_hn's gradient to W_in's
        else:
            dW_hh[: 2 * H] += da[:, : 2 * H].T @ h
            dW_hh[2 * H :] += da[:, 2 * H :].T @ (r.reshape(-1, H) * h)
        db_ih += da.sum(0)
        dW_ih += da.T @ x.reshape(len(da), -1)
        dxs[steps] = np.dot(da, params.weight_ih).reshape(x.shape)
    return dxs, dh, grads
