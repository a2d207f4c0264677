"""GRU steps with one part replaced, as readers write them and as their own tests must find them."""

from collections.abc import Callable

import numpy as np

from gru_course.reference import gru
from gru_course.reference.activations import sigmoid

Step = Callable[[np.ndarray, np.ndarray, gru.Params], np.ndarray]


def step_with(
    *,
    gates: Callable = sigmoid,
    n: Callable = lambda i_n, r, h_n: np.tanh(i_n + r * h_n),
    h: Callable = lambda z, n, h_prev: (1 - z) * n + z * h_prev,
) -> Step:
    """The step with another function for its gates, its candidate or its last line."""

    def step(x, h_prev, params):
        i_r, i_z, i_n = np.split(x @ params.weight_ih.T + params.bias_ih, 3, axis=1)
        h_r, h_z, h_n = np.split(h_prev @ params.weight_hh.T + params.bias_hh, 3, axis=1)
        return h(gates(i_z + h_z), n(i_n, gates(i_r + h_r), h_n), h_prev)

    return step


def step_on(change: Callable[[gru.Params], gru.Params]) -> Step:
    """The reference's step on changed weights."""
    return lambda x, h_prev, params: gru.step(x, h_prev, change(params))[0]


def reset_before(x: np.ndarray, h_prev: np.ndarray, params: gru.Params) -> np.ndarray:
    """Cho et al.'s form, with the reset gate before the product."""
    return gru.step(x, h_prev, params, reset_after=False)[0]


def unchanged(params: gru.Params) -> gru.Params:
    return params


def gates_exchanged(params: gru.Params) -> gru.Params:
    """The rows of r and z in each other's place."""
    blocks = (np.split(a, 3) for a in params)
    return gru.Params(*(np.concatenate([z, r, n]) for r, z, n in blocks))


def one_recurrent_matrix(params: gru.Params) -> gru.Params:
    """W_hr for both gates."""
    W_hr, _, W_hn = np.split(params.weight_hh, 3)
    return params._replace(weight_hh=np.concatenate([W_hr, W_hr, W_hn]))


def without_b_hn(params: gru.Params) -> gru.Params:
    b_hr, b_hz, b_hn = np.split(params.bias_hh, 3)
    return params._replace(bias_hh=np.concatenate([b_hr, b_hz, 0 * b_hn]))


def b_hn_outside(params: gru.Params) -> gru.Params:
    """b_hn added up with b_in, and so outside of the reset product."""
    b_hh = params.bias_hh - without_b_hn(params).bias_hh
    return without_b_hn(params)._replace(bias_ih=params.bias_ih + b_hh)
