"""Answers to the exercises of "Reading GRU code critically", right and wrong."""

import numpy as np

from gru_course.exercises import check
from gru_course.reference import gru

FINDS = {
    "tanh gates": "bounded",
    "overflow": "extremes",
    "normal weights": "half_open",
    "crossed loss": "beats_mean",
    "scaler": "future",
    "no baseline": "beats_copying",
}


def test_any_check_that_finds_a_mistake_will_do():
    assert check("reading_code.match", FINDS | {"tanh gates": "parity"}).passed


def last_states(xs, lengths, p):
    h_last = []
    for sequence, length in zip(xs, lengths, strict=True):
        h = np.zeros((1, p.weight_hh.shape[1]), xs.dtype)
        for x in sequence[:length]:
            h = gru.step(x[None], h, p)[0]
        h_last.append(h[0])
    return np.stack(h_last)


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


def by_parity(step, scale=1.0, atol=1e-9):
    rng = np.random.default_rng(0)
    p = gru.Params(*(scale * np.sqrt(4) * a for a in gru.init(rng, 3, 4)))
    x, h = rng.normal(size=(5, 3)), rng.uniform(-1, 1, (5, 4))
    return np.allclose(step(x, h, p), gru.step(x, h, p)[0], rtol=0, atol=atol)


def by_assertion(step):
    assert by_parity(step)
    return True


def test_a_test_may_speak_in_assertions():
    assert check("reading_code.write-a-test", by_assertion).passed


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


def clears_the_padding_in_place(forecasts, targets, lengths):
    np.nan_to_num(targets, copy=False)
    real = np.arange(targets.shape[1]) < lengths[:, None]
    return ((forecasts - targets)[real] ** 2).mean()


SCALERS = ("past", "all")
RIGHT = {
    "reading_code.match": FINDS,
    "reading_code.last-states": last_states,
    "reading_code.prepare": prepare(),
    "reading_code.masked-loss": right_loss,
    "reading_code.write-a-test": by_parity,
}
MISTAKES = {
    "reading_code.match": [
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
    ],
    "reading_code.last-states": [
        (lambda xs, n, p: 2 * last_states(xs, n, p), "the last states[0, 0]: wanted"),
        (lambda xs, n, p: xs, "the last states: expected shape"),
        (lambda xs, n: xs, "cannot be called with 3 arguments"),
    ],
    "reading_code.prepare": [
        # What is told first where there are several mistakes; the chapter's code has all three.
        *(
            (prepare(scaler, "last", split), "the last value of its own window")
            for scaler in SCALERS
            for split in ("time", "random", "late")
        ),
        *((prepare(scaler, split="random"), "shuffled before the split") for scaler in SCALERS),
        *(
            (prepare(scaler, split="late"), "the targets of the last 4 of them")
            for scaler in SCALERS
        ),
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
    ],
    "reading_code.masked-loss": [
        (clears_the_padding_in_place, "changed its argument number 2 in place"),
        (loss(late=1, divide="all", multiply=True), "One step of padding still counts"),
        (loss(late=1), "One step of padding still counts"),
        (loss(divide="all"), "divided by all 18 steps; 11 of them are real"),
        (
            loss(divide="nothing"),
            "the sum of the squares; the mean divides it by the 11 real steps",
        ),
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
    ],
    "reading_code.write-a-test": [
        (lambda step: True, "Found 0 of 9. Your test lets pass a step whose z writes"),
        (lambda step: False, "Your test refuses the reference."),
        (refuses_one_form, "Your test refuses a right step written in another way"),
        (bounded_only, "Found 2 of 9"),
        (lambda step: by_parity(step, 0.01, 0.1), "Your test lets pass a step"),
        (lambda step: "yes", "Expected True or False, got str"),
        (lambda step: step(1), "raised TypeError"),
        (lambda: True, "raised TypeError"),
        (3, "Expected a function, got int"),
    ],
}
