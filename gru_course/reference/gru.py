"""The gated recurrent unit (Cho et al., 2014) in NumPy.

`step` is the formula, line for line, and `step_backward` its derivative. `forward` and `backward`
are the same mathematics made fast: one recurrent product a step, and everything that need not wait
for a state, the inputs' part and the weights' gradients, in products over many steps at once. A
test holds the two pairs equal.

Shapes: N batch, T time steps, I input size, H hidden size. Gates are stacked r | z | n.
"""

from typing import NamedTuple

import numpy as np

from gru_course.reference._checks import (
    check_array,
    check_choice,
    check_lengths,
    check_params,
    check_sizes,
    check_switch,
)
from gru_course.reference.activations import sigmoid

ROWS = 512  # of the products over many steps: enough to be fast, few enough to stay in the cache


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


def init(rng, input_size, hidden_size, dtype=np.float64):
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


def step(x, h_prev, params, *, reset_after=True):
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


def step_backward(dh, cache):
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
    H = h_prev.shape[1]
    W_hn = params.weight_hh[2 * H :]

    da_n = dh * (1 - z) * (1 - n * n)
    da_z = dh * (h_prev - n) * z * (1 - z)
    dh_prev = dh * z
    if a_hn is not None:  # reset after the product
        da_r = da_n * a_hn * r * (1 - r)
        da_hn = da_n * r  # gradient of W_hn h_prev + b_hn
        dh_prev = dh_prev + da_hn @ W_hn
        dW_hn, db_hn = da_hn.T @ h_prev, da_hn.sum(0)
    else:
        dreset_h = da_n @ W_hn  # gradient of r * h_prev
        da_r = dreset_h * h_prev * r * (1 - r)
        dh_prev = dh_prev + dreset_h * r
        dW_hn, db_hn = da_n.T @ (r * h_prev), da_n.sum(0)

    da_rz = np.concatenate([da_r, da_z], axis=1)  # (N, 2H)
    da = np.concatenate([da_rz, da_n], axis=1)  # (N, 3H)
    dx = da @ params.weight_ih
    dh_prev = dh_prev + da_rz @ params.weight_hh[: 2 * H]
    grads = Params(
        weight_ih=da.T @ x,
        weight_hh=np.concatenate([da_rz.T @ h_prev, dW_hn]),
        bias_ih=da.sum(0),
        bias_hh=np.concatenate([da_rz.sum(0), db_hn]),
    )
    return dx, dh_prev, grads


def forward(xs, h0, params, *, lengths=None, reset_after=True):
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
    check_params(params, SHAPES, sizes)
    check_array("xs", xs, ("N", "T", "I"), sizes)
    check_array("h0", h0, ("N", "H"), sizes)
    N, T, H = sizes["N"], sizes["T"], sizes["H"]
    if lengths is not None:
        lengths = check_lengths(lengths, sizes)
        # Padding is never read: not even a number there that overflows can reach a result.
        xs = np.where(np.arange(T)[:, None] < lengths[:, None, None], xs, 0)

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
    xs = np.ascontiguousarray(xs.transpose(1, 0, 2))  # (T, N, I)
    block = max(1, ROWS // N)
    for start in range(0, T, block):
        steps = slice(start, start + block)
        a_i = np.dot(xs[steps].reshape(-1, sizes["I"]), W_ih_T).reshape(-1, N, 3, H)
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
    cache = Cache(xs.transpose(1, 0, 2), hs[:-1], rs, zs, ns, a_hns, lengths, params)
    return hs[1:].transpose(1, 0, 2).copy(), cache


def backward(dhs, cache):
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
    W_rz, W_hn = params.weight_hh[: 2 * H], params.weight_hh[2 * H :]

    dxs = np.empty((T, N, xs.shape[2]), xs.dtype)
    dh, copied = np.zeros((N, H), xs.dtype), np.empty((N, H), xs.dtype)
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
        above = dhs.transpose(1, 0, 2)[steps]
        views = zip(factors, dh_alls, above, z, r, strict=True)
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
    return dxs.transpose(1, 0, 2), dh, grads
