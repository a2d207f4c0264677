"""The long short-term memory with a forget gate (Gers et al., 2000) in NumPy.

The state is a pair, `State(h, c)`, and stands wherever the other cells have h: `step` returns one,
`forward` returns one whose arrays have a time axis, `backward` takes a pair of gradients.

`step` is the formula, line for line, and `step_backward` its derivative; `forward` and `backward`
are the same mathematics made fast. A test holds the two pairs equal. With `PeepholeParams` in place
of `Params` the gates also see the cell state, as in Gers and Schmidhuber (2000).

Shapes: N batch, T time steps, I input size, H hidden size. Gates are stacked i | f | g | o.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from gru_course._checks import (
    Sizes,
    check_array,
    check_choice,
    check_params,
    check_sequences,
    check_sizes,
    check_switch,
)
from gru_course.reference.activations import sigmoid


class Params(NamedTuple):
    """Weights of one LSTM layer, laid out as torch's; gradients are the same tuple."""

    weight_ih: np.ndarray  # (4H, I): W_ii, W_if, W_ig, W_io stacked
    weight_hh: np.ndarray  # (4H, H): W_hi, W_hf, W_hg, W_ho stacked
    bias_ih: np.ndarray  # (4H,)
    bias_hh: np.ndarray  # (4H,)


class PeepholeParams(NamedTuple):
    """The same with peepholes, one weight a unit and gate; gradients are the same tuple."""

    weight_ih: np.ndarray  # (4H, I)
    weight_hh: np.ndarray  # (4H, H)
    bias_ih: np.ndarray  # (4H,)
    bias_hh: np.ndarray  # (4H,)
    peephole: np.ndarray  # (3H,): p_i, p_f, p_o stacked


SHAPES = {
    "weight_ih": ("4H", "I"),
    "weight_hh": ("4H", "H"),
    "bias_ih": ("4H",),
    "bias_hh": ("4H",),
    "peephole": ("3H",),  # PeepholeParams only
}


class State(NamedTuple):
    """Hidden state and cell state, (N, H) each, or (N, T, H) each for a whole sequence."""

    h: np.ndarray
    c: np.ndarray


class StepCache(NamedTuple):
    """What `step_backward` needs from `step`."""

    x: np.ndarray
    state_prev: State
    i: np.ndarray
    f: np.ndarray
    g: np.ndarray
    o: np.ndarray
    c: np.ndarray
    tanh_c: np.ndarray
    params: Params | PeepholeParams


class Cache(NamedTuple):
    """What `backward` needs from `forward`, time first."""

    xs: np.ndarray  # (N, T, I)
    hs: np.ndarray  # (T + 1, N, H): h0, h1, ... hT
    cs: np.ndarray  # (T + 1, N, H)
    gates: np.ndarray  # (T, N, 4H): i | f | g | o
    lengths: np.ndarray | None
    params: Params | PeepholeParams


def _check_state(name: str, state: State, shape: Sequence[str], sizes: Sizes) -> None:
    if not isinstance(state, State):
        raise ValueError(f"{name}: expected lstm.State(h, c), got {type(state).__name__}")
    check_array(f"{name}.h", state.h, shape, sizes)
    check_array(f"{name}.c", state.c, shape, sizes)


