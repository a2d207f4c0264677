"""Answers to the exercises of the chapter on BPTT, right and wrong.

The right answers here are held against central differences, not against the reference, which the
checkers themselves use.
"""

import numpy as np
import pytest

from gru_course.reference import rnn
from gru_course.reference.gradcheck import gradcheck


def make_step(slope="h > 0", W="params.weight_hh", state="h_prev", divide="1"):
    def relu_step_backward(dh, x, h_prev, h, params):
        names = {"dh": dh, "h_prev": h_prev, "h": h, "params": params}
        da = dh * eval(slope, names)
        n = eval(divide, names)
        grads = rnn.Params(
            da.T @ x / n, da.T @ eval(state, names) / n, da.sum(0) / n, da.sum(0) / n
        )
        return da @ params.weight_ih, da @ eval(W, names), grads

    return relu_step_backward


def make_leaky(
    n="(h - (1 - alpha) * h_prev) / alpha",
    through="alpha * dh",
    direct="(1 - alpha) * dh",
    divide="1",
):
    def leaky_step_backward(dh, x, h_prev, h, params, alpha):
        names = {"dh": dh, "h_prev": h_prev, "h": h, "alpha": alpha}
        da = eval(through, names) * (1 - eval(n, names) ** 2)
        sums = da.T @ x, da.T @ h_prev, da.sum(0), da.sum(0)
        grads = rnn.Params(*(total / eval(divide, names) for total in sums))
        return da @ params.weight_ih, eval(direct, names) + da @ params.weight_hh, grads

    return leaky_step_backward


def make_backward(
    dh="dhs[:, t] + dh_prev",
    left="da",
    right="h_prevs[:, t]",
    W="params.weight_hh",
    sum_over="all",
    first="h0",
    divide=1,
):
    def backward(dhs, xs, h0, hs, params):
        first_state = eval(first, {"h0": h0})
        h_prevs = np.concatenate([first_state[:, None], hs[:, :-1]], axis=1)
        dxs, dh_prev = np.empty_like(xs), np.zeros_like(h0)
        total = [np.zeros_like(p) for p in params]
        last = xs.shape[1] - 1
        for t in reversed(range(last + 1)):
            names = {"dhs": dhs, "dh_prev": dh_prev, "t": t, "last": last}
            da = eval(dh, names) * (1 - hs[:, t] ** 2)
            dh_prev = da @ eval(W, {"params": params})
            names = {"da": da, "dh_prev": dh_prev, "h_prevs": h_prevs, "hs": hs, "t": t}
            dxs[:, t] = da @ params.weight_ih
            grads = (
                da.T @ xs[:, t],
                eval(left, names).T @ eval(right, names),
                da.sum(0),
                da.sum(0),
            )
            scale = divide if divide == 1 else len(dhs)
            if sum_over == "one":
                total = list(grads)
            else:
                total = [a + b / scale for a, b in zip(total, grads, strict=True)]
        return dxs, dh_prev, rnn.Params(*total)

    return backward


def sliding(dhs, hs, h0, weight_hh, k):
    h_prevs = np.concatenate([h0[:, None], hs[:, :-1]], axis=1)
    total = np.zeros_like(weight_hh)
    for t in range(hs.shape[1]):
        dh = dhs[:, t]
        for s in range(t, max(-1, t - k), -1):
            da = dh * (1 - hs[:, s] ** 2)
            total += da.T @ h_prevs[:, s]
            dh = da @ weight_hh
    return total


