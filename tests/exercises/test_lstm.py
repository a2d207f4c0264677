"""Answers to the exercises of the LSTM chapter, right and wrong."""

import numpy as np
import pytest

from gru_course.exercises import check
from gru_course.reference import lstm
from gru_course.reference.activations import sigmoid


def make_step(**change):
    """A step of which one part is replaced; parts are strings of Python over the usual names."""
    lines = {
        "i": "sigmoid(a_i)",
        "f": "sigmoid(a_f)",
        "g": "np.tanh(a_g)",
        "o": "sigmoid(a_o)",
        "c": "f * c_prev + i * g",
        "h": "o * np.tanh(c)",
    } | change

    def step(x, h_prev, c_prev, p):
        a = x @ p.weight_ih.T + p.bias_ih + h_prev @ p.weight_hh.T + p.bias_hh
        names = {"np": np, "sigmoid": sigmoid, "h_prev": h_prev, "c_prev": c_prev}
        names |= dict(zip(("a_i", "a_f", "a_g", "a_o"), np.split(a, 4, axis=1), strict=True))
        for name, line in lines.items():
            names[name] = eval(line, {}, names)
        return names["h"], names["c"]

    return step


def make_half_lives(
    gate=lambda k: 0.5 ** (1 / k),
    bias=lambda f: np.log(f / (1 - f)),
    block=1,
    write=lambda ih, hh, b: (b, 0 * b),
    in_place=False,
):
    """A right answer to "lstm.forget-bias" of which one part is replaced."""

    def set_half_lives(params, half_lives):
        H = len(half_lives)
        ih, hh = (a if in_place else a.copy() for a in (params.bias_ih, params.bias_hh))
        rows = slice(block * H, (block + 1) * H)
        ih[rows], hh[rows] = write(ih[rows], hh[rows], bias(gate(half_lives)))
        return params._replace(bias_ih=ih, bias_hh=hh)

    return set_half_lives


@pytest.mark.parametrize("write", [lambda ih, hh, b: (b, 0 * b), lambda ih, hh, b: (b - hh, hh)])
def test_the_right_forget_bias_passes_however_the_sum_is_made(write):
    assert check("lstm.forget-bias", make_half_lives(write=write)).passed


def every_bias_scaled(params, half_lives):
    right = make_half_lives()(params, half_lives)
    return right._replace(weight_hh=2 * right.weight_hh)


def reorder(*order, fields=lstm.Params._fields):
    def from_onnx(params):
        return lstm.Params(
            *(
                np.concatenate([np.split(a, 4)[k] for k in order]) if name in fields else a.copy()
                for name, a in params._asdict().items()
            )
        )

    return from_onnx


RIGHT = {
    "lstm.step": make_step(),
    "lstm.direct-path": lambda f, k: f[len(f) - k :].prod(axis=0),
    "lstm.forget-bias": make_half_lives(),
    "lstm.from-onnx": reorder(0, 2, 3, 1),
    "lstm.find-the-bug": make_step(),
}
STEPS = [
    (make_step(c="2 * f * c_prev + i * g"), "c with f = 1 and i = 0, which must be c_prev[0, 0]: "),
    (make_step(g="np.tanh(2 * a_g)"), "c with f = 0 and i = 1, which must be g[0, 0]: wanted"),
    (make_step(f="sigmoid(2 * a_f)"), "c with i = 0, which shows f * c_prev[0, 0]: wanted"),
    (make_step(i="sigmoid(2 * a_i)"), "c with f = 0, which shows i * g[0, 0]: wanted"),
    (make_step(h="o * np.tanh(2 * c)"), "h with o = 1, which must be tanh(c)[0, 0]: wanted"),
    (make_step(o="sigmoid(2 * a_o)"), "h[0, 0]: wanted"),
    (lambda *case: make_step()(*case)[0], "Expected the pair (h, c), got ndarray."),
]
MISTAKES = {
    "lstm.step": STEPS,
    "lstm.find-the-bug": [(make_step(h="o * np.tanh(c_prev)"), "shows the old cell"), *STEPS],
    "lstm.direct-path": [
        (lambda f, k: 2 * f[len(f) - k :].prod(axis=0), "T = 6, k = 2[0]: wanted"),
    ],
    "lstm.forget-bias": [
        (make_half_lives(write=lambda ih, hh, b: (b, b)), "twice what was asked for"),
        (make_half_lives(write=lambda ih, hh, b: (ih + b, hh)), "added to the biases"),
        (make_half_lives(write=lambda ih, hh, b: (b, hh)), "still holds its old value"),
        (make_half_lives(write=lambda ih, hh, b: (ih, b)), "still holds its old value"),
        (make_half_lives(bias=lambda f: f), "the gate itself"),
        (make_half_lives(gate=lambda k: np.exp(-1 / k)), "a share 1/e"),
        (make_half_lives(bias=lambda f: -np.log(f / (1 - f))), "sign is turned"),
        (make_half_lives(block=0), "rows of i"),
        (make_half_lives(block=2), "rows of g"),
        (make_half_lives(block=3), "rows of o"),
        (make_half_lives(write=lambda ih, hh, b: (ih, hh)), "have not changed"),
        (make_half_lives(in_place=True), "copy before you write"),
        (make_half_lives(bias=lambda f: f + 1), "the sum of the two forget biases[0]: wanted"),
        (every_bias_scaled, "the rows of i in weight_hh[0, 0]"),
        (lambda params, half_lives: list(params), "Expected an lstm.Params tuple, got list"),
        (
            lambda params, half_lives: params._replace(bias_ih=params.bias_ih[:1]),
            "bias_ih: expected shape (16,), got (1,)",
        ),
    ],
    "lstm.from-onnx": [
        (
            reorder(0, 2, 3, 1, fields=("weight_ih", "weight_hh")),
            "bias_ih has not been reordered",
        ),
        (reorder(3, 2, 1, 0), "the rows of i in weight_ih[0, 0]: wanted"),
    ],
}
