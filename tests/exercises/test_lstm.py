"""Each checker of the LSTM chapter passes the solution and knows the likely mistakes."""

import re

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
        names["b_h"] = dict(zip("ifgo", np.split(p.bias_hh, 4), strict=True))
        for name, line in lines.items():
            names[name] = eval(line, {}, names)
        return names["h"], names["c"]

    return step


WITHOUT_BIAS_HH = {
    "i": "sigmoid(a_i - b_h['i'])",
    "f": "sigmoid(a_f - b_h['f'])",
    "g": "np.tanh(a_g - b_h['g'])",
    "o": "sigmoid(a_o - b_h['o'])",
}


@pytest.mark.parametrize("name", ["lstm.step", "lstm.find-the-bug"])
def test_the_right_step_passes(name):
    assert check(name, make_step()).passed


KNOWN_STEPS = [
    ({"g": "np.tanh(a_o)", "o": "sigmoid(a_g)"}, "i, f, o, g"),
    ({"i": "sigmoid(a_f)", "f": "sigmoid(a_i)"}, "input and the forget gate are exchanged"),
    ({"c": "f * h_prev + i * g"}, "must multiply c_prev"),
    ({"h": "o * c"}, "tanh is missing"),
    ({"h": "o * np.tanh(c_prev)"}, "shows the old cell"),
    ({"h": "np.tanh(c)"}, "not used"),
    ({"c": "i * g"}, "drops what it held"),
    ({"c": "c_prev + i * g"}, "no forget gate"),
    ({"c": "np.tanh(f * c_prev + i * g)"}, "squashed"),
    (
        {"i": "np.tanh(a_i)", "f": "np.tanh(a_f)", "o": "np.tanh(a_o)"},
        "gates go through tanh",
    ),
    ({"g": "sigmoid(a_g)"}, "needs tanh"),
    ({"c": "f * c_prev + (1 - f) * g"}, "1 - f"),
    (WITHOUT_BIAS_HH, "bias_hh is missing"),
]


@pytest.mark.parametrize(
    ("change", "sentence"),
    KNOWN_STEPS,
)
def test_a_known_mistake_is_named(change, sentence):
    for name in ("lstm.step", "lstm.find-the-bug"):
        result = check(name, make_step(**change))
        assert not result.passed
        assert sentence in result.message


def test_exchanged_states_are_named():
    def exchanged(x, h_prev, c_prev, params):
        return make_step()(x, h_prev, c_prev, params)[::-1]

    assert "two states are exchanged" in check("lstm.step", exchanged).message


OTHER_STEPS = [
    ({"c": "2 * f * c_prev + i * g"}, r"c with f = 1 and i = 0, which must be c_prev\[0, 0\]"),
    ({"g": "np.tanh(2 * a_g)"}, r"c with f = 0 and i = 1, which must be g\[0, 0\]"),
    ({"f": "sigmoid(2 * a_f)"}, r"c with i = 0, which shows f \* c_prev\[0, 0\]"),
    ({"i": "sigmoid(2 * a_i)"}, r"c with f = 0, which shows i \* g\[0, 0\]"),
    ({"h": "o * np.tanh(2 * c)"}, r"h with o = 1, which must be tanh\(c\)\[0, 0\]"),
    ({"o": "sigmoid(2 * a_o)"}, r"h\[0, 0\]"),
]


@pytest.mark.parametrize(
    ("change", "first"),
    OTHER_STEPS,
)
def test_an_unknown_mistake_is_located(change, first):
    result = check("lstm.step", make_step(**change))
    assert not result.passed
    assert re.match(first + r": wanted -?[\d.e-]+, got -?[\d.e-]+\.", result.message)


def test_a_step_that_returns_h_alone_is_refused():
    result = check("lstm.step", lambda x, h, c, p: make_step()(x, h, c, p)[0])
    assert result.message == "Expected the pair (h, c), got ndarray."


