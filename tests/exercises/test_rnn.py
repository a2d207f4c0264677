"""Each checker of the plain RNN chapter passes the solution and knows the likely mistakes."""

import re

import numpy as np
import pytest

from gru_course.exercises import check
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
CODED = [name for name, answer in RIGHT.items() if callable(answer)]


def stub(*arguments):
    """What a cell holds before the reader has written anything."""


@pytest.mark.parametrize("name", RIGHT)
def test_the_solution_passes(name):
    result = check(name, RIGHT[name])
    assert result.passed, result.message


@pytest.mark.parametrize("name", CODED)
def test_the_stub_is_not_attempted(name):
    assert "Not attempted yet" in check(name, lambda *a: stub(*a)).message
    assert "Not attempted yet" in check(name, ...).message


@pytest.mark.parametrize("name", CODED)
def test_what_is_no_answer_is_refused_with_a_sentence(name):
    assert "Expected a function" in check(name, 3).message
    assert "cannot be called" in check(name, lambda: 0).message
    assert "ZeroDivisionError" in check(name, lambda *a: 1 / 0).message
    assert not check(name, lambda *a: "text").passed


COUNTS = [
    (lambda I, H: H * I + H * H + H, "one bias vector"),
    (lambda I, H: H * I + H * H, "two matrices; each comes with a bias"),
    (lambda I, H: H * I + H, "the state has W_hh"),
    (lambda I, H: 3 * (H * I + H * H + 2 * H), r"I = 2, H = 3: wanted 21, got 63"),
    (lambda I, H: H * I + H * H + 2 * I, r"I = 2, H = 3: wanted 21, got 19"),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    COUNTS,
)
def test_count(answer, sentence):
    result = check("rnn.count", answer)
    assert not result.passed
    assert sentence in result.message


def make_step(line):
    def step(x, h_prev, params):
        W_ih, W_hh, b_ih, b_hh = params
        names = {"np": np, "x": x, "h_prev": h_prev, "b_ih": b_ih, "b_hh": b_hh}
        names |= {"W_ih": W_ih, "W_hh": W_hh, "a_x": x @ W_ih.T, "a_h": h_prev @ W_hh.T}
        return eval(line, names)

    return step


STEPS = [
    ("a_x + b_ih + a_h + b_hh", "before the tanh"),
    ("np.tanh(a_x + b_ih + h_prev @ W_hh + b_hh)", "W_hh.T"),
    ("np.tanh(a_x + b_ih)", "leaves out the previous state"),
    ("np.tanh(a_x + b_ih + b_hh)", "leaves out the product"),
    ("np.tanh(a_x + a_h)", "both biases"),
    ("np.tanh(a_x + a_h + b_ih)", "leaves out b_hh"),
    ("np.tanh(a_x + a_h + b_hh)", "leaves out b_ih"),
    ("np.tanh(a_x + b_ih) + np.tanh(a_h + b_hh)", "before the sum"),
    ("1 / (1 + np.exp(-(a_x + b_ih + a_h + b_hh)))", "sigmoid"),
    ("(np.tanh(a_x + b_ih + a_h + b_hh), 0)", "tuple of 2"),
    ("np.tanh(2 * a_x + b_ih + a_h + b_hh)", "h with h_prev = 0[0, 0]: wanted"),
    ("np.tanh(a_x + b_ih + 2 * a_h + b_hh)", "h with x = 0[0, 0]: wanted"),
    ("np.tanh(a_x + b_ih + a_h + b_hh)[0]", "expected shape (2, 4)"),
]


@pytest.mark.parametrize(
    ("line", "sentence"),
    STEPS,
)
def test_step(line, sentence):
    result = check("rnn.step", make_step(line))
    assert not result.passed
    assert sentence in result.message


def only_h0(xs, h0, params):
    return states(xs, h0, params, lambda x, h, p: right_step(x, h0, p))


def over_the_batch(xs, h0, params):
    """Runs where N = T; elsewhere the loop's states do not stack to (N, T, H)."""
    return states(xs.transpose(1, 0, 2), h0, params).transpose(1, 0, 2)


FORWARDS = [
    (lambda *a: states(*a).transpose(1, 0, 2), "time first"),
    (lambda *a: list(states(*a).transpose(1, 0, 2)), "time first"),
    (lambda *a: states(*a)[:, -1], "last state alone"),
    (only_h0, "never passed on"),
    (lambda xs, h0, p: states(xs, 0 * h0, p), "ignores h0"),
    (lambda xs, h0, p: np.insert(states(xs, h0, p), 0, h0, axis=1)[:, :-1], "before each step"),
    (lambda xs, h0, p: np.insert(states(xs, h0, p), 0, h0, axis=1), "T + 1 states"),
    (lambda xs, h0, p: 0 * xs[:, :, :1] + states(xs, h0, p)[:, -1:], "T times"),
    (lambda xs, h0, p: states(xs[:, ::-1], h0, p), "from its end"),
    (lambda *a: states(*a) + (np.arange(a[0].shape[1]) == 2)[:, None], "h_3, that is hs[:, 2]"),
    (lambda *a: (states(*a), 0), "tuple of 2"),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    FORWARDS,
)
def test_forward(answer, sentence):
    result = check("rnn.forward", answer)
    assert not result.passed
    assert sentence in result.message


def test_forward_over_the_wrong_axis_is_named_where_it_runs():
    # At every other shape this answer fails on a shape, so it is right there and wrong at N = T.
    def answer(xs, h0, params):
        N, T, _ = xs.shape
        return (over_the_batch if N == T > 1 else states)(xs, h0, params)

    assert "time is axis 1" in check("rnn.forward", answer).message


LAST_STATES = [
    (lambda *a: end_of_batch(*a, flipped_step), "Both bugs"),
    (end_of_batch, "after the padding"),
    (lambda *a: last_states(*a, flipped_step), "W_hh.T"),
    (lambda *a: last_states(*a, offset=0), "one step too far"),
    (lambda *a: last_states(*a, offset=2), "one step too early"),
    (lambda *a: 2 * last_states(*a), "last states[0, 0]: wanted"),
    (lambda *a: last_states(*a)[0], "expected shape (3, 4), got (4,)"),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    LAST_STATES,
)
def test_find_the_bugs(answer, sentence):
    result = check("rnn.find-the-bugs", answer)
    assert not result.passed
    assert sentence in result.message


DELAYS = [
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
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    DELAYS,
)
def test_delay(answer, sentence):
    result = check("rnn.delay", answer)
    assert not result.passed
    assert sentence in result.message, result.message


@pytest.mark.parametrize("name", RIGHT)
def test_messages_are_sentences(name):
    assert re.fullmatch(r"(Right|Mended): .+\.", check(name, RIGHT[name]).message)


# For the tests that all exercises share, with RIGHT: wrong answers.
WRONG = {
    "rnn.count": [wrong for wrong, _ in COUNTS],
    "rnn.step": [make_step(line) for line, _ in STEPS],
    "rnn.forward": [wrong for wrong, _ in FORWARDS],
    "rnn.find-the-bugs": [wrong for wrong, _ in LAST_STATES],
    "rnn.delay": [wrong for wrong, _ in DELAYS],
}
