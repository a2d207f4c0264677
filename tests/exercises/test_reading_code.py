"""The checkers of "Reading GRU code critically" pass the solutions and name what is wrong."""

import itertools

import numpy as np
import pytest

from gru_course.exercises import check
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid

FINDS = {
    "tanh gates": "bounded",
    "overflow": "extremes",
    "normal weights": "half_open",
    "crossed loss": "beats_mean",
    "scaler": "future",
    "no baseline": "beats_copying",
}


def refused(name, answer, sentence):
    result = check(f"reading_code.{name}", answer)
    assert not result.passed
    assert sentence in result.message, result.message


def test_match():
    assert check("reading_code.match", FINDS).passed
    assert check("reading_code.match", FINDS | {"tanh gates": "parity"}).passed


MATCHES = [
    ("parity", "Expected a dictionary, got str"),
    ({}, "tanh gates: no check is named yet"),
    (FINDS | {"scaler": ...}, "scaler: no check is named yet"),
    (FINDS | {"scaler": "luck"}, "scaler: expected one of beats_copying, "),
    (FINDS | {"overflow": "parity"}, "overflow: `parity` does not find it: on ordinary"),
    (FINDS | {"overflow": "bounded"}, "the values stay right"),
    (FINDS | {"normal weights": "parity"}, "the formula is right"),
    (FINDS | {"crossed loss": "parity"}, "the loss is not"),
    (FINDS | {"scaler": "beats_mean"}, "look better, not worse"),
    (FINDS | {"no baseline": "beats_mean"}, "on a random walk"),
    (FINDS | {"no baseline": "future"}, "on that program it passes"),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    MATCHES,
)
def test_match_says_why_a_check_does_not_find_it(answer, sentence):
    refused("match", answer, sentence)


def last_states(runs, inside=True):
    """An answer that steps where `runs(t, lengths)` says so."""

    def answer(xs, lengths, p):
        H = p.weight_hh.shape[1]
        h = np.zeros((len(xs), H))
        b_ih, b_hh = p.bias_ih.copy(), p.bias_hh.copy()
        if not inside:  # None: neither inside the reset product nor outside
            b_ih[2 * H :] += 0 if inside is None else b_hh[2 * H :]
            b_hh[2 * H :] = 0
        for t in range(xs.shape[1]):
            a_i, a_h = xs[:, t] @ p.weight_ih.T + b_ih, h @ p.weight_hh.T + b_hh
            r, z = sigmoid(a_i[:, :H] + a_h[:, :H]), sigmoid(a_i[:, H:-H] + a_h[:, H:-H])
            n = np.tanh(a_i[:, -H:] + r * a_h[:, -H:])
            h = np.where(runs(t, lengths)[:, None], (1 - z) * n + z * h, h)
        return h

    return answer


def real(t, lengths):
    return t < lengths


def always(t, lengths):
    return lengths > 0


def test_last_states():
    assert check("reading_code.last-states", last_states(real)).passed


LAST_STATES = [
    (last_states(always, inside=False), "padding. b_hn still stands outside"),
    (last_states(always), "run on through their padding."),
    (last_states(real, inside=None), "The ends are right. b_hn is missing from the candidate"),
    (last_states(real, inside=False), "The ends are right. b_hn still stands outside"),
    (last_states(lambda t, n: t <= n), "one step too late"),
    (last_states(lambda t, n: t < n - 1), "one step too early"),
    (lambda xs, n, p: 2 * last_states(real)(xs, n, p), "the last states[0, 0]: wanted"),
    (lambda xs, n, p: xs, "the last states: expected shape"),
    (lambda xs, n: xs, "cannot be called with 3 arguments"),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    LAST_STATES,
)
def test_last_states_names_what_is_left(answer, sentence):
    refused("last-states", answer, sentence)


def test_last_states_names_only_what_is_wrong():
    message = check("reading_code.last-states", last_states(always)).message
    assert "b_hn" not in message


