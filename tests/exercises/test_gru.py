"""Each checker of the GRU chapter passes the solution and knows the likely mistakes."""

import math
import re

import numpy as np
import pytest

from gru_course.exercises import check
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid


def make_step(**change):
    """A step of which one part is replaced; parts are strings of Python over the usual names."""
    lines = {
        "r": "sigmoid(a_r)",
        "z": "sigmoid(a_z)",
        "n": "np.tanh(a_in + r * a_hn)",
        "h": "(1 - z) * n + z * h_prev",
    } | change

    def step(x, h_prev, p):
        W_ir, W_iz, W_in = np.split(p.weight_ih, 3)
        W_hr, W_hz, W_hn = np.split(p.weight_hh, 3)
        b_ir, b_iz, b_in = np.split(p.bias_ih, 3)
        b_hr, b_hz, b_hn = np.split(p.bias_hh, 3)
        names = {
            "np": np,
            "sigmoid": sigmoid,
            "h_prev": h_prev,
            "a_r": x @ W_ir.T + b_ir + h_prev @ W_hr.T + b_hr,
            "a_z": x @ W_iz.T + b_iz + h_prev @ W_hz.T + b_hz,
            "a_z_shared": x @ W_iz.T + b_iz + h_prev @ W_hr.T + b_hz,
            "a_in": x @ W_in.T + b_in,
            "a_hn": h_prev @ W_hn.T + b_hn,
            "W_hn": W_hn,
            "b_hn": b_hn,
        }
        for name, line in lines.items():
            names[name] = eval(line, {}, names)
        return names["h"]

    return step


@pytest.mark.parametrize("name", ["gru.step", "gru.find-the-bug"])
def test_the_right_step_passes(name):
    assert check(name, make_step()).passed


KNOWN_STEPS = [
    ({"h": "z * n + (1 - z) * h_prev"}, "writes where it should keep"),
    ({"r": "sigmoid(a_z)", "z": "sigmoid(a_r)"}, "exchanged"),
    ({"n": "np.tanh(r * a_in + a_hn)"}, "input's part"),
    ({"n": "np.tanh(a_in + (r * h_prev) @ W_hn.T + b_hn)"}, "before the product"),
    ({"n": "np.tanh(a_in + r * (h_prev @ W_hn.T) + b_hn)"}, "outside the reset product"),
    ({"n": "np.tanh(a_in + r * (h_prev @ W_hn.T))"}, "b_hn is missing"),
    ({"r": "np.tanh(a_r)", "z": "np.tanh(a_z)"}, "gates go through tanh"),
    ({"z": "sigmoid(a_z_shared)"}, "Both gates use W_hr"),
    ({"n": "sigmoid(a_in + r * a_hn)"}, "needs tanh"),
    ({"n": "np.tanh(a_in + a_hn)"}, "ignores the reset gate"),
]


@pytest.mark.parametrize(
    ("change", "sentence"),
    KNOWN_STEPS,
)
def test_a_known_mistake_is_named(change, sentence):
    result = check("gru.step", make_step(**change))
    assert not result.passed
    assert sentence in result.message


OTHER_STEPS = [
    ({"h": "n + z * h_prev"}, "h with z = 1"),
    ({"n": "np.tanh(2 * a_in + r * a_hn)"}, r"the candidate n with r = 0\[0, 0\]"),
    ({"n": "np.tanh(a_in + 2 * r * a_hn)"}, r"the candidate n with r = 1\[0, 0\]"),
    ({"r": "sigmoid(2 * a_r)"}, r"the candidate n\[0, 0\]"),
    ({"z": "sigmoid(2 * a_z)"}, r"h with r = 0, which shows the update gate\[0, 0\]"),
]


@pytest.mark.parametrize(
    ("change", "first"),
    OTHER_STEPS,
)
def test_another_mistake_names_the_first_intermediate_that_differs(change, first):
    result = check("gru.step", make_step(**change))
    assert not result.passed
    assert re.match(first, result.message)
    assert "wanted" in result.message
    assert "got" in result.message


def changes_its_argument(x, h_prev, p):
    h_prev *= 1.0
    h_prev += 1e-3
    return h_prev


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x, h_prev, p: gru.step(x, h_prev, p), "one array"),
        (lambda x, h_prev, p: gru.step(x, h_prev, p)[0][0], "expected shape"),
        (lambda x, h_prev: h_prev, "cannot be called with 3 arguments"),
        (lambda x, h_prev, p: h_prev @ x, "raised ValueError"),
        (changes_its_argument, "in place"),
        (lambda x, h_prev, p: "h", "expected numbers"),
        (lambda x, h_prev, p: [[1.0], [1.0, 2.0]], "expected numbers"),
        (3.0, "Expected a function"),
    ],
)
def test_an_answer_of_the_wrong_kind_gets_a_sentence(answer, sentence):
    result = check("gru.step", answer)
    assert not result.passed
    assert sentence in result.message