@pytest.mark.parametrize(
    "name",
    ["lstm.step", "lstm.direct-path", "lstm.forget-bias", "lstm.from-onnx", "lstm.find-the-bug"],
)
def test_a_stub_is_not_attempted(name):
    arguments = {"lstm.step": 4, "lstm.find-the-bug": 4, "lstm.from-onnx": 1}.get(name, 2)
    stub = [lambda a: ..., lambda a, b: ..., None, lambda a, b, c, d: ...][arguments - 1]
    for answer in (..., stub):
        result = check(name, answer)
        assert not result.passed
        assert result.message.startswith("Not attempted yet")


def test_the_right_direct_path_passes():
    assert check("lstm.direct-path", lambda f, k: f[len(f) - k :].prod(axis=0)).passed


DIRECT_PATHS = [
    (lambda f, k: f[:k].prod(axis=0), "first k gates"),
    (lambda f, k: f[len(f) - k + 1 :].prod(axis=0), "one gate too few"),
    (lambda f, k: f[max(len(f) - k - 1, 0) :].prod(axis=0), "one gate too many"),
    (lambda f, k: f[len(f) - k :].sum(axis=0), "add the gates"),
    (lambda f, k: f[len(f) - k :].prod(axis=1), "runs over the units"),
    (lambda f, k: f[len(f) - k :].prod(), "multiplied over the units"),
    (lambda f, k: f[len(f) - k :].mean(axis=0) ** k, "power of the mean"),
    (lambda f, k: f[-k], "f[-k] is one gate"),
    (lambda f, k: f[-k:].prod(axis=0), "f[-0:] is the whole array"),
    (lambda f, k: 2 * f[len(f) - k :].prod(axis=0), "T = 6, k = 2[0]: wanted"),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    DIRECT_PATHS,
)
def test_a_wrong_direct_path_is_named(answer, sentence):
    result = check("lstm.direct-path", answer)
    assert not result.passed
    assert sentence in result.message


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


FORGET_BIASES = [
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
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    FORGET_BIASES,
)
def test_a_wrong_forget_bias_is_named(answer, sentence):
    result = check("lstm.forget-bias", answer)
    assert not result.passed
    assert sentence in result.message


def reorder(*order, fields=lstm.Params._fields):
    def from_onnx(params):
        return lstm.Params(
            *(
                np.concatenate([np.split(a, 4)[k] for k in order]) if name in fields else a.copy()
                for name, a in params._asdict().items()
            )
        )

    return from_onnx


def test_the_right_order_passes():
    assert check("lstm.from-onnx", reorder(0, 2, 3, 1)).passed


ORDERS = [
    (reorder(0, 1, 2, 3), "Nothing has changed"),
    (reorder(0, 3, 1, 2), "the way back is the inverse"),
    (reorder(0, 3, 2, 1), "f belongs before g"),
    (reorder(0, 2, 1, 3), "g belongs before o"),
    (reorder(0, 2, 3, 1, fields=("weight_ih", "weight_hh")), "bias_ih has not been reordered"),
    (reorder(3, 2, 1, 0), "the rows of i in weight_ih[0, 0]: wanted"),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    ORDERS,
)
def test_a_wrong_order_is_named(answer, sentence):
    result = check("lstm.from-onnx", answer)
    assert not result.passed
    assert sentence in result.message


# For the tests that all exercises share: the right answers, and wrong ones.
RIGHT = {
    "lstm.step": make_step(),
    "lstm.direct-path": lambda f, k: f[len(f) - k :].prod(axis=0),
    "lstm.forget-bias": make_half_lives(),
    "lstm.from-onnx": reorder(0, 2, 3, 1),
    "lstm.find-the-bug": make_step(),
}
STEPS = [make_step(**change) for change, _ in KNOWN_STEPS + OTHER_STEPS]
WRONG = {
    "lstm.step": STEPS,
    "lstm.direct-path": [wrong for wrong, _ in DIRECT_PATHS],
    "lstm.forget-bias": [wrong for wrong, _ in FORGET_BIASES],
    "lstm.from-onnx": [wrong for wrong, _ in ORDERS],
    "lstm.find-the-bug": STEPS,
}