def prepare(scaler="past", target="next", split="time"):
    """An answer, written independently of the checker, with any set of the mistakes."""

    def answer(series, L, cut):
        known = series if scaler == "all" else series[:cut]
        s = (series - known.mean()) / known.std()
        starts = range(len(s) - L + (target == "last"))
        inputs = np.array([s[i : i + L] for i in starts])
        targets = np.array([s[i + L - (target == "last")] for i in starts])
        position = np.arange(len(inputs)) + L - (target == "last")
        order = np.arange(len(inputs))
        train = position < cut
        if split == "random":
            order = np.random.default_rng(0).permutation(len(inputs))
            train = np.arange(len(inputs)) < cut - L
        if split == "late":
            train = np.arange(len(inputs)) < cut
        a, b = order[train], order[~train]
        return inputs[a], targets[a], inputs[b], targets[b]

    return answer


def test_prepare():
    assert check("reading_code.prepare", prepare()).passed


@pytest.mark.parametrize(
    ("scaler", "split"), list(itertools.product(("past", "all"), ("time", "random", "late")))
)
def test_prepare_names_a_target_inside_its_window_first(scaler, split):
    refused("prepare", prepare(scaler, "last", split), "the last value of its own window")


@pytest.mark.parametrize("scaler", ["past", "all"])
def test_prepare_then_names_the_split(scaler):
    refused("prepare", prepare(scaler, split="random"), "shuffled before the split")
    refused("prepare", prepare(scaler, split="late"), "the targets of the last 4 of them lie")


PREPARED = [
    (prepare("all"), "The scaler has seen the test part"),
    (lambda s, L, cut: (s, s), "a tuple of four arrays"),
    (lambda s, L, cut: (s, s, s, s), "training part: expected shapes (K, 4) and (K,)"),
    (
        lambda s, L, cut: tuple(2 * a for a in prepare()(s, L, cut)),
        "training inputs[0, 0]: wanted",
    ),
    (
        lambda s, L, cut: (*prepare()(s, L, cut)[:3], np.zeros(3)),
        "test targets: expected shape (10,), got (3,)",
    ),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    PREPARED,
)
def test_prepare_names_what_is_left(answer, sentence):
    refused("prepare", answer, sentence)


def test_prepare_knows_the_exercise_as_it_stands():
    """The code in the chapter: all three mistakes at once."""
    refused("prepare", prepare("all", "last", "random"), "the last value of its own window")


def right_loss(forecasts, targets, lengths):
    rows = zip(forecasts, targets, lengths, strict=True)
    squares = [(f[k] - t[k]) ** 2 for f, t, n in rows for k in range(n)]
    return np.mean(squares)


def loss(late=0, divide="real", multiply=False):
    def answer(forecasts, targets, lengths):
        mask = np.arange(targets.shape[1]) < lengths[:, None] + late
        squares = (forecasts - targets) ** 2
        squares = squares * mask if multiply else np.where(mask, squares, 0.0)
        if divide == "sequences":
            return np.mean(squares.sum(1) / mask.sum(1))
        return squares.sum() / {"real": mask.sum(), "all": mask.size, "nothing": 1}[divide]

    return answer


def test_masked_loss():
    assert check("reading_code.masked-loss", right_loss).passed


LOSSES = [
    (loss(late=1, divide="all", multiply=True), "One step of padding still counts"),
    (loss(late=1), "One step of padding still counts"),
    (loss(divide="all"), "divided by all 18 steps; 11 of them are real"),
    (loss(divide="nothing"), "the sum of the squares; the mean divides it by the 11 real steps"),
    (loss(divide="sequences"), "a step of a short sequence then weighs more"),
    (loss(multiply=True), "0 times NaN is NaN"),
    (lambda f, t, n: ((f - t) ** 2).mean(), "Padding counts like the rest"),
    (lambda f, t, n: 2 * right_loss(f, t, n), "the loss: wanted"),
    (lambda f, t, n: f - t, "the loss: expected shape (), got (3, 6)"),
    (
        lambda f, t, n: right_loss(f, t, n) + (0 if np.isfinite(t).all() else 1),
        "the loss with NaN in the padding: wanted",
    ),
    (
        lambda f, t, n: right_loss(f, t, n) if np.isfinite(t).all() else "no",
        "the loss with NaN in the padding: expected numbers",
    ),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    LOSSES,
)
def test_masked_loss_names_what_is_left(answer, sentence):
    refused("masked-loss", answer, sentence)