RIGHT = {
    "bptt.reach": lambda k, lag: max(0, k - lag) / k,
    "bptt.step-backward": make_step(),
    "bptt.leaky-step-backward": make_leaky(),
    "bptt.backward": make_backward(),
    "bptt.sliding": sliding,
}
MISTAKES = {
    "bptt.reach": [
        (lambda k, lag: 0.3, "k = 20, lag = 10: wanted 0.5, got 0.3"),
    ],
    "bptt.step-backward": [
        (make_step(slope="(1 - h * h)"), "tanh's"),
        (make_step(slope="1"), "slope is missing"),
        (make_step(slope="(h_prev > 0)"), "taken from h_prev"),
        (make_step(slope="h"), "by h itself"),
        (make_step(state="h"), "not h"),
        (make_step(W="params.weight_hh.T"), "transposed"),
        (make_step(divide="len(dh)"), "averaged over the batch"),
        (make_step(slope="2 * (h > 0)"), "dx[0, 0]: wanted"),
        (lambda dh, x, h_prev, h, params: dh, "Expected three results"),
        (lambda dh, x, h_prev, h, params: (dh, dh, dh), "an rnn.Params"),
    ],
    "bptt.leaky-step-backward": [
        (make_leaky(direct="0"), "direct route is missing"),
        (make_leaky(direct="dh"), "times 1 - alpha"),
        (make_leaky(through="dh"), "lacks its factor alpha"),
        (make_leaky(n="h"), "no longer the output of tanh"),
        (make_leaky(divide="len(dh)"), "averaged over the batch"),
        (make_leaky(direct="alpha * dh"), "alpha = 0.25, dh_prev"),
    ],
    "bptt.backward": [
        (make_backward(left="dh_prev"), "already passed through weight_hh"),
        (make_backward(right="hs[:, t]"), "h_{t-1}"),
        (make_backward(dh="dhs[:, t]"), "from the future"),
        (make_backward(dh="dh_prev + (t == last) * dhs[:, t]"), "from above"),
        (make_backward(sum_over="one"), "not summed over time"),
        (make_backward(W="params.weight_hh.T"), "transposed"),
        (make_backward(divide="N"), "averaged over the batch"),
        (make_backward(first="0 * h0"), "took as zero"),
        (make_backward(left="2 * da"), "weight_hh[0, 0]: wanted"),
    ],
    "bptt.sliding": [
        (lambda dhs, hs, h0, W, k: 0 * W, "k = 2, gradient of weight_hh["),
    ],
}


@pytest.fixture
def problem():
    rng = np.random.default_rng(3)
    params = rnn.init(rng, 2, 3)
    return rng.normal(size=(2, 4, 2)), rng.normal(size=(2, 3)), rng.normal(size=(2, 4, 3)), params


def test_the_right_backward_is_the_gradient(problem):
    xs, h0, weights, params = problem

    def loss(xs, h0, **p):
        h, total = h0, 0.0
        for t in range(4):
            h = np.tanh(
                xs[:, t] @ p["weight_ih"].T + h @ p["weight_hh"].T + p["bias_ih"] + p["bias_hh"]
            )
            total += (weights[:, t] * h).sum()
        return total

    hs, _ = rnn.forward(xs, h0, params)
    dxs, dh0, grads = RIGHT["bptt.backward"](weights, xs, h0, hs, params)
    arguments = {"xs": xs, "h0": h0, **params._asdict()}
    gradcheck(loss, arguments, {"xs": dxs, "h0": dh0, **grads._asdict()}, tolerance=1e-8)


@pytest.mark.parametrize(
    ("name", "alpha"), [("bptt.step-backward", None), ("bptt.leaky-step-backward", 0.3)]
)
def test_the_right_step_is_the_gradient(problem, name, alpha):
    xs, h_prev, weights, params = problem
    x, dh = xs[:, 0], weights[:, 0]

    def step(x, h_prev, weight_ih, weight_hh, bias_ih, bias_hh):
        a = x @ weight_ih.T + bias_ih + h_prev @ weight_hh.T + bias_hh
        if alpha is None:
            return np.maximum(a, 0)
        return (1 - alpha) * h_prev + alpha * np.tanh(a)

    arguments = {"x": x, "h_prev": h_prev, **params._asdict()}
    extra = () if alpha is None else (alpha,)
    dx, dh_prev, grads = RIGHT[name](dh, x, h_prev, step(**arguments), params, *extra)
    gradients = {"x": dx, "h_prev": dh_prev, **grads._asdict()}
    gradcheck(lambda **a: (dh * step(**a)).sum(), arguments, gradients, tolerance=1e-8)


def test_a_window_as_long_as_the_sequence_is_the_whole_gradient(problem):
    xs, h0, weights, params = problem
    hs, cache = rnn.forward(xs, h0, params)
    got = RIGHT["bptt.sliding"](weights, hs, h0, params.weight_hh, 4)
    np.testing.assert_allclose(got, rnn.backward(weights, cache)[2].weight_hh, atol=1e-14)