@pytest.mark.parametrize(
    "name", ["gru.step", "gru.find-the-bug", "gru.count", "gru.bias-for-memory", "gru.negate"]
)
@pytest.mark.parametrize("stub", [None, ..., lambda *args: None, lambda *args: ...])
def test_a_stub_is_not_attempted(name, stub):
    result = check(name, stub)
    assert not result.passed
    assert result.message.startswith("Not attempted")


def test_an_unknown_exercise_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"name: expected one of .*gru\.step.*, got 'gru\.stpe'"):
        check("gru.stpe", None)


def right_count(I, H):
    return 3 * (H * I + H * H + 2 * H)


COUNTS = [
    (lambda I, H: 3 * (H * I + H * H + H), "one bias vector a gate"),
    (lambda I, H: 4 * (H * I + H * H + 2 * H), "the LSTM's number"),
    (lambda I, H: 2 * (H * I + H * H + 2 * H), "the candidate has weights of its own"),
    (lambda I, H: 3 * H * H, "wanted 12, got 3"),
    (lambda I, H: [1, 2], "expected shape"),
]


def test_count():
    assert check("gru.count", right_count).passed
    for wrong, sentence in COUNTS:
        result = check("gru.count", wrong)
        assert not result.passed
        assert sentence in result.message


def logit(z):
    return math.log(z / (1 - z))


BIASES = [
    (lambda T, p: p ** (1 / T), "is the gate z itself"),
    (lambda T, p: logit(p ** (1 / (T - 1))), "you counted T - 1"),
    (lambda T, p: -logit(p ** (1 / T)), "the sign is turned"),
    (lambda T, p: logit(p), "wanted 2.63"),
    (lambda T, p: 1 / 0, "raised ZeroDivisionError"),
]


def test_bias_for_memory():
    assert check("gru.bias-for-memory", lambda T, p: logit(p ** (1 / T))).passed
    for wrong, sentence in BIASES:
        result = check("gru.bias-for-memory", wrong)
        assert not result.passed
        assert sentence in result.message


def negate(params, signs=(1.0, -1.0, 1.0), fields=(0, 1, 2, 3)):
    sign = np.repeat(signs, params.weight_hh.shape[1])
    return gru.Params(*((sign * a.T).T if k in fields else a for k, a in enumerate(params)))


NEGATED = [
    (lambda p: p, "Nothing has changed"),
    (lambda p: negate(p, (-1.0, 1.0, 1.0)), "rows of the reset gate"),
    (lambda p: negate(p, fields=(0, 1)), "must be 1 - z"),
    (lambda p: negate(p, (1.0, -1.0, -1.0)), "rows of n in weight_ih"),
    (lambda p: tuple(negate(p)), "Expected a gru.Params"),
    (
        lambda p: gru.Params(*(a[:1] for a in p)),
        "weight_ih: expected shape (12, 3), got (1, 3)",
    ),
]


def test_negate():
    assert check("gru.negate", negate).passed
    for wrong, sentence in NEGATED:
        result = check("gru.negate", wrong)
        assert not result.passed
        assert sentence in result.message


def test_a_result_displays_itself():
    result = check("gru.count", lambda I, H: "<b>")
    assert repr(result).startswith("not yet: ")
    assert "<b>" not in result._repr_html_()
    assert 'role="status"' in result._repr_html_()
    assert "<code>...</code>" in check("gru.count", None)._repr_html_()


# For the tests that all exercises share: the right answers, and wrong ones.
RIGHT = {
    "gru.count": right_count,
    "gru.step": make_step(),
    "gru.bias-for-memory": lambda T, p: logit(p ** (1 / T)),
    "gru.find-the-bug": make_step(),
    "gru.negate": negate,
}
STEPS = [make_step(**change) for change, _ in KNOWN_STEPS + OTHER_STEPS]
WRONG = {
    "gru.count": [wrong for wrong, _ in COUNTS],
    "gru.step": STEPS,
    "gru.bias-for-memory": [wrong for wrong, _ in BIASES],
    "gru.find-the-bug": STEPS,
    "gru.negate": [wrong for wrong, _ in NEGATED],
}