def by_parity(step, scale=1.0, atol=1e-9):
    rng = np.random.default_rng(0)
    p = gru.Params(*(scale * np.sqrt(4) * a for a in gru.init(rng, 3, 4)))
    x, h = rng.normal(size=(5, 3)), rng.uniform(-1, 1, (5, 4))
    return np.allclose(step(x, h, p), gru.step(x, h, p)[0], rtol=0, atol=atol)


def by_assertion(step):
    assert by_parity(step)
    return True


@pytest.mark.parametrize("answer", [by_parity, by_assertion])
def test_write_a_test(answer):
    assert check("reading_code.write-a-test", answer).passed


def bounded_only(step):
    rng = np.random.default_rng(0)
    p = gru.Params(*(20 * a for a in gru.init(rng, 3, 4)))
    h = np.zeros((5, 4))
    for _ in range(50):
        h = step(rng.normal(size=(5, 3)), h, p)
    return bool(np.abs(h).max() <= 1)


def refuses_one_form(step):
    """Demands equality to the last bit, which another order of the sums does not give."""
    rng = np.random.default_rng(0)
    p = gru.init(rng, 3, 4)
    x, h = rng.normal(size=(500, 3)), rng.uniform(-1, 1, (500, 4))
    return bool((step(x, h, p) == gru.step(x, h, p)[0]).all())


TESTS = [
    (lambda step: True, "Found 0 of 9. Your test lets pass a step whose z writes"),
    (lambda step: False, "Your test refuses the reference."),
    (refuses_one_form, "Your test refuses a right step written in another way"),
    (bounded_only, "Found 2 of 9"),
    (lambda step: by_parity(step, 0.01, 0.1), "Your test lets pass a step"),
    (lambda step: "yes", "Expected True or False, got str"),
    (lambda step: step(1), "raised TypeError"),
    (lambda: True, "raised TypeError"),
    (3, "Expected a function, got int"),
]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    TESTS,
)
def test_write_a_test_names_what_slips_through(answer, sentence):
    refused("write-a-test", answer, sentence)


@pytest.mark.parametrize("name", ["last-states", "prepare", "masked-loss", "write-a-test"])
@pytest.mark.parametrize("stub", [None, ..., lambda *args: None, lambda *args: ...])
def test_a_stub_is_not_attempted(name, stub):
    result = check(f"reading_code.{name}", stub)
    assert not result.passed
    assert result.message.startswith("Not attempted")


@pytest.mark.parametrize("stub", [None, ...])
def test_a_stub_of_a_dictionary_is_not_attempted(stub):
    assert check("reading_code.match", stub).message.startswith("Not attempted")


def test_masked_loss_that_clears_the_padding_in_place():
    def answer(forecasts, targets, lengths):
        np.nan_to_num(targets, copy=False)
        real = np.arange(targets.shape[1]) < lengths[:, None]
        return ((forecasts - targets)[real] ** 2).mean()

    refused("masked-loss", answer, "changed its argument number 2 in place")


# For the tests that all exercises share: the right answers, and wrong ones.
RIGHT = {
    "reading_code.match": FINDS,
    "reading_code.last-states": last_states(real),
    "reading_code.prepare": prepare(),
    "reading_code.masked-loss": right_loss,
    "reading_code.write-a-test": by_parity,
}
WRONG = {
    "reading_code.match": [wrong for wrong, _ in MATCHES],
    "reading_code.last-states": [wrong for wrong, _ in LAST_STATES],
    "reading_code.prepare": [wrong for wrong, _ in PREPARED],
    "reading_code.masked-loss": [wrong for wrong, _ in LOSSES],
    "reading_code.write-a-test": [wrong for wrong, _ in TESTS],
}
