"""Answers to the exercises of the plain RNN chapter, right and wrong."""

import numpy as np

from gru_course.reference import rnn


def right_step(x, h_prev, params):
    W_ih, W_hh, b_ih, b_hh = params
    return np.tanh(x @ W_ih.T + b_ih + h_prev @ W_hh.T + b_hh)


def states(xs, h0, params, step=right_step):
    h, hs = h0, []
    for t in range(xs.shape[1]):
        h = step(xs[:, t], h, params)
        hs.append(h)
    return np.stack(hs, axis=1)


def shift(k, **change):
    zero = np.zeros(k + 1)
    parts = {
        "weight_ih": np.eye(k + 1, 1),
        "weight_hh": np.eye(k + 1, k=-1),
        "bias_ih": zero,
        "bias_hh": zero,
    }
    return rnn.Params(**(parts | change))


def flipped_step(x, h_prev, params):
    W_ih, W_hh, b_ih, b_hh = params
    return np.tanh(x @ W_ih.T + b_ih + h_prev @ W_hh + b_hh)


def last_states(xs, lengths, params, step=right_step, offset=1):
    hs = states(xs, np.zeros((len(xs), len(params.bias_hh))), params, step)
    return hs[np.arange(len(xs)), np.clip(lengths - offset, 0, xs.shape[1] - 1)]


def end_of_batch(xs, lengths, params, step=right_step):
    return states(xs, np.zeros((len(xs), len(params.bias_hh))), params, step)[:, -1]


RIGHT = {
    "rnn.count": lambda I, H: H * I + H * H + 2 * H,
    "rnn.step": right_step,
    "rnn.forward": states,
    "rnn.find-the-bugs": last_states,
    "rnn.delay": shift,
}


def make_step(line):
    def step(x, h_prev, params):
        W_ih, W_hh, b_ih, b_hh = params
        names = {
            "np": np,
            "h_prev": h_prev,
            "a_x": x @ W_ih.T + b_ih,
            "a_h": h_prev @ W_hh.T + b_hh,
        }
        return eval(line, names)

    return step


MISTAKES = {
    "rnn.count": [
        (lambda I, H: 3 * (H * I + H * H + 2 * H), "I = 2, H = 3: wanted 21, got 63"),
        (lambda I, H: H * I + H * H + 2 * I, "I = 2, H = 3: wanted 21, got 19"),
    ],
    "rnn.step": [
        (make_step("(np.tanh(a_x + a_h), 0)"), "Expected one array, h; got a tuple of 2"),
        (make_step("np.tanh(2 * a_x + a_h)"), "h with h_prev = 0[0, 0]: wanted"),
        (make_step("np.tanh(a_x + a_h + h_prev)"), "h with x = 0[0, 0]: wanted"),
        (make_step("np.tanh(a_x + a_h)[0]"), "expected shape (2, 4)"),
    ],
    "rnn.forward": [
        (lambda *a: list(states(*a).transpose(1, 0, 2)), "time first"),
        (lambda *a: states(*a) + (np.arange(a[0].shape[1]) == 2)[:, None], "h_3, that is hs[:, 2]"),
        (lambda *a: (states(*a), 0), "Expected one array, hs (N, T, H); got a tuple of 2"),
    ],
    "rnn.find-the-bugs": [
        (lambda *a: end_of_batch(*a, flipped_step), "Both bugs"),
        (end_of_batch, "after the padding"),
        (lambda *a: last_states(*a, flipped_step), "W_hh.T"),
        (lambda *a: last_states(*a, offset=0), "one step too far"),
        (lambda *a: last_states(*a, offset=2), "one step too early"),
        (lambda *a: 2 * last_states(*a), "last states[0, 0]: wanted"),
        (lambda *a: last_states(*a)[0], "expected shape (3, 4), got (4,)"),
    ],
    "rnn.delay": [
        (lambda k: tuple(shift(k)), "expected rnn.Params, got tuple"),
        (lambda k: shift(k - 1), "are k + 1 numbers"),
        (lambda k: shift(k, weight_ih=np.ones(k + 1)), "weight_ih needs shape (3, 1), got (3,)."),
        (lambda k: shift(k, weight_hh=np.eye(k + 1, k=1)), "below the diagonal"),
        (lambda k: shift(k, weight_hh=np.eye(k + 1, k=-1) + np.eye(k + 1)), "states (N, T)"),
        (
            lambda k: shift(k, weight_hh=np.eye(k + 1, k=-1) + np.diag([0.0] * k + [1.0])),
            "also hears itself",
        ),
        (
            lambda k: shift(k, weight_ih=np.eye(k + 1, 1, k=-1 if k else 0)),
            "the last unit shows the input of k - 1 steps ago",
        ),
        (lambda k: shift(k, bias_ih=np.ones(k + 1)), "states (N, T)[0, 0]: wanted 0"),
        (lambda k: shift(k, weight_ih=np.ones((k + 1, 1))), "states (N, T)[0, 0]: wanted 0"),
        (lambda k: shift(k, bias_ih=np.full(k + 1, np.nan)), "finite weights"),
    ],
}