def _peepholes(params: Params | PeepholeParams) -> list[np.ndarray]:
    """p_i, p_f, p_o, (H,) each; zeros where there are none."""
    if isinstance(params, PeepholeParams):
        return np.split(params.peephole, 3)
    return [np.zeros_like(params.bias_hh[: len(params.bias_hh) // 4])] * 3


def _grads(da, x, h_prev, c_prev, c, params):
    """Gradients of the parameters from those of the pre-activations, summed over rows."""
    dW_ih, dW_hh, db = da.T @ x, da.T @ h_prev, da.sum(0)
    if not isinstance(params, PeepholeParams):
        return Params(dW_ih, dW_hh, db, db.copy())
    da_i, da_f, _, da_o = np.split(da, 4, axis=1)
    dp = [(da_i * c_prev).sum(0), (da_f * c_prev).sum(0), (da_o * c).sum(0)]
    return PeepholeParams(dW_ih, dW_hh, db, db.copy(), np.concatenate(dp))


def init(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    dtype: DTypeLike = np.float64,
    *,
    peepholes: bool = False,
) -> Params | PeepholeParams:
    """Draw weights and biases from U(-1/sqrt(H), 1/sqrt(H)), as torch does.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int, at least 1
    dtype : np.float64 or np.float32
    peepholes : whether the gates see the cell state

    Returns
    -------
    Params, or PeepholeParams with peepholes

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, peepholes is not True or False, or
        for another dtype

    >>> init(np.random.default_rng(0), input_size=2, hidden_size=3).weight_ih.shape
    (12, 2)
    """
    check_sizes(input_size=input_size, hidden_size=hidden_size)
    check_choice("dtype", np.dtype(dtype).name, ("float64", "float32"))
    bound = 1.0 / np.sqrt(hidden_size)
    sizes = {"H": hidden_size, "3H": 3 * hidden_size, "4H": 4 * hidden_size, "I": input_size}
    kind = PeepholeParams if check_switch("peepholes", peepholes) else Params
    return kind(
        *(
            rng.uniform(-bound, bound, [sizes[letter] for letter in SHAPES[field]]).astype(dtype)
            for field in kind._fields
        )
    )


def step(
    x: np.ndarray, state_prev: State, params: Params | PeepholeParams
) -> tuple[State, StepCache]:
    """One time step.

        i = sigmoid(W_ii x + b_ii + W_hi h_prev + b_hi)
        f = sigmoid(W_if x + b_if + W_hf h_prev + b_hf)
        g = tanh(W_ig x + b_ig + W_hg h_prev + b_hg)
        o = sigmoid(W_io x + b_io + W_ho h_prev + b_ho)
        c = f * c_prev + i * g
        h = o * tanh(c)

    Peepholes add p_i * c_prev to the argument of i, p_f * c_prev to that of f and p_o * c to that
    of o: the output gate sees the new cell state.

    Parameters
    ----------
    x : (N, I) input
    state_prev : State of (N, H) arrays
    params : Params, or PeepholeParams

    Returns
    -------
    state : State of (N, H) arrays
    cache : StepCache, for `step_backward`

    Raises
    ------
    ValueError : if a shape or dtype does not fit, or a number is not finite

    Notes
    -----
    Hochreiter and Schmidhuber (1997), without the forget gate; Gers et al. (2000), with it; Gers
    and Schmidhuber (2000), with peepholes. The chapter "The LSTM" derives it.

    >>> params = init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> state, _ = step(np.ones((1, 2)), State(np.zeros((1, 3)), np.zeros((1, 3))), params)
    >>> state.h.shape, state.c.shape
    ((1, 3), (1, 3))
    """
    sizes = {}
    check_params(params, SHAPES, sizes)
    check_array("x", x, ("N", "I"), sizes)
    _check_state("state_prev", state_prev, ("N", "H"), sizes)
    h_prev, c_prev = state_prev

    W_ii, W_if, W_ig, W_io = np.split(params.weight_ih, 4)
    W_hi, W_hf, W_hg, W_ho = np.split(params.weight_hh, 4)
    b_ii, b_if, b_ig, b_io = np.split(params.bias_ih, 4)
    b_hi, b_hf, b_hg, b_ho = np.split(params.bias_hh, 4)
    p_i, p_f, p_o = _peepholes(params)

    i = sigmoid(x @ W_ii.T + b_ii + h_prev @ W_hi.T + b_hi + p_i * c_prev)
    f = sigmoid(x @ W_if.T + b_if + h_prev @ W_hf.T + b_hf + p_f * c_prev)
    g = np.tanh(x @ W_ig.T + b_ig + h_prev @ W_hg.T + b_hg)
    c = f * c_prev + i * g
    o = sigmoid(x @ W_io.T + b_io + h_prev @ W_ho.T + b_ho + p_o * c)
    tanh_c = np.tanh(c)
    h = o * tanh_c
    return State(h, c), StepCache(x, state_prev, i, f, g, o, c, tanh_c, params)


def step_backward(
    dstate: State, cache: StepCache
) -> tuple[np.ndarray, State, Params | PeepholeParams]:
    """Gradients of one step, by the chain rule from the last line of `step` to the first.

        do = dstate.h * tanh(c)              da_o = do * o * (1 - o)
        dc = dstate.c + dstate.h * o * (1 - tanh(c)^2) + da_o * p_o
        di = dc * g                          da_i = di * i * (1 - i)
        df = dc * c_prev                     da_f = df * f * (1 - f)
        dg = dc * i                          da_g = dg * (1 - g^2)
        dc_prev = dc * f + da_i * p_i + da_f * p_f

    and h_prev receives one term from each of i, f, g and o. Without peepholes every p is 0.

    Parameters
    ----------
    dstate : State of (N, H) gradients of the loss with respect to h and c
    cache : StepCache from `step`

    Returns
    -------
    dx : (N, I)
    dstate_prev : State of (N, H) gradients
    grads : Params or PeepholeParams of gradients, summed over the batch

    Raises
    ------
    ValueError : if dstate does not have the shapes and dtype of the state
    """
    x, (h_prev, c_prev), i, f, g, o, c, tanh_c, params = cache
    sizes = {"N": len(x), "H": c_prev.shape[1], "dtype": c_prev.dtype}
    _check_state("dstate", dstate, ("N", "H"), sizes)

    p_i, p_f, p_o = _peepholes(params)
    da_o = dstate.h * tanh_c * o * (1 - o)
    dc = dstate.c + dstate.h * o * (1 - tanh_c * tanh_c) + da_o * p_o
    da_i = dc * g * i * (1 - i)
    da_f = dc * c_prev * f * (1 - f)
    da_g = dc * i * (1 - g * g)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)  # (N, 4H)
    dh_prev, dc_prev = da @ params.weight_hh, dc * f + da_i * p_i + da_f * p_f
    grads = _grads(da, x, h_prev, c_prev, c, params)
    return da @ params.weight_ih, State(dh_prev, dc_prev), grads


def forward(
    xs: np.ndarray,
    state0: State,
    params: Params | PeepholeParams,
    *,
    lengths: ArrayLike | None = None,
) -> tuple[State, Cache]:
    """Run `step` over a batch of sequences.

    Parameters
    ----------
    xs : (N, T, I) inputs, batch first
    state0 : State of (N, H) arrays, the initial states
    params : Params, or PeepholeParams
    lengths : (N,) whole numbers from 1 to T, or None for all T. Past its length a sequence's
        state is frozen, so h[:, -1] is every sequence's own last state and padding is never read.

    Returns
    -------
    states : State of (N, T, H) arrays
    cache : Cache, for `backward`

    Raises
    ------
    ValueError : if a shape, dtype or length does not fit, or a number is not finite

    >>> params = init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> zero = np.zeros((4, 3))
    >>> states, _ = forward(np.ones((4, 5, 2)), State(zero, zero), params)
    >>> states.h.shape
    (4, 5, 3)
    """
    sizes = {}
    xs, lengths = check_sequences(xs, lengths, params, SHAPES, sizes)
    _check_state("state0", state0, ("N", "H"), sizes)
    N, T, H = sizes["N"], sizes["T"], sizes["H"]

    # One product for the inputs of all steps; the loop below only adds the recurrent part.
    a_x = (xs @ params.weight_ih.T + params.bias_ih + params.bias_hh).transpose(1, 0, 2)
    W_hh_T = params.weight_hh.T
    p_i, p_f, p_o = _peepholes(params)
    hs, cs = (np.empty((T + 1, N, H), xs.dtype) for _ in range(2))
    gates = np.empty((T, N, 4 * H), xs.dtype)
    hs[0], cs[0] = state0
    for t in range(T):
        a_i, a_f, a_g, a_o = np.split(a_x[t] + hs[t] @ W_hh_T, 4, axis=1)
        i, f, g, o = np.split(gates[t], 4, axis=1)  # views: filled in place
        i[...] = sigmoid(a_i + p_i * cs[t])
        f[...] = sigmoid(a_f + p_f * cs[t])
        g[...] = np.tanh(a_g)
        c = f * cs[t] + i * g
        o[...] = sigmoid(a_o + p_o * c)
        h = o * np.tanh(c)
        if lengths is not None:
            alive = (t < lengths)[:, None]
            h, c = np.where(alive, h, hs[t]), np.where(alive, c, cs[t])
        hs[t + 1], cs[t + 1] = h, c
    states = State(hs[1:].transpose(1, 0, 2).copy(), cs[1:].transpose(1, 0, 2).copy())
    return states, Cache(xs, hs, cs, gates, lengths, params)


def backward(dstates: State, cache: Cache) -> tuple[np.ndarray, State, Params | PeepholeParams]:
    """Back-propagation through time: the gradient of a loss that reads every state.

    Parameters
    ----------
    dstates : State of (N, T, H) gradients of the loss with respect to every h and c, as they
        arrive from above at each step. Where a sequence has ended its state is a copy, so what
        arrives there flows on to its own last state.
    cache : Cache from `forward`

    Returns
    -------
    dxs : (N, T, I), zero at padding
    dstate0 : State of (N, H) gradients
    grads : Params or PeepholeParams of gradients, summed over batch and time

    Raises
    ------
    ValueError : if dstates does not have the shapes and dtype of the states
    """
    xs, hs, cs, gates, lengths, params = cache
    T, N, H = len(hs) - 1, hs.shape[1], hs.shape[2]
    sizes = {"N": N, "T": T, "H": H, "dtype": hs.dtype}
    _check_state("dstates", dstates, ("N", "T", "H"), sizes)

    p_i, p_f, p_o = _peepholes(params)
    das = np.empty((T, N, 4 * H), hs.dtype)  # gradients of the pre-activations
    dh, dc = (np.zeros((N, H), hs.dtype) for _ in range(2))
    for t in reversed(range(T)):
        dh, dc = dh + dstates.h[:, t], dc + dstates.c[:, t]
        alive = 1 if lengths is None else (t < lengths)[:, None].astype(hs.dtype)
        i, f, g, o = np.split(gates[t], 4, axis=1)
        tanh_c = np.tanh(cs[t + 1])
        da_i, da_f, da_g, da_o = np.split(das[t], 4, axis=1)  # views: filled in place
        da_o[...] = alive * dh * tanh_c * o * (1 - o)
        dc_in = alive * (dc + dh * o * (1 - tanh_c * tanh_c)) + da_o * p_o
        da_i[...] = dc_in * g * i * (1 - i)
        da_f[...] = dc_in * cs[t] * f * (1 - f)
        da_g[...] = dc_in * i * (1 - g * g)
        # An ended sequence copies its state.
        dh = das[t] @ params.weight_hh + (1 - alive) * dh
        dc = dc_in * f + da_i * p_i + da_f * p_f + (1 - alive) * dc

    # The sums over batch and time are single products of flattened arrays.
    da = das.reshape(T * N, 4 * H)
    x = xs.transpose(1, 0, 2).reshape(T * N, -1)
    h_prev, c_prev, c = (s.reshape(T * N, H) for s in (hs[:-1], cs[:-1], cs[1:]))
    grads = _grads(da, x, h_prev, c_prev, c, params)
    return (das @ params.weight_ih).transpose(1, 0, 2), State(dh, dc), grads
